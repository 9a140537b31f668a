// For machines whose SHA instructions are not known here: OpenSSL does it all.
#include "attestation/logs/sha256_pair.h"
#include "sealcall/base/check.h"

namespace sealcall::logs {

bool has_sha256_pair() { return false; }

void extend_and_hash(std::byte*, std::byte*, ByteSpan) { CHECK(false); }

}  // namespace sealcall::logs
