// An OpenSSL library context for reading certificates: the kinds of keys that our certificates can have, and no others.
// OpenSSL 3.0 looks through every decoder and every kind of key of a context for each public key that it reads, and in
// the default context that takes longer than checking a signature (docs/adr/0018). Trusted base.
#pragma once

#include <openssl/types.h>

namespace sealcall::attestation {

/// Public keys: EC and RSA in SubjectPublicKeyInfo. Everything else as in the default context, whose code it all is:
/// what signs or hashes is held back by the security level and by our own checks. Made once; ends the process when
/// OpenSSL has no default provider.
OSSL_LIB_CTX* certificate_context();

}  // namespace sealcall::attestation
