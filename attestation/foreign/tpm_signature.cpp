#include <openssl/rsa.h>

#include "attestation/foreign/tpm_files.h"

namespace sealcall::attestation::foreign {

namespace {

constexpr size_t kCoordinateMax = 66;
constexpr size_t kRsaMax = 512;

Result<AnySignature> read_tpmt_signature(ByteSpan file, Sha1 sha1) {
    ByteReader r(file);
    AnySignature out;
    TRY(out.scheme, r.u16());
    if (scheme_name(out.scheme)[0] == '\0') return Error{Errc::bad_evidence, "signature scheme", out.scheme};
    TRY(out.hash, r.u16());
    if (any_digest_size(out.hash) == 0) return Error{Errc::bad_evidence, "signature hash", out.hash};
    if (out.hash == kTpmAlgSha1 && sha1 == Sha1::refused) return Error{Errc::bad_evidence, "SHA-1", out.hash};
    if (out.scheme == kTpmAlgEcdsa) {
        TRY(Bytes a, tpm2b(r, kCoordinateMax));
        TRY(Bytes b, tpm2b(r, kCoordinateMax));
        out.value = ecdsa_der(a, b);
        if (out.value.empty()) return Error{Errc::crypto_failed, "ECDSA_SIG", 0};
    } else {
        TRY(out.value, tpm2b(r, kRsaMax));
    }
    TRY_STATUS(r.finish());
    return out;
}

bool is_rsa(const AttestationKey& key) { return EVP_PKEY_is_a(key.key.get(), "RSA") == 1; }

/// `a` and `b` say the same, or one of them says nothing.
bool agree(uint16_t a, uint16_t b) { return a == kTpmAlgNull || b == kTpmAlgNull || a == b; }
uint16_t first_said(uint16_t a, uint16_t b, uint16_t c) { return a != kTpmAlgNull ? a : b != kTpmAlgNull ? b : c; }

/// Exactly one ECDSA-Sig-Value.
bool is_ecdsa_der(ByteSpan file) {
    const unsigned char* at = as_u8(file.data());
    const EcdsaSigPtr sig(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(file.size())));
    return sig && at == as_u8(file.data()) + file.size();
}

}  // namespace

Result<AttestFile> read_attest(ByteSpan file) {
    if (file.size() > kTpmFileMax) return Error{Errc::too_large, "attestation", static_cast<uint32_t>(file.size())};
    ByteReader r(file);
    TRY(uint16_t first, r.u16());
    AttestFile out;
    // A bare TPMS_ATTEST begins with 0xff54 and is never as long as that.
    out.message = to_bytes(first == r.left() ? file.subspan(2) : file);
    TRY(out.attest, parse_tpms_attest(out.message));
    return out;
}

Result<AnySignature> read_signature(ByteSpan file, const AttestationKey& key, Sha1 sha1) {
    QuietErrors quiet;
    if (file.size() > kTpmFileMax) return Error{Errc::too_large, "signature", static_cast<uint32_t>(file.size())};
    if (is_rsa(key)) {
        // TPMT_SIGNATURE is six bytes longer than what it carries.
        if (file.size() == static_cast<size_t>(EVP_PKEY_get_size(key.key.get())))
            return AnySignature{.value = to_bytes(file)};
    } else if (!file.empty() && file[0] == std::byte{0x30}) {
        if (!is_ecdsa_der(file)) return Error{Errc::bad_evidence, "ECDSA-Sig-Value", 0};
        return AnySignature{.value = to_bytes(file)};
    }
    return read_tpmt_signature(file, sha1);
}

Result<AnySignature> complete_signature(AnySignature signature, const AttestationKey& key, uint16_t scheme,
                                        uint16_t hash) {
    const uint16_t usual = is_rsa(key) ? kTpmAlgRsassa : kTpmAlgEcdsa;
    if (!agree(signature.scheme, key.scheme()) || !agree(signature.hash, key.scheme_hash()))
        return Error{Errc::bad_signature, "scheme is not the key's", signature.scheme};
    if (!agree(signature.scheme, scheme) || !agree(key.scheme(), scheme))
        return Error{Errc::bad_signature, "scheme is not the one asked for", signature.scheme};
    if (!agree(signature.hash, hash) || !agree(key.scheme_hash(), hash))
        return Error{Errc::bad_signature, "hash is not the one asked for", signature.hash};
    signature.scheme = first_said(signature.scheme, key.scheme(), first_said(scheme, usual, usual));
    signature.hash = first_said(signature.hash, key.scheme_hash(), first_said(hash, kTpmAlgSha256, kTpmAlgSha256));
    if ((signature.scheme == kTpmAlgEcdsa) == is_rsa(key) || scheme_name(signature.scheme)[0] == '\0')
        return Error{Errc::bad_signature, "scheme is not one of such a key", signature.scheme};
    return signature;
}

Status verify_any_signature(const AttestationKey& key, ByteSpan message, const AnySignature& signature) {
    QuietErrors quiet;
    const EVP_MD* md = EVP_get_digestbyname(hash_name(signature.hash));
    if (md == nullptr || signature.value.empty()) return Error{Errc::bad_signature, "hash", signature.hash};
    MdCtxPtr ctx(EVP_MD_CTX_new());
    EVP_PKEY_CTX* params = nullptr;  // owned by ctx
    if (!ctx || EVP_DigestVerifyInit(ctx.get(), &params, md, nullptr, key.key.get()) != 1)
        return Error{Errc::crypto_failed, "verify", 0};
    // A TPM salts as long as its hash or as long as fits, by its FIPS mode (Part 1, B.7): the length is read back.
    if (signature.scheme == kTpmAlgRsapss && (EVP_PKEY_CTX_set_rsa_padding(params, RSA_PKCS1_PSS_PADDING) != 1 ||
                                              EVP_PKEY_CTX_set_rsa_pss_saltlen(params, RSA_PSS_SALTLEN_AUTO) != 1))
        return Error{Errc::crypto_failed, "verify", 0};
    if (EVP_DigestVerify(ctx.get(), as_u8(signature.value.data()), signature.value.size(), as_u8(message.data()),
                         message.size()) != 1)
        return Error{Errc::bad_signature, "does not verify", signature.scheme};
    return {};
}

}  // namespace sealcall::attestation::foreign
