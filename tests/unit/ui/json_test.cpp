// The control socket's lines: what is JSON-RPC is read, everything else is refused, and what we write another parser
// reads.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "host/ui/json_events.h"
#include "host/ui/json_read.h"
#include "host/ui/json_write.h"

namespace sealcall::ui {
namespace {

using Json = nlohmann::json;

TEST(RpcRequest, ReadsWhatPeopleSend) {
    auto r = parse_rpc_request(
        R"( {"jsonrpc":"2.0", "id": 7, "method":"call","params":{"uri":"sip:a@b","label":"\u00e9\ud83d\ude00\n"}} )");
    ASSERT_TRUE(r);
    EXPECT_EQ(r->method, "call");
    EXPECT_EQ(encode_rpc_scalar(*r->id), "7");
    ASSERT_NE(r->param("uri"), nullptr);
    EXPECT_EQ(r->param("uri")->string, "sip:a@b");
    EXPECT_EQ(r->param("label")->string, "\u00e9\U0001F600\n");
    EXPECT_EQ(r->param("other"), nullptr);
    r = parse_rpc_request(
        R"({"method":"answer","params":{"call":-3,"microphone":false,"x":null,"y":true},"jsonrpc":"2.0"})");
    ASSERT_TRUE(r);
    EXPECT_FALSE(r->id);
    EXPECT_TRUE(r->param("call")->negative);
    EXPECT_EQ(r->param("call")->number, 3u);
    EXPECT_EQ(r->param("microphone")->kind, RpcScalar::Kind::boolean);
    EXPECT_FALSE(r->param("microphone")->boolean);
    EXPECT_TRUE(r->param("y")->boolean);
    EXPECT_EQ(r->param("x")->kind, RpcScalar::Kind::null);
    EXPECT_TRUE(parse_rpc_request(R"({"jsonrpc":"2.0","method":"status","id":null,"params":{}})"));
}

TEST(RpcRequest, RefusesWhatIsNotJson) {
    for (const char* s : {"",
                          " ",
                          "x",
                          "{",
                          "{}x",
                          R"({"jsonrpc":"2.0","method":"a"}})",
                          R"({"jsonrpc":"2.0","method":"a",})",
                          R"({"jsonrpc":"2.0" "method":"a"})",
                          R"({jsonrpc:"2.0"})",
                          R"({"jsonrpc":"2.0","method":"a)",
                          R"({"jsonrpc":"2.0","method":"a","id":01})",
                          R"({"jsonrpc":"2.0","method":"a","id":-})",
                          R"({"jsonrpc":"2.0","method":"a","id":-0})",
                          R"({"jsonrpc":"2.0","method":"a","id":tru})",
                          R"({"jsonrpc":"2.0","method":"\x"})",
                          R"({"jsonrpc":"2.0","method":"\u12"})",
                          R"({"jsonrpc":"2.0","method":"\ud800"})",
                          R"({"jsonrpc":"2.0","method":"\udc00\ud800"})",
                          R"({"jsonrpc":"2.0","method":"\u0000"})",
                          "{\"jsonrpc\":\"2.0\",\"method\":\"a\tb\"}",
                          "{\"jsonrpc\":\"2.0\",\"method\":\"\xC0\xAF\"}",
                          "{\"jsonrpc\":\"2.0\",\"method\":\"\xFF\"}"}) {
        auto r = parse_rpc_request(s);
        ASSERT_FALSE(r) << s;
        EXPECT_TRUE(r.error().code == Errc::not_canonical || r.error().code == Errc::truncated) << s;
    }
}

TEST(RpcRequest, RefusesWhatIsNoRequestOfOurs) {
    for (const char* s :
         {"{}", "[]", R"({"jsonrpc":"1.0","method":"a"})", R"({"jsonrpc":2.0,"method":"a"})", R"({"method":"a"})",
          R"({"jsonrpc":"2.0"})", R"({"jsonrpc":"2.0","method":1})", R"({"jsonrpc":"2.0","method":"a","id":true})",
          R"({"jsonrpc":"2.0","method":"a","id":{}})", R"({"jsonrpc":"2.0","method":"a","id":1.5})",
          R"({"jsonrpc":"2.0","method":"a","params":[1]})", R"({"jsonrpc":"2.0","method":"a","params":{"x":{}}})",
          R"({"jsonrpc":"2.0","method":"a","params":{"x":1,"x":1}})", R"({"jsonrpc":"2.0","method":"a","method":"a"})",
          R"({"jsonrpc":"2.0","method":"a","id":1,"id":1})", R"({"jsonrpc":"2.0","method":"a","more":1})"}) {
        auto r = parse_rpc_request(s);
        ASSERT_FALSE(r) << s;
        EXPECT_EQ(r.error().code, Errc::bad_value) << s;
    }
}

TEST(RpcRequest, HoldsItsBounds) {
    const auto with = [](const std::string& member) { return R"({"jsonrpc":"2.0","method":"a",)" + member + "}"; };
    EXPECT_EQ(parse_rpc_request(std::string(kRpcLineMax + 1, ' ')).error().code, Errc::too_large);
    EXPECT_TRUE(parse_rpc_request(with("\"id\":9007199254740991")));
    EXPECT_EQ(parse_rpc_request(with("\"id\":9007199254740992")).error().code, Errc::too_large);
    EXPECT_EQ(parse_rpc_request(with("\"id\":99999999999999999999999999")).error().code, Errc::too_large);
    EXPECT_TRUE(parse_rpc_request(with("\"id\":\"" + std::string(64, 'x') + "\"")));
    EXPECT_EQ(parse_rpc_request(with("\"id\":\"" + std::string(65, 'x') + "\"")).error().code, Errc::too_large);
    std::string params;
    for (int i = 0; i < 9; ++i) params += (i != 0 ? ",\"p" : "\"p") + std::to_string(i) + "\":1";
    EXPECT_EQ(parse_rpc_request(with("\"params\":{" + params + "}")).error().code, Errc::too_large);
    EXPECT_FALSE(parse_rpc_request(std::string(8000, '['))) << "depth costs nothing";
    EXPECT_FALSE(parse_rpc_request(with("\"params\":" + std::string(4000, '{'))));
}

TEST(RpcRequest, EveryTruncationIsAnErrorAndDamageNeverCrashes) {
    const std::string good =
        R"({"jsonrpc":"2.0","id":"x\u00e9","method":"call","params":{"uri":"sip:a@b","on":true,"n":-12}})";
    ASSERT_TRUE(parse_rpc_request(good));
    for (size_t n = 0; n < good.size(); ++n) EXPECT_FALSE(parse_rpc_request(good.substr(0, n))) << n;
    std::mt19937 r(3);
    for (int i = 0; i < 20000; ++i) {
        std::string s = good;
        for (size_t k = 1 + r() % 3; k-- > 0;)
            s[r() % s.size()] = static_cast<char>(r() % 3 ? "{}[]\",:\\u0e9"[r() % 12] : r());
        auto ours = parse_rpc_request(s);
        if (!ours) continue;
        EXPECT_TRUE(Json::accept(s)) << "we took what is not JSON: " << s;
        auto again = parse_rpc_request(encode_rpc_request(*ours));
        ASSERT_TRUE(again) << s;
        EXPECT_EQ(*again, *ours);
    }
}

TEST(JsonWrite, AnotherParserReadsItAndATerminalSurvivesIt) {
    const std::string nasty = "a\"\\\n\x1b[2J\x7f\xC2\x9B\u202E\xFF\u00e9\U0001F600";
    const std::string out = JsonObject().text("k", nasty).number("n", UINT64_MAX).flag("f", true).null("z").take();
    for (unsigned char c : out) EXPECT_TRUE(c >= 0x20 && c != 0x7F);
    const Json j = Json::parse(out, nullptr, false);
    ASSERT_FALSE(j.is_discarded()) << out;
    EXPECT_EQ(j["k"], "a\"\\\n\x1b[2J\x7f\xC2\x9B\u202E\uFFFD\u00e9\U0001F600");
    EXPECT_EQ(j["n"], UINT64_MAX);
    EXPECT_EQ(out.find("\u202E"), std::string::npos);
}

TEST(PastCall, KeepsALabelWholeOrCutsItBetweenCharacters) {
    Call call;
    call.card.label =
        BoundedString<64>("\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac");
    EXPECT_EQ(Json::parse(json_past_call(call, {}))["label"], call.card.label.str());
    for (const char* what : {"\u202E", "\x1b"}) {
        std::string label;
        while (label.size() + std::string_view(what).size() <= 64) label += what;
        call.card.label = BoundedString<64>(label);
        for (auto reason = ipc::EndReason::none; reason <= ipc::EndReason::internal;
             reason = static_cast<ipc::EndReason>(static_cast<uint8_t>(reason) + 1)) {
            call.reason = reason;
            const std::string past = json_past_call(call, {});
            EXPECT_LE(past.size(), kPastCallMax);
            const Json j = Json::parse(past, nullptr, false);
            ASSERT_FALSE(j.is_discarded()) << past;
            EXPECT_TRUE(label.starts_with(j["label"].get<std::string>()));
        }
    }
}

}  // namespace
}  // namespace sealcall::ui
