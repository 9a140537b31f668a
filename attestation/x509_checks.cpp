#include "attestation/x509_checks.h"

#include "attestation/binding.h"
#include "attestation/certificate_context.h"
#include "attestation/oids.h"
#include "attestation/openssl.h"

namespace sealcall::attestation {

namespace {

constexpr uint64_t kLatestSecond = 253402300799;  ///< 9999-12-31, the last that X.509 knows
constexpr int kSecurityLevel = 2;                 ///< 112 bits: neither SHA-1 nor RSA under 2048
constexpr size_t kTextMax = 128;

X509Ptr parse_certificate(ByteSpan der) {
    const unsigned char* at = as_u8(der.data());
    X509* made = X509_new_ex(certificate_context(), nullptr);
    if (made == nullptr) return {};
    X509Ptr x(d2i_X509(&made, &at, static_cast<long>(der.size())));  // frees `made` when it fails
    return at == as_u8(der.data()) + der.size() ? std::move(x) : X509Ptr{};
}

/// X509_V_OK, or why `leaf` does not chain to this one anchor.
int verify_against(X509* leaf, X509* anchor, uint64_t wall_ms) {
    X509StorePtr store(X509_STORE_new());
    X509StoreCtxPtr ctx(X509_STORE_CTX_new_ex(certificate_context(), nullptr));
    if (!store || !ctx || X509_STORE_add_cert(store.get(), anchor) != 1 ||
        X509_STORE_CTX_init(ctx.get(), store.get(), leaf, nullptr) != 1)
        return X509_V_ERR_OUT_OF_MEM;
    X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(ctx.get());
    X509_VERIFY_PARAM_set_time(param, static_cast<time_t>(wall_ms / 1000));
    X509_VERIFY_PARAM_set_auth_level(param, kSecurityLevel);
    if (X509_verify_cert(ctx.get()) == 1) return X509_V_OK;
    int why = X509_STORE_CTX_get_error(ctx.get());
    return why == X509_V_OK ? X509_V_ERR_UNSPECIFIED : why;
}

/// The one commonName of a name; nothing when absent, repeated, long or with control characters.
Result<std::string> single_entry(const X509_NAME* name, int nid) {
    int at = X509_NAME_get_index_by_NID(name, nid, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(name, nid, at) >= 0)
        return Error{Errc::bad_certificate, "name entry", static_cast<uint32_t>(nid)};
    unsigned char* utf8 = nullptr;
    int n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (n < 0) return Error{Errc::bad_certificate, "name entry", static_cast<uint32_t>(nid)};
    std::unique_ptr<unsigned char, Deleter<[](unsigned char* p) { OPENSSL_free(p); }>> owned(utf8);
    std::string text(reinterpret_cast<const char*>(utf8), static_cast<size_t>(n));
    bool printable =
        std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
    if (text.empty() || text.size() > kTextMax || !printable)
        return Error{Errc::bad_certificate, "name entry", static_cast<uint32_t>(nid)};
    return text;
}

/// Tries each anchor by itself, so that equal names of two anchors cannot hide one; gives the common name of the one
/// that fits.
Result<std::string> chain_to(X509* leaf, const Anchors& anchors, uint64_t wall_ms) {
    if (wall_ms / 1000 > kLatestSecond) return Error{Errc::untrusted_certificate, "time", 0};
    int why = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
    for (const X509Ptr& anchor : anchors) {
        int result = verify_against(leaf, anchor.get(), wall_ms);
        if (result == X509_V_OK) return single_entry(X509_get_subject_name(anchor.get()), NID_commonName);
        if (result != X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY) why = result;
    }
    return Error{Errc::untrusted_certificate, "chain", static_cast<uint32_t>(why)};
}

/// What every end entity certificate of ours is: version 3, readable extensions, not a CA.
Status check_end_entity(X509* x) {
    if (X509_get_version(x) != X509_VERSION_3) return Error{Errc::bad_certificate, "version", 0};
    uint32_t flags = X509_get_extension_flags(x);
    if ((flags & EXFLAG_INVALID) != 0) return Error{Errc::bad_certificate, "extensions", flags};
    if ((flags & EXFLAG_CA) != 0) return Error{Errc::bad_certificate, "is a CA", flags};
    return {};
}

Status check_extended_key_usage_is_ak(X509* x) {
    int critical = 0;
    ExtendedKeyUsagePtr usage(
        static_cast<EXTENDED_KEY_USAGE*>(X509_get_ext_d2i(x, NID_ext_key_usage, &critical, nullptr)));
    ObjectPtr wanted(OBJ_txt2obj(kOidAkUsage, 1));
    if (!usage || !wanted || sk_ASN1_OBJECT_num(usage.get()) != 1 ||
        OBJ_cmp(sk_ASN1_OBJECT_value(usage.get(), 0), wanted.get()) != 0)
        return Error{Errc::bad_certificate, "not for an attestation key", 0};
    return {};
}

/// SealcallDevice ::= SEQUENCE { ekOrigin ENUMERATED { notProven(0), vendor(1), lab(2) }, softwareTpm BOOLEAN, managed
/// BOOLEAN DEFAULT FALSE, runtime [0] IMPLICIT BOOLEAN DEFAULT FALSE }; 8 bytes of DER, 11 when managed, 14 with a
/// runtime list, which only a managed device has: DER leaves a default out (X.690 11.5).
Status read_device(X509* x, DeviceClaims& out) {
    const Error bad{Errc::bad_certificate, "SealcallDevice", 0};
    ObjectPtr oid(OBJ_txt2obj(kOidDevice, 1));
    if (!oid) return Error{Errc::crypto_failed, "oid", 0};
    int at = X509_get_ext_by_OBJ(x, oid.get(), -1);
    if (at < 0 || X509_get_ext_by_OBJ(x, oid.get(), at) >= 0) return bad;
    X509_EXTENSION* ext = X509_get_ext(x, at);
    const ASN1_OCTET_STRING* data = X509_EXTENSION_get_data(ext);
    if (X509_EXTENSION_get_critical(ext) != 0) return bad;
    ByteReader r(std::as_bytes(std::span(ASN1_STRING_get0_data(data), static_cast<size_t>(ASN1_STRING_length(data)))));
    TRY(uint32_t sequence_and_enumerated, r.u32());
    TRY(uint8_t origin, r.u8());
    TRY(uint16_t boolean, r.u16());
    TRY(uint8_t software, r.u8());
    const bool runtime = sequence_and_enumerated == 0x300c0a01;
    const bool managed = runtime || sequence_and_enumerated == 0x30090a01;
    if ((!managed && sequence_and_enumerated != 0x30060a01) || boolean != 0x0101) return bad;
    for (uint16_t tag : {uint16_t{0x0101}, uint16_t{0x8001}}) {
        if (!(tag == 0x0101 ? managed : runtime)) continue;
        TRY(uint16_t tag_and_length, r.u16());
        TRY(uint8_t value, r.u8());
        if (tag_and_length != tag || value != 0xff) return bad;
    }
    TRY_STATUS(r.finish());
    if (origin > static_cast<uint8_t>(EkOrigin::lab) || (software != 0 && software != 0xff)) return bad;
    out.ek = static_cast<EkOrigin>(origin);
    out.software_tpm = software == 0xff;
    out.managed = managed;
    out.runtime = runtime;
    return {};
}

Bytes spki_of(X509* x) { return to_der(i2d_X509_PUBKEY, X509_get_X509_PUBKEY(x)); }

/// The one general name in subjectAltName, which must be a URI.
Result<std::string> single_uri(X509* x) {
    int critical = 0;  // -2: the extension stands there twice
    GeneralNamesPtr names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x, NID_subject_alt_name, &critical, nullptr)));
    if (!names || sk_GENERAL_NAME_num(names.get()) != 1) return Error{Errc::wrong_name, "subjectAltName", 0};
    int type = 0;
    const auto* uri =
        static_cast<const ASN1_IA5STRING*>(GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), 0), &type));
    if (type != GEN_URI) return Error{Errc::wrong_name, "subjectAltName", static_cast<uint32_t>(type)};
    return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                       static_cast<size_t>(ASN1_STRING_length(uri)));
}

}  // namespace

bool is_canonical_p256_spki(ByteSpan spki) {
    // SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING { 0x04 ...
    constexpr uint8_t kHead[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                                 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
    return spki.size() == sizeof kHead + 64 && equal_bytes(spki.first(sizeof kHead), std::as_bytes(std::span(kHead)));
}

bool is_sip_address(std::string_view uri) {
    constexpr std::string_view kScheme = "sip:";
    if (uri.size() > 256 || !uri.starts_with(kScheme)) return false;
    size_t at = uri.find('@');
    if (at == std::string_view::npos || at == kScheme.size() || at + 1 == uri.size()) return false;
    if (uri.find('@', at + 1) != std::string_view::npos) return false;
    // One way to read it: no escapes, parameters or passwords (policy/sip_name.h names_one).
    if (uri.substr(0, at).find(':', kScheme.size()) != std::string_view::npos || uri.ends_with('.')) return false;
    return std::ranges::all_of(uri, [](char c) {
        return c > 0x20 && c < 0x7f && std::string_view("<>\";?%").find(c) == std::string_view::npos;
    });
}

Anchors read_anchors(const std::vector<rats::CertificateDer>& roots) {
    QuietErrors quiet;
    Anchors out;
    for (const auto& der : roots) {
        X509Ptr root = parse_certificate(der.view());
        // 1: version 3 with basicConstraints CA; OpenSSL would take older habits too.
        if (root && X509_check_ca(root.get()) == 1) out.push_back(std::move(root));
    }
    return out;
}

Result<AkCertificate> check_ak_certificate(ByteSpan der, const std::vector<rats::CertificateDer>& anchors,
                                           uint64_t wall_ms) {
    return check_ak_certificate(der, read_anchors(anchors), wall_ms);
}

Result<AkCertificate> check_ak_certificate(ByteSpan der, const Anchors& anchors, uint64_t wall_ms) {
    QuietErrors quiet;
    X509Ptr x = parse_certificate(der);
    if (!x) return Error{Errc::bad_certificate, "DER", 0};
    TRY_STATUS(check_end_entity(x.get()));
    AkCertificate out;
    TRY(out.device.authority, chain_to(x.get(), anchors, wall_ms));
    if (X509_get_key_usage(x.get()) != KU_DIGITAL_SIGNATURE) return Error{Errc::bad_certificate, "keyUsage", 0};
    TRY_STATUS(check_extended_key_usage_is_ak(x.get()));
    TRY_STATUS(read_device(x.get(), out.device));
    TRY(out.device.device, single_entry(X509_get_subject_name(x.get()), NID_serialNumber));
    out.spki = spki_of(x.get());
    return out;
}

Result<IdentityCertificate> check_identity_certificate(ByteSpan der, const std::vector<rats::CertificateDer>& anchors,
                                                       uint64_t wall_ms) {
    QuietErrors quiet;
    X509Ptr x = parse_certificate(der);
    if (!x) return Error{Errc::bad_certificate, "DER", 0};
    TRY_STATUS(check_end_entity(x.get()));
    IdentityCertificate out;
    TRY(out.authority, chain_to(x.get(), read_anchors(anchors), wall_ms));
    Bytes spki = spki_of(x.get());
    if (!is_canonical_p256_spki(spki) || X509_get0_pubkey(x.get()) == nullptr)
        return Error{Errc::bad_certificate, "key is not P-256", 0};
    uint32_t usage = X509_get_key_usage(x.get());
    if (usage == UINT32_MAX || (usage & KU_DIGITAL_SIGNATURE) == 0 || (usage & (KU_KEY_CERT_SIGN | KU_CRL_SIGN)) != 0)
        return Error{Errc::bad_certificate, "keyUsage", usage};
    TRY(out.uri, single_uri(x.get()));
    if (!is_sip_address(out.uri)) return Error{Errc::wrong_name, "not a SIP address", 0};
    out.spki = sha256(spki);
    out.key = std::move(spki);
    return out;
}

rats::Reason certificate_reason(const Error& error) {
    if (error.code == Errc::wrong_name) return rats::Reason::certificate_wrong_name;
    const bool time = error.detail == X509_V_ERR_CERT_HAS_EXPIRED || error.detail == X509_V_ERR_CERT_NOT_YET_VALID;
    return error.code == Errc::untrusted_certificate && time ? rats::Reason::certificate_expired
                                                             : rats::Reason::certificate_untrusted;
}

}  // namespace sealcall::attestation
