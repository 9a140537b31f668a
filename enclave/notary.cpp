#include "enclave/notary.h"

#include "attestation/binding.h"
#include "sealcall/audit/anchor.h"

namespace sealcall::enclave {

/// Of the newest record, and through its hash of all before.
Digest Notary::bound(std::string_view purpose) const {
    return attestation::audit_qualifying_data(purpose, log_.next_sequence() - 1, log_.head());
}

void Notary::anchor(std::function<void(Status)> then) {
    waiting_.push_back(std::move(then));
    if (!extending_) next();
}

// One at a time, and none before the last one stands in the log, nor over a record that is not wholly in the file: in
// the TPM and not in the log is at most one, whatever the disk, the TPM or a crash do.
void Notary::next() {
    extending_ = true;
    if (log_.complete()) {
        if (unwritten_ && !unwritten_->value) return ask_index();
        if (!unwritten_ || write_anchor()) return extend();
    }
    serve(std::exchange(waiting_, {}), Error{Errc::io, "audit log", 0});
}

void Notary::ask_index() {
    on_index([](tpm::Tpm& t) { return t.audit_value(); },
             [this](const Result<Digest>& now) {
                 if (!now) return serve(std::exchange(waiting_, {}), now.error());
                 if (*now == value_)
                     unwritten_.reset();  // it had not extended
                 else
                     unwritten_->value = *now;
                 next();
             });
}

void Notary::extend() {
    auto touched = std::make_shared<bool>(false);
    const uint64_t of = log_.next_sequence() - 1;
    on_index(
        [touched, head = log_.head(), &log = log_](tpm::Tpm& t) -> Result<Digest> {
            TRY_STATUS(log.sync());
            *touched = true;
            return t.extend_audit(head);
        },
        [this, touched, of, served = std::exchange(waiting_, {})](const Result<Digest>& value) {
            Status s;
            if (!value) s = value.error();
            if (*touched) unwritten_ = {.of = of, .value = value ? std::optional(*value) : std::nullopt};
            if (value && !write_anchor()) s = Error{Errc::io, "audit log", 0};
            if (s) certify();
            serve(served, s);
        });
}

/// The anchor that is owed. It is no longer once it has its place in the chain, though the end of its line may be
/// missing yet.
bool Notary::write_anchor() {
    const uint64_t place = log_.next_sequence();
    const bool written = record_(audit::Record("anchor").number("of", unwritten_->of).hex("value", *unwritten_->value));
    if (log_.next_sequence() == place) return false;
    value_ = *unwritten_->value;
    unwritten_.reset();
    return written;
}

void Notary::serve(const std::vector<std::function<void(Status)>>& served, const Status& anchored) {
    extending_ = false;
    if (!anchored) missed_(anchored.error());
    for (const auto& then : served)
        if (then) then(anchored);
    if (!waiting_.empty() && !extending_) next();
}

void Notary::on_index(std::function<Result<Digest>(tpm::Tpm&)> job, std::function<void(const Result<Digest>&)> done) {
    auto value = std::make_shared<Result<Digest>>(Error{Errc::unavailable, "not tried", 0});
    const Status posted = worker_.post(
        tpm::Urgency::keep_alive, [value, job = std::move(job)](tpm::Tpm& t) { *value = job(t); },
        [value, done] { done(*value); });
    if (!posted) done(posted.error());
}

void Notary::certify() {
    again_ = std::exchange(certifying_, true);
    if (again_) return;
    const uint64_t of = log_.next_sequence() - 1;
    owed_.push_back({.sign = [bound = bound(audit::kForAnchor)](tpm::Tpm& t) { return t.certify_audit(bound); },
                     .record = audit::Record("certified").number("of", of),
                     .call = {}});
    sign_next();
}

void Notary::prove_creation(CallId call, const tpm::SealedSecret& sealed) {
    owed_.push_back(
        {.sign = [sealed, bound = bound(audit::kForCreation)](tpm::Tpm& t) { return t.certify_sealed(sealed, bound); },
         .record = audit::Record("key_proof").call(call).number("of", log_.next_sequence() - 1),
         .call = call});
    owed_.back().record.hex("creation", sealed.creation_data);
    sign_next();
}

void Notary::prove_end(CallId call, uint8_t slot) {
    owed_.push_back(
        {.sign = [slot, bound = bound(audit::kForEnd)](tpm::Tpm& t) { return t.certify_counter(slot, bound); },
         .record = audit::Record("key_end").call(call).number("of", log_.next_sequence() - 1),
         .call = call});
    owed_.back().record.number("slot", slot);
    sign_next();
}

void Notary::sign_next() {
    if (signing_ || owed_.empty()) return;
    signing_ = true;
    auto made = std::make_shared<Result<tpm::AttestedBlob>>(Error{Errc::unavailable, "not tried", 0});
    const auto done = [this, made] {
        signing_ = false;
        Signed now = std::move(owed_.front());
        owed_.pop_front();
        if (*made)
            record_(now.record.hex("attest", (*made)->attest.view()).hex("signature", (*made)->signature.view()));
        else
            record_(audit::Record("proof_missing")
                        .call(now.call)
                        .text("why", made->error().what)
                        .number("code", made->error().detail));
        if (now.call == CallId{}) {
            certifying_ = false;
            if (again_) certify();
        }
        sign_next();
    };
    if (owed_.size() > kOwedMax) return done();
    const Status posted = worker_.post(
        tpm::Urgency::other, [made, sign = owed_.front().sign](tpm::Tpm& t) { *made = sign(t); }, done);
    if (posted) return;
    *made = posted.error();
    done();
}

}  // namespace sealcall::enclave
