// command <-> enclave: the vault and its PIN while no phone runs (`sealcall pin`, `vault`, `contacts`, ..), after
// Provisioned. No message brings the PIN, the SIP password or the vault's key back.
#pragma once

#include "sealcall/base/secret.h"
#include "sealcall/ipc/messages/roles.h"
#include "sealcall/rats/types.h"

namespace sealcall::ipc {

/// As typed, in UTF-8, filled up with zero; nothing but zero: none.
using Pin = Secret<64>;
inline constexpr size_t kPinMin = 6;  ///< bytes, of at most Pin::kSize
inline ByteSpan text_of(const Pin& pin) {
    const ByteSpan all = pin.reveal(SecretAccess{});
    return all.first(static_cast<size_t>(std::ranges::find(all, std::byte{}) - all.begin()));
}

/// What the TPM's protection against guessing says. It counts for all protected objects together.
struct PinTries {
    uint32_t most = 0;           ///< wrong ones until it locks
    uint32_t left = 0;           ///< 0: locked
    uint32_t one_more_in_s = 0;  ///< one wrong try is forgotten after at most this long, while the TPM runs
    static constexpr auto fields = std::tuple{&PinTries::most, &PinTries::left, &PinTries::one_more_in_s};
};

enum class VaultKind : uint8_t {
    login,    ///< name: of the user; body: SipLogin
    contact,  ///< name: an address, which makes the person known; body: of those who wrote it
    call,     ///< one that is over; name: of the other side; body: ui's
    peer,     ///< name: URI of the certificate; body: Peer
};
struct VaultItem {
    VaultKind kind{};
    BoundedString<256> name;
    BoundedBytes<576> body;
    static constexpr auto fields = std::tuple{&VaultItem::kind, &VaultItem::name, &VaultItem::body};
    bool operator==(const VaultItem&) const = default;
};

/// Proof of a SIP account towards its registrar.
struct SipLogin {
    BoundedString<128> realm;  ///< whose challenges are answered; empty: the domain of this phone's address
    BoundedString<128> password;
    static constexpr auto fields = std::tuple{&SipLogin::realm, &SipLogin::password};
};

struct PeerKey {
    Digest spki{};    ///< SHA-256 of the identity key's SubjectPublicKeyInfo
    Digest device{};  ///< SHA-256 of the attestation key's public area, or what a passport says instead; zero: unknown
    static constexpr auto fields = std::tuple{&PeerKey::spki, &PeerKey::device};
    bool operator==(const PeerKey&) const = default;
};

/// What is remembered of somebody who attested.
struct Peer {
    rats::Level highest{};  ///< ever seen
    bool lab = false;       ///< of `highest`
    uint64_t seen_ms = 0;   ///< UTC, last
    BoundedList<PeerKey, 4> keys;
    static constexpr auto fields = std::tuple{&Peer::highest, &Peer::lab, &Peer::seen_ms, &Peer::keys};
    bool operator==(const Peer&) const = default;
};
static_assert(max_size<Peer>() <= 576 && max_size<SipLogin>() <= 576);

/// Looks at the vault. `pin` opens it where it has one; without, a vault without PIN is opened, and one is made where
/// there never was any.
struct VaultOpen {
    static constexpr uint16_t kId = 630;
    BoundedString<256> owner;  ///< this phone's address: selects the counter
    Pin pin;
    static constexpr auto fields = std::tuple{&VaultOpen::owner, &VaultOpen::pin};
};
/// The answer to every request but VaultRead.
struct VaultState {
    static constexpr uint16_t kId = 631;
    Errc error{};  ///< 0: done
    bool pin_set = false, open = false;
    uint64_t version = 0;  ///< 0: there is none
    PinTries tries;
    static constexpr auto fields = std::tuple{&VaultState::error, &VaultState::pin_set, &VaultState::open,
                                              &VaultState::version, &VaultState::tries};
};
/// A new key for the open vault under another PIN.
struct VaultRekey {
    static constexpr uint16_t kId = 632;
    Pin pin;
    bool reset = false;  ///< an empty vault instead of whatever is there, open or not: what was in it is lost
    static constexpr auto fields = std::tuple{&VaultRekey::pin, &VaultRekey::reset};
};
/// Takes the place of the login or contact of that name.
struct VaultPut {
    static constexpr uint16_t kId = 634;
    VaultItem item;
    bool forget = false;  ///< removes the item of that kind and name; of calls all
    bool more = false;    ///< others follow: saved with the last
    static constexpr auto fields = std::tuple{&VaultPut::item, &VaultPut::forget, &VaultPut::more};
};
/// Items of one kind from a place on; ui may ask a running phone for contacts. Answer: VaultPage.
struct VaultRead {
    static constexpr uint16_t kId = 636;
    VaultKind kind{};
    uint16_t from = 0;
    static constexpr auto fields = std::tuple{&VaultRead::kind, &VaultRead::from};
};
/// As much as fits; empty: that was all. A login has no body here.
struct VaultPage {
    static constexpr uint16_t kId = 637;
    BoundedList<VaultItem, 64> items;
    static constexpr auto fields = std::tuple{&VaultPage::items};
};
static_assert(2 + max_size<VaultPage>() <= kMessageMax);

}  // namespace sealcall::ipc

SEALCALL_ENUM_LAST(sealcall::Errc, bad_config);
SEALCALL_ENUM_LAST(sealcall::ipc::VaultKind, peer);
