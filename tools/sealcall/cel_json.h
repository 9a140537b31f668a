// Canonical Event Logs in JSON (CEL 1.0, 5.3): an array of records, one record a line, or a JSON text sequence (RFC
// 7464), as systemd writes it (tpm2-measure.log). Foreign bytes.
#pragma once

#include "attestation/logs/cel_log.h"

namespace sealcall::cli {

inline constexpr size_t kCelJsonMax = size_t{4} * 1024 * 1024;  ///< bytes

/// True if the bytes look like JSON and not like TLV.
bool is_cel_json(ByteSpan in);

/// Records without number (systemd) are counted. Errors: too_large, bad_value (with the number of the record in
/// `detail`).
Result<logs::CelLog> parse_cel_json(ByteSpan in);

}  // namespace sealcall::cli
