// Contacts in and out of vCard, and the history as CSV.
#include "vcard.h"

#include <gtest/gtest.h>

#include "commands.h"
#include "history_table.h"

namespace sealcall::cli {
namespace {

Vcards read(std::string_view text) {
    auto cards = parse_vcards(text);
    EXPECT_TRUE(cards) << cards.error().what;
    return cards ? *cards : Vcards{};
}

std::string card(std::string_view lines) {
    return "BEGIN:VCARD\r\nVERSION:4.0\r\n" + std::string(lines) + "END:VCARD\r\n";
}

TEST(Vcard, TakesNameAddressAndNote) {
    const auto cards = read(card("FN:Alice Liddell\r\nIMPP:sip:alice@example.com\r\nNOTE:knows the cat\r\n"));
    ASSERT_EQ(cards.contacts.size(), 1u);
    EXPECT_EQ(cards.contacts[0].name, "Alice Liddell");
    EXPECT_EQ(cards.contacts[0].uri, "sip:alice@example.com");
    EXPECT_EQ(cards.contacts[0].note, "knows the cat");
}

TEST(Vcard, ReadsGroupsParametersFoldedLinesAndEscapes) {
    const auto cards = read(
        "begin:vcard\nversion:3.0\nN:Liddell;Alice;;;\nitem1.impp;TYPE=work;X=\"a:b;c\":sip:alice@exam\n "
        "ple.com;transport=tls\n"
        "NOTE:a\\, b\\nc\nEND:VCARD\n");
    ASSERT_EQ(cards.contacts.size(), 1u);
    EXPECT_EQ(cards.contacts[0].name, "Alice Liddell");
    EXPECT_EQ(cards.contacts[0].uri, "sip:alice@example.com");
    EXPECT_EQ(cards.contacts[0].note, "a, b\nc");
}

TEST(Vcard, FindsAddressesWhereAddressBooksPutThem) {
    const auto cards =
        read(card("FN:Bob\r\nTEL;VALUE=uri:SIP:bob@a.test\r\nX-SIP:bob@b.test\r\nURL:sips:bob@c.test\r\n"
                  "TEL:+49 30 1234\r\nIMPP:xmpp:bob@d.test\r\n"));
    std::vector<std::string> found;
    for (const auto& c : cards.contacts) found.push_back(c.uri);
    EXPECT_EQ(found, (std::vector<std::string>{"sip:bob@a.test", "sip:bob@b.test", "sip:bob@c.test"}));
}

TEST(Vcard, CountsCardsWithoutAnAddress) {
    const auto cards = read(card("FN:Nobody\r\nTEL:1\r\n") + card("FN:Bob\r\nIMPP:sip:bob@a.test\r\n"));
    EXPECT_EQ(cards.cards, 2u);
    EXPECT_EQ(cards.without_address, 1u);
    EXPECT_EQ(cards.contacts.size(), 1u);
}

TEST(Vcard, TakesNothingThatATerminalOrAHeaderWouldObey) {
    const auto cards =
        read(card("FN:\x1b[2Jevil\x07\r\nIMPP:sip:a b@c.test\r\nIMPP:sip:x@\"y\r\nIMPP:sip:ok@c.test\r\n"));
    ASSERT_EQ(cards.contacts.size(), 1u);
    EXPECT_EQ(cards.contacts[0].name, " [2Jevil ");
    EXPECT_EQ(cards.contacts[0].uri, "sip:ok@c.test");
}

TEST(Vcard, CutsWhatIsTooLongBetweenCharacters) {
    std::string name(127, 'n');
    name += "\xc3\xa4\xc3\xb6";
    const auto cards = read(card("FN:" + name + "\r\nIMPP:sip:a@b.test\r\n"));
    EXPECT_EQ(cards.cut, 1u);
    EXPECT_EQ(cards.contacts[0].name, std::string(127, 'n'));
}

TEST(Vcard, CountsWhatTheVaultCutsToo) {
    // Short enough, but twice as long as JSON.
    const auto cards = read(card("FN:" + std::string(120, '"') + "\r\nNOTE:" + std::string(250, '\\') +
                                 std::string(250, '\\') + "\r\nIMPP:sip:a@b.test\r\n"));
    ASSERT_EQ(cards.contacts.size(), 1u);
    EXPECT_EQ(cards.contacts[0].note.size(), 250u);
    EXPECT_LT(contact_of(item_of(cards.contacts[0])).note.size(), 250u);
    EXPECT_EQ(cards.cut, 1u);
}

TEST(Vcard, RefusesWhatItWouldReadWrongly) {
    const auto old = parse_vcards("BEGIN:VCARD\r\nversion:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=C3=84\r\n");
    EXPECT_EQ(old.error().code, Errc::unavailable);
    EXPECT_EQ(old.error().detail, 2u);
}

TEST(Vcard, SaysHowManyCardsThereAre) {
    std::string text;
    for (size_t i = 0; i < kVcardsMax + 3; ++i) text += card("FN:x\r\n");
    const auto many = parse_vcards(text);
    EXPECT_EQ(many.error().code, Errc::too_large);
    EXPECT_EQ(many.error().what, kTooManyCards);
    EXPECT_EQ(many.error().detail, kVcardsMax + 3);
}

TEST(Vcard, TakesAddressesInAsciiOnly) {
    EXPECT_EQ(read(card("IMPP:sip:b\u202Eob@a.test\r\nIMPP:sip:b\u00f6b@a.test\r\n")).without_address, 1u);
}

TEST(Vcard, TakesNoCharacterThatNoAddressHas) {
    // Written as a URI, which knows no escapes, a backslash would come back as less (found by vcard_fuzz).
    for (const char* address : {R"(a\\b@c.test)", R"(bob@a.tes\\\\t)", "a@b@c.test", "a@b.test/x", "a{b@c.test"})
        EXPECT_EQ(read(card("X-SIP:" + std::string(address) + "\r\n")).without_address, 1u) << address;
    EXPECT_EQ(read(card("X-SIP:+49(30)12.3~4_x@[2001:db8::1]:5061\r\n")).contacts.size(), 1u);
}

TEST(Vcard, RefusesWhatIsNone) {
    EXPECT_EQ(parse_vcards("").error().code, Errc::bad_value);
    EXPECT_EQ(parse_vcards("hello\n").error().code, Errc::bad_value);
    EXPECT_EQ(parse_vcards("BEGIN:VCARD\nFN:x\n").error().code, Errc::truncated);
    EXPECT_EQ(parse_vcards("BEGIN:VCARD\nBEGIN:VCARD\nEND:VCARD\n").error().detail, 1u);
    EXPECT_EQ(parse_vcards(std::string(kVcardMax + 1, 'x')).error().code, Errc::too_large);
}

TEST(Vcard, WhatIsWrittenIsReadTheSame) {
    std::vector<Contact> contacts;
    contacts.push_back({.name = "A; B, C\\ \xe2\x82\xac" + std::string(100, 'x'),
                        .uri = "sip:a@b.test",
                        .note = "line\n" + std::string(200, 'y')});
    const std::string text = write_vcards(contacts);
    EXPECT_EQ(read(text).contacts, contacts);
    size_t from = 0;
    for (size_t end = text.find("\r\n"); end != std::string::npos; from = end + 2, end = text.find("\r\n", from))
        EXPECT_LE(end - from, 75u);
}

TEST(VaultItems, GiveAContactBackAsItWas) {
    const Contact bob{.name = "B\"b \xe2\x82\xac", .uri = "sip:bob@example.com", .note = "two\nlines"};
    EXPECT_EQ(contact_of(item_of(bob)), bob);
}

TEST(VaultItems, CutWhatDoesNotFit) {
    const Contact long_one{
        .name = std::string(kNameMax, '"'), .uri = "sip:a@b.test", .note = std::string(kNoteMax, '\x01')};
    const Contact back = contact_of(item_of(long_one));
    EXPECT_EQ(back.name, long_one.name);
    EXPECT_LT(back.note.size(), kNoteMax);
    EXPECT_TRUE(long_one.note.starts_with(back.note));
}

TEST(VaultItems, OfAnybodyElseAreEmptyAndNotTrusted) {
    for (const char* body : {"", "rubbish", "[]", "{\"name\":7,\"began_ms\":-1,\"lab\":\"yes\"}"}) {
        const ipc::VaultItem item{.name = BoundedString<256>("sip:a@b.test"),
                                  .body = BoundedBytes<576>(as_bytes(body))};
        EXPECT_EQ(contact_of(item), (Contact{.name = "", .uri = "sip:a@b.test", .note = ""}));
        EXPECT_EQ(call_of(item).began_ms, 0u);
        EXPECT_FALSE(call_of(item).lab);
    }
}

TEST(HistoryCsv, MakesNoFormulaOfOtherPeoplesWords) {
    for (const char* evil : {"=HYPERLINK(\"x\")", "+1", "-1", "@SUM(A1)", "\t=1"}) {
        const std::string field = csv_field(evil);
        EXPECT_EQ(field.substr(0, 2), "\"'") << field;
        EXPECT_EQ(field.back(), '"');
    }
    EXPECT_EQ(csv_field("a\"b\r\nc"), "\"a\"\"b  c\"");
    EXPECT_EQ(csv_field("sip:a@b;=cmd|x"), "\"sip:a@b;'=cmd|x\"") << "where ; separates fields";
    EXPECT_EQ(csv_field("a; \"@x"), "\"a;' \"\"@x\"");
    EXPECT_EQ(csv_field("sip:a@b;transport=tls"), "\"sip:a@b;transport=tls\"");
    PastCall call;
    call.peer = "=cmd|' /C calc'!A0";
    call.label = "a,b";
    const std::string csv = history_csv({call});
    EXPECT_NE(csv.find(",\"'=cmd|"), std::string::npos) << csv;
    EXPECT_NE(csv.find(",\"a,b\","), std::string::npos);
    EXPECT_EQ(std::ranges::count(csv, '\n'), 2);
}

TEST(HistoryJson, HasStableNames) {
    const auto json = history_json({PastCall{}});
    for (const char* key : {"began_ms", "talked_s", "direction", "peer", "name_proven", "ordinary", "level", "lab",
                            "label", "reason", "ended"})
        EXPECT_TRUE(json["calls"][0].contains(key)) << key;
}

TEST(HistoryText, SetsApartWhatNobodyProved) {
    PastCall call;
    call.peer = "sip:x@evil.test\" proven";
    call.incoming = true;
    call.ordinary = true;
    EXPECT_NE(history_text({call}).find("says: \"sip:x@evil.test' proven\""), std::string::npos)
        << history_text({call});
    call.incoming = false;
    EXPECT_NE(history_text({call}).find("(as dialled)"), std::string::npos);
    call.name_proven = true;
    EXPECT_EQ(history_text({call}).find("as dialled"), std::string::npos);
}

TEST(HistoryText, GivesNoLevelToACallThatCameToNothing) {
    PastCall call;
    call.peer = "sip:bob@example.com";
    EXPECT_NE(history_text({call}).find("[-]"), std::string::npos) << history_text({call});
    call.ordinary = true;
    EXPECT_NE(history_text({call}).find("[0]"), std::string::npos);
    call.ordinary = false;
    call.name_proven = true;
    EXPECT_NE(history_text({call}).find("[0]"), std::string::npos);
}

TEST(Printable, LetsNothingThroughThatATerminalObeys) {
    EXPECT_EQ(printable("a\x1b[2Jb\x7f"), "a?[2Jb?");
    EXPECT_EQ(printable("a\xc2\x9b"
                        "31m"),
              "a?31m")
        << "C1";
    EXPECT_EQ(printable("a\u202Eb\u200Bc\u2066d\uFEFF"), "a?b?c?d?");
    EXPECT_EQ(printable("\xff\xc3"), "??");
    EXPECT_EQ(printable("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
    EXPECT_EQ(printable("ab\xc3\xbc"
                        "cd",
                        3),
              "ab\xc3\xbc...");
}

}  // namespace
}  // namespace sealcall::cli
