// The vault over a real (software) TPM: made, locked, saved, rolled back, stopped at every point.
#include <gtest/gtest.h>

#include "enclave/tpm/policy_digest.h"
#include "enclave/tpm/templates.h"
#include "tests/unit/tpm/private_tpm.h"
#include "tests/unit/vault/vault_file.h"

namespace sealcall::vault::test {
namespace {

using tpm::test::error_of;

constexpr std::string_view kOwner = "sip:alice@example.com";

class VaultTest : public tpm::test::PhoneTest {
  protected:
    void SetUp() override {
        auth_.clear();
        PhoneTest::SetUp();
    }
    Result<Vault> open_vault() { return Vault::open(*tpm_, disk_.open(), kOwner); }
    Status unlock(Vault& vault, std::string_view pin) {
        TRY(Vault::Opened opened, vault.opener()(*tpm_, as_bytes(pin)));
        vault.unlock(std::move(opened));
        return {};
    }
    void save(Vault& vault, std::string_view uri) {
        ASSERT_OK(vault.content().put(contact(uri)));
        ASSERT_OK(vault.save()(*tpm_));
    }
    /// As Vault::save, up to the counter: the next version, with what `change` does to the content, is on the disk.
    /// Gives the head of the version in force.
    Result<Head> write_uncounted(const Vault& vault, std::string_view pin,
                                 const std::function<Status(Content&)>& change) {
        TRY(const File now, read_newest(disk_.fd()));
        TRY(Vault::Opened opened, vault.opener()(*tpm_, as_bytes(pin)));
        TRY_STATUS(change(opened.content));
        TRY(const File next, seal(now.head, now.head.version + 1, opened.key, opened.content));
        TRY_STATUS(write_place(disk_.fd(), next));
        return now.head;
    }
    static Status with_carol(Content& content) { return content.put(contact("sip:carol@example.com")); }
    VaultFile disk_;
};

TEST_F(VaultTest, IsMadeOpenAndEmptyWhereThereNeverWasOne) {
    auto vault = open_vault();
    ASSERT_OK(vault);
    EXPECT_TRUE(vault->is_open());
    EXPECT_FALSE(vault->has_pin());
    EXPECT_TRUE(vault->content().items.empty());
}

TEST_F(VaultTest, KeepsWhatWasSavedOverACrash) {
    {
        auto vault = open_vault();
        ASSERT_OK(vault);
        save(*vault, "sip:bob@example.com");
    }
    crash_and_restart();
    auto vault = open_vault();
    ASSERT_OK(vault);
    ASSERT_EQ(contacts(vault->content()), 1U);
    EXPECT_EQ(vault->content().items.items()[0].name.view(), "sip:bob@example.com");
}

TEST_F(VaultTest, WithAPinStaysShutUntilItIsGiven) {
    {
        auto vault = open_vault();
        ASSERT_OK(vault);
        save(*vault, "sip:bob@example.com");
        ASSERT_OK(vault->change_pin(*tpm_, as_bytes("let me in")));
    }
    auto vault = open_vault();
    ASSERT_OK(vault);
    EXPECT_FALSE(vault->is_open());
    EXPECT_TRUE(vault->has_pin());
    EXPECT_ERROR(unlock(*vault, "let me out"), Errc::tpm_auth_refused);
    EXPECT_FALSE(vault->is_open());
    ASSERT_OK(unlock(*vault, "let me in"));
    EXPECT_EQ(contacts(vault->content()), 1U);
    vault->lock();
    EXPECT_FALSE(vault->is_open());
    EXPECT_TRUE(vault->content().items.empty());
}

TEST_F(VaultTest, OldPinOpensNoOldFileAgain) {
    auto vault = open_vault();
    ASSERT_OK(vault);
    ASSERT_OK(vault->change_pin(*tpm_, as_bytes("first pin")));
    const Bytes copied = disk_.bytes();
    ASSERT_OK(vault->change_pin(*tpm_, as_bytes("second pin")));
    auto reopened = open_vault();
    ASSERT_OK(reopened);
    EXPECT_ERROR(unlock(*reopened, "first pin"), Errc::tpm_auth_refused);
    ASSERT_OK(unlock(*reopened, "second pin"));
    disk_.put(copied);
    EXPECT_ERROR(open_vault(), Errc::bundle_rolled_back);
}

TEST_F(VaultTest, EveryOlderFileIsNoticed) {
    auto vault = open_vault();
    ASSERT_OK(vault);
    std::vector<Bytes> copies;
    for (int i = 0; i < 4; ++i) {
        save(*vault, "sip:" + std::to_string(i) + "@example.com");
        copies.push_back(disk_.bytes());
    }
    for (size_t i = 0; i + 1 < copies.size(); ++i) {
        disk_.put(copies[i]);
        EXPECT_ERROR(open_vault(), Errc::bundle_rolled_back);
    }
    disk_.put(copies.back());
    EXPECT_TRUE(open_vault());
}

TEST_F(VaultTest, FileThatIsGoneIsNoticed) {
    ASSERT_OK(open_vault());
    disk_.put({});
    EXPECT_ERROR(open_vault(), Errc::bundle_rolled_back);
}

TEST_F(VaultTest, StopBetweenDiskAndCounterLosesNothing) {
    {
        auto vault = open_vault();
        ASSERT_OK(vault);
        save(*vault, "sip:bob@example.com");
        ASSERT_OK(write_uncounted(*vault, {}, with_carol));
    }
    crash_and_restart();
    auto vault = open_vault();
    ASSERT_OK(vault);
    EXPECT_EQ(contacts(vault->content()), 2U);
    save(*vault, "sip:dave@example.com");
    EXPECT_EQ(contacts(open_vault().value().content()), 3U);
}

TEST_F(VaultTest, SaveThatTheTpmDidNotCountLocksNobodyOut) {
    auto vault = open_vault();
    ASSERT_OK(vault);
    ASSERT_OK(vault->change_pin(*tpm_, as_bytes("let me in")));
    save(*vault, "sip:bob@example.com");
    ASSERT_OK(write_uncounted(*vault, "let me in", [](Content& content) {
        content = {};
        return Status();
    }));
    vault->lock();
    ASSERT_OK(unlock(*vault, "let me in"));
    EXPECT_EQ(contacts(vault->content()), 1U);
    save(*vault, "sip:carol@example.com");
    EXPECT_EQ(contacts(vault->content()), 2U);
}

TEST_F(VaultTest, SaveGoesOnAfterACountWhoseAnswerWasLost) {
    auto vault = open_vault();
    ASSERT_OK(vault);
    save(*vault, "sip:bob@example.com");
    const uint8_t counter = read_newest(disk_.fd()).value().head.counter;
    ASSERT_OK(tpm_->vault_counter(counter, tpm::Tpm::Count::add));
    save(*vault, "sip:carol@example.com");
    EXPECT_EQ(contacts(open_vault().value().content()), 2U);
}

TEST_F(VaultTest, CountsAVersionOnceThoughTheAnswerWasLost) {
    auto made = open_vault();
    ASSERT_OK(made);
    ASSERT_OK(made->change_pin(*tpm_, as_bytes("let me in")));
    const auto in_force = write_uncounted(*made, "let me in", with_carol);
    ASSERT_OK(in_force);
    auto vault = open_vault();  // written and not counted
    ASSERT_OK(vault);
    ASSERT_OK(tpm_->vault_counter(in_force->counter, tpm::Tpm::Count::add));  // the first try, unheard
    ASSERT_OK(unlock(*vault, "let me in"));
    EXPECT_EQ(contacts(vault->content()), 1U);
    auto again = open_vault();
    ASSERT_OK(again);
    ASSERT_OK(unlock(*again, "let me in"));
}

TEST_F(VaultTest, WhatWasCountedUnheardIsInForceWhenItIsOpenedAgain) {
    const auto disk = disk_.open();
    auto vault = Vault::open(*tpm_, disk, kOwner);
    ASSERT_OK(vault);
    ASSERT_OK(vault->change_pin(*tpm_, as_bytes("let me in")));
    save(*vault, "sip:bob@example.com");
    // As Vault::save, whose increment was not answered.
    const auto in_force = write_uncounted(*vault, "let me in", with_carol);
    ASSERT_OK(in_force);
    disk->written = in_force->version + 1;
    ASSERT_OK(tpm_->vault_counter(in_force->counter, tpm::Tpm::Count::add));
    vault->lock();
    ASSERT_OK(unlock(*vault, "let me in"));
    EXPECT_EQ(contacts(vault->content()), 2U);
    save(*vault, "sip:dora@example.com");
    EXPECT_EQ(contacts(vault->content()), 3U);
}

TEST_F(VaultTest, ForgedHeadDoesNotMoveTheCounter) {
    for (const std::string_view pin : {"", "let me in"}) {
        auto vault = open_vault();
        ASSERT_OK(vault);
        if (!pin.empty()) ASSERT_OK(vault->change_pin(*tpm_, as_bytes(pin)));
        const Bytes genuine = disk_.bytes();
        File forged = read_newest(disk_.fd()).value();
        ++forged.head.version;
        ASSERT_OK(write_place(disk_.fd(), forged));
        auto opened = open_vault();
        EXPECT_EQ(opened.has_value(), !pin.empty());
        if (opened) EXPECT_ERROR(unlock(*opened, pin), Errc::not_authentic);
        disk_.put(genuine);
        auto again = open_vault();
        ASSERT_OK(again);
        if (!pin.empty()) ASSERT_OK(unlock(*again, pin));
    }
}

TEST_F(VaultTest, NothingThatThePinBeforeOpensStaysInTheFile) {
    auto vault = open_vault();
    ASSERT_OK(vault);
    save(*vault, "sip:bob@example.com");
    for (const std::string_view pin : {"first pin", "second pin"}) {
        ASSERT_OK(vault->change_pin(*tpm_, as_bytes(pin)));
        const Bytes file = disk_.bytes();
        size_t whole = 0;
        for (const size_t at : {size_t{0}, kPlace})
            if (at < file.size() && parse_place(ByteSpan(file).subspan(at))) ++whole;
        EXPECT_EQ(whole, 1U) << pin;
    }
}

TEST_F(VaultTest, AStopBeforeTheOldPinsCopyWasOverwrittenIsMadeGoodWhenItIsOpened) {
    auto vault = open_vault();
    ASSERT_OK(vault);
    ASSERT_OK(vault->change_pin(*tpm_, as_bytes("old pin")));
    save(*vault, "sip:bob@example.com");
    const Bytes before = disk_.bytes();
    ASSERT_OK(vault->change_pin(*tpm_, as_bytes("new pin")));
    Bytes file = disk_.bytes();
    const size_t old_place = parse_place(file) ? kPlace : 0;
    std::ranges::copy(ByteSpan(before).subspan(old_place, kPlace).first(std::min(kPlace, before.size() - old_place)),
                      file.begin() + static_cast<std::ptrdiff_t>(old_place));
    disk_.put(file);
    ASSERT_OK(parse_place(ByteSpan(disk_.bytes()).subspan(old_place)));
    auto again = open_vault();
    ASSERT_OK(again);
    ASSERT_OK(unlock(*again, "new pin"));
    EXPECT_FALSE(parse_place(ByteSpan(disk_.bytes()).subspan(old_place)));
    // A place under the same key is the version before, and stays.
    save(*again, "sip:carol@example.com");
    save(*again, "sip:dave@example.com");
    auto later = open_vault();
    ASSERT_OK(unlock(*later, "new pin"));
    EXPECT_TRUE(parse_place(disk_.bytes()));
    EXPECT_TRUE(parse_place(ByteSpan(disk_.bytes()).subspan(kPlace)));
}

TEST_F(VaultTest, ACounterThatWasDefinedAndNeverCountedIsTaken) {
    const uint8_t index = static_cast<uint8_t>(tpm::sha256(as_bytes(kOwner))[0]);
    TPM2B_NV_PUBLIC pub{};
    pub.nvPublic = tpm::vault_public(index, 0);
    TPM2B_AUTH auth{};
    const auto value = tpm::derive_auth(auth_, tpm::AuthFor::vault_counter, index);
    ASSERT_OK(tpm::fill(auth.size, auth.buffer, value.reveal(SecretAccess{})));
    auto other = stranger();
    ESYS_TR nv = ESYS_TR_NONE;
    ASSERT_EQ(Esys_NV_DefineSpace(other->context(), ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                                  &auth, &pub, &nv),
              0U);
    other.reset();
    open_loaded();
    EXPECT_EQ(tpm_->vault_counter(index, tpm::Tpm::Count::read).value(), 0U);
    auto vault = open_vault();
    ASSERT_OK(vault);
    save(*vault, "sip:bob@example.com");
    EXPECT_EQ(contacts(open_vault().value().content()), 1U);
}

TEST_F(VaultTest, SaveThatFailedLeavesTheVersionBeforeInForce) {
    const auto disk = disk_.open();
    auto vault = Vault::open(*tpm_, disk, kOwner);
    ASSERT_OK(vault);
    ASSERT_OK(vault->content().put(contact("sip:bob@example.com")));
    const std::string path = "/proc/self/fd/" + std::to_string(disk_.fd());
    UniqueFd writable = std::exchange(disk->fd, UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)));
    EXPECT_ERROR(vault->save()(*tpm_), Errc::io);
    EXPECT_TRUE(open_vault().value().content().items.empty());
    disk->fd = std::move(writable);
    ASSERT_OK(vault->save()(*tpm_));
    EXPECT_EQ(contacts(open_vault().value().content()), 1U);
}

TEST_F(VaultTest, OfTheRunningPhoneIsNotOpenedFromAnOlderFile) {
    auto vault = open_vault();
    ASSERT_OK(vault);
    ASSERT_OK(vault->change_pin(*tpm_, as_bytes("let me in")));
    const Bytes copied = disk_.bytes();
    save(*vault, "sip:bob@example.com");
    vault->lock();
    disk_.put(copied);
    EXPECT_ERROR(unlock(*vault, "let me in"), Errc::bundle_rolled_back);
}

TEST_F(VaultTest, OfAnotherPhoneOrTpmIsNotTaken) {
    ASSERT_OK(open_vault());
    EXPECT_ERROR(Vault::open(*tpm_, disk_.open(), "sip:mallory@example.com"), Errc::bundle_rolled_back);
}

TEST_F(VaultTest, OtherProgramsDoNotOpenIt) {
    ASSERT_OK(open_vault());
    extend(13, "other programs");
    EXPECT_ERROR(open_vault(), Errc::tpm_policy_refused);
}

TEST_F(VaultTest, ResetEmptiesItAndOldFilesStayOld) {
    auto vault = open_vault();
    ASSERT_OK(vault);
    ASSERT_OK(vault->change_pin(*tpm_, as_bytes("forgotten")));
    const Bytes copied = disk_.bytes();
    auto empty = Vault::reset(*tpm_, disk_.open(), kOwner, {});
    ASSERT_OK(empty);
    EXPECT_TRUE(empty->is_open());
    EXPECT_FALSE(empty->has_pin());
    EXPECT_TRUE(open_vault());
    disk_.put(copied);
    EXPECT_ERROR(open_vault(), Errc::bundle_rolled_back);
}

TEST_F(VaultTest, KeepsItsNumberUntilAnotherOneIsMade) {
    auto vault = open_vault();
    ASSERT_OK(vault);
    const uint64_t made = vault->made();
    EXPECT_NE(made, 0u);
    save(*vault, "sip:bob@example.com");
    ASSERT_OK(vault->change_pin(*tpm_, as_bytes("a new pin")));
    EXPECT_EQ(open_vault()->made(), made);
    ASSERT_OK(Vault::reset(*tpm_, disk_.open(), kOwner, {}));
    const uint64_t again = open_vault()->made();
    EXPECT_NE(again, made);
    ASSERT_OK(Vault::reset(*tpm_, disk_.open(), kOwner, {}));
    EXPECT_NE(open_vault()->made(), made);
    EXPECT_NE(open_vault()->made(), again);
}

TEST_F(VaultTest, ResetHelpsAgainstRubbish) {
    ASSERT_OK(open_vault());
    disk_.put(as_bytes("rubbish"));
    EXPECT_ERROR(open_vault(), Errc::bad_value);
    ASSERT_OK(Vault::reset(*tpm_, disk_.open(), kOwner, {}));
    EXPECT_TRUE(open_vault());
}

}  // namespace
}  // namespace sealcall::vault::test
