#include "attestation/tpm_structs.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>

namespace sealcall::attestation {

namespace {

constexpr size_t kDigestMax = 64;
constexpr size_t kNameMax = 2 + kDigestMax;
constexpr size_t kCoordinateMax = 66;
constexpr size_t kRsaMax = 512;
constexpr size_t kNvContentsMax = 1024;
constexpr size_t kSelectionsMax = 16;
/// TPMA_OBJECT bits that are reserved in revision 1.59 and not one of firmwareLimited, svnLimited (1.83).
constexpr uint32_t kReservedAttributes = 0xfff0f009;

using ParamBldPtr = std::unique_ptr<OSSL_PARAM_BLD, Deleter<OSSL_PARAM_BLD_free>>;
using ParamPtr = std::unique_ptr<OSSL_PARAM, Deleter<OSSL_PARAM_free>>;

size_t coordinate_size(uint16_t curve) {
    switch (curve) {
        case kTpmEccNistP256:
            return 32;
        case kTpmEccNistP384:
            return 48;
        default:
            return 0;
    }
}

Status read_symmetric(ByteReader& r, PublicArea& p) {
    TRY(p.symmetric_alg, r.u16());
    if (p.symmetric_alg == kTpmAlgNull) return {};
    if (p.symmetric_alg != kTpmAlgAes) return Error{Errc::bad_key, "symmetric algorithm", p.symmetric_alg};
    TRY(p.symmetric_bits, r.u16());
    if (p.symmetric_bits != 128 && p.symmetric_bits != 192 && p.symmetric_bits != 256)
        return Error{Errc::bad_key, "AES key bits", p.symmetric_bits};
    TRY(p.symmetric_mode, r.u16());
    if (p.symmetric_mode != kTpmAlgCfb) return Error{Errc::bad_key, "AES mode", p.symmetric_mode};
    return {};
}

Status read_scheme(ByteReader& r, PublicArea& p) {
    TRY(p.scheme, r.u16());
    const bool rsa = p.type == kTpmAlgRsa;
    switch (p.scheme) {
        case kTpmAlgNull:
            return {};
        case kTpmAlgRsaes:
            if (!rsa) return Error{Errc::bad_key, "scheme", p.scheme};
            return {};
        case kTpmAlgRsassa:
        case kTpmAlgRsapss:
        case kTpmAlgOaep:
            if (!rsa) return Error{Errc::bad_key, "scheme", p.scheme};
            break;
        case kTpmAlgEcdsa:
        case kTpmAlgEcdh:
            if (rsa) return Error{Errc::bad_key, "scheme", p.scheme};
            break;
        default:
            return Error{Errc::bad_key, "scheme", p.scheme};
    }
    TRY(p.scheme_hash, r.u16());
    if (digest_size(p.scheme_hash) == 0) return Error{Errc::bad_key, "scheme hash", p.scheme_hash};
    return {};
}

/// A coordinate, padded on the left to the curve's length: some chips strip leading zeros.
Result<Bytes> coordinate(ByteReader& r, size_t size) {
    TRY(Bytes raw, tpm2b(r, size));
    if (raw.empty()) return Error{Errc::bad_key, "coordinate", 0};
    Bytes out(size - raw.size());
    out.insert(out.end(), raw.begin(), raw.end());
    return out;
}

Status read_ecc(ByteReader& r, PublicArea& p) {
    TRY(p.curve, r.u16());
    size_t size = coordinate_size(p.curve);
    if (size == 0) return Error{Errc::bad_key, "curve", p.curve};
    TRY(uint16_t kdf, r.u16());
    if (kdf != kTpmAlgNull) return Error{Errc::bad_key, "kdf", kdf};
    TRY(p.x, coordinate(r, size));
    TRY(p.y, coordinate(r, size));
    return {};
}

Status read_rsa(ByteReader& r, PublicArea& p) {
    TRY(p.rsa_bits, r.u16());
    if (p.rsa_bits != 2048 && p.rsa_bits != 3072 && p.rsa_bits != 4096)
        return Error{Errc::bad_key, "RSA bits", p.rsa_bits};
    TRY(p.rsa_exponent, r.u32());
    if (p.rsa_exponent != 0 && p.rsa_exponent != 65537) return Error{Errc::bad_key, "exponent", p.rsa_exponent};
    TRY(p.modulus, tpm2b(r, kRsaMax));
    if (p.modulus.size() != p.rsa_bits / 8u || (p.modulus[0] & std::byte{0x80}) == std::byte{0})
        return Error{Errc::bad_key, "modulus", static_cast<uint32_t>(p.modulus.size())};
    return {};
}

Bytes name_of(uint16_t name_alg, ByteSpan data) {
    ByteWriter w;
    w.u16(name_alg);
    Bytes digest(digest_size(name_alg));
    CHECK(EVP_Digest(data.data(), data.size(), as_u8(digest.data()), nullptr, md_of(name_alg), nullptr) == 1);
    w.bytes(digest);
    return w.take();
}

/// SEC 1 2.3.3.
Bytes uncompressed_point(const PublicArea& pub) {
    ByteWriter w;
    w.u8(POINT_CONVERSION_UNCOMPRESSED).bytes(pub.x).bytes(pub.y);
    return w.take();
}

/// A key of this curve that has no point yet.
PkeyPtr curve_parameters(const char* group) {
    PkeyCtxPtr ctx(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
    EVP_PKEY* out = nullptr;
    CHECK(ctx && EVP_PKEY_paramgen_init(ctx.get()) == 1 && EVP_PKEY_CTX_set_group_name(ctx.get(), group) == 1 &&
          EVP_PKEY_paramgen(ctx.get(), &out) == 1);
    return PkeyPtr(out);
}

/// From a copy of its curve: to make the curve from its name takes longer than all the rest.
PkeyPtr ecc_key(const PublicArea& pub) {
    static const PkeyPtr p256 = curve_parameters(SN_X9_62_prime256v1), p384 = curve_parameters(SN_secp384r1);
    const Bytes point = uncompressed_point(pub);
    PkeyPtr key(EVP_PKEY_dup((pub.curve == kTpmEccNistP256 ? p256 : p384).get()));
    const bool good = key && EVP_PKEY_set1_encoded_public_key(key.get(), as_u8(point.data()), point.size()) == 1;
    return good ? std::move(key) : PkeyPtr{};
}

/// RFC 5480 2: the one form of a named curve and an uncompressed point. Ten times cheaper than OpenSSL's encoder.
Bytes ecc_spki(const PublicArea& pub) {
    constexpr uint8_t kP256[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                                 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
    constexpr uint8_t kP384[] = {0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
                                 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00, 0x04};
    ByteWriter w;
    w.bytes(pub.curve == kTpmEccNistP256 ? std::as_bytes(std::span<const uint8_t>(kP256))
                                         : std::as_bytes(std::span<const uint8_t>(kP384)));
    w.bytes(pub.x).bytes(pub.y);
    return w.take();
}

PkeyPtr rsa_key(const PublicArea& pub) {
    BignumPtr n(BN_bin2bn(as_u8(pub.modulus.data()), static_cast<int>(pub.modulus.size()), nullptr));
    BignumPtr e(BN_new());
    ParamBldPtr bld(OSSL_PARAM_BLD_new());
    if (!n || !e || !bld || BN_set_word(e.get(), 65537) != 1 ||
        OSSL_PARAM_BLD_push_BN(bld.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(bld.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
        return {};
    ParamPtr params(OSSL_PARAM_BLD_to_param(bld.get()));
    PkeyCtxPtr ctx(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
    EVP_PKEY* key = nullptr;
    if (!params || !ctx || EVP_PKEY_fromdata_init(ctx.get()) != 1 ||
        EVP_PKEY_fromdata(ctx.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
        return {};
    return PkeyPtr(key);
}

/// What ecc_key finds out too, at a quarter of its time.
bool is_on_its_curve(const PublicArea& pub) {
    static const EcGroupPtr p256(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
    static const EcGroupPtr p384(EC_GROUP_new_by_curve_name(NID_secp384r1));
    const EC_GROUP* curve = pub.curve == kTpmEccNistP256 ? p256.get() : p384.get();
    CHECK(curve != nullptr);
    const Bytes encoded = uncompressed_point(pub);
    EcPointPtr point(EC_POINT_new(curve));
    return point && EC_POINT_oct2point(curve, point.get(), as_u8(encoded.data()), encoded.size(), nullptr) == 1;
}

/// TPML_PCR_SELECTION (Part 2, 10.9.7).
Status read_selection(ByteReader& r, Attest& a) {
    TRY(uint32_t count, r.u32());
    if (count > kSelectionsMax) return Error{Errc::too_large, "PCR selections", count};
    for (uint32_t i = 0; i < count; ++i) {
        PcrSelection s;
        TRY(s.hash, r.u16());
        TRY(uint8_t size, r.u8());
        if (size > sizeof s.pcrs) return Error{Errc::too_large, "sizeofSelect", size};
        for (uint8_t k = 0; k < size; ++k) {
            TRY(uint8_t bits, r.u8());
            s.pcrs |= static_cast<uint32_t>(bits) << (8 * k);
        }
        a.selection.push_back(s);
    }
    return {};
}

Status read_attested(ByteReader& r, Attest& a) {
    switch (a.type) {
        case kTpmStAttestQuote: {
            TRY_STATUS(read_selection(r, a));
            TRY(a.pcr_digest, tpm2b(r, kDigestMax));
            return {};
        }
        case kTpmStAttestCertify: {
            TRY(a.name, tpm2b(r, kNameMax));
            TRY(a.qualified_name, tpm2b(r, kNameMax));
            return {};
        }
        case kTpmStAttestCreation: {
            TRY(a.name, tpm2b(r, kNameMax));
            TRY(a.creation_hash, tpm2b(r, kDigestMax));
            return {};
        }
        case kTpmStAttestNv: {
            TRY(a.name, tpm2b(r, kNameMax));
            TRY(a.nv_offset, r.u16());
            TRY(a.nv_contents, tpm2b(r, kNvContentsMax));
            return {};
        }
        default:
            return Error{Errc::bad_evidence, "attestation type", a.type};
    }
}

}  // namespace

const EVP_MD* md_of(uint16_t tpm_alg) {
    switch (tpm_alg) {
        case kTpmAlgSha256:
            return EVP_sha256();
        case kTpmAlgSha384:
            return EVP_sha384();
        case kTpmAlgSha512:
            return EVP_sha512();
        default:
            return nullptr;
    }
}

Result<Bytes> tpm2b(ByteReader& r, size_t max) {
    TRY(uint16_t n, r.u16());
    if (n > max) return Error{Errc::too_large, "TPM2B", n};
    TRY(ByteSpan b, r.bytes(n));
    return to_bytes(b);
}

size_t digest_size(uint16_t tpm_alg) {
    const EVP_MD* md = md_of(tpm_alg);
    return md == nullptr ? 0 : static_cast<size_t>(EVP_MD_get_size(md));
}

Result<PublicArea> parse_tpmt_public(ByteSpan in) {
    ByteReader r(in);
    PublicArea p;
    TRY(p.type, r.u16());
    if (p.type != kTpmAlgEcc && p.type != kTpmAlgRsa) return Error{Errc::bad_key, "key type", p.type};
    TRY(p.name_alg, r.u16());
    if (digest_size(p.name_alg) == 0) return Error{Errc::bad_key, "nameAlg", p.name_alg};
    TRY(p.attributes.bits, r.u32());
    if ((p.attributes.bits & kReservedAttributes) != 0)
        return Error{Errc::bad_key, "reserved attributes", p.attributes.bits};
    TRY(p.auth_policy, tpm2b(r, kDigestMax));
    TRY_STATUS(read_symmetric(r, p));
    TRY_STATUS(read_scheme(r, p));
    TRY_STATUS(p.type == kTpmAlgEcc ? read_ecc(r, p) : read_rsa(r, p));
    TRY_STATUS(r.finish());
    p.name = name_of(p.name_alg, in);
    return p;
}

Bytes endorsement_primary_qualified_name(const PublicArea& pub) {
    ByteWriter w;
    w.u32(kTpmRhEndorsement).bytes(pub.name);
    return name_of(pub.name_alg, w.view());
}

Result<Bytes> spki_der(const PublicArea& pub) {
    QuietErrors quiet;
    if (pub.type == kTpmAlgEcc) {
        if (!is_on_its_curve(pub)) return Error{Errc::bad_key, "not a point of the curve", 0};
        return ecc_spki(pub);
    }
    PkeyPtr key = rsa_key(pub);
    Bytes out = key ? to_der(i2d_PUBKEY, key.get()) : Bytes{};
    if (out.empty()) return Error{Errc::crypto_failed, "i2d_PUBKEY", 0};
    return out;
}

Result<Attest> parse_tpms_attest(ByteSpan in) {
    ByteReader r(in);
    Attest a;
    TRY(uint32_t magic, r.u32());
    if (magic != kTpmGeneratedValue) return Error{Errc::bad_evidence, "not made by a TPM", magic};
    TRY(a.type, r.u16());
    TRY(a.qualified_signer, tpm2b(r, kNameMax));
    TRY(a.extra_data, tpm2b(r, kNameMax));
    TRY(a.clock, r.u64());
    TRY(a.reset_count, r.u32());
    TRY(a.restart_count, r.u32());
    TRY(uint8_t safe, r.u8());
    if (safe > 1) return Error{Errc::not_canonical, "clockInfo.safe", safe};
    a.safe = safe == 1;
    TRY(a.firmware_version, r.u64());
    TRY_STATUS(read_attested(r, a));
    TRY_STATUS(r.finish());
    return a;
}

Result<Signature> parse_tpmt_signature(ByteSpan in) {
    ByteReader r(in);
    Signature s;
    TRY(s.scheme, r.u16());
    if (s.scheme != kTpmAlgEcdsa && s.scheme != kTpmAlgRsassa)
        return Error{Errc::bad_evidence, "signature scheme", s.scheme};
    TRY(s.hash, r.u16());
    if (digest_size(s.hash) == 0) return Error{Errc::bad_evidence, "signature hash", s.hash};
    if (s.scheme == kTpmAlgEcdsa) {
        TRY(s.r, tpm2b(r, kCoordinateMax));
        TRY(s.s, tpm2b(r, kCoordinateMax));
    } else {
        TRY(s.rsa, tpm2b(r, kRsaMax));
    }
    TRY_STATUS(r.finish());
    return s;
}

PkeyPtr tpm_public_key(const PublicArea& pub) {
    QuietErrors quiet;
    return pub.type == kTpmAlgEcc ? ecc_key(pub) : rsa_key(pub);
}

Status verify_tpm_signature(const PublicArea& key, EVP_PKEY* ready, ByteSpan message, const Signature& signature) {
    QuietErrors quiet;
    const EVP_MD* md = md_of(signature.hash);
    if (md == nullptr) return Error{Errc::bad_signature, "hash", signature.hash};
    const bool ecdsa = signature.scheme == kTpmAlgEcdsa;
    if (ecdsa != (key.type == kTpmAlgEcc) || (!ecdsa && signature.scheme != kTpmAlgRsassa))
        return Error{Errc::bad_signature, "scheme is not the key's", signature.scheme};
    if (key.scheme != kTpmAlgNull && (key.scheme != signature.scheme || key.scheme_hash != signature.hash))
        return Error{Errc::bad_signature, "scheme is not the key's", signature.scheme};
    if (ready == nullptr) return Error{Errc::bad_key, "public key", 0};
    Bytes der = ecdsa ? ecdsa_der(signature.r, signature.s) : signature.rsa;
    if (der.empty()) return Error{Errc::bad_signature, "empty", 0};
    MdCtxPtr ctx(EVP_MD_CTX_new());
    // RSASSA is OpenSSL's default padding, PKCS#1 v1.5.
    if (!ctx || EVP_DigestVerifyInit(ctx.get(), nullptr, md, nullptr, ready) != 1)
        return Error{Errc::crypto_failed, "verify", 0};
    if (EVP_DigestVerify(ctx.get(), as_u8(der.data()), der.size(), as_u8(message.data()), message.size()) != 1)
        return Error{Errc::bad_signature, "does not verify", 0};
    return {};
}

Status verify_tpm_signature(const PublicArea& key, ByteSpan message, const Signature& signature) {
    return verify_tpm_signature(key, tpm_public_key(key).get(), message, signature);
}

}  // namespace sealcall::attestation
