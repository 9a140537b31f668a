// The Authenticode hash of a PE image: what firmware extends into PCR 4 when it starts a boot loader or kernel (TCG PC
// Client PFP 1.05, 3.3.4.5; Microsoft, "Windows Authenticode Portable Executable Signature Format"). So the state after
// an update can be approved before the reboot. Signature tools need not be there; a signature is not looked at.
#pragma once

#include "sealcall/base/bytes.h"

namespace sealcall::reference {

inline constexpr size_t kImageMax = size_t{512} * 1024 * 1024;  ///< bytes: unified kernel images are large
inline constexpr size_t kSectionsMax = 96;                      ///< what the loader of Windows takes, too

/// SHA-256. Errors: bad_value (no PE image), truncated (a header, section or certificate table past the end),
/// too_large.
Result<Digest> authenticode_sha256(ByteSpan image);

}  // namespace sealcall::reference
