// What sealcall-guard does with a TPM and nobody else: the boot secret, and the authorisations of the hierarchies.
#include "enclave/tpm/esys_tpm.h"
#include "sealcall/audit/anchor.h"

namespace sealcall::tpm {

namespace {

constexpr ESYS_TR kNone = ESYS_TR_NONE;

Result<TPM2B_AUTH> to_auth(const Secret<32>& value) {
    TPM2B_AUTH out{};
    TRY_STATUS(fill(out.size, out.buffer, value.reveal(SecretAccess{})));
    return out;
}

}  // namespace

Status EsysTpm::authorise(const HierarchyAuths* previous) {
    if (previous == nullptr) {
        constexpr uint32_t kSet =
            TPMA_PERMANENT_OWNERAUTHSET | TPMA_PERMANENT_ENDORSEMENTAUTHSET | TPMA_PERMANENT_LOCKOUTAUTHSET;
        TRY(const uint32_t permanent, property(TPM2_PT_PERMANENT));
        if ((permanent & kSet) == 0) return {};
        return Error{Errc::tpm_auth_refused, "hierarchy authorisations are set", permanent & kSet};
    }
    const auto use = [&](ESYS_TR hierarchy, const Secret<32>& value) -> Status {
        TRY(TPM2B_AUTH auth, to_auth(value));
        const Status s =
            esys_->call("authValue", [&](ESYS_CONTEXT* e) { return Esys_TR_SetAuth(e, hierarchy, &auth); });
        wipe(&auth, sizeof auth);
        return s;
    };
    TRY_STATUS(use(ESYS_TR_RH_OWNER, previous->owner));
    TRY_STATUS(use(ESYS_TR_RH_ENDORSEMENT, previous->endorsement));
    return use(ESYS_TR_RH_LOCKOUT, previous->lockout);
}

Status EsysTpm::forget_indices() {
    std::vector<TPM2_HANDLE> ours{kPinHandle, kVersionHandle, audit::kIndex};
    for (uint8_t slot = 0; slot < kSlots; ++slot) ours.push_back(kCounterHandle + slot);
    TRY(const auto indices, capability(TPM2_CAP_HANDLES, kVaultHandle, kVaults));
    for (const TPM2_HANDLE found : indices)
        if (found < kVaultHandle + kVaults) ours.push_back(found);
    for (const TPM2_HANDLE handle : ours) {
        TRY(const bool have, exists(handle));
        if (!have) continue;
        TRY_STATUS(open_srk());
        TRY_STATUS(undefine_nv(handle));
    }
    return {};
}

Status EsysTpm::set_hierarchy_auths(const HierarchyAuths& auths) {
    TRY_STATUS(open_srk());
    const auto change = [&](ESYS_TR hierarchy, const Secret<32>& value) -> Status {
        TRY(TPM2B_AUTH auth, to_auth(value));
        TRY(const ESYS_TR session, sessions_->hmac(TPMA_SESSION_DECRYPT));
        const Status s = esys_->call("TPM2_HierarchyChangeAuth", [&](ESYS_CONTEXT* e) {
            return Esys_HierarchyChangeAuth(e, hierarchy, session, kNone, kNone, &auth);
        });
        wipe(&auth, sizeof auth);
        esys_->forget();
        return s;
    };
    TRY_STATUS(change(ESYS_TR_RH_OWNER, auths.owner));
    TRY_STATUS(change(ESYS_TR_RH_ENDORSEMENT, auths.endorsement));
    return change(ESYS_TR_RH_LOCKOUT, auths.lockout);
}

Result<IdentityBlobs> EsysTpm::seal_boot(const Secret<32>& secret, const Digest& state) {
    TRY_STATUS(open_srk());
    const Digest policy = PolicyDigest().pcr(options_.measurement_pcr, state).value();
    TRY(const Created made, create(sealed_template(policy), {}, secret.reveal(SecretAccess{})));
    return to_blobs(made);
}

Result<Secret<32>> EsysTpm::unseal_boot(const IdentityBlobs& sealed) {
    TRY_STATUS(open_srk());
    TRY(const Handle object, load_sealed(sealed.public_area, sealed.private_area));
    TRY(const ESYS_TR session, sessions_->policy(TPMA_SESSION_ENCRYPT));
    TRY_STATUS(assert_pcr(session));
    return unseal_loaded(object.get(), session);
}

}  // namespace sealcall::tpm
