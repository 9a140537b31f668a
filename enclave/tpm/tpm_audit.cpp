// The audit index, and what the attestation key says about it, about counters and about sealed secrets.
#include <tss2/tss2_mu.h>

#include "enclave/tpm/esys_tpm.h"
#include "sealcall/audit/anchor.h"

namespace sealcall::tpm {

namespace {

constexpr ESYS_TR kNone = ESYS_TR_NONE;

/// What every certifying command is told besides its object.
struct Question {
    TPM2B_DATA data{};
    TPMT_SIG_SCHEME own_scheme{};
    EsysPtr<TPM2B_ATTEST> attest;
    EsysPtr<TPMT_SIGNATURE> signature;
    explicit Question(const Digest& qualifying_data) {
        own_scheme.scheme = TPM2_ALG_NULL;
        CHECK(fill(data.size, data.buffer, qualifying_data));
    }
};

}  // namespace

// An index that was defined and not extended is one whose making was cut off.
Status EsysTpm::open_audit() {
    TRY(const bool have, exists(audit::kIndex));
    audit_.handle.reset();
    if (have) {
        auto opened = open_nv(audit_public(TPMA_NV_WRITTEN), AuthFor::audit, 0);
        if (!opened && opened.error().code == Errc::tpm_not_provisioned) {
            TRY(audit_, open_nv(audit_public(0), AuthFor::audit, 0));
        } else {
            TRY(audit_, std::move(opened));
            return {};
        }
    } else {
        TRY_STATUS(define_nv(audit_public(0), AuthFor::audit, 0, audit_.handle));
    }
    TRY_STATUS(extend_index(sha256(as_bytes(audit::kIndexBegin))));
    audit_.handle.reset();
    TRY(audit_, open_nv(audit_public(TPMA_NV_WRITTEN), AuthFor::audit, 0));
    return {};
}

Status EsysTpm::extend_index(const Digest& head) {
    const ESYS_TR nv = audit_.handle.get();
    TRY(const ESYS_TR session, sessions_->hmac(0));
    TPM2B_MAX_NV_BUFFER data{};
    TRY_STATUS(fill(data.size, data.buffer, head));
    return esys_->call("TPM2_NV_Extend",
                       [&](ESYS_CONTEXT* e) { return Esys_NV_Extend(e, nv, nv, session, kNone, kNone, &data); });
}

Result<Digest> EsysTpm::audit_value() {
    TRY_STATUS(ready());
    TRY(const Bytes value, once_more([&] { return read_nv(audit_.handle.get(), sizeof(Digest)); }));
    Digest out{};
    std::ranges::copy(value, out.begin());
    return out;
}

Result<Digest> EsysTpm::extend_audit(const Digest& head) {
    TRY_STATUS(ready());
    TRY_STATUS(once_more([&] { return extend_index(head); }));  // again only when the TPM had no session to check
    return audit_value();
}

Result<AttestedBlob> EsysTpm::certify_nv(ESYS_TR nv, uint16_t size, const Digest& qualifying_data) {
    TRY_STATUS(use_ak({}));
    TRY_STATUS(need_ak());
    return once_more([&]() -> Result<AttestedBlob> {
        TRY(const Handle for_ak, sessions_->second_hmac());
        TRY(const ESYS_TR for_nv, sessions_->hmac(0));
        Question q(qualifying_data);
        TRY_STATUS(esys_->call("TPM2_NV_Certify", [&](ESYS_CONTEXT* e) {
            return Esys_NV_Certify(e, ak_.get(), nv, nv, for_ak.get(), for_nv, kNone, &q.data, &q.own_scheme, size, 0,
                                   q.attest.out(), q.signature.out());
        }));
        return to_blob(*q.attest, *q.signature);
    });
}

Result<AttestedBlob> EsysTpm::certify_audit(const Digest& qualifying_data) {
    TRY_STATUS(ready());
    return certify_nv(audit_.handle.get(), sizeof(Digest), qualifying_data);
}

Result<AttestedBlob> EsysTpm::certify_counter(uint8_t slot, const Digest& qualifying_data) {
    TRY_STATUS(ready());
    if (slot >= kSlots) return Error{Errc::bad_value, "call slot", slot};
    return certify_nv(counters_[slot].handle.get(), sizeof(uint64_t), qualifying_data);
}

Result<AttestedBlob> EsysTpm::certify_sealed(const SealedSecret& sealed, const Digest& qualifying_data) {
    TRY_STATUS(ready());
    TRY_STATUS(use_ak({}));
    TPMT_TK_CREATION ticket{};
    TPM2B_DIGEST hash{};
    size_t used = 0;
    const Bytes& t = sealed.creation_ticket;
    if (Tss2_MU_TPMT_TK_CREATION_Unmarshal(as_u8(t.data()), t.size(), &used, &ticket) != TSS2_RC_SUCCESS ||
        used != t.size())
        return Error{Errc::bad_value, "creation ticket", 0};
    TRY_STATUS(fill(hash.size, hash.buffer, sha256(sealed.creation_data)));
    make_room();
    return once_more([&]() -> Result<AttestedBlob> {
        TRY(const Handle object, load_sealed(sealed.public_area, sealed.private_area));
        TRY_STATUS(need_ak());
        TRY(const ESYS_TR session, sessions_->hmac(0));
        Question q(qualifying_data);
        TRY_STATUS(esys_->call("TPM2_CertifyCreation", [&](ESYS_CONTEXT* e) {
            return Esys_CertifyCreation(e, ak_.get(), object.get(), session, kNone, kNone, &q.data, &hash,
                                        &q.own_scheme, &ticket, q.attest.out(), q.signature.out());
        }));
        make_room();  // two objects beside the identity key: there would be no slot for the next command
        return to_blob(*q.attest, *q.signature);
    });
}

}  // namespace sealcall::tpm
