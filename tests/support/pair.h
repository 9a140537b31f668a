// Two phones, and what happens to them together.
#pragma once

#include <gtest/gtest.h>

#include "tests/support/enclave_phone.h"

namespace sealcall::test {

inline constexpr std::string_view kPin = "a right pin";

inline Digest digest_of(uint8_t fill) {
    Digest d{};
    d.fill(static_cast<std::byte>(fill));
    return d;
}

/// Somebody who attested at `level` with a key that nobody has any more.
inline std::pair<std::string, ipc::Peer> peer(std::string uri, rats::Level level = rats::Level::measured) {
    ipc::Peer p{.highest = level, .lab = true, .seen_ms = 1, .keys = {}};
    CHECK(p.keys.push({.spki = digest_of(1), .device = digest_of(2)}));
    return {std::move(uri), p};
}

/// Changes what is remembered of the one peer.
inline void edit_peer(const EnclavePhone& phone, const std::function<void(ipc::Peer&)>& change) {
    phone.edit_vault([&](vault::Content& c) {
        ipc::VaultItem item = *c.find(ipc::VaultKind::peer, [](auto) { return true; });
        ipc::Peer p = ipc::decode<ipc::Peer>(item.body.view()).value();
        change(p);
        item.body = BoundedBytes<576>(ipc::encode(p));
        CHECK(c.put(item));
    });
}

inline policy::Policy ask_the_person() {
    policy::Policy p = lab_policy();
    p.answer_automatically = false;
    return p;
}

struct Pair {
    TestAuthority authority;
    EnclavePhone alice, bob;
    Hosts hosts;
    explicit Pair(PhoneOptions a = {}, PhoneOptions b = {.uri = "sip:bob@example.com"})
        : alice(authority, std::move(a)), bob(authority, std::move(b)), hosts(alice, bob) {}

    static bool is(const EnclavePhone& p, ipc::CallState s) { return p.last_state() && p.last_state()->state == s; }
    bool both(ipc::CallState s) {
        return hosts.run_until([&] { return is(alice, s) && is(bob, s); });
    }
    bool caller_ends() {
        return hosts.run_until([&] { return is(alice, ipc::CallState::ended); });
    }
    /// A new call on the same two phones.
    void forget() {
        hosts.a_session = hosts.b_session = {};
        for (auto* queue : {&alice.from_ui, &bob.from_ui, &alice.from_audio, &bob.from_audio}) queue->clear();
    }
    void hang_up() {
        ASSERT_TRUE(alice.ui.send(ipc::HangUp{.call = hosts.a_call}).has_value());
        ASSERT_TRUE(both(ipc::CallState::ended));
        // Until nothing is on its way to the vault.
        for (int i = 0; i < 50; ++i) hosts.turn();
        forget();
    }
    ipc::EndReason dial_and_end() {
        hosts.dial("sip:bob@example.com");
        (void)caller_ends();
        return alice.last_state() ? alice.last_state()->reason : ipc::EndReason::none;
    }
    bool wait_for_lock(EnclavePhone& phone, bool locked) {
        return hosts.run_until([&] {
            std::optional<ipc::LockState> last;
            for (const Bytes& b : phone.from_ui)
                if (auto m = ipc::decode_message<ipc::LockState>(b)) last = *m;
            return last && last->locked == locked;
        });
    }
};

template <class T>
bool has(const EnclavePhone& phone, const T& wanted) {
    return phone.audit_text().find(wanted) != std::string::npos;
}

/// The newest question on the screen; none once it was withdrawn.
inline std::optional<ipc::AskConsent> question(Hosts& hosts, EnclavePhone& phone) {
    std::optional<ipc::AskConsent> out;
    (void)hosts.run_until([&] {
        while (auto m = EnclavePhone::take<ipc::AskConsent>(phone.from_ui)) out = *m;
        return out.has_value();
    });
    return out;
}

}  // namespace sealcall::test
