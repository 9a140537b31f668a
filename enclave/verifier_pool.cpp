#include "enclave/verifier_pool.h"

#include "attestation/binding.h"

namespace sealcall::enclave {

VerifierPool::VerifierPool(std::vector<ipc::Link> slots) {
    for (auto& link : slots) {
        fds_.push_back(link.fd());
        slots_.push_back(Slot{.link = std::move(link), .job = {}, .deadline = {}});
    }
}

Status VerifierPool::ask(VerifierJob job, Done done) {
    if (waiting_.size() >= kQueueMax) return Error{Errc::unavailable, "verifier queue full", 0};
    job.request.boot_log_size = job.boot_log ? static_cast<uint32_t>(job.boot_log->size()) : 0;
    job.request.runtime_log_size = job.runtime_log ? static_cast<uint32_t>(job.runtime_log->size()) : 0;
    Bytes message = ipc::encode_message(job.request);
    const Digest echo = attestation::sha256(message);
    waiting_.push_back(Job{.message = std::move(message),
                           .boot_log = std::move(job.boot_log),
                           .runtime_log = std::move(job.runtime_log),
                           .echo = echo,
                           .done = std::move(done),
                           .runtime = {}});
    start_waiting();
    return {};
}

void VerifierPool::start_waiting() {
    for (auto& slot : slots_) {
        if (waiting_.empty()) return;
        if (slot.job || !slot.link.open()) continue;
        slot.job = std::move(waiting_.front());
        waiting_.pop_front();
        slot.deadline = BootClock::now() + kDeadline;
        if (!send(slot)) slot.deadline = BootClock::now();  // tick reports it
    }
}

Status VerifierPool::send(Slot& slot) {
    TRY_STATUS(slot.link.send_bytes(std::move(slot.job->message)));
    for (const LogBytes& log : {slot.job->boot_log, slot.job->runtime_log}) {
        ByteSpan left = log ? ByteSpan(*log) : ByteSpan{};
        while (!left.empty()) {
            const ByteSpan piece = left.first(std::min(left.size(), rats::kVerifierLogPart));
            TRY_STATUS(slot.link.send(rats::VerifierLog{.bytes = BoundedBytes<rats::kVerifierLogPart>(piece)}));
            left = left.subspan(piece.size());
        }
    }
    slot.job->boot_log = slot.job->runtime_log = {};
    return {};
}

bool VerifierPool::take(Slot& slot, ByteSpan message) {
    if (!slot.job) return false;  // late
    if (auto runtime = ipc::decode_message<rats::VerifierRuntime>(message)) {
        std::vector<Digest>& all = slot.job->runtime;
        all.insert(all.end(), runtime->digests.begin(), runtime->digests.end());
        if (all.size() <= rats::kRuntimeEventsMax) return false;
        finish(slot, {});
        return true;
    }
    auto response = ipc::decode_message<rats::VerifierResponse>(message);
    // A late answer to an earlier request has another echo: it is nobody's answer.
    if (!response || response->request != slot.job->echo) return false;
    if (response->runtime_events != slot.job->runtime.size()) {
        finish(slot, {});
        return true;
    }
    VerifierAnswer answer;
    answer.measured.events = response->events.items();
    answer.measured.runtime = std::move(slot.job->runtime);
    answer.measured.startup_locality = response->startup_locality;
    answer.response = std::move(*response);
    finish(slot, std::move(answer));
    return true;
}

void VerifierPool::ready(size_t index, short revents) {
    Slot& slot = slots_[index];
    if ((revents & POLLOUT) != 0) (void)slot.link.flush();  // one that is gone is seen by the next read
    std::array<std::byte, ipc::kMessageMax + 1> buffer;
    for (;;) {
        auto message = slot.link.receive(buffer);
        if (!message) {
            if (message.error().code == Errc::would_block) return;
            slot.link.close();
            fds_[index] = -1;
            finish(slot, {});
            return;
        }
        if (take(slot, *message)) return;
    }
}

void VerifierPool::tick(BootInstant now) {
    for (auto& slot : slots_)
        if (slot.job && now >= slot.deadline) finish(slot, {});
    const bool all_gone = std::ranges::none_of(slots_, [](const Slot& s) { return s.link.open(); });
    while (all_gone && !waiting_.empty()) {
        Job job = std::move(waiting_.front());
        waiting_.pop_front();
        job.done({});
    }
}

std::optional<BootInstant> VerifierPool::next_deadline() const {
    std::optional<BootInstant> next;
    for (const auto& slot : slots_)
        if (slot.job && (!next || slot.deadline < *next)) next = slot.deadline;
    return next;
}

void VerifierPool::finish(Slot& slot, std::optional<VerifierAnswer> answer) {
    if (!slot.job) return;
    Job job = std::move(*slot.job);
    slot.job.reset();
    start_waiting();
    job.done(std::move(answer));
}

}  // namespace sealcall::enclave
