#include "host/sip/message.h"

#include <gtest/gtest.h>

namespace sealcall::host {
namespace {

struct Parsed {
    ReRef<mbuf> buffer;
    ReRef<sip_msg> msg;
};

Parsed parse(const std::string& s) {
    Parsed p;
    p.buffer = ReRef<mbuf>(mbuf_alloc(s.size()));
    (void)mbuf_write_mem(p.buffer.get(), reinterpret_cast<const uint8_t*>(s.data()), s.size());
    mbuf_set_pos(p.buffer.get(), 0);
    (void)sip_msg_decode(p.msg.out(), p.buffer.get());
    return p;
}

std::string request(const std::string& extra = "", const std::string& body = "") {
    return "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bKabc\r\n"
           "Max-Forwards: 70\r\nTo: <sip:bob@example.com>\r\nFrom: \"A \\\"x\\\" B\" <sip:al@example.com>;tag=1\r\n"
           "Call-ID: 1@x\r\nCSeq: 7 INVITE\r\n" +
           extra + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string replaced(std::string s, const std::string& from, const std::string& to) {
    const size_t at = s.find(from);
    EXPECT_NE(at, s.npos) << from;
    return s.replace(at, from.size(), to);
}

bool accepted(const std::string& s) {
    auto p = parse(s);
    return p.msg && check_message(*p.msg.get()).has_value();
}

TEST(Message, AcceptsAProperRequest) { EXPECT_TRUE(accepted(request())); }

TEST(Message, RefusesWhatTheLenientParserTakes) {
    const std::string good = request();
    EXPECT_FALSE(accepted(replaced(good, "Call-ID: 1@x\r\n", "")));
    EXPECT_FALSE(accepted(replaced(good, "Call-ID: 1@x\r\n", "Call-ID: 1\r\nCall-ID: 2\r\n")));
    EXPECT_FALSE(accepted(replaced(good, ";tag=1", "")));
    EXPECT_FALSE(accepted(replaced(good, "CSeq: 7 INVITE", "CSeq: 7 OPTIONS")));  // RFC 4475 mismatch01
    EXPECT_FALSE(accepted(replaced(good, "CSeq: 7 ", "CSeq: 2147483648 ")));      // RFC 4475 scalar02
    EXPECT_FALSE(accepted(replaced(good, "Max-Forwards: 70", "Max-Forwards: 300")));
    EXPECT_FALSE(accepted(replaced(good, "Max-Forwards: 70", "Max-Forwards: -1")));
    EXPECT_FALSE(accepted(replaced(good, "branch=z9hG4bKabc", "branch=abc")));
    EXPECT_FALSE(accepted(replaced(good, "Content-Length: 0", "Content-Length: 5")));  // RFC 4475 clerr
    EXPECT_FALSE(accepted(replaced(good, "Content-Length: 0", "Content-Length: -5")));
    EXPECT_FALSE(accepted(replaced(good, "Content-Length: 0\r\n", "")));
    EXPECT_FALSE(accepted(replaced(good, "INVITE sip:", "INVITE http:")));
    EXPECT_FALSE(accepted(replaced(good, "Via: SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bKabc\r\n", "")));
    EXPECT_FALSE(accepted(replaced(good, "Call-ID: 1@x", "Call-ID: " + std::string(300, 'x'))));
    EXPECT_FALSE(accepted(replaced(good, "Call-ID: 1@x", "Call-ID: 1\x01x")));
}

TEST(Message, RefusesTooManyHeaders) {
    std::string extra;
    for (int i = 0; i < 120; ++i) extra += "X-H" + std::to_string(i) + ": y\r\n";
    EXPECT_FALSE(accepted(request(extra)));
}

TEST(Message, FindsOptionTagsInAllHeadersAndBothForms) {
    auto p = parse(request("Require: sealcall-attest, 100rel\r\nRequire: Foo\r\nk: timer\r\nSupported: Path\r\n"));
    ASSERT_TRUE(p.msg);
    EXPECT_TRUE(has_token(*p.msg.get(), "Require", kAttestTag));
    EXPECT_TRUE(has_token(*p.msg.get(), "Supported", "timer"));
    EXPECT_TRUE(has_token(*p.msg.get(), "Supported", "path"));
    EXPECT_EQ(unknown_required(*p.msg.get()), std::vector<std::string>{"foo"});
}

TEST(Message, ReadsRack) {
    auto good = parse(request("RAck: 776656 1 INVITE\r\n"));
    auto r = parse_rack(*good.msg.get());
    ASSERT_TRUE(r.has_value());
    EXPECT_EQ(r->rseq, 776656u);
    EXPECT_EQ(r->cseq, 1u);
    for (const char* bad : {"", "1", "1 2", "1 2 ACK", "x 2 INVITE", "1 x INVITE", "99999999999 1 INVITE"})
        EXPECT_FALSE(parse_rack(*parse(request(std::string("RAck: ") + bad + "\r\n")).msg.get()).has_value()) << bad;
}

TEST(Message, TakesOneSdpBodyOnly) {
    auto sdp = parse(request("Content-Type: application/sdp\r\n", "v=0\r\n"));
    EXPECT_EQ(sdp_body(*sdp.msg.get())->size(), 5u);
    EXPECT_TRUE(sdp_body(*parse(request()).msg.get())->empty());
    EXPECT_FALSE(
        sdp_body(*parse(request("Content-Type: multipart/mixed;boundary=x\r\n", "--x")).msg.get()).has_value());
    EXPECT_FALSE(sdp_body(*parse(request("", "v=0")).msg.get()).has_value());
}

TEST(Message, ReadsSessionExpires) {
    auto a = parse_session_expires("1800;refresher=uac");
    ASSERT_TRUE(a.has_value());
    EXPECT_EQ(a->seconds, 1800u);
    EXPECT_TRUE(a->refresher_uac);
    EXPECT_FALSE(parse_session_expires("90")->refresher_given);
    EXPECT_FALSE(parse_session_expires("x").has_value());
    EXPECT_FALSE(parse_session_expires("").has_value());
    EXPECT_FALSE(parse_session_expires("4294967296").has_value());
}

TEST(Message, DisplayNameLosesQuotesAndEscapes) {
    EXPECT_EQ(display_name(*parse(request()).msg.get()).find('"'), 2u);  // the escaped one stays
    EXPECT_EQ(display_name(*parse(request()).msg.get()), "A \"x\" B");
}

}  // namespace
}  // namespace sealcall::host
