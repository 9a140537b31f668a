// Contacts on the screen: names for addresses, addresses for names, and nothing of them once the phone is locked.
#include "host/ui/contacts.h"

#include <gtest/gtest.h>

#include "host/ui/actions.h"
#include "host/ui/views.h"
#include "tests/unit/ui/fake_phone.h"

namespace sealcall::ui {
namespace {

using policy::Direction;

ipc::VaultItem contact(std::string_view uri, std::string_view body) {
    return {
        .kind = ipc::VaultKind::contact, .name = BoundedString<256>(uri), .body = BoundedBytes<576>(as_bytes(body))};
}

Bytes page(const std::vector<ipc::VaultItem>& items) {
    ipc::VaultPage p;
    for (const auto& i : items) CHECK(p.items.push(i));
    return ipc::encode(p);
}

class ContactNames : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(phone.add_contacts(page({contact("sip:bob@Example.com", R"({"name":"Bob Builder","note":"x"})"),
                                             contact("sip:bob2@example.com", R"({"name":"Bob Baker"})")})));
        EXPECT_FALSE(phone.contacts().whole());
        EXPECT_EQ(phone.contacts().next(), 2);
        ASSERT_TRUE(phone.add_contacts(
            page({contact("sip:zoe@example.com", "{\"name\":\"Zoë\"}"), contact("sip:odd@example.com", "no object"),
                  contact("sip:none@example.com", R"({"note":"y"})")})));
        ASSERT_TRUE(phone.add_contacts(page({})));
        EXPECT_TRUE(phone.contacts().whole());
        EXPECT_EQ(phone.contacts().next(), 5);
    }
    [[nodiscard]] std::string uri(std::string_view typed) const { return find_callee(typed, phone).uri; }
    [[nodiscard]] std::string problem(std::string_view typed) const { return find_callee(typed, phone).problem; }
    Phone phone;
};

TEST_F(ContactNames, AreCalledByNameOrByAWordOfItOrByAddress) {
    EXPECT_EQ(uri("Bob Builder"), "sip:bob@Example.com");
    EXPECT_EQ(uri(" bob builder "), "sip:bob@Example.com");
    EXPECT_EQ(uri("baker"), "sip:bob2@example.com");
    EXPECT_EQ(uri("Zoë"), "sip:zoe@example.com");
    EXPECT_EQ(uri("carol@example.com"), "sip:carol@example.com");
    EXPECT_EQ(uri("sip:carol"), "sip:carol");
    EXPECT_EQ(uri("192.0.2.1:5061"), "sip:192.0.2.1:5061");
}

TEST_F(ContactNames, WhoIsMeantByTwoIsAskedBack) {
    EXPECT_EQ(uri("bob"), "");
    EXPECT_NE(problem("bob").find("one of 2 contacts"), std::string::npos);
    EXPECT_EQ(problem("bob").find("Builder"), std::string::npos) << "who may ask need not know the contacts";
    EXPECT_NE(problem("build").find("No contact is called \"build\""), std::string::npos) << "no part of a word";
    EXPECT_NE(problem("nobody").find("No contact is called"), std::string::npos);
    EXPECT_NE(problem("a b@c").find("not an address"), std::string::npos);
}

TEST_F(ContactNames, ANameThatLooksLikeAnAddressTakesNoAddressOver) {
    ASSERT_TRUE(phone.add_contacts(page({contact("sip:evil@example.org", R"({"name":"sip:carol@example.com"})"),
                                         contact("sip:evil@example.org", R"({"name":"carol@example.com"})")})));
    EXPECT_EQ(uri("carol@example.com"), "sip:carol@example.com");
    EXPECT_EQ(uri("sip:carol@example.com"), "sip:carol@example.com");
    phone.dialled(CallId{1}, "sip:evil@example.org", "");
    EXPECT_EQ(phone.find(CallId{1})->contact, "") << "it would stand there like a proven address";
    ASSERT_TRUE(phone.add_contacts(page({contact("sip:evil@example.org", R"({"name":"M 192.0.2.1:5061"})")})));
    EXPECT_EQ(uri("192.0.2.1:5061"), "sip:192.0.2.1:5061");
    EXPECT_EQ(uri("pbx.example"), "sip:pbx.example");
}

TEST_F(ContactNames, AreNotGuessedFromHalfTheList) {
    Phone fresh;
    ASSERT_TRUE(fresh.add_contacts(page({contact("sip:bob@example.com", R"({"name":"Bob Builder"})")})));
    EXPECT_EQ(find_callee("bob", fresh).uri, "");
    EXPECT_NE(find_callee("bob", fresh).problem.find("still being read"), std::string::npos);
    ASSERT_TRUE(fresh.add_contacts(page({})));
    EXPECT_EQ(find_callee("bob", fresh).uri, "sip:bob@example.com");
}

TEST_F(ContactNames, StandForAnAddressThatWasProvenOrDialledAndForNoClaim) {
    const Look look;
    auto card = test::attested_card(CallId{1}, Direction::incoming);
    card.peer_uri = BoundedString<256>("sip:bob@example.com");
    phone.apply(card);
    EXPECT_EQ(phone.find(CallId{1})->contact, "Bob Builder");
    EXPECT_NE(plain_text(who(*phone.find(CallId{1}), look)).find("Bob Builder <sip:bob@example.com>"),
              std::string::npos);
    card.vouched_by = {};  // only claimed
    phone.apply(card);
    EXPECT_EQ(phone.find(CallId{1})->contact, "");
    EXPECT_EQ(plain_text(who(*phone.find(CallId{1}), look)).find("Builder"), std::string::npos);
    phone.dialled(CallId{2}, "sip:zoe@example.com", "");
    EXPECT_EQ(phone.find(CallId{2})->contact, "Zoë");
    phone.dialled(CallId{3}, "sip:BOB@example.com", "");
    EXPECT_EQ(phone.find(CallId{3})->contact, "") << "the user part has its case (RFC 3261 19.1.4)";
}

TEST_F(ContactNames, AreGoneWhenThePhoneIsLocked) {
    phone.dialled(CallId{2}, "sip:zoe@example.com", "");
    phone.apply(ipc::LockState{.pin_set = true, .locked = true});
    EXPECT_EQ(phone.find(CallId{2})->contact, "");
    EXPECT_FALSE(phone.contacts().whole());
    EXPECT_EQ(phone.contacts().next(), 0);
    EXPECT_TRUE(phone.contacts().named("Zoë").empty());
    EXPECT_EQ(find_callee("Bob Builder", phone).reason, ipc::EndReason::locked);
    EXPECT_NE(problem("Bob Builder").find("This phone is locked"), std::string::npos);
}

TEST(ContactPage, ThatIsCutOffIsAnError) {
    const Bytes whole = page({contact("sip:bob@example.com", R"({"name":"Bob"})")});
    for (size_t n = 0; n < whole.size(); ++n) {
        Contacts c;
        EXPECT_FALSE(c.add(ByteSpan(whole).first(n))) << n;
    }
    Bytes longer = whole;
    longer.push_back(std::byte{});
    EXPECT_FALSE(Contacts().add(longer));
    EXPECT_TRUE(Contacts().add(whole));
}

TEST(ContactPage, OfAFullVaultIsTaken) {
    Contacts c;
    for (int i = 0; i < 600; ++i)
        ASSERT_TRUE(c.add(page({contact("sip:" + std::to_string(i) + "@x", R"({"name":"n"})")})));
    EXPECT_EQ(c.named("n").size(), Contacts::kMost);
}

}  // namespace
}  // namespace sealcall::ui
