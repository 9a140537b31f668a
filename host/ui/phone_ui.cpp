#include "host/ui/phone_ui.h"

#include <sys/signalfd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include "host/ui/names.h"
#include "host/ui/words.h"

namespace sealcall::ui {
namespace {

constexpr int kMessagesPerRound = 64;  ///< of one link, so that none starves the others
constexpr int kEscapeWaitMs = 25;

}  // namespace

PhoneUi::PhoneUi(const UiFds& fds)
    : fds_(fds),
      launcher_{.link = ipc::Link(UniqueFd(fds.launcher)), .role = ipc::ProcessRole::launcher},
      enclave_{.link = ipc::Link(UniqueFd(fds.enclave)), .role = ipc::ProcessRole::enclave},
      host_{.link = ipc::Link(UniqueFd(fds.host)), .role = ipc::ProcessRole::host},
      signals_(fds.signals),
      output_(fds.out),
      control_(UniqueFd(fds.control), [this](ClientId c, const RpcRequest& r) { on_request(c, r); }),
      buffer_(std::make_unique<std::array<std::byte, ipc::kMessageMax + 1>>()) {}

Status PhoneUi::greet() {
    TRY_STATUS(launcher_.link.hello(ipc::ProcessRole::ui));
    TRY_STATUS(enclave_.link.hello(ipc::ProcessRole::ui));
    return host_.link.hello(ipc::ProcessRole::ui);
}

int PhoneUi::run() {
    while (!done_) {
        poll_once();
        refresh();
    }
    control_.flush();
    output_.flush_for(1000);
    terminal_.reset();
    return exit_code_;
}

int PhoneUi::timeout_ms() const {
    const uint64_t now = Stamp::now().boot_us;
    uint64_t next = now + 60'000'000;
    const auto at = [&](uint64_t t) { next = std::min(next, std::max(t, now)); };
    if (auto t = script_.next_deadline(phone_, now)) at(*t);
    for (const auto& p : statuses_) at(p.deadline_us);
    for (const auto& p : dials_) at(p.deadline_us);
    for (const auto& p : locks_) at(p.deadline_us);
    if (quit_us_ != 0) at(quit_us_ + kShutdownWaitUs);
    // Ages and the length of the talk count on while there is a call on the screen.
    if (terminal_ && phone_.active_calls() != 0) at(now + 1'000'000 - now % 1'000'000);
    return static_cast<int>((next - now + 999) / 1000);
}

void PhoneUi::poll_once() {
    std::vector<pollfd> fds;
    const auto add = [&](int fd, short events) { fds.push_back({.fd = fd, .events = events, .revents = 0}); };
    for (Peer* p : {&launcher_, &enclave_, &host_}) add(p->link.fd(), p->link.open() ? p->link.events() : short{0});
    add(signals_.get(), POLLIN);
    add(terminal_ && !person_left_ ? fds_.in : -1, POLLIN);
    add(output_.pending() ? output_.fd() : -1, POLLOUT);
    control_.add_poll(fds);
    const int n = ::poll(fds.data(), fds.size(), timeout_ms());
    if (n < 0 && errno != EINTR) {
        done_ = true;
        exit_code_ = 1;
        return;
    }
    if (n > 0) {
        read_link(launcher_, fds[0].revents);
        read_link(enclave_, fds[1].revents);
        read_link(host_, fds[2].revents);
        if (fds[3].revents != 0) read_signals();
        if (fds[4].revents != 0) read_keys();
        if (fds[5].revents != 0 && !output_.flush_some()) quit_by_person();  // nobody reads any more
        control_.handle(fds);
    }
    run_script();
    expire(Stamp::now().boot_us);
}

void PhoneUi::read_link(Peer& peer, short events) {
    if (!peer.link.open() || events == 0) return;
    if (events & POLLOUT) {
        if (Status s = peer.link.flush(); !s) return peer_failed(peer, s.error());
    }
    for (int i = 0; i < kMessagesPerRound && !done_; ++i) {
        auto message = peer.link.receive(*buffer_);
        if (!message && message.error().code == Errc::would_block) return;
        Status s = message ? receive_one(peer, *message) : Status(message.error());
        if (!s) return peer_failed(peer, s.error());
    }
}

Status PhoneUi::receive_one(Peer& peer, ByteSpan message) {
    TRY(uint16_t id, ipc::message_id(message));
    if (!peer.greeted) {
        TRY(auto hello, ipc::decode_message<ipc::LinkHello>(message));
        if (!ipc::hello_matches(hello, peer.role)) return Error{Errc::wrong_state, "hello", hello.version};
        peer.greeted = true;
        return {};
    }
    switch (peer.role) {
        case ipc::ProcessRole::launcher:
            return from_launcher(id, message);
        case ipc::ProcessRole::enclave:
            return from_enclave(id, message);
        default:
            return from_host(id, message);
    }
}

/// A link ended or carried what must not come: that process is done with, and the person is told what it means.
void PhoneUi::peer_failed(Peer& peer, const Error& error) {
    constexpr Millis kShutdownGrace{1000};
    const bool by_itself = error.code == Errc::closed;
    if (!by_itself || quit_us_ == 0)
        std::fprintf(stderr, "event=link_ended peer=%s why=\"%s\" code=%u detail=%u\n", name_of(peer.role), error.what,
                     static_cast<unsigned>(error.code), error.detail);
    peer.link.close();
    if (peer.role == ipc::ProcessRole::launcher) {
        done_ = true;
        exit_code_ = by_itself ? 0 : 1;
        return;
    }
    if (quit_us_ != 0) return;
    // The enclave ends first when a phone is shut down: then Shutdown is on its way to us as well.
    if (by_itself && ipc::shutdown_follows(launcher_.link, kShutdownGrace)) return;
    const bool host = peer.role == ipc::ProcessRole::host;
    if (host) phone_.host_gone();
    const auto reason = host ? ipc::EndReason::host_lost : ipc::EndReason::internal;
    const std::string sentence = host ? std::string(sentence_of(reason)) : "The protected part of the phone has ended.";
    tell_both(json_lost(peer.role, Stamp::now()), sentence);
    // Without the enclave there is no phone. Without the host there are no calls, but the person may still look.
    if (!host || script_.dials()) quit(ExitStatus::own_trouble, reason, sentence);
}

void PhoneUi::read_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        if (info.ssi_signo == SIGWINCH) {
            last_frame_.clear();
        } else {
            quit_by_person();
        }
    }
}

void PhoneUi::read_keys() {
    char bytes[64];
    ssize_t n = ::read(fds_.in, bytes, sizeof bytes - 1);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        person_left_ = true;
        return quit_by_person();
    }
    // An Escape at the end is the key, or a sequence begins whose rest is still on a slow line.
    pollfd rest{.fd = fds_.in, .events = POLLIN, .revents = 0};
    if (bytes[n - 1] == '\x1b' && ::poll(&rest, 1, kEscapeWaitMs) > 0)
        n += std::max<ssize_t>(0, ::read(fds_.in, bytes + n, 1));
    auto wants = screen_.keys({bytes, static_cast<size_t>(n)}, phone_, Stamp::now().boot_us);
    wipe(bytes, sizeof bytes);  // it may have been a PIN
    for (Want& want : wants) {
        if (auto* w = std::get_if<WantsPin>(&want)) enter(std::move(*w));
        if (std::holds_alternative<WantsLock>(want)) lock();
        if (auto* w = std::get_if<WantsAction>(&want)) act(w->action, By::person);
        if (auto* w = std::get_if<WantsDial>(&want)) dial_typed(w->typed);
        if (std::holds_alternative<WantsNextCall>(want)) phone_.choose_next();
        if (std::holds_alternative<WantsQuit>(want)) quit_by_person();
    }
}

void PhoneUi::expire(uint64_t now_us) {
    finish_ready_statuses();
    std::erase_if(dials_, [&](const PendingDial& p) {
        if (now_us < p.deadline_us) return false;
        if (p.client)
            control_.send(*p.client,
                          rpc_error(p.id, RpcCode::unavailable, "the protected part of the phone did not answer", ""));
        return true;
    });
    std::erase_if(locks_, [&](const PendingLock& p) {
        if (now_us < p.deadline_us) return false;
        control_.send(p.client, rpc_error(p.id, RpcCode::unavailable, "the phone has not locked yet", ""));
        return true;
    });
    if (quit_us_ != 0 && now_us >= quit_us_ + kShutdownWaitUs) done_ = true;  // the launcher hangs: leave all the same
}

Look PhoneUi::look() const {
    const Stamp now = Stamp::now();
    Look look{.colour = config_.colour,
              .charset = config_.unicode ? Charset::unicode : Charset::ascii,
              .columns = 80,
              .now_wall_ms = now.wall_ms,
              .now_us = now.boot_us};
    if (terminal_) look.columns = terminal_->size().columns;
    return look;
}

void PhoneUi::refresh() {
    if (const size_t n = output_.take_dropped(); n != 0 && config_.mode == ipc::UiMode::json)
        output_.line(json_dropped(n, Stamp::now()));
    if (!terminal_ || done_) return;
    const Look l = look();
    const size_t rows = terminal_->size().rows;
    std::string frame = compose_frame(screen_.lines(phone_, config_.profile.view(), l, rows), l, rows);
    screen_.shown(phone_, l.now_us);
    if (frame == last_frame_) return;
    output_.frame(frame);
    last_frame_ = std::move(frame);
}

}  // namespace sealcall::ui
