// The endorsement key that the TPM came with, and the activation of a credential made for it.
#include <openssl/core_names.h>

#include "attestation/openssl.h"
#include "enclave/tpm/esys_tpm.h"

namespace sealcall::tpm {

namespace {

constexpr ESYS_TR kNone = ESYS_TR_NONE;
constexpr uint16_t kNvChunk = 512;  ///< every TPM reads as much at once (PC Client Platform TPM Profile, 4.4)
constexpr uint16_t kNvMax = 8192;

using attestation::BignumPtr;
using attestation::X509Ptr;

bool number_is(EVP_PKEY* key, const char* name, ByteSpan wanted) {
    BIGNUM* raw = nullptr;
    if (EVP_PKEY_get_bn_param(key, name, &raw) != 1) return false;
    const BignumPtr have(raw);
    const BignumPtr want(BN_bin2bn(as_u8(wanted.data()), static_cast<int>(wanted.size()), nullptr));
    return want && BN_cmp(have.get(), want.get()) == 0;
}

/// Is `pub` the key that the certificate speaks of? Curves need no comparison: a template fixes each, and equal
/// coordinates are a point of one curve only.
bool certifies(ByteSpan certificate, const TPMT_PUBLIC& pub) {
    const uint8_t* p = as_u8(certificate.data());
    const X509Ptr x509(d2i_X509(nullptr, &p, static_cast<long>(certificate.size())));
    if (!x509) return false;
    EVP_PKEY* key = X509_get0_pubkey(x509.get());
    if (key == nullptr) return false;
    if (pub.type == TPM2_ALG_RSA)
        return EVP_PKEY_is_a(key, "RSA") == 1 &&
               number_is(key, OSSL_PKEY_PARAM_RSA_N, view(pub.unique.rsa.size, pub.unique.rsa.buffer));
    const auto& point = pub.unique.ecc;
    return EVP_PKEY_is_a(key, "EC") == 1 &&
           number_is(key, OSSL_PKEY_PARAM_EC_PUB_X, view(point.x.size, point.x.buffer)) &&
           number_is(key, OSSL_PKEY_PARAM_EC_PUB_Y, view(point.y.size, point.y.buffer));
}

}  // namespace

Result<Bytes> EsysTpm::read_certificate(TPM2_HANDLE index) {
    TRY(const bool have, exists(index));
    if (!have) return Error{Errc::not_found, "no endorsement certificate", index};
    ESYS_TR tr = kNone;
    TRY_STATUS(esys_->call("TPM2_NV_ReadPublic",
                           [&](ESYS_CONTEXT* e) { return Esys_TR_FromTPMPublic(e, index, kNone, kNone, kNone, &tr); }));
    const Handle nv(*esys_, tr, Handle::End::close);
    EsysPtr<TPM2B_NV_PUBLIC> pub;
    EsysPtr<TPM2B_NAME> name;
    TRY_STATUS(esys_->call("TPM2_NV_ReadPublic", [&](ESYS_CONTEXT* e) {
        return Esys_NV_ReadPublic(e, tr, kNone, kNone, kNone, pub.out(), name.out());
    }));
    const ESYS_TR by = (pub->nvPublic.attributes & TPMA_NV_AUTHREAD) != 0 ? tr : ESYS_TR_RH_OWNER;
    const uint16_t size = std::min(pub->nvPublic.dataSize, kNvMax);
    Bytes out;
    while (out.size() < size) {
        const auto ask = static_cast<uint16_t>(std::min<size_t>(kNvChunk, size - out.size()));
        EsysPtr<TPM2B_MAX_NV_BUFFER> data;
        TRY_STATUS(esys_->call("TPM2_NV_Read", [&](ESYS_CONTEXT* e) {
            return Esys_NV_Read(e, by, tr, ESYS_TR_PASSWORD, kNone, kNone, ask, static_cast<UINT16>(out.size()),
                                data.out());
        }));
        const ByteSpan chunk = view(data->size, data->buffer);
        if (chunk.size() != ask) return Error{Errc::tpm_bad_response, "TPM2_NV_Read", data->size};
        out.insert(out.end(), chunk.begin(), chunk.end());
    }
    TRY(const ByteSpan der, cut_certificate(out, rats::CertificateDer::kMax));
    return to_bytes(der);
}

// A provisioned EK is taken from its usual place: making a primary RSA key can take a chip half a minute.
Result<EsysTpm::Ek> EsysTpm::open_ek(const EkKind& kind) {
    TRY(const bool have, exists(kind.persistent));
    if (have) {
        ESYS_TR tr = kNone;
        EsysPtr<TPM2B_PUBLIC> pub;
        EsysPtr<TPM2B_NAME> name, qualified;
        TRY_STATUS(esys_->call("TPM2_ReadPublic", [&](ESYS_CONTEXT* e) {
            return Esys_TR_FromTPMPublic(e, kind.persistent, kNone, kNone, kNone, &tr);
        }));
        Handle handle(*esys_, tr, Handle::End::close);
        TRY_STATUS(esys_->call("TPM2_ReadPublic", [&](ESYS_CONTEXT* e) {
            return Esys_ReadPublic(e, tr, kNone, kNone, kNone, pub.out(), name.out(), qualified.out());
        }));
        if (same_template(pub->publicArea, kind.pub.publicArea))
            return Ek{.handle = std::move(handle), .policy_secret = kind.policy_secret, .pub = pub->publicArea};
    }
    TPMT_PUBLIC made{};
    TRY(Handle handle, create_primary(ESYS_TR_RH_ENDORSEMENT, kind.pub, {}, false, made));
    return Ek{.handle = std::move(handle), .policy_secret = kind.policy_secret, .pub = made};
}

// The first kind whose certificate speaks of the key; else the first kind that the TPM can make at all, P-256 before
// others.
Result<size_t> EsysTpm::choose_ek() {
    if (ek_choice_) return *ek_choice_;
    for (size_t i = 0; i < kEkKinds; ++i) {
        const EkKind kind = ek_kind(i);
        auto certificate = read_certificate(kind.certificate);
        if (!certificate) continue;
        auto ek = open_ek(kind);
        if (!ek || !certifies(*certificate, ek->pub)) continue;
        ek_choice_ = i;
        return i;
    }
    Error last{};
    for (const size_t i : {size_t{2}, size_t{5}, size_t{0}}) {
        auto ek = open_ek(ek_kind(i));
        if (ek) {
            ek_choice_ = i;
            return i;
        }
        last = ek.error();
    }
    return last;
}

Result<Endorsement> EsysTpm::endorsement() {
    TRY(const size_t choice, choose_ek());
    const EkKind kind = ek_kind(choice);
    TRY(const Ek ek, open_ek(kind));
    TRY(const Bytes area, marshal_public(ek.pub));
    Endorsement out;
    TRY(out.ek_public, rats::TpmPublic::from(area));
    const auto certificate = read_certificate(kind.certificate);
    if (certificate && certifies(*certificate, ek.pub)) {
        TRY(out.ek_certificate, rats::CertificateDer::from(*certificate));
    }
    return out;
}

Result<Bytes> EsysTpm::activate_credential(ByteSpan blob, ByteSpan secret) {
    TRY_STATUS(ready());
    TPM2B_ID_OBJECT id{};
    TPM2B_ENCRYPTED_SECRET seed{};
    TRY_STATUS(fill(id.size, id.credential, blob));
    TRY_STATUS(fill(seed.size, seed.secret, secret));
    TRY(const size_t choice, choose_ek());
    TRY_STATUS(need_ak());
    return once_more([&] { return activate_once(ek_kind(choice), id, seed); });
}

Result<Bytes> EsysTpm::activate_once(const EkKind& kind, const TPM2B_ID_OBJECT& id,
                                     const TPM2B_ENCRYPTED_SECRET& seed) {
    TRY_STATUS(sessions_->prepare());
    TRY(const Ek ek, open_ek(kind));
    ESYS_TR for_ek = ESYS_TR_PASSWORD;
    if (ek.policy_secret) {
        TRY(const ESYS_TR for_hierarchy, sessions_->hmac(0));
        TRY(for_ek, sessions_->policy(0));
        TRY_STATUS(esys_->call("TPM2_PolicySecret", [&](ESYS_CONTEXT* e) {
            return Esys_PolicySecret(e, ESYS_TR_RH_ENDORSEMENT, for_ek, for_hierarchy, kNone, kNone, nullptr, nullptr,
                                     nullptr, 0, nullptr, nullptr);
        }));
    }
    TRY(const ESYS_TR for_ak, sessions_->hmac(TPMA_SESSION_ENCRYPT));
    EsysPtr<TPM2B_DIGEST> out;
    TRY_STATUS(esys_->call("TPM2_ActivateCredential", [&](ESYS_CONTEXT* e) {
        return Esys_ActivateCredential(e, ak_.get(), ek.handle.get(), for_ak, for_ek, kNone, &id, &seed, out.out());
    }));
    return to_bytes(view(out->size, out->buffer));
}

}  // namespace sealcall::tpm
