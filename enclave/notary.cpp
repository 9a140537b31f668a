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
    if (!extending_) extend();
}

// One at a time: after a crash at most one anchor is in the TPM and not in the log.
void Notary::extend() {
    extending_ = true;
    auto value = std::make_shared<Result<Digest>>(Error{Errc::unavailable, "not tried", 0});
    auto served = std::make_shared<std::vector<std::function<void(Status)>>>(std::move(waiting_));
    waiting_.clear();
    const uint64_t of = log_.next_sequence() - 1;
    const auto done = [this, value, served, of] {
        extending_ = false;
        Status s;
        if (!*value)
            s = value->error();
        else if (!record_(audit::Record("anchor").number("of", of).hex("value", **value)))
            s = Error{Errc::io, "audit log", 0};
        if (s) certify();
        for (const auto& then : *served)
            if (then) then(s);
        if (!waiting_.empty() && !extending_) extend();
    };
    const Status posted = worker_.post(
        tpm::Urgency::keep_alive,
        [value, head = log_.head(), &log = log_](tpm::Tpm& t) {
            const Status synced = log.sync();
            *value = synced ? t.extend_audit(head) : Result<Digest>(synced.error());
        },
        done);
    if (posted) return;
    *value = posted.error();
    done();
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
