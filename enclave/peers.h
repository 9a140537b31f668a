// Memory of peers: who attested, how well, with which keys. What is worse than before is a downgrade, whoever caused
// it: the peer, a proxy that strips headers, or somebody with a certificate of the right name and a key of their own.
#pragma once

#include "enclave/vault/file.h"

namespace sealcall::enclave {

/// Whom `uri` may name (policy::same_person) has attested before.
[[nodiscard]] bool attested_before(const vault::Content& vault, std::string_view uri);
/// Is in the person's contacts.
[[nodiscard]] bool is_contact(const vault::Content& vault, std::string_view uri);
/// Of somebody who attests. new_key: another identity key on another device (on a known one it is an honest renewal).
/// lower_level: than ever before, or a laboratory's word where it was a genuine one. none: nothing is worse.
[[nodiscard]] rats::Reason compare(const vault::Content& vault, std::string_view uri, const ipc::PeerKey& key,
                                   const rats::AttestationResult& result);
/// Remembers what was accepted. `wall_ms`: now. True if anything but the time changed.
bool remember(vault::Content& vault, std::string_view uri, const ipc::PeerKey& key,
              const rats::AttestationResult& result, uint64_t wall_ms);

}  // namespace sealcall::enclave
