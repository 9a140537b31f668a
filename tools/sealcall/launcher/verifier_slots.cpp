#include "tools/sealcall/launcher/verifier_slots.h"

#include <algorithm>

namespace sealcall::launcher {
namespace {

struct LinkPair {
    UniqueFd ours, theirs;
};

Result<LinkPair> link_pair() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return Error{Errc::io, "socket pair", static_cast<uint32_t>(errno)};
    return LinkPair{.ours = UniqueFd(ends[0]), .theirs = UniqueFd(ends[1])};
}

}  // namespace

Result<UniqueFd> VerifierSlots::add_slot() {
    TRY(LinkPair pair, link_pair());
    slots_.push_back(Slot{.enclave = ipc::Link(std::move(pair.ours)), .worker = {}, .deadline = {}});
    return std::move(pair.theirs);
}

Result<VerifierSlots::Worker> VerifierSlots::start() {
    TRY(LinkPair pair, link_pair());
    TRY(RoleProcess process, starter_(pair.theirs.get()));
    return Worker{.process = std::move(process), .link = ipc::Link(std::move(pair.ours))};
}

Status VerifierSlots::prepare() {
    if (spare_) return {};
    TRY(Worker w, start());
    spare_ = std::move(w);
    return {};
}

void VerifierSlots::poll_set(std::vector<pollfd>& out) const {
    for (const Slot& s : slots_) {
        const bool full = s.worker && (s.worker->link.events() & POLLOUT) != 0;
        const auto from_enclave = static_cast<short>(full ? s.enclave.events() & ~POLLIN : s.enclave.events());
        if (s.enclave.open()) out.push_back({.fd = s.enclave.fd(), .events = from_enclave, .revents = 0});
        if (s.worker) out.push_back({.fd = s.worker->link.fd(), .events = s.worker->link.events(), .revents = 0});
    }
    if (spare_) out.push_back({.fd = spare_->process.child.fd(), .events = POLLIN, .revents = 0});
}

void VerifierSlots::handle(BootInstant now) {
    for (Slot& s : slots_) {
        if (s.worker) take_answers(s, now);
        if (s.worker && now >= s.deadline) end(s, now, "took too long");
        if (s.enclave.open()) {
            (void)s.enclave.flush();
            take_requests(s, now);
        }
    }
    if (spare_ && spare_->process.child.ended()) {
        log_("event=verifier_lost while=waiting");
        spare_.reset();
        replace_at_ = now + kReplaceAfter;
    }
    if (replace_at_ && now >= *replace_at_) {
        replace_at_.reset();
        if (auto s = prepare(); !s) log_(std::string("event=verifier_not_started why=\"") + s.error().what + "\"");
    }
}

void VerifierSlots::take_requests(Slot& slot, BootInstant now) {
    // What follows a request waits in the enclave's link until the process has taken what came before.
    while (slot.enclave.open() && !(slot.worker && (slot.worker->link.events() & POLLOUT) != 0)) {
        auto message = slot.enclave.receive(buffer_);
        if (!message) {
            if (message.error().code != Errc::would_block) slot.enclave.close();
            return;
        }
        take_request(slot, *message, now);
    }
}

void VerifierSlots::take_request(Slot& slot, ByteSpan message, BootInstant now) {
    const auto id = ipc::message_id(message);
    if (id && *id == rats::VerifierLog::kId) {  // of a request whose process is gone: nobody's
        if (slot.worker && !slot.worker->link.send_bytes(to_bytes(message))) end(slot, now, "was gone");
        return;
    }
    // The enclave asks again only when it has given up on the answer before.
    if (slot.worker) end(slot, now, "was overtaken by the next request");
    if (!spare_) {
        if (auto s = prepare(); !s) {
            log_(std::string("event=verifier_not_started why=\"") + s.error().what + "\"");
            return;  // the enclave's own deadline makes it "could not check"
        }
    }
    slot.worker = std::move(spare_);
    spare_.reset();
    slot.deadline = now + kDeadline;
    if (!slot.worker->link.send_bytes(to_bytes(message))) end(slot, now, "was gone");
}

void VerifierSlots::take_answers(Slot& slot, BootInstant now) {
    (void)slot.worker->link.flush();
    (void)slot.enclave.flush();
    while (slot.worker) {
        auto answer = slot.worker->link.receive(buffer_);
        if (!answer) {
            if (answer.error().code == Errc::would_block) return;
            // It went without an answer: how it ended is worth a line.
            std::string how = "ended without an answer";
            if (auto e = slot.worker->process.child.wait(Millis(100))) how = describe(*e);
            end(slot, now, how.c_str());
            return;
        }
        const auto id = ipc::message_id(*answer);
        (void)slot.enclave.send_bytes(to_bytes(*answer));
        if (!id || *id != rats::VerifierRuntime::kId) end(slot, now, nullptr);
    }
}

void VerifierSlots::end(Slot& slot, BootInstant now, const char* why) {
    if (why != nullptr) log_(std::string("event=verifier_failed why=\"") + why + "\"");
    slot.worker.reset();  // kills what still runs
    if (!spare_) replace_at_ = now + kReplaceAfter;
}

std::optional<BootInstant> VerifierSlots::next_deadline() const {
    std::optional<BootInstant> next = replace_at_;
    for (const Slot& s : slots_)
        if (s.worker && (!next || s.deadline < *next)) next = s.deadline;
    return next;
}

const Child* VerifierSlots::any_process() const {
    for (const Slot& s : slots_)
        if (s.worker) return &s.worker->process.child;
    return spare_ ? &spare_->process.child : nullptr;
}

void VerifierSlots::stop() {
    for (Slot& s : slots_) s.worker.reset();
    slots_.clear();
    spare_.reset();
    replace_at_.reset();
}

}  // namespace sealcall::launcher
