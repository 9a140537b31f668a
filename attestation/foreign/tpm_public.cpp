#include <openssl/pem.h>

#include "attestation/foreign/tpm_files.h"

namespace sealcall::attestation::foreign {

namespace {

constexpr size_t kDigestMax = 64;
constexpr size_t kRsaMax = 512;
constexpr uint16_t kTpmAlgHmac = 0x0005, kTpmAlgXor = 0x000a, kTpmAlgKeyedHash = 0x0008, kTpmAlgSymCipher = 0x0025;

const EVP_MD* any_md(uint16_t alg) { return alg == kTpmAlgSha1 ? EVP_sha1() : md_of(alg); }

Result<uint16_t> hash(ByteReader& r, Sha1 sha1) {
    TRY(uint16_t alg, r.u16());
    if (any_digest_size(alg) == 0) return Error{Errc::bad_key, "hash", alg};
    if (alg == kTpmAlgSha1 && sha1 == Sha1::refused) return Error{Errc::bad_key, "SHA-1", alg};
    return alg;
}

/// TPMT_SYM_DEF_OBJECT: of no use here, only its length.
Status skip_symmetric(ByteReader& r) {
    TRY(uint16_t alg, r.u16());
    if (alg == kTpmAlgNull) return {};
    TRY(ByteSpan bits_and_mode, r.bytes(alg == kTpmAlgXor ? 2 : 4));
    (void)bits_and_mode;
    return {};
}

Status read_key_scheme(ByteReader& r, PublicObject& p, Sha1 sha1) {
    TRY(p.scheme, r.u16());
    p.scheme_hash = kTpmAlgNull;
    if (p.scheme == kTpmAlgNull || p.scheme == kTpmAlgRsaes) return {};
    const bool rsa = p.scheme == kTpmAlgRsassa || p.scheme == kTpmAlgRsapss || p.scheme == kTpmAlgOaep;
    const bool ecc = p.scheme == kTpmAlgEcdsa || p.scheme == kTpmAlgEcdh;
    if (!(p.type == kTpmAlgRsa ? rsa : ecc)) return Error{Errc::bad_key, "scheme", p.scheme};
    TRY(p.scheme_hash, hash(r, sha1));
    return {};
}

Result<PkeyPtr> key_of(const PublicArea& area) {
    PkeyPtr key = tpm_public_key(area);
    if (!key) return Error{Errc::bad_key, "public key", 0};
    return key;
}

Status read_rsa(ByteReader& r, PublicObject& p) {
    PublicArea area;
    area.type = kTpmAlgRsa;
    TRY(area.rsa_bits, r.u16());
    if (area.rsa_bits != 2048 && area.rsa_bits != 3072 && area.rsa_bits != 4096)
        return Error{Errc::bad_key, "RSA bits", area.rsa_bits};
    TRY(uint32_t exponent, r.u32());
    if (exponent != 0 && exponent != 65537) return Error{Errc::bad_key, "exponent", exponent};
    TRY(area.modulus, tpm2b(r, kRsaMax));
    if (area.modulus.size() != area.rsa_bits / 8u || (area.modulus[0] & std::byte{0x80}) == std::byte{0})
        return Error{Errc::bad_key, "modulus", static_cast<uint32_t>(area.modulus.size())};
    TRY(p.key, key_of(area));
    return {};
}

Status read_ecc(ByteReader& r, PublicObject& p, Sha1 sha1) {
    PublicArea area;
    area.type = kTpmAlgEcc;
    TRY(area.curve, r.u16());
    const size_t size = area.curve == kTpmEccNistP256 ? 32 : area.curve == kTpmEccNistP384 ? 48 : 0;
    if (size == 0) return Error{Errc::bad_key, "curve", area.curve};
    TRY(uint16_t kdf, r.u16());
    if (kdf != kTpmAlgNull) {
        TRY(uint16_t kdf_hash, hash(r, sha1));
        (void)kdf_hash;
    }
    for (Bytes* half : {&area.x, &area.y}) {
        TRY(Bytes raw, tpm2b(r, size));
        if (raw.empty()) return Error{Errc::bad_key, "coordinate", 0};
        half->assign(size - raw.size(), std::byte{0});  // some chips strip leading zeros
        half->insert(half->end(), raw.begin(), raw.end());
    }
    TRY(p.key, key_of(area));
    return {};
}

/// KEYEDHASH (a sealed blob or an HMAC key) and SYMCIPHER: only a Name is wanted of them.
Status skip_keyless(ByteReader& r, const PublicObject& p) {
    if (p.type == kTpmAlgSymCipher) {
        TRY_STATUS(skip_symmetric(r));
    } else {
        TRY(uint16_t scheme, r.u16());
        const size_t rest = scheme == kTpmAlgHmac ? 2 : scheme == kTpmAlgXor ? 4 : 0;
        if (rest == 0 && scheme != kTpmAlgNull) return Error{Errc::bad_key, "scheme", scheme};
        TRY(ByteSpan details, r.bytes(rest));
        (void)details;
    }
    TRY(Bytes unique, tpm2b(r, kDigestMax));
    (void)unique;
    return {};
}

Result<PublicObject> read_tpmt_public(ByteSpan in, Sha1 sha1) {
    ByteReader r(in);
    PublicObject p;
    TRY(p.type, r.u16());
    TRY(p.name_alg, hash(r, sha1));
    TRY(p.attributes.bits, r.u32());
    TRY(p.auth_policy, tpm2b(r, kDigestMax));
    if (p.type == kTpmAlgRsa || p.type == kTpmAlgEcc) {
        TRY_STATUS(skip_symmetric(r));
        TRY_STATUS(read_key_scheme(r, p, sha1));
        TRY_STATUS(p.type == kTpmAlgRsa ? read_rsa(r, p) : read_ecc(r, p, sha1));
    } else if (p.type == kTpmAlgKeyedHash || p.type == kTpmAlgSymCipher) {
        TRY_STATUS(skip_keyless(r, p));
    } else {
        return Error{Errc::bad_key, "object type", p.type};
    }
    TRY_STATUS(r.finish());
    p.name = ByteWriter().u16(p.name_alg).bytes(digest_by(p.name_alg, in)).take();
    return p;
}

X509Ptr certificate_of(ByteSpan file) {
    if (as_chars(file).find("-----BEGIN") != std::string_view::npos) {
        BioPtr bio(BIO_new_mem_buf(file.data(), static_cast<int>(file.size())));
        return X509Ptr(bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr) : nullptr);
    }
    const unsigned char* at = as_u8(file.data());
    X509Ptr x(d2i_X509(nullptr, &at, static_cast<long>(file.size())));
    return at == as_u8(file.data()) + file.size() ? std::move(x) : X509Ptr{};
}

PkeyPtr spki_of(ByteSpan file) {
    if (as_chars(file).find("-----BEGIN") != std::string_view::npos) {
        BioPtr bio(BIO_new_mem_buf(file.data(), static_cast<int>(file.size())));
        return PkeyPtr(bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr) : nullptr);
    }
    const unsigned char* at = as_u8(file.data());
    PkeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(file.size())));
    return at == as_u8(file.data()) + file.size() ? std::move(key) : PkeyPtr{};
}

bool is_certificate(ByteSpan file, const X509Ptr& x) {
    return x || as_chars(file).find("BEGIN CERTIFICATE") != std::string_view::npos;
}

/// PEM text begins with its first boundary; OpenSSL would skip anything in front of it.
bool is_asn1(ByteSpan file) {
    return !file.empty() && (file[0] == std::byte{0x30} || as_chars(file).starts_with("-----BEGIN "));
}

bool signs(X509* x) {
    const uint32_t usage = X509_get_key_usage(x);  // UINT32_MAX without the extension
    return (usage & KU_DIGITAL_SIGNATURE) != 0 && (X509_get_extension_flags(x) & EXFLAG_INVALID) == 0;
}

Result<std::pair<PkeyPtr, KeyForm>> read_asn1_key(ByteSpan file) {
    X509Ptr x = certificate_of(file);
    if (is_certificate(file, x)) {
        if (!x) return Error{Errc::bad_certificate, "certificate", 0};
        if (!signs(x.get())) return Error{Errc::bad_certificate, "keyUsage does not sign", 0};
        PkeyPtr key(X509_get_pubkey(x.get()));
        if (!key) return Error{Errc::bad_key, "key of the certificate", 0};
        return std::pair(std::move(key), KeyForm::certificate);
    }
    PkeyPtr key = spki_of(file);
    if (!key) return Error{Errc::bad_key, "neither a public key nor a certificate", 0};
    return std::pair(std::move(key), KeyForm::spki);
}

}  // namespace

size_t any_digest_size(uint16_t tpm_alg) {
    const EVP_MD* md = any_md(tpm_alg);
    return md == nullptr ? 0 : static_cast<size_t>(EVP_MD_get_size(md));
}

const char* hash_name(uint16_t tpm_alg) {
    switch (tpm_alg) {
        case kTpmAlgSha1:
            return "sha1";
        case kTpmAlgSha256:
            return "sha256";
        case kTpmAlgSha384:
            return "sha384";
        case kTpmAlgSha512:
            return "sha512";
        default:
            return "";
    }
}

uint16_t hash_of_name(std::string_view name) {
    for (uint16_t alg : {kTpmAlgSha1, kTpmAlgSha256, kTpmAlgSha384, kTpmAlgSha512})
        if (name == hash_name(alg)) return alg;
    return 0;
}

const char* scheme_name(uint16_t tpm_alg) {
    switch (tpm_alg) {
        case kTpmAlgRsassa:
            return "rsassa";
        case kTpmAlgRsapss:
            return "rsapss";
        case kTpmAlgEcdsa:
            return "ecdsa";
        default:
            return "";
    }
}

Bytes digest_by(uint16_t tpm_alg, ByteSpan data) {
    Bytes out(any_digest_size(tpm_alg));
    if (out.empty() || EVP_Digest(data.data(), data.size(), as_u8(out.data()), nullptr, any_md(tpm_alg), nullptr) != 1)
        return {};
    return out;
}

std::string key_kind(EVP_PKEY* key) {
    if (key == nullptr) return {};
    const int bits = EVP_PKEY_get_bits(key);
    if (EVP_PKEY_is_a(key, "RSA") == 1)
        return bits == 2048 || bits == 3072 || bits == 4096 ? "RSA " + std::to_string(bits) : std::string();
    std::array<char, 32> group{};
    size_t n = 0;
    if (EVP_PKEY_is_a(key, "EC") != 1 || EVP_PKEY_get_group_name(key, group.data(), group.size(), &n) != 1) return {};
    const std::string_view name(group.data());
    return name == SN_X9_62_prime256v1 ? "ECC P-256" : name == SN_secp384r1 ? "ECC P-384" : "";
}

Result<PublicObject> read_public_object(ByteSpan file, Sha1 sha1) {
    QuietErrors quiet;
    if (file.size() > kTpmFileMax) return Error{Errc::too_large, "public area", static_cast<uint32_t>(file.size())};
    ByteReader r(file);
    TRY(uint16_t first, r.u16());
    // A TPM2B announces exactly the rest of the file. No TPMT_PUBLIC is as short as its type number would then say.
    if (first == r.left()) return read_tpmt_public(file.subspan(2), sha1);
    return read_tpmt_public(file, sha1);
}

Result<PkeyPtr> read_public_key(ByteSpan file) {
    QuietErrors quiet;
    if (file.size() > kTpmFileMax) return Error{Errc::too_large, "key", static_cast<uint32_t>(file.size())};
    if (!is_asn1(file)) return Error{Errc::bad_key, "neither PEM nor DER", 0};
    TRY(auto key, read_asn1_key(file));
    if (key_kind(key.first.get()).empty()) return Error{Errc::bad_key, "kind of key", 0};
    return std::move(key.first);
}

Result<AttestationKey> read_attestation_key(ByteSpan file, Sha1 sha1) {
    QuietErrors quiet;
    if (file.size() > kTpmFileMax) return Error{Errc::too_large, "key", static_cast<uint32_t>(file.size())};
    AttestationKey out;
    if (is_asn1(file)) {
        TRY(auto key, read_asn1_key(file));
        out.key = std::move(key.first);
        out.form = key.second;
    } else {
        TRY(auto object, read_public_object(file, sha1));
        if (!object.key) return Error{Errc::bad_key, "no asymmetric key", object.type};
        EVP_PKEY_up_ref(object.key.get());
        out.key.reset(object.key.get());
        out.object = std::move(object);
        out.form = KeyForm::tpm;
    }
    out.kind = key_kind(out.key.get());
    if (out.kind.empty()) return Error{Errc::bad_key, "kind of key", 0};
    return out;
}

}  // namespace sealcall::attestation::foreign
