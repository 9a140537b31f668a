// The vault's key, and the one object whose authValue is a person's PIN. Unlike everything else of ours it stands under
// the TPM's dictionary attack protection, so guessing is the TPM's business: a wrong PIN costs a try, and nothing that
// this process or a thief of the files does brings it back.
#include "enclave/tpm/esys_tpm.h"

namespace sealcall::tpm {

namespace {

constexpr ESYS_TR kNone = ESYS_TR_NONE;

}  // namespace

Secret<32> EsysTpm::vault_auth(ByteSpan pin) const {
    Secret<32> own = derive_auth(options_.auth_value, AuthFor::vault_key, 0);
    if (pin.empty()) return own;
    return derive_pin_auth(own, srk_name_, pin);
}

Result<IdentityBlobs> EsysTpm::seal_vault(const Secret<32>& key, ByteSpan pin) {
    TRY_STATUS(open_srk());
    make_room();
    PolicyDigest policy;
    if (options_.auth_value.empty()) {
        TRY(const Digest state, read_pcr(options_.measurement_pcr));
        policy.pcr(options_.measurement_pcr, state);
    }
    const Digest digest = policy.auth_value().value();
    const Secret<32> auth = vault_auth(pin);
    TRY(const Created made, create(pin.empty() ? sealed_template(digest) : pin_template(digest),
                                   auth.reveal(SecretAccess{}), key.reveal(SecretAccess{})));
    return to_blobs(made);
}

// Never once_more: every wrong try counts.
Result<Secret<32>> EsysTpm::unseal_vault(const IdentityBlobs& sealed, ByteSpan pin) {
    TRY_STATUS(open_srk());
    make_room();
    TRY(const Handle object, load_sealed(sealed.public_area, sealed.private_area));
    TPM2B_AUTH auth{};
    TRY_STATUS(fill(auth.size, auth.buffer, vault_auth(pin).reveal(SecretAccess{})));
    const Status set =
        esys_->call("authValue", [&](ESYS_CONTEXT* e) { return Esys_TR_SetAuth(e, object.get(), &auth); });
    wipe(&auth, sizeof auth);
    TRY_STATUS(set);
    TRY(const ESYS_TR session, sessions_->policy(TPMA_SESSION_ENCRYPT));
    if (options_.auth_value.empty()) TRY_STATUS(assert_pcr(session));
    TRY_STATUS(esys_->call("TPM2_PolicyAuthValue",
                           [&](ESYS_CONTEXT* e) { return Esys_PolicyAuthValue(e, session, kNone, kNone, kNone); }));
    return unseal_loaded(object.get(), session);
}

Result<PinTries> EsysTpm::pin_tries() {
    TRY(const auto p, capability(TPM2_CAP_TPM_PROPERTIES, TPM2_PT_LOCKOUT_COUNTER, 3));
    TRY(const uint32_t permanent, property(TPM2_PT_PERMANENT));
    if (p.size() < 3) return Error{Errc::tpm_bad_response, "TPM properties", static_cast<uint32_t>(p.size())};
    PinTries out{.most = p[1], .left = p[1] - std::min(p[0], p[1]), .one_more_in_s = p[2]};
    if ((permanent & TPMA_PERMANENT_INLOCKOUT) != 0) out.left = 0;
    return out;
}

Result<uint64_t> EsysTpm::vault_counter(uint8_t index, Count how) {
    TRY_STATUS(open_srk());
    TRY(const bool have, exists(kVaultHandle + index));
    if (!have && how == Count::read) return uint64_t{0};
    auto counter = open_nv(vault_public(index, TPMA_NV_WRITTEN), AuthFor::vault_counter, index);
    if (!counter && counter.error().code == Errc::tpm_not_provisioned) {
        // There is none, or whoever defined it was stopped before its first increment, which changes its Name.
        NvIndex fresh;
        if (have) {
            TRY(fresh, open_nv(vault_public(index, 0), AuthFor::vault_counter, index));
        } else {
            TRY_STATUS(define_nv(vault_public(index, 0), AuthFor::vault_counter, index, fresh.handle));
        }
        if (how == Count::read) return uint64_t{0};
        TRY_STATUS(increment(fresh.handle.get()));
        fresh.handle.reset();
        counter = open_nv(vault_public(index, TPMA_NV_WRITTEN), AuthFor::vault_counter, index);
        how = Count::read;
    }
    if (!counter) return counter.error();
    if (how == Count::add) TRY_STATUS(increment(counter->handle.get()));
    TRY(const Bytes value, once_more([&] { return read_nv(counter->handle.get(), 8); }));
    return ByteReader(value).u64();
}

}  // namespace sealcall::tpm
