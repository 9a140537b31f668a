// What an administrator's document decides: by hand for each matcher, and as properties over random documents.
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/policy/documents.h"

namespace sealcall::policy {
namespace {

using namespace test;
using rats::Level;
using rats::Reason;

constexpr const char* kAlice = "sip:alice@corp.example";
constexpr uint64_t kMonday = 1'795'392'000'000;  ///< 2026-11-23 00:00 UTC, a Monday; ms
constexpr uint64_t kHour = 3600 * 1000;

Decision by_rule(Action action, uint16_t number, const char* name, Rule why = Rule::document_rule) {
    return {.action = action, .rule = why, .number = number, .name = BoundedString<96>(name)};
}

TEST(Document_Decide, TheFirstRuleThatMatchesAnswers) {
    DocumentRule board = rule("board", Action::pin);
    board.groups = list<uint16_t, 16>({1});
    const Document d = document({board, rule("all", Action::allow), rule("never", Action::warn)});
    EXPECT_EQ(decide(proven(Level::measured), from(kAlice), d), by_rule(Action::pin, 1, "board"));
    EXPECT_EQ(decide(proven(Level::measured), from("sip:bob@corp.example"), d), by_rule(Action::allow, 2, "all"));
}

TEST(Document_Decide, WithoutARuleTheAnswerIsNo) {
    EXPECT_EQ(decide(proven(Level::trusted_runtime), from(kAlice), document({})), Decision{});
    DocumentRule outgoing = rule("out", Action::allow);
    outgoing.toward = Toward::outgoing;
    EXPECT_EQ(decide(proven(Level::trusted_runtime), from(kAlice), document({outgoing})), Decision{});
}

TEST(Document_Decide, FindsPeopleDomainsAndDomainsBelow) {
    DocumentRule corp = rule("corp", Action::allow), board = rule("board", Action::warn);
    corp.groups = list<uint16_t, 16>({0});
    board.groups = list<uint16_t, 16>({1});
    const Document d = document({board, corp});
    const auto answer = [&](const char* peer) { return decide(proven(Level::measured), from(peer), d).action; };
    EXPECT_EQ(answer("sip:alice@corp.example"), Action::warn);
    EXPECT_EQ(answer("sip:alice@CORP.example:5061;transport=tls"), Action::warn);
    EXPECT_EQ(answer("sip:Alice@corp.example"), Action::allow);  // user parts are case sensitive (RFC 3261 19.1.4)
    EXPECT_EQ(answer("sip:bob@corp.example"), Action::allow);
    EXPECT_EQ(answer("sip:bob@a.b.corp.example"), Action::allow);
    EXPECT_EQ(answer("sip:bob@evilcorp.example"), Action::refuse);
    EXPECT_EQ(answer("sip:bob@corp.example.evil.example"), Action::refuse);
    EXPECT_EQ(answer("sip:alice@corp.example@evil.example"), Action::refuse);
    EXPECT_EQ(answer(""), Action::refuse);
}

TEST(Document_Decide, ABlockedNameIsRefusedBothWaysWhateverItProves) {
    const Document d = document({rule("all", Action::allow)});
    CallContext c = from("sip:x@spam.example");
    EXPECT_EQ(decide(proven(Level::trusted_runtime), c, d).rule, Rule::blocked);
    c.direction = Direction::outgoing;
    EXPECT_EQ(decide(proven(Level::trusted_runtime), c, d).rule, Rule::blocked);
}

TEST(Document_Decide, LabelsAreKnownOrRefused) {
    DocumentRule restricted = rule("restricted", Action::allow);
    restricted.labels = 4;
    const Document d = document({restricted});
    EXPECT_EQ(decide(proven(Level::measured), from(kAlice, "restricted"), d).action, Action::allow);
    EXPECT_EQ(decide(proven(Level::measured), from(kAlice, "internal"), d), Decision{});
    EXPECT_EQ(decide(proven(Level::measured), from(kAlice), d), Decision{});  // the default label is "public"
    EXPECT_EQ(decide(proven(Level::measured), from(kAlice, "cosmic"), d).rule, Rule::label_unknown);
    EXPECT_EQ(decide(proven(Level::measured), from(kAlice, "Restricted"), d).rule, Rule::label_unknown);
}

TEST(Document_Decide, UnknownCallersAreRefusedSilentOrAsked) {
    Document d = document({rule("all", Action::allow)});
    const CallContext stranger = from("sip:x@elsewhere.example");
    d.unknown_callers = UnknownCallers::refuse;
    EXPECT_EQ(decide(proven(Level::measured), stranger, d).rule, Rule::unknown_caller_refused);
    EXPECT_EQ(decide(proven(Level::measured), from(kAlice), d).action, Action::allow);
    CallContext known = stranger, outgoing = stranger;
    known.known_person = true;
    outgoing.direction = Direction::outgoing;
    EXPECT_EQ(decide(proven(Level::measured), known, d).action, Action::allow);
    EXPECT_EQ(decide(proven(Level::measured), outgoing, d).action, Action::allow);
    d.unknown_callers = UnknownCallers::silent;
    EXPECT_TRUE(decide(proven(Level::measured), stranger, d).silent);
    EXPECT_FALSE(decide(proven(Level::measured), known, d).silent);
    d.unknown_callers = UnknownCallers::ask;
    EXPECT_FALSE(decide(proven(Level::measured), stranger, d).silent);
}

TEST(Document_Decide, ADowngradeIsRefusedOrTakesThePinAtBest) {
    Document d = document({rule("ordinary", Action::warn, Level::unverified)});
    CallContext c = from(kAlice);
    c.ordinary = c.known_to_attest = true;
    EXPECT_EQ(decide(proven(Level::unverified), c, d).rule, Rule::downgrade_is_refused);
    d.downgrade = Action::pin;
    EXPECT_EQ(decide(proven(Level::unverified), c, d),
              (Decision{.action = Action::pin, .rule = Rule::downgrade_takes_pin}));
    CallContext less = from(kAlice);
    less.downgrade = true;
    EXPECT_EQ(decide(proven(Level::measured), less, document({rule("all", Action::allow)})).rule,
              Rule::downgrade_is_refused);
}

TEST(Document_Decide, TimesAreThoseOfTheDocumentsOwnOffset) {
    DocumentRule office = rule("office", Action::allow);
    office.when = list<Window, 16>({{.days = 1, .from = 8 * 60, .until = 18 * 60}});
    Document d = document({office});
    const auto open = [&](uint64_t at) {
        CallContext c = from(kAlice);
        c.wall_ms = at;
        return decide(proven(Level::measured), c, d).action == Action::allow;
    };
    EXPECT_FALSE(open(kMonday + 8 * kHour - 1));
    EXPECT_TRUE(open(kMonday + 8 * kHour));
    EXPECT_TRUE(open(kMonday + 18 * kHour - 1));
    EXPECT_FALSE(open(kMonday + 18 * kHour));
    EXPECT_FALSE(open(kMonday + 32 * kHour));  // Tuesday
    d.utc_offset = kOffsetZero + 60;           // 08:00 there is 07:00 UTC
    EXPECT_TRUE(open(kMonday + 7 * kHour));
    EXPECT_FALSE(open(kMonday + 17 * kHour));
    d.utc_offset = 0;  // 14 hours behind: their Monday ends when it is Tuesday 14:00 UTC
    EXPECT_TRUE(open(kMonday + 22 * kHour));
    EXPECT_FALSE(open(kMonday + 10 * kHour));
}

TEST(Document_Decide, OldEvidenceIsNotTheEvidenceARuleAsksFor) {
    DocumentRule fresh = rule("fresh", Action::allow);
    fresh.oldest_s = 60;
    CallContext c = from(kAlice);
    c.evidence_age_ms = 60'000;
    EXPECT_EQ(decide(proven(Level::measured), c, document({fresh})).action, Action::allow);
    c.evidence_age_ms = 60'001;
    EXPECT_EQ(decide(proven(Level::measured), c, document({fresh})), Decision{});
}

TEST(Document_Decide, RequirementsOfALevelLeaveThePeerBelowIt) {
    Document d = document({rule("high", Action::allow, Level::trusted_boot), rule("low", Action::warn)});
    d.levels = list<Requirements, 4>({{}, {.facts = kHardwareTpm}, {.facts = kSecureBoot, .oldest_s = 10}, {}});
    auto all = proven(Level::trusted_runtime, {Reason::secure_boot_on});
    EXPECT_EQ(decide(all, from(kAlice), d).action, Action::allow);
    EXPECT_EQ(decide(proven(Level::trusted_runtime), from(kAlice), d).action, Action::warn);  // no Secure Boot: level 2
    CallContext late = from(kAlice);
    late.evidence_age_ms = 10'001;
    EXPECT_EQ(decide(all, late, d).action, Action::warn);
    all.software_tpm = true;  // level 1
    EXPECT_EQ(decide(all, from(kAlice), d).action, Action::warn);
    d.levels = list<Requirements, 4>({{.facts = kNoLab}, {}, {}, {}});
    all.lab = true;  // below level 1 inside a channel nothing is known: no rule is asked
    EXPECT_EQ(decide(all, from(kAlice), d).rule, Rule::below_minimum_refused);
}

TEST(Document_Decide, AnOrganisationMaySayWhoVouches) {
    DocumentRule corp = rule("corp", Action::allow);
    corp.groups = list<uint16_t, 16>({0});
    Document d = empty_document();
    Group strict = group("corp");
    strict.authority = BoundedString<128>("Example Corp");
    strict.verifiers = list<BoundedString<128>, 8>({BoundedString<128>("https://v.example")});
    d.groups = list<Group, kGroupsMax>({strict, group("board"), group("spam")});
    ASSERT_TRUE(d.rules.push(corp));
    CallContext c = from(kAlice);
    c.result_by = "https://v.example";
    EXPECT_EQ(decide(proven(Level::measured), c, d).action, Action::allow);
    c.result_by = {};
    EXPECT_EQ(Subject(proven(Level::measured), c, d).match(corp), Mismatch::verifier);
    c.authority = "Somebody Else";
    EXPECT_EQ(Subject(proven(Level::measured), c, d).match(corp), Mismatch::authority);
    EXPECT_EQ(decide(proven(Level::measured), c, d), Decision{});
}

TEST(Document_Decide, LessProofGetsNoMoreThanTheRuleThatAsksForMore) {
    const Document d = document({rule("strict", Action::pin, Level::trusted_boot), rule("loose", Action::allow)});
    EXPECT_EQ(decide(proven(Level::trusted_boot), from(kAlice), d), by_rule(Action::pin, 1, "strict"));
    EXPECT_EQ(decide(proven(Level::measured), from(kAlice), d),
              by_rule(Action::pin, 1, "strict", Rule::document_bound));
}

TEST(Document_Decide, ThePinLiftsNoReceiveOnly) {
    // Asked for by a downgrade, by a rule that asks for more, by the person's own policy.
    Document d = document({rule("listen", Action::receive_only)});
    d.downgrade = Action::pin;
    CallContext downgraded = from(kAlice);
    downgraded.downgrade = true;
    EXPECT_EQ(decide(proven(Level::measured), from(kAlice), d).action, Action::receive_only);
    EXPECT_EQ(decide(proven(Level::measured), downgraded, d).action, Action::pin);
    EXPECT_TRUE(decide(proven(Level::measured), downgraded, d).listen_only);

    const Document two =
        document({rule("best", Action::receive_only, Level::trusted_runtime), rule("rest", Action::pin)});
    EXPECT_TRUE(decide(proven(Level::measured), from(kAlice), two).listen_only);
    EXPECT_FALSE(decide(proven(Level::measured), from(kAlice), document({rule("rest", Action::pin)})).listen_only);

    Policy own;
    own.minimum = Level::trusted_runtime;
    own.below_minimum = Action::pin;
    const Document listens = document({rule("listen", Action::receive_only)});
    const Decision both = decide(proven(Level::measured), from(kAlice), Policies{.document = &listens, .own = &own});
    EXPECT_EQ(both.action, Action::pin);
    EXPECT_TRUE(both.listen_only);
}

TEST(Document_Decide, TheShorterIntervalCounts) {
    Policy own;
    own.recheck_seconds = 60;
    Document d = document({});
    d.rekey_seconds = 120;
    const Intervals both = intervals(Policies{.document = &d, .own = &own});
    EXPECT_EQ(both.recheck, 60);
    EXPECT_EQ(both.rekey, 120);
    EXPECT_EQ(intervals(Policies{.document = nullptr, .own = &own}).rekey, 3600);
}

TEST(Document_Decide, BothPoliciesApplyAndTheStricterOneWins) {
    const Document d = document({rule("all", Action::warn)});
    Policy wishes = no_wishes();
    EXPECT_EQ(decide(proven(Level::known_device), from(kAlice), {.document = &d, .own = &wishes}).action, Action::warn);
    wishes.minimum = Level::measured;
    wishes.below_minimum = Action::refuse;
    EXPECT_EQ(decide(proven(Level::known_device), from(kAlice), {.document = &d, .own = &wishes}).rule,
              Rule::below_minimum_refused);
    EXPECT_EQ(decide(proven(Level::measured), from(kAlice), {.document = &d, .own = &wishes}).action, Action::warn);
    wishes.on_worse = OnWorse::hold;
    EXPECT_EQ(decide(proven(Level::measured), from(kAlice), {.document = &d, .own = &wishes}).on_worse, OnWorse::hold);
    EXPECT_EQ(decide(proven(Level::measured), from(kAlice), {.own = &wishes}).action, Action::allow);
    EXPECT_EQ(decide(proven(Level::measured), from(kAlice), {.own = &wishes, .lost = true}).rule, Rule::policy_missing);
    EXPECT_EQ(decide(proven(Level::measured), from(kAlice, "cosmic"), {.own = &wishes}).rule, Rule::label_unknown);
}

// ---------------------------------------------------------------- properties, over random documents and calls

struct Dice {
    std::mt19937 random{20261121};
    uint32_t below(uint32_t n) { return static_cast<uint32_t>(random() % n); }
    bool one_in(uint32_t n) { return below(n) == 0; }
    Level level() { return static_cast<Level>(1 + below(5)); }
};

DocumentRule random_rule(Dice& dice) {
    DocumentRule r = rule("r", static_cast<Action>(dice.below(5)), dice.level());
    if (r.least == Level::unverified && r.answer == Action::allow) r.answer = Action::warn;
    r.toward = static_cast<Toward>(dice.below(3));
    if (dice.one_in(2)) r.groups = list<uint16_t, 16>({static_cast<uint16_t>(dice.below(2))});
    r.labels = static_cast<uint16_t>(1 + dice.below(7));
    if (dice.one_in(4)) r.when = list<Window, 16>({{.days = 127, .from = 0, .until = 720}});
    r.lab = dice.one_in(2);
    if (dice.one_in(4)) r.oldest_s = 60;
    r.on_worse = static_cast<OnWorse>(dice.below(3));
    return r;
}

Document random_document(Dice& dice) {
    Document d = empty_document();
    std::vector<Group> groups = d.groups.items();
    if (dice.one_in(2)) groups[0].authority = BoundedString<128>("Example Corp");
    if (dice.one_in(3)) CHECK(groups[1].verifiers.push(BoundedString<128>("")));
    d.groups = list<Group, kGroupsMax>(groups);
    std::vector<Requirements> levels(4);
    for (auto& l : levels) l = {.facts = dice.one_in(3) ? static_cast<uint16_t>(1 << dice.below(7)) : uint16_t{0}};
    d.levels = list<Requirements, 4>(levels);
    d.unknown_callers = static_cast<UnknownCallers>(dice.below(3));
    d.downgrade = static_cast<Action>(dice.below(2));
    for (uint32_t i = dice.below(6); i > 0; --i) CHECK(d.rules.push(random_rule(dice)));
    CHECK(check_document(d).has_value());
    return d;
}

struct Case {
    rats::AttestationResult result;
    CallContext context;
};

Case random_case(Dice& dice) {
    static constexpr const char* kPeers[] = {kAlice, "sip:bob@x.corp.example", "sip:x@spam.example", "sip:x@y.example"};
    static constexpr const char* kLabels[] = {"", "public", "internal", "restricted", "cosmic"};
    Case c{.result = proven(dice.level()), .context = from(kPeers[dice.below(4)], kLabels[dice.below(5)])};
    c.result.lab = dice.one_in(3);
    c.result.software_tpm = dice.one_in(3);
    for (Reason r :
         {Reason::secure_boot_on, Reason::boot_approved, Reason::measurement_approved, Reason::runtime_approved})
        if (!dice.one_in(4)) CHECK(c.result.reasons.push(r));
    c.context.direction = static_cast<Direction>(dice.below(2));
    if (dice.one_in(4)) c.context.result_by = "https://v.example";
    if (dice.one_in(4)) c.context.authority = "Somebody Else";
    c.context.evidence_age_ms = dice.one_in(3) ? 120'000 : 0;
    c.context.wall_ms = kMonday + dice.below(24) * kHour;
    c.context.downgrade = dice.one_in(8);
    c.context.known_person = dice.one_in(4);
    return c;
}

constexpr int kRounds = 20'000;

TEST(Document_Decide, XIsAlwaysRefused) {
    Dice dice;
    for (int i = 0; i < kRounds; ++i) {
        Case c = random_case(dice);
        c.result.level = Level::failed;
        EXPECT_EQ(decide(c.result, c.context, random_document(dice)),
                  (Decision{.action = Action::refuse, .rule = Rule::failed_is_refused}));
    }
}

TEST(Document_Decide, ALevelThatDoesNotExistIsRefused) {
    Dice dice;
    for (int i = 0; i < 1000; ++i) {
        Case c = random_case(dice);
        c.result.level = static_cast<Level>(6 + dice.below(250));
        EXPECT_EQ(decide(c.result, c.context, random_document(dice)).action, Action::refuse);
    }
}

/// Each way to have proven less: the answer never becomes more lenient.
/// What a decision comes to for somebody who enters the PIN whenever it is asked for.
Action with_the_pin(const Decision& d) {
    return d.action != Action::pin ? d.action : d.listen_only ? Action::receive_only : Action::warn;
}

TEST(Document_Decide, ProvingLessNeverGetsMore) {
    Dice dice;
    int stricter = 0;
    for (int i = 0; i < kRounds; ++i) {
        const Document d = random_document(dice);
        const Case c = random_case(dice);
        const Decision first = decide(c.result, c.context, d);
        const Action before = first.action;
        std::vector<Case> worse(7, c);
        if (worse[0].result.level > Level::unverified)
            worse[0].result.level = static_cast<Level>(static_cast<int>(worse[0].result.level) - 1);
        worse[1].result.lab = true;
        worse[2].result.software_tpm = true;
        worse[3].result.reasons = {};
        worse[4].context.evidence_age_ms += 120'000;
        worse[5].context.downgrade = true;
        worse[6].context.authority = "Somebody Else";
        if (c.context.authority == "Somebody Else") worse[6].context.authority = {};
        for (size_t w = 0; w < worse.size(); ++w) {
            if (w == 6 && c.context.authority != "Example Corp") continue;  // neither is the one that was asked for
            const Decision then = decide(worse[w].result, worse[w].context, d);
            const Action after = then.action;
            EXPECT_LE(after, before) << w;
            EXPECT_LE(with_the_pin(then), with_the_pin(first)) << w;
            if (after < before) ++stricter;
        }
    }
    EXPECT_GT(stricter, kRounds / 10);  // the property is about something
}

/// 420 to the INVITE, stripped headers, another phone of the same name: nothing is gained by not attesting at all.
TEST(Document_Decide, AnOrdinaryPhoneGetsNoMoreThanTheSameNameProven) {
    Dice dice;
    int let_through = 0;
    for (int i = 0; i < kRounds; ++i) {
        const Document d = random_document(dice);
        Case c = random_case(dice);
        if (c.result.level == Level::unverified) c.result.level = Level::known_device;
        const Subject subject(c.result, c.context, d);
        if (subject.level() == Level::unverified)
            continue;  // refused as not checked: stricter than ordinary, on purpose
        Case ordinary = c;
        ordinary.result = proven(Level::unverified, {Reason::not_supported});
        ordinary.context.ordinary = true;
        ordinary.context.authority = {};
        ordinary.context.result_by = {};
        const Decision got = decide(ordinary.result, ordinary.context, d);
        // Its verifier would be ourselves, and nobody certified it.
        Case best = c;
        best.context.authority = "Example Corp";
        EXPECT_LE(got.action, decide(best.result, best.context, d).action);
        EXPECT_LE(got.action, Action::warn);
        if (got.action != Action::refuse) ++let_through;
    }
    EXPECT_GT(let_through, 100);
}

TEST(Document_Decide, AddingARequirementNeverRaisesAnAnswer) {
    Dice dice;
    int stricter = 0;
    for (int i = 0; i < kRounds; ++i) {
        const Document d = random_document(dice);
        const Case c = random_case(dice);
        const Action before = decide(c.result, c.context, d).action;
        std::vector<Document> more(4, d);
        std::vector<Requirements> levels = d.levels.items();
        levels[dice.below(4)].facts |= static_cast<uint16_t>(1 << dice.below(7));
        more[0].levels = list<Requirements, 4>(levels);
        std::vector<DocumentRule> rules = d.rules.items();
        if (!rules.empty()) {
            DocumentRule& r = rules[dice.below(static_cast<uint32_t>(rules.size()))];
            r.least = std::max(r.least, dice.level());
            if (dice.one_in(2)) r.lab = false;
            if (dice.one_in(2)) r.oldest_s = 60;
        }
        more[1].rules = list<DocumentRule, kRulesMax>(rules);
        more[2].unknown_callers = UnknownCallers::refuse;
        more[3].downgrade = Action::refuse;
        for (size_t m = 0; m < more.size(); ++m) {
            const Action after = decide(c.result, c.context, more[m]).action;
            EXPECT_LE(after, before) << m;
            if (after < before) ++stricter;
        }
    }
    EXPECT_GT(stricter, kRounds / 50);
}

TEST(Document_Decide, TakingAwayTheRuleThatAnsweredNeverRefusesInSilence) {
    // Every answer but "no" names a rule of the document, by number and name.
    Dice dice;
    for (int i = 0; i < kRounds; ++i) {
        const Document d = random_document(dice);
        const Case c = random_case(dice);
        const Decision got = decide(c.result, c.context, d);
        if (got.action == Action::refuse || got.rule == Rule::downgrade_takes_pin) continue;
        ASSERT_GE(got.number, 1);
        ASSERT_LE(got.number, d.rules.size());
        EXPECT_EQ(got.name, d.rules.items()[got.number - 1].name);
        EXPECT_EQ(got.action, d.rules.items()[got.number - 1].answer);
    }
}

}  // namespace
}  // namespace sealcall::policy
