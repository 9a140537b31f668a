#include "enclave/verifier_pool.h"

#include "attestation/binding.h"

namespace sealcall::enclave {

VerifierPool::VerifierPool(std::vector<ipc::Link> slots) {
    for (auto& link : slots) {
        fds_.push_back(link.fd());
        slots_.push_back(Slot{.link = std::move(link), .job = {}, .deadline = {}});
    }
}

Status VerifierPool::ask(const rats::VerifierRequest& request, Done done) {
    if (waiting_.size() >= kQueueMax) return Error{Errc::unavailable, "verifier queue full", 0};
    Bytes message = ipc::encode_message(request);
    const Digest echo = attestation::sha256(message);
    waiting_.push_back(Job{.message = std::move(message), .echo = echo, .done = std::move(done)});
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
        if (!slot.link.send_bytes(slot.job->message)) slot.deadline = BootClock::now();  // tick reports it
    }
}

void VerifierPool::readable(size_t index) {
    Slot& slot = slots_[index];
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
        auto response = ipc::decode_message<rats::VerifierResponse>(*message);
        // A late answer to an earlier request has another echo: it is nobody's answer.
        if (!slot.job || !response || response->request != slot.job->echo) continue;
        finish(slot, std::move(*response));
        return;
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

void VerifierPool::finish(Slot& slot, std::optional<rats::VerifierResponse> response) {
    if (!slot.job) return;
    Job job = std::move(*slot.job);
    slot.job.reset();
    start_waiting();
    job.done(std::move(response));
}

}  // namespace sealcall::enclave
