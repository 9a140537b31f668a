// Answers a SIP digest challenge (RFC 7616, RFC 8760), so that the host never sees the password or a hash that stands
// for it.
#pragma once

#include "sealcall/ipc/schema.h"

namespace sealcall::enclave {

/// `login`: a SipLogin, which is looked at where it lies: a short string of its own would leave the password on the
/// stack. Empty response when there is no password, or when the realm is another than the login's (`own_domain` where
/// it names none): an answer lets who asked guess the password offline, so a stranger's challenge gets none.
ipc::DigestResponse answer_challenge(const ipc::DigestChallenge& challenge, const ipc::VaultItem& login,
                                     std::string_view own_domain);

}  // namespace sealcall::enclave
