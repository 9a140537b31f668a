// Call secrets and the counters that end them.
#include <tss2/tss2_mu.h>

#include "enclave/tpm/esys_tpm.h"

namespace sealcall::tpm {

namespace {

constexpr ESYS_TR kNone = ESYS_TR_NONE;
constexpr Millis kLeaseMin{60'000};
constexpr int kLeasePerCreate = 10;
constexpr uint16_t kOffsetClock = 8, kOffsetResetCount = 16, kOffsetRestartCount = 20;  // TPMS_TIME_INFO

Status check_slot(uint8_t slot) {
    if (slot >= kSlots) return Error{Errc::bad_value, "call slot", slot};
    return {};
}

TPM2B_OPERAND operand(const ByteWriter& value) {
    TPM2B_OPERAND out{};
    CHECK(fill(out.size, out.buffer, value.view()));
    return out;
}

}  // namespace

// Whoever forges this answer gets a refusal: the TPM compares. Nothing is sealed to it.
Result<EsysTpm::Clock> EsysTpm::clock() {
    EsysPtr<TPMS_TIME_INFO> info;
    TRY_STATUS(esys_->call("TPM2_ReadClock",
                           [&](ESYS_CONTEXT* e) { return Esys_ReadClock(e, kNone, kNone, kNone, info.out()); }));
    const auto& c = info->clockInfo;
    return Clock{.clock_ms = c.clock, .reset_count = c.resetCount, .restart_count = c.restartCount};
}

Result<Bytes> EsysTpm::read_nv(ESYS_TR nv, uint16_t size) {
    TRY(const ESYS_TR session, sessions_->hmac(0));
    EsysPtr<TPM2B_MAX_NV_BUFFER> data;
    TRY_STATUS(esys_->call("TPM2_NV_Read", [&](ESYS_CONTEXT* e) {
        return Esys_NV_Read(e, nv, nv, session, kNone, kNone, size, 0, data.out());
    }));
    if (data->size != size) return Error{Errc::tpm_bad_response, "TPM2_NV_Read", data->size};
    return to_bytes(view(data->size, data->buffer));
}

Status EsysTpm::increment(ESYS_TR nv) {
    TRY(const ESYS_TR session, sessions_->hmac(0));
    return esys_->call("TPM2_NV_Increment",
                       [&](ESYS_CONTEXT* e) { return Esys_NV_Increment(e, nv, nv, session, kNone, kNone); });
}

Result<uint64_t> EsysTpm::counter_value(uint8_t slot) {
    TRY(const Bytes value, read_nv(counters_[slot].handle.get(), 8));
    return ByteReader(value).u64();
}

Result<uint64_t> EsysTpm::end_slot(uint8_t slot) {
    TRY_STATUS(check_slot(slot));
    TRY_STATUS(ready());
    // Counting twice when only the answer was lost does no harm.
    TRY_STATUS(once_more([&] { return increment(counters_[slot].handle.get()); }));
    return counter_value(slot);
}

void EsysTpm::account_create(Millis took) { lease_ = std::max(lease_, kLeasePerCreate * took); }

Status EsysTpm::measure_lease() {
    lease_ = kLeaseMin;
    const std::array<std::byte, 32> nothing{};
    const BootInstant before = BootClock::now();
    TRY_STATUS([&]() -> Status {
        auto made = once_more([&] { return create(sealed_template({}), {}, nothing); });
        if (!made) return made.error();
        return {};
    }());
    account_create(std::chrono::ceil<Millis>(BootClock::now() - before));
    return {};
}

Result<SealedSecret> EsysTpm::seal(uint8_t slot, const Secret<32>& secret) {
    TRY_STATUS(check_slot(slot));
    TRY_STATUS(ready());
    TRY(const uint64_t counter, once_more([&] { return counter_value(slot); }));
    return seal_once(slot, counter, secret);
}

Result<SealedSecret> EsysTpm::seal_once(uint8_t slot, uint64_t counter, const Secret<32>& secret) {
    TRY(const Quoted state, current_state());
    make_room();
    const Clock& now = state.clock;
    SealedSecret out;
    out.slot = slot;
    out.counter = counter;
    out.lease_until_ms = now.clock_ms + static_cast<uint64_t>(lease_.count());
    const Digest policy = PolicyDigest()
                              .pcr_quoted(options_.measurement_pcr, state.pcr_digest)
                              .auth_value()
                              .nv_equals(counters_[slot].name, out.counter)
                              .reset_count_is(now.reset_count)
                              .restart_count_is(now.restart_count)
                              .clock_below(out.lease_until_ms)
                              .value();
    out.pcr_digest = state.pcr_digest;
    out.reset_count = now.reset_count;
    out.restart_count = now.restart_count;
    const BootInstant before = BootClock::now();
    const Bytes auth = auth_of(AuthFor::call_secret, slot);
    TRY(Created made, create(sealed_template(policy), auth, secret.reveal(SecretAccess{})));
    account_create(std::chrono::ceil<Millis>(BootClock::now() - before));
    TRY(IdentityBlobs blobs, to_blobs(made));
    out.public_area = std::move(blobs.public_area);
    out.private_area = std::move(blobs.private_area);
    out.creation_data = std::move(made.data);
    out.creation_ticket = std::move(made.ticket);
    return out;
}

Status EsysTpm::assert_call_policy(ESYS_TR session, const SealedSecret& sealed, const Clock& now) {
    TRY_STATUS(assert_pcr_and_auth(session));
    const ESYS_TR nv = counters_[sealed.slot].handle.get();
    TRY(const ESYS_TR reader, sessions_->hmac(0));
    const TPM2B_OPERAND counter = operand(ByteWriter().u64(sealed.counter));
    TRY_STATUS(esys_->call("TPM2_PolicyNV", [&](ESYS_CONTEXT* e) {
        return Esys_PolicyNV(e, nv, nv, session, reader, kNone, kNone, &counter, 0, TPM2_EO_EQ);
    }));
    const auto compare = [&](const char* what, TPM2B_OPERAND value, uint16_t offset, TPM2_EO how) {
        return esys_->call(what, [&](ESYS_CONTEXT* e) {
            return Esys_PolicyCounterTimer(e, session, kNone, kNone, kNone, &value, offset, how);
        });
    };
    // The counts of now: if the secret was sealed under others, the digest of the policy differs and Unseal refuses.
    TRY_STATUS(compare("TPM2_PolicyCounterTimer(resetCount)", operand(ByteWriter().u32(now.reset_count)),
                       kOffsetResetCount, TPM2_EO_EQ));
    TRY_STATUS(compare("TPM2_PolicyCounterTimer(restartCount)", operand(ByteWriter().u32(now.restart_count)),
                       kOffsetRestartCount, TPM2_EO_EQ));
    return compare("TPM2_PolicyCounterTimer(lease)", operand(ByteWriter().u64(sealed.lease_until_ms)), kOffsetClock,
                   TPM2_EO_UNSIGNED_LT);
}

Result<Secret<32>> EsysTpm::unseal(const SealedSecret& sealed) {
    TRY_STATUS(check_slot(sealed.slot));
    TRY_STATUS(ready());
    make_room();
    return once_more([&] { return unseal_once(sealed); });
}

Result<Secret<32>> EsysTpm::unseal_once(const SealedSecret& sealed) {
    TRY(const Clock now, clock());
    TRY(const Handle object, load_sealed(sealed.public_area, sealed.private_area));
    TRY_STATUS(set_auth(object.get(), AuthFor::call_secret, sealed.slot));
    TRY(const ESYS_TR session, sessions_->policy(TPMA_SESSION_ENCRYPT));
    TRY_STATUS(assert_call_policy(session, sealed, now));
    return unseal_loaded(object.get(), session);
}

Result<Handle> EsysTpm::load_sealed(ByteSpan public_area, ByteSpan private_area) {
    TPM2B_PUBLIC pub{};
    TPM2B_PRIVATE priv{};
    size_t pub_used = 0, priv_used = 0;
    const auto &a = public_area, &b = private_area;
    if (Tss2_MU_TPM2B_PUBLIC_Unmarshal(as_u8(a.data()), a.size(), &pub_used, &pub) != TSS2_RC_SUCCESS ||
        Tss2_MU_TPM2B_PRIVATE_Unmarshal(as_u8(b.data()), b.size(), &priv_used, &priv) != TSS2_RC_SUCCESS ||
        pub_used != a.size() || priv_used != b.size())
        return Error{Errc::bad_value, "the sealed secret is damaged", 0};
    return load_object(priv, pub);
}

Result<Secret<32>> EsysTpm::unseal_loaded(ESYS_TR object, ESYS_TR session) {
    EsysPtr<TPM2B_SENSITIVE_DATA> data;
    const Status unsealed = esys_->call(
        "TPM2_Unseal", [&](ESYS_CONTEXT* e) { return Esys_Unseal(e, object, session, kNone, kNone, data.out()); });
    esys_->forget();
    TRY_STATUS(unsealed);
    return Secret<32>::from(view(data->size, data->buffer));
}

Result<SealedSecret> EsysTpm::renew(const SealedSecret& sealed) {
    TRY(const Secret<32> secret, unseal(sealed));
    return seal_once(sealed.slot, sealed.counter, secret);
}

}  // namespace sealcall::tpm
