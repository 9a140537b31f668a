// A real sealcall-ui process, sandbox and all, between fake neighbours: events, keys of programs, hostile neighbours,
// endings.
#include "host/ui/phone_ui.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/ui/fake_phone.h"

namespace sealcall::ui {
namespace {

using ipc::CallState;
using ipc::EndReason;
using policy::Direction;
using Json = nlohmann::json;

constexpr CallId kCall{1};

/// Reads whole lines with a deadline.
class LineReader {
  public:
    explicit LineReader(int fd) : fd_(fd) {}
    std::string line(int ms = 5000) {
        const BootInstant end = BootClock::now() + Millis(ms);
        for (;;) {
            if (const size_t n = buffer_.find('\n'); n != std::string::npos) {
                std::string out = buffer_.substr(0, n);
                buffer_.erase(0, n + 1);
                return out;
            }
            const auto left = std::chrono::duration_cast<Millis>(end - BootClock::now()).count();
            pollfd p{.fd = fd_, .events = POLLIN, .revents = 0};
            if (left <= 0 || poll(&p, 1, static_cast<int>(left)) <= 0) return {};
            char b[4096];
            const ssize_t n = read(fd_, b, sizeof b);
            if (n <= 0) return {};
            buffer_.append(b, static_cast<size_t>(n));
        }
    }

  private:
    int fd_;
    std::string buffer_;
};

class PhoneUiTest : public testing::Test {
  protected:
    test::FakePhone phone;
    UniqueFd out_read, out_write, in_read, in_write;
    std::unique_ptr<LineReader> out;
    std::vector<Json> seen;

    PhoneUiTest() {
        int fds[2];
        CHECK(pipe2(fds, O_CLOEXEC) == 0);
        out_read = UniqueFd(fds[0]);
        out_write = UniqueFd(fds[1]);
        CHECK(pipe2(fds, O_CLOEXEC) == 0);
        in_read = UniqueFd(fds[0]);
        in_write = UniqueFd(fds[1]);
        out = std::make_unique<LineReader>(out_read.get());
    }
    void spawn() {
        phone.spawn(SEALCALL_UI_PROGRAM, in_read.get(), out_write.get());
        out_write.reset();
    }
    void start(ipc::ConfigureUi c = {.mode = ipc::UiMode::json}) {
        spawn();
        c.profile = BoundedString<64>("bob");
        auto ready = phone.start(c);
        ASSERT_TRUE(ready);
        ASSERT_TRUE(ready->ok) << ready->problem.view();
        ASSERT_TRUE(phone.expect<ipc::QueryStatus>(phone.enclave()));
    }
    /// The next event of this name; null when none came.
    Json event(std::string_view name, int ms = 5000) {
        for (;;) {
            const std::string l = out->line(ms);
            if (l.empty()) return nullptr;
            Json j = Json::parse(l, nullptr, false);
            EXPECT_FALSE(j.is_discarded()) << l;
            seen.push_back(j);
            if (j["event"] == name) return j;
        }
    }
    void send_state(CallState s, EndReason reason = EndReason::none, CallId call = kCall) {
        ASSERT_TRUE(phone.enclave().send(ipc::CallStateChanged{.call = call, .state = s, .reason = reason}));
    }
    void ring() {
        ASSERT_TRUE(phone.enclave().send(test::attested_card(kCall, Direction::incoming)));
        send_state(CallState::ringing);
    }
    /// One request, one answer.
    struct Control {
        UniqueFd fd;
        LineReader reader;
        explicit Control(const test::ControlSocket& s) : fd(s.connect_to()), reader(fd.get()) {}
        void ask(std::string_view method, std::string_view params = "{}", int id = 1) {
            const std::string l = "{\"jsonrpc\":\"2.0\",\"id\":" + std::to_string(id) + ",\"method\":\"" +
                                  std::string(method) + "\",\"params\":" + std::string(params) + "}\n";
            CHECK(send(fd.get(), l.data(), l.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(l.size()));
        }
        Json answer(int ms = 5000) { return Json::parse(reader.line(ms), nullptr, false); }
    };
};

TEST_F(PhoneUiTest, TellsEverythingAsJson) {
    start();
    EXPECT_EQ(event("ready")["profile"], "bob");
    ring();
    const Json card = event("card");
    EXPECT_EQ(card["call"], 1);
    EXPECT_EQ(card["level"], "2");
    EXPECT_EQ(card["word"], "Measured");
    EXPECT_EQ(card["lab"], true);
    EXPECT_EQ(card["name_proven"], true);
    EXPECT_EQ(card["reasons"][0]["code"], "quote_fresh_and_bound");
    EXPECT_FALSE(card["reasons"][3]["sentence"].get<std::string>().empty());
    EXPECT_EQ(card["reasons"][3]["weight"], "missing");
    EXPECT_EQ(card["they_see"]["level"], "1");
    EXPECT_EQ(card["decision"]["action"], "allow");
    EXPECT_EQ(card["decision"]["rule"], "meets_minimum");
    EXPECT_GT(card["wall_ms"].get<uint64_t>(), 1'600'000'000'000u);
    EXPECT_GT(card["boot_us"].get<uint64_t>(), 0u);
    EXPECT_EQ(event("state")["state"], "ringing");
    ASSERT_TRUE(phone.enclave().send(ipc::CallPhase{.call = kCall, .phase = ipc::Phase::both_agreed, .boot_us = 77}));
    const Json phase = event("phase");
    EXPECT_EQ(phase["phase"], "both_agreed");
    EXPECT_EQ(phase["at_boot_us"], 77);
    ASSERT_TRUE(phone.enclave().send(ipc::KeyLife{.call = kCall,
                                                  .event = ipc::KeyEvent::unseal_refused,
                                                  .context = 3,
                                                  .slot = 2,
                                                  .counter = 9,
                                                  .wall_ms = 5,
                                                  .tpm_rc = 0x99d}));
    const Json key = event("key");
    EXPECT_EQ(key["what"], "unseal_refused");
    EXPECT_EQ(key["tpm_rc"], 0x99d);
    EXPECT_EQ(key["counter"], 9);
    ASSERT_TRUE(phone.enclave().send(ipc::MediaStats{.call = kCall, .sent = 5, .lost = 2, .longest_gap_ms = 40}));
    EXPECT_EQ(event("media")["longest_gap_ms"], 40);
    ASSERT_TRUE(phone.enclave().send(
        ipc::Notice{.kind = ipc::NoticeKind::incoming_refused, .text = BoundedString<512>("\x1b[2Jmallory")}));
    EXPECT_EQ(event("notice")["kind"], "incoming_refused");
    ASSERT_TRUE(phone.host().send(ipc::HostState{.listening = BoundedString<128>("127.0.0.1:5070")}));
    EXPECT_EQ(event("host")["listening"], "127.0.0.1:5070");
    send_state(CallState::ended, EndReason::hung_up_there);
    const Json ended = event("state");
    EXPECT_EQ(ended["reason"], "hung_up_there");
    EXPECT_EQ(ended["sentence"], "The other person hung up.");
}

TEST_F(PhoneUiTest, TellsWhatTheHostSaidBeforeTheStart) {
    spawn();
    phone.greet();
    for (ipc::Link* link : {&phone.launcher(), &phone.enclave(), &phone.host()})
        ASSERT_TRUE(phone.expect<ipc::LinkHello>(*link));
    ASSERT_TRUE(phone.host().send(ipc::HostState{.listening = BoundedString<128>("127.0.0.1:5070")}));
    usleep(100'000);  // it is read before the configuration, as when the host is ready first
    ASSERT_TRUE(phone.launcher().send(ipc::ConfigureUi{.mode = ipc::UiMode::json}));
    ASSERT_TRUE(phone.launcher().send(ipc::Start{}));
    EXPECT_EQ(event("host")["listening"], "127.0.0.1:5070");
    ASSERT_EQ(seen.size(), 2u);
    EXPECT_EQ(seen.front()["event"], "ready");
}

TEST_F(PhoneUiTest, PlainLinesCarryNoEscapes) {
    start({.mode = ipc::UiMode::lines});
    auto card = test::attested_card(kCall, Direction::incoming);
    card.label = BoundedString<64>("\x1b[2J\u202E");
    ASSERT_TRUE(phone.enclave().send(card));
    const std::string l = out->line();
    EXPECT_NE(l.find("alice <sip:alice@example.com> verified by Example Corp  [2] Measured LAB"), std::string::npos)
        << l;
    for (unsigned char c : l) EXPECT_TRUE(c >= 0x20 && c < 0x7F) << l;
}

TEST_F(PhoneUiTest, DialsOnceReadyAndEndsWithThatCall) {
    start({.mode = ipc::UiMode::json,
           .dial = BoundedString<256>("sip:carol@example.com"),
           .label = BoundedString<64>("restricted")});
    EXPECT_FALSE(phone.expect<ipc::Dial>(phone.enclave(), 200)) << "not before the network is there";
    ASSERT_TRUE(phone.host().send(ipc::HostState{}));
    auto dial = phone.expect<ipc::Dial>(phone.enclave());
    ASSERT_TRUE(dial);
    EXPECT_EQ(dial->uri.view(), "sip:carol@example.com");
    EXPECT_EQ(dial->label.view(), "restricted");
    ASSERT_TRUE(phone.enclave().send(ipc::DialReply{.request = dial->request, .call = kCall}));
    EXPECT_EQ(event("dial")["by"], "script");
    send_state(CallState::media);
    send_state(CallState::ended, EndReason::hung_up_there);
    auto quit = phone.expect<ipc::QuitPhone>(phone.launcher());
    ASSERT_TRUE(quit);
    EXPECT_EQ(quit->exit_status, 0);
    EXPECT_EQ(event("exit")["reason"], "hung_up_there");
    ASSERT_TRUE(phone.launcher().send(ipc::Shutdown{}));
    EXPECT_EQ(phone.wait_for_exit(), 0);
}

TEST_F(PhoneUiTest, AFailedPeerIsExitStatusThreeWithASentence) {
    start({.mode = ipc::UiMode::json, .dial = BoundedString<256>("sip:carol@example.com")});
    ASSERT_TRUE(phone.host().send(ipc::HostState{}));
    auto dial = phone.expect<ipc::Dial>(phone.enclave());
    ASSERT_TRUE(dial);
    ASSERT_TRUE(phone.enclave().send(ipc::DialReply{.request = dial->request, .call = kCall}));
    send_state(CallState::ended, EndReason::peer_failed_attestation);
    auto quit = phone.expect<ipc::QuitPhone>(phone.launcher());
    ASSERT_TRUE(quit);
    EXPECT_EQ(quit->exit_status, 3);
    EXPECT_EQ(event("exit")["sentence"], "The other device failed the check, so there was no call.");
}

TEST_F(PhoneUiTest, ProgramsAnswerAndHangUpThroughTheControlSocket) {
    start();
    ASSERT_TRUE(phone.host().send(ipc::HostState{}));
    Control c(phone.control());
    c.ask("answer");
    EXPECT_EQ(c.answer()["error"]["code"], -32000) << "nothing rings";
    ring();
    ASSERT_EQ(event("state")["state"], "ringing");
    c.ask("answer", R"({"call":1,"microphone":false})", 5);
    const Json ok = c.answer();
    EXPECT_EQ(ok["id"], 5);
    EXPECT_EQ(ok["result"]["call"], 1);
    auto answer = phone.expect<ipc::Answer>(phone.enclave());
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->call, kCall);
    EXPECT_FALSE(answer->microphone);
    EXPECT_EQ(event("command")["by"], "control") << "never recorded as the person's";
    send_state(CallState::media);
    ASSERT_EQ(event("state")["state"], "media");
    c.ask("mute", R"({"on":true})");
    EXPECT_TRUE(c.answer().contains("result"));
    auto mute = phone.expect<ipc::SetMicrophone>(phone.enclave());
    ASSERT_TRUE(mute);
    EXPECT_FALSE(mute->on);
    c.ask("hold");
    EXPECT_TRUE(c.answer().contains("result"));
    auto hold = phone.expect<ipc::SetHold>(phone.enclave());
    ASSERT_TRUE(hold);
    EXPECT_TRUE(hold->on);
    c.ask("calls");
    const Json calls = c.answer();
    EXPECT_EQ(calls["result"][0]["state"], "media");
    EXPECT_EQ(calls["result"][0]["card"]["peer_uri"], "sip:alice@example.com");
    c.ask("hangup", R"({"call":1})");
    EXPECT_TRUE(c.answer().contains("result"));
    EXPECT_TRUE(phone.expect<ipc::HangUp>(phone.enclave()));
}

TEST_F(PhoneUiTest, ControlRefusesWhatMakesNoSense) {
    start();
    Control c(phone.control());
    const auto code = [&](std::string_view method, std::string_view params) {
        c.ask(method, params);
        return c.answer()["error"]["code"];
    };
    EXPECT_EQ(code("nothing", "{}"), -32601);
    EXPECT_EQ(code("answer", R"({"call":"1"})"), -32602);
    EXPECT_EQ(code("answer", R"({"call":-1})"), -32602);
    EXPECT_EQ(code("answer", R"({"call":4294967296})"), -32602);
    EXPECT_EQ(code("answer", R"({"who":1})"), -32602);
    EXPECT_EQ(code("hangup", R"({"":true})"), -32602);
    EXPECT_EQ(code("hold", R"({"on":1})"), -32602);
    EXPECT_EQ(code("call", "{}"), -32602);
    EXPECT_EQ(code("call", R"({"uri":"a b@c"})"), -32602);
    EXPECT_EQ(code("call", R"({"uri":"a b"})"), -32001);
    EXPECT_EQ(code("call", R"({"uri":"sip:a@b\r\nX: y"})"), -32602);
    EXPECT_EQ(code("status", R"({"x":1})"), -32602);
    EXPECT_EQ(code("recheck", R"({"call":77})"), -32000);
}

TEST_F(PhoneUiTest, ACallOverControlGetsTheEnclavesWord) {
    start();
    Control c(phone.control());
    c.ask("call", R"({"uri":"carol@example.com","label":"secret"})", 3);
    auto dial = phone.expect<ipc::Dial>(phone.enclave());
    ASSERT_TRUE(dial);
    EXPECT_EQ(dial->uri.view(), "sip:carol@example.com");
    ASSERT_TRUE(phone.enclave().send(
        ipc::DialReply{.request = dial->request, .call = {}, .reason = EndReason::own_tpm_refused}));
    const Json no = c.answer();
    EXPECT_EQ(no["error"]["code"], -32001);
    EXPECT_EQ(no["error"]["data"]["reason"], "own_tpm_refused");
    EXPECT_FALSE(no["error"]["message"].get<std::string>().empty());
    c.ask("call", R"({"uri":"sip:carol@example.com"})", 4);
    dial = phone.expect<ipc::Dial>(phone.enclave());
    ASSERT_TRUE(dial);
    ASSERT_TRUE(phone.enclave().send(ipc::DialReply{.request = dial->request, .call = CallId{9}}));
    EXPECT_EQ(c.answer()["result"]["call"], 9);
}

TEST_F(PhoneUiTest, StatusWarnsOfEveryMissingProtection) {
    start();
    Control c(phone.control());
    c.ask("status");
    auto asked = phone.expect<ipc::QueryStatus>(phone.enclave());
    auto processes = phone.expect<ipc::QueryProcesses>(phone.launcher());
    ASSERT_TRUE(asked && processes);
    ASSERT_TRUE(phone.enclave().send(
        ipc::EnclaveStatus{.request = asked->request, .enrolled = true, .secret_memory = true, .tpm_ready = true}));
    ipc::ProcessReport fine{.request = processes->request,
                            .role = ipc::ProcessRole::enclave,
                            .pid = 7,
                            .seccomp = true,
                            .no_new_privs = true,
                            .landlock = true,
                            .undumpable = true,
                            .user_namespace = true,
                            .mount_namespace = true,
                            .network_namespace = true,
                            .no_capabilities = true,
                            .pss_kib = 4000};
    ASSERT_TRUE(phone.launcher().send(fine));
    ipc::ProcessReport bare{.request = processes->request, .role = ipc::ProcessRole::audio, .pid = 8};
    ASSERT_TRUE(phone.launcher().send(bare));
    ASSERT_TRUE(phone.launcher().send(ipc::ProcessReportEnd{.request = processes->request}));
    const Json s = c.answer()["result"];
    EXPECT_EQ(s["processes"][0]["pss_kib"], 4000);
    EXPECT_TRUE(s["processes"][0]["missing"].empty());
    EXPECT_EQ(s["processes"][1]["missing"].size(), 8u);
    EXPECT_EQ(s["enclave"]["tpm_ready"], true);
    const std::string warnings = s["warnings"].dump();
    EXPECT_NE(warnings.find("sealcall-audio: its system calls are not restricted"), std::string::npos) << warnings;
    EXPECT_EQ(warnings.find("sealcall-enclave"), std::string::npos) << warnings;
    EXPECT_NE(warnings.find("has not said how it is"), std::string::npos) << "the host never spoke: " << warnings;
}

TEST_F(PhoneUiTest, StatusSaysWhoDidNotAnswer) {
    start();
    Control c(phone.control());
    c.ask("status");
    const Json s = c.answer()["result"];
    EXPECT_TRUE(s["enclave"].is_null());
    EXPECT_NE(s["warnings"].dump().find("protected part of the phone did not answer"), std::string::npos);
    EXPECT_NE(s["warnings"].dump().find("did not say what protects"), std::string::npos);
}

TEST_F(PhoneUiTest, SubscribersSeeTheSameEvents) {
    start();
    Control c(phone.control());
    c.ask("events");
    ASSERT_EQ(c.answer()["result"], true);
    ring();
    const Json note = c.answer();
    EXPECT_EQ(note["method"], "event");
    EXPECT_EQ(note["params"], event("card"));
}

TEST_F(PhoneUiTest, LockAnswersWhenThePhoneIsLocked) {
    start();
    Control c(phone.control());
    c.ask("lock");
    EXPECT_EQ(c.answer()["error"]["message"], "this phone has no PIN to lock with");
    ASSERT_TRUE(phone.enclave().send(ipc::LockState{.pin_set = true}));
    ASSERT_FALSE(event("lock").is_null());
    c.ask("lock");
    ASSERT_TRUE(phone.expect<ipc::LockPhone>(phone.enclave()));
    EXPECT_TRUE(c.answer(200).is_discarded()) << "nothing is locked yet";
    ASSERT_TRUE(phone.enclave().send(ipc::LockState{.pin_set = true, .locked = true}));
    EXPECT_EQ(c.answer()["result"], true);
    c.ask("lock");  // locked already: a PIN may be on its way
    ASSERT_TRUE(phone.expect<ipc::LockPhone>(phone.enclave()));
    ASSERT_TRUE(phone.enclave().send(ipc::LockState{.pin_set = true, .locked = true}));
    EXPECT_EQ(c.answer()["result"], true);
}

TEST_F(PhoneUiTest, LockThatFailsSaysWhy) {
    start();
    ASSERT_TRUE(phone.enclave().send(ipc::LockState{.pin_set = true}));
    ASSERT_FALSE(event("lock").is_null());
    Control c(phone.control());
    c.ask("lock");
    ASSERT_TRUE(phone.expect<ipc::LockPhone>(phone.enclave()));
    const auto notice = [&](const char* text) {
        ASSERT_TRUE(
            phone.enclave().send(ipc::Notice{.kind = ipc::NoticeKind::vault, .text = BoundedString<512>(text)}));
    };
    notice("The vault could not be saved.");
    EXPECT_TRUE(c.answer(200).is_discarded());
    notice("Not locked yet: the TPM is busy. Try again.");
    EXPECT_EQ(c.answer()["error"]["message"], "Not locked yet: the TPM is busy. Try again");
    c.ask("lock");
    EXPECT_EQ(c.answer(7000)["error"]["code"], -32002) << "the enclave says nothing";
}

TEST_F(PhoneUiTest, QuitEndsThePhoneInOrder) {
    start();
    Control c(phone.control());
    c.ask("quit");
    EXPECT_EQ(c.answer()["result"], true);
    auto quit = phone.expect<ipc::QuitPhone>(phone.launcher());
    ASSERT_TRUE(quit);
    EXPECT_EQ(quit->exit_status, 0);
    ASSERT_TRUE(phone.launcher().send(ipc::Shutdown{}));
    EXPECT_EQ(phone.wait_for_exit(), 0);
}

TEST_F(PhoneUiTest, AHostThatPosesAsTheEnclaveIsCutOffAndTheCardStaysUnforged) {
    start();
    ASSERT_TRUE(phone.host().send(test::attested_card(kCall, Direction::incoming)));
    EXPECT_EQ(event("lost")["role"], "host");
    ring();
    EXPECT_FALSE(event("card").is_null()) << "the enclave is still heard";
    size_t cards = 0;
    for (const Json& j : seen) cards += j["event"] == "card";
    EXPECT_EQ(cards, 1u);
}

TEST_F(PhoneUiTest, TrailingBytesFromTheHostEndItsLink) {
    start();
    Bytes b = ipc::encode_message(ipc::HostState{});
    b.push_back(std::byte{0});
    ASSERT_TRUE(phone.host().send_bytes(b));
    EXPECT_EQ(event("lost")["role"], "host");
}

TEST_F(PhoneUiTest, AWrongHelloIsNotSpokenTo) {
    spawn();
    ASSERT_TRUE(phone.launcher().hello(ipc::ProcessRole::host));
    EXPECT_EQ(phone.wait_for_exit(), 1);
}

TEST_F(PhoneUiTest, TheEndOfTheEnclaveEndsThePhone) {
    start();
    phone.enclave().close();
    auto quit = phone.expect<ipc::QuitPhone>(phone.launcher());
    ASSERT_TRUE(quit);
    EXPECT_EQ(quit->exit_status, 5);
}

TEST_F(PhoneUiTest, TheEndOfTheLauncherEndsTheProcess) {
    start();
    phone.launcher().close();
    EXPECT_EQ(phone.wait_for_exit(), 0);
}

TEST_F(PhoneUiTest, TerminalModeWithoutATerminalSaysSo) {
    spawn();
    auto ready = phone.start({.mode = ipc::UiMode::terminal});
    ASSERT_TRUE(ready);
    EXPECT_FALSE(ready->ok);
    EXPECT_NE(ready->problem.view().find("no terminal"), std::string_view::npos);
}

TEST_F(PhoneUiTest, AReaderThatSleepsDoesNotStopThePhone) {
    start();
    for (uint32_t i = 0; i < 20'000; ++i) {
        while (phone.enclave().events() & POLLOUT) {
            ASSERT_TRUE(phone.enclave().flush());
            usleep(100);
        }
        ASSERT_TRUE(phone.enclave().send(ipc::MediaStats{.call = kCall, .sent = i}));
    }
    ring();
    Control c(phone.control());
    c.ask("calls");
    EXPECT_TRUE(c.answer().contains("result")) << "nobody reads standard output, yet the phone answers";
    EXPECT_FALSE(event("dropped").is_null()) << "and says later what was lost";
}

/// One contact, in two pages.
void give_contacts(test::FakePhone& phone) {
    ASSERT_TRUE(phone.enclave().send(ipc::LockState{}));
    auto asked = phone.expect<ipc::VaultRead>(phone.enclave());
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->kind, ipc::VaultKind::contact);
    EXPECT_EQ(asked->from, 0);
    ipc::VaultPage page;
    ASSERT_TRUE(page.items.push({.kind = ipc::VaultKind::contact,
                                 .name = BoundedString<256>("sip:bob@example.com"),
                                 .body = BoundedBytes<576>(as_bytes(R"({"name":"Bob Builder"})"))}));
    ASSERT_TRUE(phone.enclave().send(page));
    asked = phone.expect<ipc::VaultRead>(phone.enclave());
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->from, 1);
    ASSERT_TRUE(phone.enclave().send(ipc::VaultPage{}));
}

TEST_F(PhoneUiTest, AContactIsCalledByNameOverTheControlSocket) {
    start();
    give_contacts(phone);
    Control c(phone.control());
    c.ask("call", R"({"uri":"bob"})");
    auto dial = phone.expect<ipc::Dial>(phone.enclave());
    ASSERT_TRUE(dial);
    EXPECT_EQ(dial->uri.view(), "sip:bob@example.com");
    ASSERT_TRUE(phone.enclave().send(ipc::DialReply{.request = dial->request, .call = kCall}));
    EXPECT_EQ(c.answer()["result"]["call"], 1);
    c.ask("calls", "{}", 2);
    EXPECT_EQ(c.answer()["result"][0]["contact"], "Bob Builder");
    c.ask("call", R"({"uri":"nobody"})", 3);
    const Json refused = c.answer()["error"];
    EXPECT_NE(refused["message"].get<std::string>().find("No contact is called"), std::string::npos);
    EXPECT_EQ(refused["data"]["reason"], "not_found");
}

TEST_F(PhoneUiTest, AScriptThatCallsByNameWaitsForTheContacts) {
    start({.mode = ipc::UiMode::json, .dial = BoundedString<256>("Bob Builder")});
    ASSERT_TRUE(phone.host().send(ipc::HostState{.listening = BoundedString<128>("127.0.0.1:5070")}));
    EXPECT_FALSE(phone.expect<ipc::Dial>(phone.enclave(), 300));
    give_contacts(phone);
    auto dial = phone.expect<ipc::Dial>(phone.enclave());
    ASSERT_TRUE(dial);
    EXPECT_EQ(dial->uri.view(), "sip:bob@example.com");
}

TEST_F(PhoneUiTest, AScriptThatCallsNobodyEndsAndSaysSo) {
    start({.mode = ipc::UiMode::json, .dial = BoundedString<256>("Carol")});
    ASSERT_TRUE(phone.host().send(ipc::HostState{.listening = BoundedString<128>("127.0.0.1:5070")}));
    give_contacts(phone);
    EXPECT_EQ(event("exit")["status"], 4);
}

TEST_F(PhoneUiTest, ContactsThatNobodyAskedForEndTheEnclavesLink) {
    start();
    ASSERT_TRUE(phone.enclave().send(ipc::VaultPage{}));
    EXPECT_EQ(event("lost")["role"], "enclave");
}

}  // namespace
}  // namespace sealcall::ui
