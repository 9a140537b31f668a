// What the commands may ask of the vault, over a real (software) TPM.
#include <gtest/gtest.h>

#include "enclave/tpm/templates.h"
#include "enclave/vault/desk.h"
#include "sealcall/ipc/link.h"
#include "tests/unit/tpm/private_tpm.h"
#include "tests/unit/vault/vault_file.h"

namespace sealcall::vault::test {
namespace {

using ipc::VaultKind;

ipc::Pin pin(std::string_view text) {
    ipc::Pin out;
    std::ranges::copy(as_bytes(text), out.reveal(SecretAccess{}).begin());
    return out;
}

class DeskTest : public tpm::test::PhoneTest {
  protected:
    void SetUp() override {
        auth_.clear();
        PhoneTest::SetUp();
        restart();
    }
    void restart() { desk_.emplace(*tpm_, disk_.copy()); }
    template <class T>
    ipc::VaultState ask(const T& m) {
        return ipc::decode_message<ipc::VaultState>(desk_->answer(ipc::encode_secret(m)).value()).value();
    }
    ipc::VaultState open(std::string_view text = "") {
        return ask(ipc::VaultOpen{.owner = BoundedString<256>("sip:alice@example.com"), .pin = pin(text)});
    }
    void set_pin(std::string_view text) {
        ASSERT_EQ(open().error, Errc{});
        ASSERT_EQ(ask(ipc::VaultRekey{.pin = pin(text)}).error, Errc{});
        restart();
    }
    std::vector<ipc::VaultItem> read(VaultKind kind) {
        std::vector<ipc::VaultItem> out;
        for (;;) {
            const ipc::VaultRead m{.kind = kind, .from = static_cast<uint16_t>(out.size())};
            const auto page = ipc::decode_message<ipc::VaultPage>(*desk_->answer(ipc::encode_message(m))).value();
            if (page.items.empty()) return out;
            out.insert(out.end(), page.items.begin(), page.items.end());
        }
    }
    Errc put(std::string_view uri, std::string_view body, bool more = false) {
        return ask(ipc::VaultPut{.item = contact(uri, body), .more = more}).error;
    }
    VaultFile disk_;
    std::optional<Desk> desk_;
};

TEST_F(DeskTest, SaysWhetherThereIsAPinAndHowManyTriesAreLeft) {
    EXPECT_FALSE(open().pin_set);
    set_pin("a good pin");
    auto state = open();
    EXPECT_EQ(state.error, Errc::not_permitted);
    EXPECT_TRUE(state.pin_set);
    EXPECT_FALSE(state.open);
    EXPECT_EQ(state.tries.left, tpm::kDaMaxTries);
    state = open("a bad pin");
    EXPECT_EQ(state.error, Errc::tpm_auth_refused);
    EXPECT_EQ(state.tries.left, tpm::kDaMaxTries - 1);
    EXPECT_EQ(open("a good pin").error, Errc{});
}

TEST_F(DeskTest, SaysThatTheTpmIsLocked) {
    set_pin("a good pin");
    for (uint32_t i = 0; i < tpm::kDaMaxTries; ++i) (void)open("a bad pin");
    const auto state = open("a good pin");
    EXPECT_EQ(state.error, Errc::tpm_locked_out);
    EXPECT_EQ(state.tries.left, 0U);
    EXPECT_EQ(state.tries.one_more_in_s, tpm::kDaRecoverySeconds);
}

TEST_F(DeskTest, DoesNothingBeforeTheVaultIsOpen) {
    set_pin("a good pin");
    (void)open();
    EXPECT_EQ(ask(ipc::VaultRekey{.pin = pin("mine now")}).error, Errc::wrong_state);
    EXPECT_EQ(ask(ipc::VaultPut{}).error, Errc::wrong_state);
    for (const auto kind : {VaultKind::login, VaultKind::contact, VaultKind::call, VaultKind::peer})
        EXPECT_TRUE(read(kind).empty());
    restart();
    EXPECT_EQ(open("a good pin").error, Errc{});
}

TEST_F(DeskTest, RefusesAShortPin) {
    (void)open();
    EXPECT_EQ(ask(ipc::VaultRekey{.pin = pin("12345")}).error, Errc::bad_config);
    EXPECT_FALSE(open().pin_set);
}

TEST_F(DeskTest, NeverGivesThePasswordBack) {
    (void)open();
    EXPECT_EQ(ask(ipc::VaultPut{.item = some_login()}).error, Errc{});
    ASSERT_EQ(read(VaultKind::login).size(), 1U);
    EXPECT_EQ(read(VaultKind::login)[0].name.view(), "alice");
    for (const auto kind : {VaultKind::login, VaultKind::contact, VaultKind::call, VaultKind::peer})
        EXPECT_EQ(as_chars(*desk_->answer(ipc::encode_message(ipc::VaultRead{.kind = kind}))).find("4711"),
                  std::string_view::npos);
}

TEST_F(DeskTest, KeepsAndForgetsContacts) {
    (void)open();
    EXPECT_EQ(put("sip:bob@example.com", "Bob", true), Errc{});
    EXPECT_EQ(put("sip:carol@example.com", "Carol", true), Errc{});
    restart();
    (void)open();
    EXPECT_TRUE(read(VaultKind::contact).empty());  // more were to follow: nothing was saved
    EXPECT_EQ(put("sip:bob@example.com", "Bob", true), Errc{});
    EXPECT_EQ(put("sip:carol@example.com", "Carol", true), Errc{});
    EXPECT_EQ(put("sip:bob@example.com", "Robert"), Errc{});
    restart();
    (void)open();
    EXPECT_EQ(read(VaultKind::contact),
              (std::vector{contact("sip:carol@example.com", "Carol"), contact("sip:bob@example.com", "Robert")}));
    EXPECT_EQ(ask(ipc::VaultPut{.item = contact("sip:bob@example.com"), .forget = true}).error, Errc{});
    restart();
    (void)open();
    EXPECT_EQ(read(VaultKind::contact), std::vector{contact("sip:carol@example.com", "Carol")});
}

TEST_F(DeskTest, WritesNoMemoryOfPeersAndNoHistory) {
    (void)open();
    for (const auto kind : {VaultKind::peer, VaultKind::call}) {
        ipc::VaultItem item = contact("sip:bob@example.com");
        item.kind = kind;
        EXPECT_EQ(ask(ipc::VaultPut{.item = item}).error, Errc::not_permitted);
        EXPECT_TRUE(read(kind).empty());
    }
}

TEST_F(DeskTest, SaysWhenItIsFullAndGivesAllOfItBack) {
    (void)open();
    for (int i = 0; i < 512; ++i) ASSERT_EQ(put(std::to_string(i), std::string(576, 'b'), true), Errc{});
    EXPECT_EQ(put("512", "one too many"), Errc::too_large);
    EXPECT_EQ(read(VaultKind::contact).size(), 512U);
}

TEST_F(DeskTest, ResetNeedsNoPin) {
    set_pin("forgotten pin");
    (void)open();
    auto state = ask(ipc::VaultRekey{.pin = {}, .reset = true});
    EXPECT_EQ(state.error, Errc{});
    EXPECT_FALSE(state.pin_set);
    state = ask(ipc::VaultRekey{.pin = pin("another pin"), .reset = true});
    EXPECT_TRUE(state.pin_set);
    restart();
    EXPECT_EQ(open("another pin").error, Errc{});
}

TEST_F(DeskTest, LeavesOtherMessagesToOthers) {
    EXPECT_FALSE(desk_->answer(ipc::encode_message(ipc::Shutdown{})));
    EXPECT_FALSE(desk_->answer({}));
}

}  // namespace
}  // namespace sealcall::vault::test
