// Two SHA-256 at once, for the replay of long lists: the hash of an entry's data and the extension by the entry before
// it. Each alone waits for its own last step, so a processor with SHA instructions makes both in little more than the
// time of one. Everything else that hashes uses OpenSSL.
//
// Not in the trusted base. A wrong hash could only make a genuine list not give the quoted PCR: what a list comes to is
// compared with what a TPM signed, and the enclave replays it again, with OpenSSL.
#pragma once

#include "sealcall/base/bytes.h"

namespace sealcall::logs {

/// Does this processor have the instructions? extend_and_hash may be called only then.
bool has_sha256_pair();

/// value = SHA-256(value || digest), then digest = SHA-256(data) (FIPS 180-4). `value` and `digest` have 32 bytes.
void extend_and_hash(std::byte* value, std::byte* digest, ByteSpan data);

}  // namespace sealcall::logs
