// Answers a SIP digest challenge (RFC 7616, RFC 8760), so that the host never sees the password or a hash that stands
// for it.
#pragma once

#include "sealcall/ipc/schema.h"

namespace sealcall::enclave {

/// `login`: a SipLogin, which is looked at where it lies: a short string of its own would leave the password on the
/// stack. Empty response when there is no password, or when the realm is not the configured one: a stranger's challenge
/// is not answered.
ipc::DigestResponse answer_challenge(const ipc::DigestChallenge& challenge, const ipc::VaultItem& login);

}  // namespace sealcall::enclave
