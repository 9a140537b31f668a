// Answers a SIP digest challenge (RFC 7616, RFC 8760), so that the host never sees the password or a hash that stands
// for it.
#pragma once

#include "sealcall/ipc/schema.h"

namespace sealcall::enclave {

/// Empty response when there is no password, or when the realm is not the configured one: a stranger's challenge is not
/// answered.
ipc::DigestResponse answer_challenge(const ipc::DigestChallenge& challenge, std::string_view username,
                                     const ipc::SipLogin& login);

}  // namespace sealcall::enclave
