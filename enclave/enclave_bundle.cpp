// A newer bundle while the phone runs: it takes the place of the one before once signature, form, version and the TPM
// agree. Until then, and whenever they do not, the last good one stays and the person is told.
#include "enclave/enclave.h"

namespace sealcall::enclave {

namespace {

const char* why_refused(ipc::BundleState state) {
    switch (state) {
        case ipc::BundleState::rolled_back:
            return "it is older than the one in force";
        case ipc::BundleState::stale:
            return "its next update is overdue";
        case ipc::BundleState::clock_wrong:
            return "it was issued in the future, or this computer's clock is wrong";
        case ipc::BundleState::bad:
            return "it is not signed by the authority, or in a form that this phone does not know";
        default:
            return "the security chip does not confirm who signed it";
    }
}

}  // namespace

void Enclave::record_bundle() {
    const attestation::ReferenceSet* set = ports_.bundle.references();
    context_->record(audit::Record("bundle")
                         .number("state", static_cast<uint64_t>(bundle_shown_))
                         .number("version", set == nullptr ? 0 : set->head().version)
                         .flag("policy", ports_.bundle.document() != nullptr));
}

/// How often a peer is checked again, and how often a call gets new keys: the person's wish, or more often.
void Enclave::set_times() {
    const policy::Intervals now = policy::intervals(context_->policies());
    context_->recheck.every = Millis{1000} * std::max<int>(now.recheck, 1);
    context_->rekey_every = Millis{1000} * std::max<int>(now.rekey, 1);
}

Status Enclave::take_bundle(const ipc::NewBundle& part) {
    if (part.offset == 0) {
        arriving_ = AuthorityBundle::of_size(part.size);
        arriving_at_ = 0;
    }
    if (part.offset != arriving_at_) return Error{Errc::wrong_state, "a bundle's part out of turn", part.offset};
    arriving_at_ += static_cast<uint32_t>(part.bytes.size());
    const bool fits = arriving_.append(part.bytes.view());
    if (fits && !arriving_.complete()) return {};
    judge_bundle();
    arriving_ = {};
    return {};
}

void Enclave::judge_bundle() {
    arriving_.open(config_.bundle_signer.view(), pin_);
    const ipc::BundleState state = arriving_.state(wall_ms());
    const attestation::ReferenceSet* set = arriving_.references();
    const attestation::ReferenceSet* old = ports_.bundle.references();
    if (set != nullptr && old != nullptr && set->head().version == old->head().version) return;  // the same again
    if (state != ipc::BundleState::good) {
        context_->record(audit::Record("bundle_refused").number("state", static_cast<uint64_t>(state)));
        context_->to_ui(ipc::Notice{
            .kind = ipc::NoticeKind::bundle,
            .text = BoundedString<512>::cut(std::string("A bundle that was put into this profile was refused: ") +
                                            why_refused(state) +
                                            ". The last good one, and its policy, stay in force. Tell your "
                                            "administrator.")});
        return;
    }
    const uint64_t version = set->head().version;
    next_ = std::move(arriving_);
    auto agrees = std::make_shared<bool>(false);  // shared: both closures must be copyable
    Status posted = ports_.worker->post(
        tpm::Urgency::keep_alive, [version, agrees](tpm::Tpm& t) { *agrees = t.accept_version(version).has_value(); },
        [this, version, agrees] { bundle_accepted(version, *agrees); });
    if (!posted) bundle_accepted(version, false);
}

void Enclave::bundle_accepted(uint64_t version, bool tpm_agrees) {
    if (!next_ || next_->references()->head().version != version) return;  // a newer one came meanwhile
    AuthorityBundle taken = std::move(*next_);
    next_.reset();
    if (!tpm_agrees) {
        context_->record(audit::Record("bundle_refused").text("why", "the TPM did not take its version"));
        context_->to_ui(
            ipc::Notice{.kind = ipc::NoticeKind::bundle,
                        .text = BoundedString<512>("A newer bundle could not be taken: the security chip did "
                                                   "not remember its version. The last good one stays in "
                                                   "force.")});
        return;
    }
    if (pin_) pin_->oldest_version = std::max(pin_->oldest_version, version);
    ports_.bundle = std::move(taken);
    bundle_shown_ = ports_.bundle.state(wall_ms());
    record_bundle();
    set_times();
    calls_->policy_changed();
}

}  // namespace sealcall::enclave
