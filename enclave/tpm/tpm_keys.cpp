// Creating, loading and using keys.
#include <tss2/tss2_mu.h>

#include "attestation/openssl.h"
#include "enclave/tpm/esys_tpm.h"

namespace sealcall::tpm {

namespace {

constexpr ESYS_TR kNone = ESYS_TR_NONE;

/// TPM2B_SENSITIVE_CREATE that does not outlive its use.
struct Sensitive {
    TPM2B_SENSITIVE_CREATE value{};
    Sensitive() = default;
    Sensitive(const Sensitive&) = delete;
    Sensitive& operator=(const Sensitive&) = delete;
    ~Sensitive() { wipe(&value, sizeof(value)); }
    Status set(ByteSpan auth, ByteSpan data) {
        auto& s = value.sensitive;
        TRY_STATUS(fill(s.userAuth.size, s.userAuth.buffer, auth));
        return fill(s.data.size, s.data.buffer, data);
    }
};

TPML_PCR_SELECTION select_one(uint8_t pcr) {
    TPML_PCR_SELECTION s{};
    s.count = 1;
    s.pcrSelections[0].hash = TPM2_ALG_SHA256;
    s.pcrSelections[0].sizeofSelect = 3;
    s.pcrSelections[0].pcrSelect[pcr / 8] = static_cast<BYTE>(1U << (pcr % 8));
    return s;
}

}  // namespace

Result<Handle> EsysTpm::create_primary(ESYS_TR hierarchy, const TPM2B_PUBLIC& pub, ByteSpan auth, bool encrypt,
                                       TPMT_PUBLIC& made) {
    Sensitive sensitive;
    TRY_STATUS(sensitive.set(auth, {}));
    // The hierarchy's authValue goes over the wire in no other form than this session's HMAC, once there is a session.
    ESYS_TR session = ESYS_TR_PASSWORD;
    if (sessions_) {
        TRY(session, sessions_->hmac(encrypt ? TPMA_SESSION_DECRYPT : 0));
    }
    const TPM2B_DATA outside{};
    const TPML_PCR_SELECTION no_pcrs{};
    ESYS_TR tr = kNone;
    EsysPtr<TPM2B_PUBLIC> out;
    EsysPtr<TPM2B_CREATION_DATA> data;
    EsysPtr<TPM2B_DIGEST> hash;
    EsysPtr<TPMT_TK_CREATION> ticket;
    TRY_STATUS(esys_->call("TPM2_CreatePrimary", [&](ESYS_CONTEXT* e) {
        return Esys_CreatePrimary(e, hierarchy, session, kNone, kNone, &sensitive.value, &pub, &outside, &no_pcrs, &tr,
                                  out.out(), data.out(), hash.out(), ticket.out());
    }));
    Handle handle(*esys_, tr, Handle::End::flush);
    if (!same_template(out->publicArea, pub.publicArea))
        return Error{Errc::tpm_bad_response, "the TPM made another key than asked for", 0};
    made = out->publicArea;
    return handle;
}

Result<EsysTpm::Created> EsysTpm::create(const TPM2B_PUBLIC& pub, ByteSpan auth, ByteSpan data) {
    Sensitive sensitive;
    TRY_STATUS(sensitive.set(auth, data));
    TRY(const ESYS_TR session, sessions_->hmac(TPMA_SESSION_DECRYPT));
    const TPM2B_DATA outside{};
    const TPML_PCR_SELECTION state = select_one(options_.measurement_pcr);  // that it was made in, for who asks later
    EsysPtr<TPM2B_PRIVATE> out_private;
    EsysPtr<TPM2B_PUBLIC> out_public;
    EsysPtr<TPM2B_CREATION_DATA> creation;
    EsysPtr<TPM2B_DIGEST> hash;
    EsysPtr<TPMT_TK_CREATION> ticket;
    const Status created = esys_->call("TPM2_Create", [&](ESYS_CONTEXT* e) {
        return Esys_Create(e, srk_.get(), session, kNone, kNone, &sensitive.value, &pub, &outside, &state,
                           out_private.out(), out_public.out(), creation.out(), hash.out(), ticket.out());
    });
    esys_->forget();
    TRY_STATUS(created);
    Created made{.pub = *out_public, .priv = *out_private, .data = Bytes(creation->size), .ticket = {}};
    made.ticket.resize(sizeof(TPMT_TK_CREATION));
    size_t data_used = 0, ticket_used = 0;
    if (Tss2_MU_TPMS_CREATION_DATA_Marshal(&creation->creationData, as_u8(made.data.data()), made.data.size(),
                                           &data_used) != TSS2_RC_SUCCESS ||
        Tss2_MU_TPMT_TK_CREATION_Marshal(ticket.get(), as_u8(made.ticket.data()), made.ticket.size(), &ticket_used) !=
            TSS2_RC_SUCCESS ||
        data_used != made.data.size())
        return Error{Errc::tpm_bad_response, "TPM2_Create", 0};
    made.ticket.resize(ticket_used);
    return made;
}

Result<Handle> EsysTpm::load_object(const TPM2B_PRIVATE& priv, const TPM2B_PUBLIC& pub) {
    TRY(const ESYS_TR session, sessions_->hmac(0));
    ESYS_TR tr = kNone;
    TRY_STATUS(esys_->call("TPM2_Load", [&](ESYS_CONTEXT* e) {
        return Esys_Load(e, srk_.get(), session, kNone, kNone, &priv, &pub, &tr);
    }));
    return Handle(*esys_, tr, Handle::End::flush);
}

Result<IdentityBlobs> EsysTpm::to_blobs(const Created& made) {
    IdentityBlobs out{Bytes(sizeof(TPM2B_PUBLIC)), Bytes(sizeof(TPM2B_PRIVATE))};
    size_t pub_used = 0, priv_used = 0;
    if (Tss2_MU_TPM2B_PUBLIC_Marshal(&made.pub, as_u8(out.public_area.data()), out.public_area.size(), &pub_used) !=
            TSS2_RC_SUCCESS ||
        Tss2_MU_TPM2B_PRIVATE_Marshal(&made.priv, as_u8(out.private_area.data()), out.private_area.size(),
                                      &priv_used) != TSS2_RC_SUCCESS)
        return Error{Errc::tpm_bad_response, "TPM2_Create", 0};
    out.public_area.resize(pub_used);
    out.private_area.resize(priv_used);
    return out;
}

Result<IdentityBlobs> EsysTpm::create_identity() {
    TRY_STATUS(open_srk());
    make_room();
    TRY(const Digest state, read_pcr(options_.measurement_pcr));
    const Digest policy = PolicyDigest().pcr(options_.measurement_pcr, state).auth_value().value();
    const Bytes auth = auth_of(AuthFor::identity_key, 0);
    TRY(const Created key, once_more([&] { return create(identity_template(policy), auth, {}); }));
    return to_blobs(key);
}

Status EsysTpm::assert_pcr(ESYS_TR session) {
    const TPM2B_DIGEST current{};  // empty: whatever the PCR holds now
    const TPML_PCR_SELECTION selection = select_one(options_.measurement_pcr);
    return esys_->call("TPM2_PolicyPCR", [&](ESYS_CONTEXT* e) {
        return Esys_PolicyPCR(e, session, kNone, kNone, kNone, &current, &selection);
    });
}

Status EsysTpm::assert_pcr_and_auth(ESYS_TR session) {
    TRY_STATUS(assert_pcr(session));
    return esys_->call("TPM2_PolicyAuthValue",
                       [&](ESYS_CONTEXT* e) { return Esys_PolicyAuthValue(e, session, kNone, kNone, kNone); });
}

Result<Bytes> EsysTpm::sign_identity(const Digest& digest) {
    TRY_STATUS(ready());
    return once_more([&] { return sign_once(digest); });
}

Result<Bytes> EsysTpm::sign_once(const Digest& digest) {
    TRY(const ESYS_TR session, sessions_->policy(0));
    TRY_STATUS(assert_pcr_and_auth(session));
    TPM2B_DIGEST in{};
    TRY_STATUS(fill(in.size, in.buffer, digest));
    TPMT_SIG_SCHEME own_scheme{};
    own_scheme.scheme = TPM2_ALG_NULL;
    TPMT_TK_HASHCHECK no_ticket{};
    no_ticket.tag = TPM2_ST_HASHCHECK;
    no_ticket.hierarchy = TPM2_RH_NULL;
    EsysPtr<TPMT_SIGNATURE> signature;
    TRY_STATUS(esys_->call("TPM2_Sign", [&](ESYS_CONTEXT* e) {
        return Esys_Sign(e, identity_.get(), session, kNone, kNone, &in, &own_scheme, &no_ticket, signature.out());
    }));
    if (signature->sigAlg != TPM2_ALG_ECDSA) return Error{Errc::tpm_bad_response, "TPM2_Sign", signature->sigAlg};
    const auto& [hash, r, s] = signature->signature.ecdsa;
    Bytes der = attestation::ecdsa_der(view(r.size, r.buffer), view(s.size, s.buffer));
    if (der.empty()) return Error{Errc::crypto_failed, "ECDSA_SIG", 0};
    return der;
}

Result<AttestedBlob> EsysTpm::certify_identity(const Digest& qualifying_data) {
    TRY_STATUS(ready());
    TRY_STATUS(need_ak());
    return once_more([&]() -> Result<AttestedBlob> {
        TRY(const Handle for_identity, sessions_->second_hmac());
        TRY(const ESYS_TR for_ak, sessions_->hmac(0));
        TPM2B_DATA data{};
        TRY_STATUS(fill(data.size, data.buffer, qualifying_data));
        TPMT_SIG_SCHEME own_scheme{};
        own_scheme.scheme = TPM2_ALG_NULL;
        EsysPtr<TPM2B_ATTEST> attest;
        EsysPtr<TPMT_SIGNATURE> signature;
        TRY_STATUS(esys_->call("TPM2_Certify", [&](ESYS_CONTEXT* e) {
            return Esys_Certify(e, identity_.get(), ak_.get(), for_identity.get(), for_ak, kNone, &data, &own_scheme,
                                attest.out(), signature.out());
        }));
        return to_blob(*attest, *signature);
    });
}

Result<AttestedBlob> to_blob(const TPM2B_ATTEST& attest, const TPMT_SIGNATURE& signature) {
    AttestedBlob out;
    TRY(out.attest, rats::TpmAttest::from(view(attest.size, attest.attestationData)));
    Bytes bytes(sizeof(TPMT_SIGNATURE));
    size_t used = 0;
    const TSS2_RC rc = Tss2_MU_TPMT_SIGNATURE_Marshal(&signature, as_u8(bytes.data()), bytes.size(), &used);
    if (rc != TSS2_RC_SUCCESS) return Error{Errc::tpm_bad_response, "TPMT_SIGNATURE", rc};
    TRY(out.signature, rats::TpmSignature::from(ByteSpan(bytes).first(used)));
    return out;
}

}  // namespace sealcall::tpm
