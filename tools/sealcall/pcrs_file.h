// PCR values from a file, in the forms in which people have them. The values are somebody's word; compared with a
// replay they say whether the two agree, no more.
//
//   text    "sha256:" lines with "  7 : 0x65ca..." below them (tpm2_pcrread; tpm2_eventlog from its "pcrs:" on), or
//   plain
//           "7: 65ca..." lines, where the number of digits tells the bank
//   JSON    {"expected_pcrs"|"pcrs": {"sha256": {"7": "65ca..."}}}, {"bank": "sha256", "pcrs": {"7": "65ca..."}}, or
//   the
//           banks at the top
//   binary  what `tpm2_quote -o` writes: TPML_PCR_SELECTION and TPML_DIGESTs as C structures, little-endian
#pragma once

#include <map>

#include "attestation/logs/tcg_event_log.h"

namespace sealcall::cli {

inline constexpr size_t kPcrsFileMax = 256 * 1024;  ///< bytes

/// Bank, then PCR, then value.
using PcrTable = std::map<uint16_t, std::map<uint32_t, logs::AnyDigest>>;

/// Reads any of the forms. Errors: too_large; bad_value (not one of the forms, unknown bank, PCR over 23, digits that
/// are no digest, a PCR twice, no value at all), with the line in `detail` for text.
Result<PcrTable> parse_pcrs_file(ByteSpan in);

}  // namespace sealcall::cli
