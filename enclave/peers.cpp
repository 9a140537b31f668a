#include "enclave/peers.h"

#include "policy/decide.h"
#include "policy/sip_name.h"

namespace sealcall::enclave {
namespace {

using Kind = ipc::VaultKind;

/// Exactly that name: never more than one person.
auto named(std::string_view uri) {
    return [name = policy::canonical_uri(uri)](std::string_view other) { return policy::canonical_uri(other) == name; };
}

bool same_device(const ipc::PeerKey& a, const ipc::PeerKey& b) { return a.device == b.device && a.device != Digest{}; }

}  // namespace

bool attested_before(const vault::Content& vault, std::string_view uri) {
    return vault.find(Kind::peer, [&](std::string_view known) { return policy::same_person(uri, known); }) != nullptr;
}

bool is_contact(const vault::Content& vault, std::string_view uri) {
    return vault.find(Kind::contact, named(uri)) != nullptr;
}

rats::Reason compare(const vault::Content& vault, std::string_view uri, const ipc::PeerKey& key,
                     const rats::AttestationResult& result) {
    const ipc::VaultItem* item = vault.find(Kind::peer, named(uri));
    if (item == nullptr) return rats::Reason::none;
    const auto peer = ipc::decode<ipc::Peer>(item->body.view());
    const bool known = peer && std::ranges::any_of(peer->keys, [&](const ipc::PeerKey& k) {
                           return k.spki == key.spki || same_device(k, key);
                       });
    if (!known) return rats::Reason::new_key;
    rats::AttestationResult best;
    best.level = peer->highest;
    best.lab = peer->lab;
    return policy::worse(result, best) ? rats::Reason::lower_level : rats::Reason::none;
}

bool remember(vault::Content& vault, std::string_view uri, const ipc::PeerKey& key,
              const rats::AttestationResult& result, uint64_t wall_ms) {
    ipc::VaultItem item{.kind = Kind::peer, .name = BoundedString<256>::cut(uri), .body = {}};
    if (const ipc::VaultItem* known = vault.find(Kind::peer, named(uri))) item = *known;
    const ipc::Peer before = ipc::decode<ipc::Peer>(item.body.view()).value_or({});
    ipc::Peer peer = before;
    // A renewal takes the place of the key before it; another device stands beside it, and the oldest goes.
    peer.keys.erase_if([&](const ipc::PeerKey& k) { return k.spki == key.spki || same_device(k, key); });
    if (!peer.keys.push(key)) {
        peer.keys.erase_if([first = true](const ipc::PeerKey&) mutable { return std::exchange(first, false); });
        CHECK(peer.keys.push(key));
    }
    if (result.level > peer.highest || (result.level == peer.highest && peer.lab && !result.lab)) {
        peer.highest = result.level;
        peer.lab = result.lab;
    }
    const bool changed = peer != before;
    peer.seen_ms = wall_ms;
    item.body = BoundedBytes<576>(ipc::encode(peer));
    CHECK(vault.put(std::move(item)));
    return changed;
}

}  // namespace sealcall::enclave
