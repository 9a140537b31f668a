#include "enclave/vault_keeper.h"

#include <algorithm>

namespace sealcall::enclave {

/// What came back from the TPM's thread.
struct VaultKeeper::Checked {
    Result<vault::Vault::Opened> opened{Error{Errc::unavailable, "not tried", 0}};
    tpm::PinTries tries;
    uint32_t locks = 0;  ///< when it was asked
};

void VaultKeeper::say(std::string_view text) const {
    (void)parts_.ui.send(ipc::Notice{.kind = ipc::NoticeKind::vault, .text = BoundedString<512>::cut(text)});
}

// ---------------------------------------------------------------- keeping

void VaultKeeper::remember_peer(std::string_view uri, const ipc::PeerKey& key, const rats::AttestationResult& result) {
    if (!locked() && remember(vault_.content(), uri, key, result, wall_ms())) changed();
}

void VaultKeeper::keep_call(ipc::VaultItem call) {
    if (locked()) return;
    call.kind = ipc::VaultKind::call;
    if (vault_.content().put(std::move(call))) changed();
}

void VaultKeeper::show_contacts(const ipc::VaultRead& wanted) const {
    const bool shown = !locked() && wanted.kind == ipc::VaultKind::contact;
    if (!parts_.ui.send(shown ? vault_.content().page(wanted) : ipc::VaultPage{})) parts_.ui.close();
}

void VaultKeeper::changed() {
    dirty_ = true;
    save();
}

void VaultKeeper::save() {
    if (!dirty_ || locked() || BootClock::now() < save_again_) return;
    auto outcome = std::make_shared<Status>();
    const auto run = [save = vault_.save(), outcome](tpm::Tpm& t) { *outcome = save(t); };
    const auto done = [this, outcome] {
        --saving_;
        if (!*outcome) {
            dirty_ = true;
            save_again_ = BootClock::now() + kSaveAgainAfter;
        }
        if (const bool told = std::exchange(save_failed_, !*outcome); save_failed_ && !told)
            say("The vault could not be saved: is the disk full? What changes now is lost when the phone ends or is "
                "locked, unless "
                "that is mended before.");
    };
    dirty_ = !parts_.worker.post(tpm::Urgency::keep_alive, run, done);  // its queue may be full: again at the next tick
    if (!dirty_) ++saving_;
}

// ---------------------------------------------------------------- lock

void VaultKeeper::lock() {
    if (!has_pin()) return say("Not locked: this phone has no PIN. Set one while it does not run: sealcall pin set.");
    if (locked()) {
        ++locks_;  // a PIN that is being checked comes too late
        return tell_state();
    }
    save_again_ = {};
    save();
    if (dirty_ && !save_failed_) return say("Not locked yet: the TPM is busy. Try again.");
    vault_.lock();
    dirty_ = false;
    ++locks_;
    (void)parts_.record(audit::Record("locked"));
    tell_state();
    parts_.lock_changed();
}

void VaultKeeper::lock_when_due(BootInstant now, bool busy) {
    if (busy) last_word_ = now;
    if (parts_.lock_after.count() != 0 && has_pin() && !locked() && now >= last_word_ + parts_.lock_after) lock();
}

void VaultKeeper::tick(BootInstant now) {
    save();
    if (asked_.empty() || now < asked_.front().until) return;
    const auto late = take(asked_.front().question.question);
    for (const auto& [asker, answered] : late->askers) answered(false);
}

BootInstant VaultKeeper::next_deadline() const {
    BootInstant next = asked_.empty() ? BootInstant::max() : asked_.front().until;
    if (dirty_ && !saving_ && !locked()) next = std::min(next, std::max(save_again_, BootClock::now() + Millis{100}));
    if (parts_.lock_after.count() != 0 && has_pin() && !locked()) next = std::min(next, last_word_ + parts_.lock_after);
    return next;
}

// ---------------------------------------------------------------- consent

/// The question that is asked no more from now on.
std::optional<VaultKeeper::Asked> VaultKeeper::take(RequestId question) {
    const auto at = std::ranges::find_if(asked_, [&](const Asked& a) { return a.question.question == question; });
    if (at == asked_.end()) return {};
    std::optional<Asked> out(std::move(*at));
    asked_.erase(at);
    ipc::AskConsent gone;
    gone.question = question;
    gone.call = out->question.call;
    gone.wanted = false;
    (void)parts_.ui.send(gone);
    return out;
}

template <class Of>
void VaultKeeper::withdraw_if(Of of) {
    std::vector<RequestId> nobodys;
    for (Asked& a : asked_) {
        std::erase_if(a.askers, [&](const auto& asker) { return of(a, asker.first); });
        if (a.askers.empty()) nobodys.push_back(a.question.question);
    }
    for (RequestId question : nobodys) (void)take(question);
}

void VaultKeeper::withdraw(Asker asker) {
    withdraw_if([&](const Asked&, const Asker& a) { return a == asker; });
}

void VaultKeeper::withdraw(CallId call) {
    withdraw_if([&](const Asked&, const Asker& a) { return a.call == call; });
}

void VaultKeeper::ask(Asker asker, const Consent& about, std::string_view peer, std::function<void(bool)> answered) {
    ipc::AskConsent question{.question = {},
                             .call = asker.call,
                             .wanted = true,
                             .decision = about.asked,
                             .why = about.why,
                             .peer = BoundedString<256>::cut(peer),
                             .level = about.seen.level,
                             .lab = about.seen.lab};
    // Who types the PIN for the same question meanwhile answers it.
    const auto same = [&](const Asked& a) {
        question.question = a.question.question;
        return question == a.question;
    };
    withdraw_if([&](const Asked& a, const Asker& who) { return who == asker && !same(a); });
    if (const auto at = std::ranges::find_if(asked_, same); at != asked_.end()) {
        if (std::ranges::none_of(at->askers, [&](const auto& a) { return a.first == asker; }))
            at->askers.emplace_back(asker, std::move(answered));
        return (void)parts_.ui.send(at->question);
    }
    if (asked_.size() >= kQuestionsMax) return answered(false);
    question.question = RequestId{++last_question_};
    (void)parts_.ui.send(question);
    asked_.push_back({.question = std::move(question),
                      .about = about,
                      .askers = {{asker, std::move(answered)}},
                      .until = BootClock::now() + kAnswerWithin});
}

void VaultKeeper::enter(ipc::EnterPin m) {
    // Shared: the job must be copyable. The PIN is wiped with the last copy, on whichever thread that is.
    auto asked = std::make_shared<ipc::EnterPin>(std::move(m));
    auto result = std::make_shared<Checked>();
    result->locks = locks_;
    auto job = [asked, result, open = vault_.opener()](tpm::Tpm& t) {
        result->opened = open(t, ipc::text_of(asked->pin));
        asked->pin.clear();
        result->tries = t.pin_tries().value_or({});
    };
    const auto done = [this, asked, result] { checked(*asked, std::move(*result)); };
    if (!has_pin() || !parts_.worker.post(tpm::Urgency::own_call, job, done))
        (void)parts_.ui.send(ipc::PinReply{.request = asked->request, .error = Errc::unavailable, .tries = {}});
}

void VaultKeeper::checked(const ipc::EnterPin& m, Checked result) {
    const bool right = result.opened.has_value();
    ipc::PinReply reply{
        .request = m.request, .error = right ? Errc{} : result.opened.error().code, .tries = result.tries};
    // Open then: saved since, maybe. Locked since: what was read before may be old.
    const bool unlocks = right && locked() && result.locks == locks_;
    if (unlocks) vault_.unlock(std::move(*result.opened));
    (void)parts_.record(audit::Record("pin")
                            .text("what", m.question == RequestId{} ? "unlock" : "consent")
                            .flag("accepted", right)
                            .number("code", static_cast<uint64_t>(reply.error))
                            .number("tries_left", reply.tries.left));
    // Nothing: the call ended meanwhile, or the question is another one.
    const auto given = right ? take(m.question) : std::nullopt;
    if (given) {
        const policy::Decision& asked = given->about.asked;
        const rats::AttestationResult& seen = given->about.seen;
        // A consent that leaves no trace is none.
        reply.consented = parts_.record(audit::Record("consent")
                                            .call(given->question.call)
                                            .text("peer", given->question.peer.view())
                                            .number("level", static_cast<uint64_t>(seen.level))
                                            .flag("lab", seen.lab)
                                            .number("decided_by", static_cast<uint64_t>(asked.rule))
                                            .number("rule", asked.number)
                                            .text("rule_name", asked.name.view())
                                            .numbers("reasons", seen.reasons));
        if (!reply.consented) reply.error = Errc::io;
    }
    (void)parts_.ui.send(reply);
    if (!right) return;
    last_word_ = BootClock::now();
    tell_state();
    if (unlocks) parts_.lock_changed();
    if (!given) return;
    for (const auto& [asker, answered] : given->askers) answered(reply.consented);
}

}  // namespace sealcall::enclave
