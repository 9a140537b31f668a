// A secret that is sealed to whatever its approver signs (TPM2_PolicyAuthorize) instead of to one state. Signatures do
// not expire, so the number of the newest approval that was used stands in an index of this TPM, and every approval
// holds only up to its own number.
#include "enclave/tpm/esys_tpm.h"

namespace sealcall::tpm {

namespace {

constexpr ESYS_TR kNone = ESYS_TR_NONE;
ByteSpan ref_bytes() { return as_bytes(rats::kStateContext); }

// A wrong signature, or a session in which something else was asserted than was approved: the approval does not count.
Status judged(Status s) {
    if (s) return s;
    const TSS2_RC rc = bare_rc(s.error().detail);
    if (rc == TPM2_RC_SIGNATURE || rc == TPM2_RC_VALUE)
        return Error{Errc::tpm_policy_refused, s.error().what, s.error().detail};
    return s;
}

}  // namespace

Result<EsysTpm::NvIndex> EsysTpm::open_approval_index(TPMA_NV written) {
    return open_nv(approval_public(written), AuthFor::approval, 0);
}

Result<IdentityBlobs> EsysTpm::seal_approved(const Secret<32>& secret, const rats::Approver& approver) {
    TRY_STATUS(open_srk());
    TRY(const Bytes name, public_name(approver_public(approver).publicArea));
    const Digest policy = PolicyDigest().authorised(name, ref_bytes()).value();
    TRY(const Created made, create(sealed_template(policy), {}, secret.reveal(SecretAccess{})));
    return to_blobs(made);
}

// The key is in the TPM only while it checks: there are three places for objects.
Result<TPMT_TK_VERIFIED> EsysTpm::check_approval(const rats::Approver& approver, const rats::StateApproval& approval,
                                                 const Digest& policy) {
    const TPM2B_PUBLIC pub = approver_public(approver);
    ESYS_TR tr = kNone;
    TRY_STATUS(esys_->call("TPM2_LoadExternal", [&](ESYS_CONTEXT* e) {
        return Esys_LoadExternal(e, kNone, kNone, kNone, nullptr, &pub, ESYS_TR_RH_OWNER, &tr);
    }));
    const Handle key(*esys_, tr, Handle::End::flush);
    TPM2B_DIGEST digest{};
    TRY_STATUS(fill(digest.size, digest.buffer, sha256(policy, ref_bytes())));
    TPMT_SIGNATURE signature{};
    signature.sigAlg = TPM2_ALG_ECDSA;
    auto& rs = signature.signature.ecdsa;
    rs.hash = TPM2_ALG_SHA256;
    TRY_STATUS(fill(rs.signatureR.size, rs.signatureR.buffer, approval.r));
    TRY_STATUS(fill(rs.signatureS.size, rs.signatureS.buffer, approval.s));
    EsysPtr<TPMT_TK_VERIFIED> ticket;
    TRY_STATUS(judged(esys_->call("TPM2_VerifySignature", [&](ESYS_CONTEXT* e) {
        return Esys_VerifySignature(e, tr, kNone, kNone, kNone, &digest, &signature, ticket.out());
    })));
    return *ticket;
}

Status EsysTpm::assert_approval(ESYS_TR session, const rats::Approver& approver, const rats::StateApproval& approval) {
    TRY(const NvIndex newest, open_approval_index(TPMA_NV_WRITTEN));
    const Digest policy =
        PolicyDigest().pcr(options_.measurement_pcr, approval.state).nv_at_most(newest.name, approval.number).value();
    TRY(const TPMT_TK_VERIFIED ticket, check_approval(approver, approval, policy));
    TRY_STATUS(assert_pcr(session));
    const ESYS_TR nv = newest.handle.get();
    TRY(const ESYS_TR reader, sessions_->hmac(0));
    TPM2B_OPERAND number{};
    TRY_STATUS(fill(number.size, number.buffer, ByteWriter().u64(approval.number).view()));
    TRY_STATUS(esys_->call("TPM2_PolicyNV", [&](ESYS_CONTEXT* e) {
        return Esys_PolicyNV(e, nv, nv, session, reader, kNone, kNone, &number, 0, TPM2_EO_UNSIGNED_LE);
    }));
    TRY(const Bytes name, public_name(approver_public(approver).publicArea));
    TPM2B_DIGEST approved{};
    TPM2B_NONCE ref{};
    TPM2B_NAME key{};
    TRY_STATUS(fill(approved.size, approved.buffer, policy));
    TRY_STATUS(fill(ref.size, ref.buffer, ref_bytes()));
    TRY_STATUS(fill(key.size, key.name, name));
    return judged(esys_->call("TPM2_PolicyAuthorize", [&](ESYS_CONTEXT* e) {
        return Esys_PolicyAuthorize(e, session, kNone, kNone, kNone, &approved, &ref, &key, &ticket);
    }));
}

Result<Secret<32>> EsysTpm::unseal_approved(const IdentityBlobs& sealed, const rats::Approver& approver,
                                            const rats::StateApproval& approval) {
    TRY_STATUS(open_srk());
    TRY(const ESYS_TR session, sessions_->policy(TPMA_SESSION_ENCRYPT));
    TRY_STATUS(assert_approval(session, approver, approval));
    TRY(const Handle object, load_sealed(sealed.public_area, sealed.private_area));
    return unseal_loaded(object.get(), session);
}

Status EsysTpm::accept_approval(uint64_t number) {
    TRY_STATUS(open_srk());
    NvIndex index;
    TRY(const bool have, exists(rats::kApprovalIndex));
    if (auto written = have ? open_approval_index(TPMA_NV_WRITTEN) : Result<NvIndex>(Error{}); written) {
        TRY(const Bytes value, read_nv(written->handle.get(), 8));
        TRY(const uint64_t newest, ByteReader(value).u64());
        if (newest >= number) return {};
        index = *std::move(written);
    } else if (have) {  // made, and cut off before it was written
        TRY(index, open_approval_index(0));
    } else {
        TRY_STATUS(define_nv(approval_public(0), AuthFor::approval, 0, index.handle));
    }
    TPM2B_MAX_NV_BUFFER data{};
    TRY_STATUS(fill(data.size, data.buffer, ByteWriter().u64(number).view()));
    TRY(const ESYS_TR owner, sessions_->hmac(0));
    return esys_->call("TPM2_NV_Write", [&](ESYS_CONTEXT* e) {
        return Esys_NV_Write(e, ESYS_TR_RH_OWNER, index.handle.get(), owner, kNone, kNone, &data, 0);
    });
}

}  // namespace sealcall::tpm
