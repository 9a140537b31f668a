// The one form that a document has, and what is refused of it.
#include "policy/document.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "tests/unit/policy/documents.h"

namespace sealcall::policy {
namespace {

using namespace test;
using rats::Level;

Document full() {
    DocumentRule r = rule("board", Action::pin, Level::trusted_boot);
    r.toward = Toward::outgoing;
    r.groups = list<uint16_t, 16>({0, 1});
    r.labels = 4;
    r.when = list<Window, 16>({{.days = 31, .from = 480, .until = 1080}});
    r.oldest_s = 600;
    r.on_worse = OnWorse::end;
    Document d = document({r, rule("rest", Action::warn, Level::unverified)});
    d.per_caller = {.calls = 6, .seconds = 60};
    d.per_organisation = {.calls = 60, .seconds = kLimitSecondsMax};
    d.levels = list<Requirements, 4>({{}, {}, {.facts = kHardwareTpm | kSecureBoot, .oldest_s = 600}, {}});
    return d;
}

TEST(Document, ComesBackAsItWasWritten) {
    for (const Document& d : {full(), empty_document(), document({})}) {
        const Bytes bytes = ipc::encode(d);
        auto read = read_document(bytes);
        ASSERT_TRUE(read) << read.error().what;
        EXPECT_EQ(*read, d);
        EXPECT_EQ(ipc::encode(*read), bytes);
    }
}

TEST(Document, IsRefusedWhenItIsCutOffOrGoesOn) {
    Bytes bytes = ipc::encode(full());
    for (size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(read_document(ByteSpan(bytes).first(n))) << n;
    bytes.push_back(std::byte{0});  // a field that this phone does not know
    EXPECT_EQ(read_document(bytes).error().code, Errc::trailing_bytes);
}

TEST(Document, IsRefusedWhenItIsTooLarge) {
    const Bytes bytes(rats::kPolicyMax + 1);
    EXPECT_EQ(read_document(bytes).error().code, Errc::too_large);
}

TEST(Document, EveryChangedByteGivesAnotherDocumentOrNone) {
    const Document d = full();
    const Bytes bytes = ipc::encode(d);
    std::mt19937 random(20261121);
    for (size_t i = 0; i < bytes.size(); ++i) {
        Bytes changed = bytes;
        changed[i] ^= static_cast<std::byte>(1 + random() % 255);
        auto read = read_document(changed);
        if (!read) continue;
        EXPECT_NE(*read, d) << i;
        EXPECT_EQ(ipc::encode(*read), changed) << i;
    }
}

TEST(Document, SaysThatAnotherFormatIsAnother) {
    Bytes bytes = ipc::encode(document({}));
    bytes[0] = std::byte{kPolicyFormat - 1};
    bytes.resize(bytes.size() - 2);  // and its fields are others
    const auto read = read_document(bytes);
    EXPECT_EQ(read.error().code, Errc::bad_value);
    EXPECT_EQ(std::string_view(read.error().what), "format of the policy");
}

Document with_rule(const std::function<void(DocumentRule&)>& change) {
    DocumentRule r = rule("r", Action::warn);
    change(r);
    return document({r});
}

TEST(Document, RefusesItsWritersMistakes) {
    const std::vector<std::pair<const char*, std::function<void(Document&)>>> mistakes{
        {"format", [](Document& d) { d.format = kPolicyFormat + 1; }},
        {"no name", [](Document& d) { d.name = {}; }},
        {"three levels",
         [](Document& d) {
             d.levels = list<Requirements, 4>({{}, {}, {}});
         }},
        {"unknown fact",
         [](Document& d) {
             d.levels = list<Requirements, 4>({{.facts = 1 << 7}, {}, {}, {}});
         }},
        {"no labels", [](Document& d) { d.labels = {}; }},
        {"default beyond the labels", [](Document& d) { d.default_label = 3; }},
        {"label twice", [](Document& d) { (void)d.labels.push(BoundedString<64>("public")); }},
        {"capital label", [](Document& d) { (void)d.labels.push(BoundedString<64>("Secret")); }},
        {"escape in label", [](Document& d) { (void)d.labels.push(BoundedString<64>("\x1b[2J")); }},
        {"names out of order", [](Document& d) { (void)d.names.push(name("a.example", {0})); }},
        {"a name twice", [](Document& d) { (void)d.names.push(name("spam.example", {0})); }},
        {"name without groups", [](Document& d) { (void)d.names.push(name("z.example", {})); }},
        {"name of no group", [](Document& d) { (void)d.names.push(name("z.example", {3})); }},
        {"name's groups out of order",
         [](Document& d) {
             (void)d.names.push(name("z.example", {1, 0}));
         }},
        {"capital host", [](Document& d) { (void)d.names.push(name("sip:z@Z.example", {0})); }},
        {"name with port", [](Document& d) { (void)d.names.push(name("sip:z@z.example:5061", {0})); }},
        {"name with parameters", [](Document& d) { (void)d.names.push(name("z.example;transport=tls", {0})); }},
        {"person without scheme", [](Document& d) { (void)d.names.push(name("z@z.example", {0})); }},
        {"block list of no group", [](Document& d) { d.blocked = list<uint16_t, 16>({3}); }},
        {"downgrade that warns", [](Document& d) { d.downgrade = Action::warn; }},
        {"limit without time", [](Document& d) { d.per_caller = {.calls = 1, .seconds = 0}; }},
        {"limit without number", [](Document& d) { d.per_origin = {.calls = 0, .seconds = 1}; }},
        {"limit of years", [](Document& d) { d.per_organisation = {.calls = 1, .seconds = kLimitSecondsMax + 1}; }},
        {"offset of a day", [](Document& d) { d.utc_offset = 2 * kOffsetZero + 1; }},
        {"new keys each second", [](Document& d) { d.rekey_seconds = kRekeySecondsMin - 1; }},
        {"new keys never", [](Document& d) { d.rekey_seconds = kRekeySecondsMax + 1; }},
        {"records of a century and a day", [](Document& d) { d.keep_days = kKeepDaysMax + 1; }},
        {"recheck each second", [](Document& d) { d.recheck_seconds = 29; }},
        {"recheck never", [](Document& d) { d.recheck_seconds = kRecheckSecondsMax + 1; }},
        {"rule without name", [](Document& d) { d = with_rule([](auto& r) { r.name = {}; }); }},
        {"rule of no group", [](Document& d) { d = with_rule([](auto& r) { r.groups = list<uint16_t, 16>({3}); }); }},
        {"rule's groups twice",
         [](Document& d) { d = with_rule([](auto& r) {
                               r.groups = list<uint16_t, 16>({1, 1});
                           }); }},
        {"rule without labels", [](Document& d) { d = with_rule([](auto& r) { r.labels = 0; }); }},
        {"rule of no label", [](Document& d) { d = with_rule([](auto& r) { r.labels = 8; }); }},
        {"rule for X", [](Document& d) { d = with_rule([](auto& r) { r.least = Level::failed; }); }},
        {"ordinary phones in silence",
         [](Document& d) {
             d = with_rule([](auto& r) {
                 r.least = Level::unverified;
                 r.answer = Action::allow;
             });
         }},
        {"no day", [](Document& d) { d = with_rule([](auto& r) {
                                         r.when = list<Window, 16>({{0, 0, 60}});
                                     }); }},
        {"eighth day", [](Document& d) { d = with_rule([](auto& r) {
                                             r.when = list<Window, 16>({{128, 0, 60}});
                                         }); }},
        {"time that ends first",
         [](Document& d) { d = with_rule([](auto& r) {
                               r.when = list<Window, 16>({{1, 60, 60}});
                           }); }},
        {"beyond midnight",
         [](Document& d) { d = with_rule([](auto& r) {
                               r.when = list<Window, 16>({{1, 60, kDayMinutes + 1}});
                           }); }},
    };
    for (const auto& [what, change] : mistakes) {
        Document d = full();
        change(d);
        EXPECT_FALSE(read_document(ipc::encode(d))) << what;
    }
}

TEST(Document, TheLargestOneFitsItsLimit) {
    // Not all lists can be full of the longest names at once; a thousand rules with groups of their own can.
    Document d = empty_document();
    DocumentRule r = rule("a rule with a name of middling length", Action::warn);
    r.groups = list<uint16_t, 16>({0, 1, 2});
    r.when = list<Window, 16>({{31, 480, 1080}, {96, 600, 720}});
    for (size_t i = 0; i < kRulesMax; ++i) ASSERT_TRUE(d.rules.push(r));
    const Bytes bytes = ipc::encode(d);
    EXPECT_LT(bytes.size(), rats::kPolicyMax / 2);
    EXPECT_TRUE(read_document(bytes));
}

}  // namespace
}  // namespace sealcall::policy
