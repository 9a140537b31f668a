// Runs a real sealcall-ui in this terminal and plays the rest of the phone: one call comes in, and what the person does
// with it is written to a file. `fake_phone UI LOG ascii|unicode [locked]`. For terminal_test.sh, and for looking at
// screens by hand.
#include "tests/unit/ui/fake_phone.h"

#include <fcntl.h>

#include <cstdio>
#include <string_view>

namespace {

using namespace sealcall;
using ipc::CallState;

constexpr CallId kCall{1};

class Play {
  public:
    Play(test::FakePhone& phone, std::FILE* log) : phone_(phone), log_(log) {}

    void ring() {
        (void)phone_.host().send(ipc::HostState{.listening = BoundedString<128>("127.0.0.1:5070")});
        (void)phone_.enclave().send(test::attested_card(kCall, policy::Direction::incoming));
        state(CallState::ringing);
    }
    /// False: the phone has ended.
    bool once() {
        pollfd fds[] = {{.fd = phone_.launcher().fd(), .events = POLLIN, .revents = 0},
                        {.fd = phone_.enclave().fd(), .events = POLLIN, .revents = 0}};
        if (poll(fds, 2, 30000) <= 0) return false;
        if (fds[1].revents != 0 && !from_enclave_link(phone_.next(phone_.enclave(), 0))) return false;
        return fds[0].revents == 0 || from_launcher_link(phone_.next(phone_.launcher(), 0));
    }

  private:
    void note(const char* what, uint32_t call, const char* more) {
        std::fprintf(log_, "%s call=%u%s\n", what, call, more);
        std::fflush(log_);
    }
    void state(CallState s, ipc::EndReason reason = ipc::EndReason::none, bool held = false, bool microphone = true) {
        (void)phone_.enclave().send(ipc::CallStateChanged{
            .call = kCall, .state = s, .reason = reason, .detail = {}, .held_here = held, .microphone = microphone});
    }
    void talk(bool microphone) {
        auto card = test::attested_card(kCall, policy::Direction::incoming);
        card.protection = ipc::Protection::end_to_end;
        (void)phone_.enclave().send(card);
        (void)phone_.enclave().send(ipc::KeyLife{.call = kCall, .event = ipc::KeyEvent::sealed, .wall_ms = wall_ms()});
        state(CallState::answered);
        state(CallState::media, ipc::EndReason::none, false, microphone);
        (void)phone_.enclave().send(ipc::MediaStats{.call = kCall, .sent = 50, .received = 50});
    }
    bool from_enclave_link(const Bytes& m) {
        auto id = ipc::message_id(m);
        if (!id) return false;
        if (auto a = ipc::decode_message<ipc::Answer>(m)) {
            note("answer", a->call.value, a->microphone ? " microphone=1" : " microphone=0");
            talk(a->microphone);
        } else if (auto r = ipc::decode_message<ipc::Refuse>(m)) {
            note("refuse", r->call.value, "");
            state(CallState::ended, ipc::EndReason::refused_here);
        } else if (auto h = ipc::decode_message<ipc::HangUp>(m)) {
            note("hangup", h->call.value, "");
            state(CallState::ended, ipc::EndReason::hung_up_here);
        } else if (auto o = ipc::decode_message<ipc::SetHold>(m)) {
            note("hold", o->call.value, o->on ? " on=1" : " on=0");
            state(o->on ? CallState::held : CallState::media, ipc::EndReason::none, o->on);
        } else if (auto q = ipc::decode_message<ipc::QueryStatus>(m)) {
            (void)phone_.enclave().send(ipc::EnclaveStatus{.request = q->request,
                                                           .own_uri = BoundedString<256>("sip:bob@example.com"),
                                                           .enrolled = true,
                                                           .software_tpm = true,
                                                           .tpm_ready = true});
        } else if (auto pin = ipc::decode_message<ipc::EnterPin>(m)) {
            enter(*pin);
        } else if (ipc::decode_message<ipc::LockPhone>(m)) {
            note("lock", 0, "");
            (void)phone_.enclave().send(ipc::LockState{.pin_set = true, .locked = true});
        } else if (auto d = ipc::decode_message<ipc::Dial>(m)) {
            note("dial", 0, (" uri=" + d->uri.str()).c_str());
            (void)phone_.enclave().send(
                ipc::DialReply{.request = d->request, .call = {}, .reason = ipc::EndReason::not_reachable});
        }
        return true;
    }
    /// The right PIN is "open sesame".
    void enter(const ipc::EnterPin& m) {
        const bool right = as_chars(ipc::text_of(m.pin)) == "open sesame";
        note(right ? "right pin" : "wrong pin", 0, (" question=" + std::to_string(m.question.value)).c_str());
        (void)phone_.enclave().send(
            ipc::PinReply{.request = m.request,
                          .error = right ? Errc{} : Errc::tpm_auth_refused,
                          .tries = {.most = 10, .left = right ? 9U : --tries_, .one_more_in_s = 600},
                          .consented = right && m.question != RequestId{}});
        if (!right) return;
        (void)phone_.enclave().send(ipc::LockState{.pin_set = true, .locked = false});
        const bool unlocks = m.question == RequestId{};
        (void)phone_.enclave().send(
            ipc::AskConsent{.question = RequestId{7},
                            .call = CallId{9},
                            .wanted = unlocks,
                            .decision = {.action = policy::Action::pin, .rule = policy::Rule::downgrade_takes_pin},
                            .why = rats::Reason::new_key,
                            .peer = BoundedString<256>("sip:dave@example.com"),
                            .level = rats::Level::measured});
    }
    bool from_launcher_link(const Bytes& m) {
        if (m.empty()) return false;
        if (auto q = ipc::decode_message<ipc::QuitPhone>(m)) {
            note("quit", 0, (" status=" + std::to_string(q->exit_status)).c_str());
            (void)phone_.launcher().send(ipc::Shutdown{});
            return false;
        }
        return true;
    }

    test::FakePhone& phone_;
    std::FILE* log_;
    uint32_t tries_ = 10;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) return std::fprintf(stderr, "usage: fake_phone UI LOG ascii|unicode [locked]\n"), 2;
    std::FILE* log = std::fopen(argv[2], "w");
    if (log == nullptr) return std::perror(argv[2]), 2;
    test::FakePhone phone;
    phone.spawn(argv[1], 0, 1);
    auto ready = phone.start(ipc::ConfigureUi{.mode = ipc::UiMode::terminal,
                                              .colour = true,
                                              .unicode = std::string_view(argv[3]) == "unicode",
                                              .profile = BoundedString<64>("bob"),
                                              .own_uri = BoundedString<256>("sip:bob@example.com")});
    if (!ready || !ready->ok) return std::fprintf(log, "not ready\n"), 1;
    Play play(phone, log);
    if (argc > 4) (void)phone.enclave().send(ipc::LockState{.pin_set = true, .locked = true});
    play.ring();
    while (play.once()) continue;
    const int status = phone.wait_for_exit();
    std::fprintf(log, "exit status=%d\n", status);
    std::fclose(log);
    return status;
}
