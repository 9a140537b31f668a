// The list of approved programs: a file that only root can write, made by `tools/install-managed` or an administrator.
// What it says is what the guard measures; what differs from it is never started. Trusted, but read with care.
#pragma once

#include <string_view>

#include "attestation/cel.h"

namespace sealcall::guard {

inline constexpr size_t kApprovedMax = 64 * 1024;  ///< bytes

/// One file of a closure: found at `source`, to stand at `place` under the role's root.
struct ApprovedFile {
    Digest digest{};
    std::string place, source;  ///< absolute, without "..", no blanks
};

struct ApprovedRole {
    std::string role;
    std::vector<ApprovedFile> files;  ///< executable first
    [[nodiscard]] attestation::MeasuredRole measured() const;
};

/// Lines "role NAME" and "file SHA256-HEX PLACE SOURCE"; "#" begins a comment. "guard" stands first and "enclave" last,
/// each role once. Errors: bad_config, detail = line; too_large.
Result<std::vector<ApprovedRole>> parse_approved(std::string_view text);

}  // namespace sealcall::guard
