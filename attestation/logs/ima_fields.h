// The fields of IMA templates, shared by the readers of both forms.
#pragma once

#include "attestation/logs/ima.h"

namespace sealcall::logs {

/// "ima-ng"; nothing for a template that is not read here.
std::optional<ImaTemplate> template_of(std::string_view name);

/// Algorithm of "sha256" in a digest field; 0 if it is not known here. The digest's size tells nothing then.
uint16_t file_algorithm_of(std::string_view name);

/// Reads the fields of `entry.data` (binary form, all templates but "ima") into the entry's spans.
/// Errors: truncated, trailing_bytes, bad_value, with the entry's number in `detail`.
Status read_fields(ImaEntry& entry);

}  // namespace sealcall::logs
