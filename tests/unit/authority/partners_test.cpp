// Cards and partners: what is written is what is read, and nothing that a phone could misunderstand is pinned.
#include "partners.h"

#include <gtest/gtest.h>

#include "files.h"
#include "problem.h"
#include "sealcall/base/time.h"
#include "tests/unit/tools/temporary_dir.h"

namespace sealcall::authority {
namespace {

using cli::Problem;

class Partners : public ::testing::Test {
  protected:
    sealcall::test::TemporaryDir dir_;
    Store own_ = Store::create(dir_ / "own", {.name = "Example Corp", .domain = "example.com"}, wall_ms());
    Store other_ = Store::create(dir_ / "other", {.name = "Partner AG", .domain = "partner.example"}, wall_ms());

    Partner card() { return read_card(card_json(own_card(other_)).dump()); }
    static std::string changed(const Partner& partner, const char* member, const nlohmann::json& value) {
        auto json = card_json(partner);
        json[member] = value;
        return json.dump();
    }
};

TEST_F(Partners, AreReadAsTheyWereAdded) {
    Partner p = card();
    p.verifier.at_most = rats::Level::trusted_boot;
    p.verifier.lab = true;
    EXPECT_TRUE(read_partners(own_).empty());
    add_partner(own_, p);
    ASSERT_EQ(read_partners(own_).size(), 1u);
    EXPECT_EQ(read_partners(own_).front(), p);
    p.verifier.at_most = rats::Level::measured;
    add_partner(own_, p);
    EXPECT_EQ(read_partners(own_), std::vector{p}) << "the same name is the same partner";
    EXPECT_FALSE(remove_partner(own_, "Nobody"));
    EXPECT_TRUE(remove_partner(own_, "Partner AG"));
    EXPECT_TRUE(read_partners(own_).empty());
}

TEST_F(Partners, AreAtMostThree) {
    for (int i = 0; i < 3; ++i) {
        Partner p = card();
        p.verifier.issuer = BoundedString<128>("Partner " + std::to_string(i));
        add_partner(own_, p);
    }
    EXPECT_THROW(add_partner(own_, card()), Problem);
}

TEST_F(Partners, AreNotOurselves) { EXPECT_THROW(add_partner(own_, own_card(own_)), Problem); }

TEST_F(Partners, AnAuthorityOfAnyDomainHasNoCard) {
    const Store any = Store::create(dir_ / "any", {.name = "Any", .domain = ""}, wall_ms());
    EXPECT_THROW(own_card(any), Problem);
}

TEST_F(Partners, CardsThatAreNoneAreRefused) {
    const Partner p = card();
    for (const std::string& text :
         {std::string(), std::string("[]"), std::string("{}"), changed(p, "issuer", ""), changed(p, "issuer", 7),
          changed(p, "issuer", "Example Bank"), changed(p, "domain", ""), changed(p, "key", "AAAA"),
          changed(p, "root", "AAAA"), changed(p, "profile", "tag:github.com,2023:veraison/ear"),
          std::string(20'000, ' ')})
        EXPECT_THROW(read_card(text), Problem) << text.substr(0, 80);
}

TEST_F(Partners, ADamagedFileIsSaid) {
    cli::write_file(own_.dir() / "partners.json", std::string("{\"partners\":[{}]}"), 0600);
    EXPECT_THROW(read_partners(own_), Problem);
    cli::write_file(own_.dir() / "partners.json", std::string("nothing"), 0600);
    EXPECT_THROW(read_partners(own_), Problem);
}

}  // namespace
}  // namespace sealcall::authority
