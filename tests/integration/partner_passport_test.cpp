// Calls between two organisations whose phones show each other passports, through two whole enclaves and two TPMs.
#include <gtest/gtest.h>

#include "attestation/binding.h"
#include "tests/support/partner.h"
#include "tools/machine/machine.h"

namespace sealcall::test {
namespace {

using ipc::CallState;
using lab::Machine;
using rats::Level;
using rats::Reason;

bool has(const ipc::CallCard& card, Reason reason) { return std::ranges::count(card.theirs.reasons, reason) == 1; }

class Passports : public ::testing::Test, protected TwoOrganisations {
  protected:
    PhoneOptions alice() { return alice_showing_to("example.com"); }
    using TwoOrganisations::bob;
    PhoneOptions bob() { return bob(partner_.card()); }

    void answer_by(Hosts& hosts, std::function<void(rats::Passport&)> change = {}) {
        hosts.authority = [this, change](EnclavePhone&, const Bytes& request) {
            ++asked_;
            return partner_.stamp(request, change);
        };
    }
    /// Dials until bob has a card.
    static std::optional<ipc::CallCard> card_of(Hosts& hosts, EnclavePhone& bob) {
        hosts.dial("sip:bob@example.com");
        (void)hosts.run_until([&] { return bob.last_card().has_value(); });
        return bob.last_card();
    }
    int asked_ = 0;
};

TEST_F(Passports, OfAPinnedPartnerLetTheCallThroughWithTheirMark) {
    EnclavePhone a(partner_.authority(), alice()), b(corp_.authority(), bob());
    Hosts hosts(a, b);
    answer_by(hosts);
    ASSERT_TRUE(hosts.connect());
    const auto card = b.last_card().value();
    EXPECT_EQ(card.theirs.level, Level::measured);
    EXPECT_TRUE(card.theirs.lab);
    EXPECT_TRUE(card.theirs.software_tpm);
    EXPECT_TRUE(has(card, Reason::vouched_by_partner));
    EXPECT_EQ(card.result_by.view(), "Partner AG");
    EXPECT_EQ(card.vouched_by.view(), "Partner AG");
    EXPECT_TRUE(b.verifier_requests.empty()) << "there is nothing to parse";
    EXPECT_EQ(asked_, 1);
    EXPECT_EQ(a.last_card()->theirs.level, Level::measured) << "bob showed his Evidence";
    EXPECT_TRUE(a.last_card()->result_by.empty());
    hosts.talk(3);
}

TEST_F(Passports, CarryWhatTheLogsAreWorthWithoutTheLogs) {
    Machine machine;
    machine.run("/usr/bin/bash", "bash");
    PhoneOptions o = alice();
    o.boot_log = machine.boot_log();
    o.runtime_log = machine.runtime_log();
    o.extended = machine.extended();
    EnclavePhone a(partner_.authority(), o), b(corp_.authority(), bob());
    Hosts hosts(a, b);
    size_t longest = 0;
    hosts.authority = [&](EnclavePhone&, const Bytes& request) {
        longest = request.size();
        return partner_.stamp(request);
    };
    const auto card = card_of(hosts, b);
    ASSERT_TRUE(card);
    EXPECT_EQ(card->theirs.level, Level::measured) << "without its logs such a machine would be level 1";
    EXPECT_GT(longest, machine.boot_log().size() + machine.runtime_log().size());
    EXPECT_EQ(b.verifier_log_bytes, 0u);
}

TEST_F(Passports, GoBothWays) {
    PhoneOptions o = bob();
    o.passport_to = {"*"};
    EnclavePhone a(partner_.authority(), alice()), b(corp_.authority(), o);
    Hosts hosts(a, b);
    hosts.authority = [&](EnclavePhone& who, const Bytes& request) {
        return (&who == &a ? partner_ : corp_).stamp(request);
    };
    ASSERT_TRUE(hosts.connect());
    EXPECT_EQ(a.last_card()->result_by.view(), "Example Corp");
    EXPECT_EQ(b.last_card()->result_by.view(), "Partner AG");
}

TEST_F(Passports, AreForTheNamedDomainsOnly) {
    PhoneOptions o = alice();
    o.passport_to = {"elsewhere.example"};
    EnclavePhone a(partner_.authority(), o), b(corp_.authority(), bob());
    Hosts hosts(a, b);
    answer_by(hosts);
    const auto card = card_of(hosts, b);
    ASSERT_TRUE(card);
    EXPECT_TRUE(card->result_by.empty());
    EXPECT_TRUE(has(*card, Reason::quote_fresh_and_bound));
    EXPECT_EQ(asked_, 0);
}

TEST_F(Passports, OfAPartnerNobodyPinnedAreLevelZero) {
    EnclavePhone a(partner_.authority(), alice()), b(corp_.authority(), bob(std::nullopt));
    Hosts hosts(a, b);
    answer_by(hosts);
    const auto card = card_of(hosts, b);
    ASSERT_TRUE(card);
    EXPECT_EQ(card->theirs.level, Level::unverified);
    EXPECT_TRUE(has(*card, Reason::partner_not_pinned));
    EXPECT_TRUE(card->result_by.empty());
    EXPECT_TRUE(hosts.run_until([&] { return b.last_state()->state == CallState::ended; }));
}

TEST_F(Passports, AreCutToWhatThePartnerMayVouchFor) {
    EnclavePhone a(partner_.authority(), alice()), b(corp_.authority(), bob(partner_.card(Level::known_device)));
    Hosts hosts(a, b);
    answer_by(hosts);
    const auto card = card_of(hosts, b);
    ASSERT_TRUE(card);
    EXPECT_EQ(card->theirs.level, Level::known_device);
    EXPECT_TRUE(has(*card, Reason::partner_level_limit));
}

TEST_F(Passports, ThatNobodyGivesAreLevelZeroAndNeverEvidence) {
    EnclavePhone a(partner_.authority(), alice()), b(corp_.authority(), bob());
    Hosts hosts(a, b);
    hosts.authority = [&](EnclavePhone&, const Bytes&) { return Bytes{}; };
    const auto card = card_of(hosts, b);
    ASSERT_TRUE(card);
    EXPECT_EQ(card->theirs.level, Level::unverified);
    EXPECT_TRUE(has(*card, Reason::partner_result_missing));
    EXPECT_TRUE(b.verifier_requests.empty());
    ASSERT_TRUE(hosts.run_until([&] { return a.last_state()->state == CallState::ended; }));
    size_t told = 0;
    for (const Bytes& m : a.from_ui)
        if (auto notice = ipc::decode_message<ipc::Notice>(m)) told += notice->kind == ipc::NoticeKind::passport;
    EXPECT_EQ(told, 1u);
}

TEST_F(Passports, AreWaitedForThreeSecondsAndNoLonger) {
    EnclavePhone a(partner_.authority(), alice()), b(corp_.authority(), bob());
    Hosts hosts(a, b);  // an authority that never answers
    const BootInstant begun = BootClock::now();
    const auto card = card_of(hosts, b);
    ASSERT_TRUE(card);
    EXPECT_TRUE(has(*card, Reason::partner_result_missing));
    EXPECT_GE(BootClock::now() - begun, Millis{3000});
}

TEST_F(Passports, AreAskedForAnewInEachRound) {
    EnclavePhone a(partner_.authority(), alice()), b(corp_.authority(), bob());
    Hosts hosts(a, b);
    answer_by(hosts);
    ASSERT_TRUE(hosts.connect());
    for (int round = 1; round <= 3; ++round) {
        (void)b.ui.send(ipc::Recheck{.call = hosts.b_call});
        ASSERT_TRUE(hosts.run_until([&] {
            auto told = EnclavePhone::take<ipc::Rechecked>(b.from_ui);
            return told && told->round == round && told->outcome == ipc::RecheckOutcome::as_before;
        })) << round;
        EXPECT_EQ(asked_, 1 + round);
    }
    EXPECT_EQ(b.last_card()->theirs.level, Level::measured);
}

TEST_F(Passports, ThatStopComingAreNotRechecked) {
    PhoneOptions o = bob();
    o.recheck = {.every = {}, .gap = Millis{20}, .overdue = Millis{300}, .silent = Millis{800}};
    EnclavePhone a(partner_.authority(), alice()), b(corp_.authority(), o);
    Hosts hosts(a, b);
    answer_by(hosts);
    ASSERT_TRUE(hosts.connect());
    hosts.authority = [](EnclavePhone&, const Bytes&) { return Bytes{}; };
    (void)b.ui.send(ipc::Recheck{.call = hosts.b_call});
    ASSERT_TRUE(hosts.run_until([&] { return b.last_card()->theirs.level == Level::unverified; }));
    EXPECT_TRUE(has(*b.last_card(), Reason::not_rechecked));
    answer_by(hosts);
    ASSERT_TRUE(hosts.run_until([&] { return b.last_card()->theirs.level == Level::measured; }))
        << "alice's phone tries again by itself";
}

TEST_F(Passports, OfADeviceThatChangedInTheCallFallInTheNextRound) {
    EnclavePhone a(partner_.authority(), alice()), b(corp_.authority(), bob());
    Hosts hosts(a, b);
    answer_by(hosts);
    ASSERT_TRUE(hosts.connect());
    a.extend_measurement("something that nobody measured before");
    bool refused = false;
    hosts.authority = [&](EnclavePhone&, const Bytes& request) {
        Bytes answer = partner_.stamp(request);
        refused = answer.empty();
        return answer;
    };
    (void)b.ui.send(ipc::Recheck{.call = hosts.b_call});
    ASSERT_TRUE(hosts.run_until([&] { return refused; }))
        << "its own authority finds that the identity key is not bound to this state";
}

TEST_F(Passports, ArePassedByForNoNameThatThePartnersAuthorityMayNotCertify) {
    // A hostile partner certifies whatever name would get it the Evidence that its own people never see.
    const std::pair<const char*, const char*> tricks[] = {{"sip:eve@example.com", "*"},
                                                          {"sip:eve@elsewhere.example", "partner.example"},
                                                          {"sip:eve@Partner.Example", "partner.example"}};
    for (const auto& [name, shown_passports] : tricks) {
        PhoneOptions ours = bob(), theirs = partner_.phone("eve", partner_.believing(corp_, corp_.card()));
        ours.passport_to = {shown_passports};
        theirs.uri = name;
        EnclavePhone caller(corp_.authority(), ours), eve(partner_.authority(), theirs);
        Hosts hosts(caller, eve);
        hosts.authority = [&](EnclavePhone&, const Bytes& request) { return corp_.stamp(request); };
        hosts.dial("sip:eve@partner.example");
        ASSERT_TRUE(hosts.run_until([&] {
            const auto state = caller.last_state();
            return (state && state->state == CallState::ended) || !eve.verifier_requests.empty();
        })) << name;
        EXPECT_TRUE(eve.verifier_requests.empty()) << name << " was shown raw Evidence";
        ASSERT_EQ(caller.last_state()->state, CallState::ended) << name;
        EXPECT_EQ(caller.last_state()->reason, ipc::EndReason::certificate_refused) << name;
    }
}

TEST_F(Passports, AreNotNeededForWhatThePartnersRootMayCertifyIsLimitedEitherWay) {
    // Raw Evidence under the same root: the pinned level holds as well.
    PhoneOptions o = alice();
    o.passport_to = {};
    EnclavePhone a(partner_.authority(), o);
    {
        EnclavePhone b(corp_.authority(), bob(partner_.card(Level::known_device)));
        Hosts hosts(a, b);
        const auto card = card_of(hosts, b);
        ASSERT_TRUE(card);
        EXPECT_EQ(card->theirs.level, Level::known_device);
        EXPECT_TRUE(has(*card, Reason::partner_level_limit));
    }
    // And it names people of its own domain only.
    for (const bool passport : {false, true}) {
        o.uri = "sip:carol@example.com";
        o.passport_to = passport ? std::vector<std::string>{"example.com"} : std::vector<std::string>{};
        EnclavePhone impostor(partner_.authority(), o);
        EnclavePhone b(corp_.authority(), bob());
        Hosts hosts(impostor, b);
        answer_by(hosts);
        hosts.dial("sip:bob@example.com");
        ASSERT_TRUE(
            hosts.run_until([&] { return impostor.last_state() && impostor.last_state()->state == CallState::ended; }));
        EXPECT_FALSE(b.last_card()) << "refused in the handshake, before anything was shown: " << passport;
    }
}

}  // namespace
}  // namespace sealcall::test
