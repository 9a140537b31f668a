#include "attestation/certificates.h"

#include <openssl/rand.h>

#include "attestation/oids.h"
#include "attestation/x509_checks.h"

namespace sealcall::attestation {

namespace {

using TimePtr = std::unique_ptr<ASN1_TIME, Deleter<ASN1_TIME_free>>;
using OctetsPtr = std::unique_ptr<ASN1_OCTET_STRING, Deleter<ASN1_OCTET_STRING_free>>;
using ConstraintsPtr = std::unique_ptr<BASIC_CONSTRAINTS, Deleter<BASIC_CONSTRAINTS_free>>;
using KeyIdPtr = std::unique_ptr<AUTHORITY_KEYID, Deleter<AUTHORITY_KEYID_free>>;
using NamePtr = std::unique_ptr<GENERAL_NAME, Deleter<GENERAL_NAME_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>>;

const Error kFailed{Errc::crypto_failed, "certificate", 0};
constexpr size_t kNameMax = 64;  ///< ub-common-name (RFC 5280, appendix A)

X509Ptr read_certificate(ByteSpan der) {
    const unsigned char* at = as_u8(der.data());
    X509Ptr x(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
    return at == as_u8(der.data()) + der.size() ? std::move(x) : X509Ptr{};
}

PkeyPtr read_spki(ByteSpan spki) {
    const unsigned char* at = as_u8(spki.data());
    PkeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
    return at == as_u8(spki.data()) + spki.size() ? std::move(key) : PkeyPtr{};
}

bool add_name(X509_NAME* name, int nid, std::string_view text) {
    return X509_NAME_add_entry_by_NID(name, nid, nid == NID_serialNumber ? V_ASN1_PRINTABLESTRING : V_ASN1_UTF8STRING,
                                      reinterpret_cast<const unsigned char*>(text.data()),
                                      static_cast<int>(text.size()), -1, 0) == 1;
}

bool set_time(ASN1_TIME* to, uint64_t ms) {
    TimePtr t(ASN1_TIME_set(nullptr, static_cast<time_t>(ms / 1000)));
    return t && ASN1_STRING_copy(to, t.get()) == 1;
}

bool set_random_serial(X509* x) {
    std::array<unsigned char, 16> raw{};
    if (RAND_bytes(raw.data(), static_cast<int>(raw.size())) != 1) return false;
    raw[0] = static_cast<unsigned char>((raw[0] & 0x7f) | 0x40);  // positive, and always as long
    BignumPtr n(BN_bin2bn(raw.data(), static_cast<int>(raw.size()), nullptr));
    return n && BN_to_ASN1_INTEGER(n.get(), X509_get_serialNumber(x)) != nullptr;
}

bool add_extension(X509* x, int nid, void* value, bool critical) {
    return value != nullptr && X509_add1_ext_i2d(x, nid, value, critical ? 1 : 0, X509V3_ADD_APPEND) == 1;
}

bool add_key_usage(X509* x, int bit_a, int bit_b) {
    BitStringPtr bits(ASN1_BIT_STRING_new());
    if (!bits || ASN1_BIT_STRING_set_bit(bits.get(), bit_a, 1) != 1) return false;
    if (bit_b >= 0 && ASN1_BIT_STRING_set_bit(bits.get(), bit_b, 1) != 1) return false;
    return add_extension(x, NID_key_usage, bits.get(), true);
}

bool add_basic_constraints(X509* x, bool ca) {
    ConstraintsPtr c(BASIC_CONSTRAINTS_new());
    if (!c) return false;
    c->ca = ca ? 0xff : 0;
    if (ca) {
        c->pathlen = ASN1_INTEGER_new();
        if (c->pathlen == nullptr || ASN1_INTEGER_set(c->pathlen, 0) != 1) return false;
    }
    return add_extension(x, NID_basic_constraints, c.get(), true);
}

bool add_extended_key_usage(X509* x, std::initializer_list<const char*> oids) {
    ExtendedKeyUsagePtr usage(sk_ASN1_OBJECT_new_null());
    for (const char* text : oids) {
        ObjectPtr oid(OBJ_txt2obj(text, 1));
        if (!usage || !oid || sk_ASN1_OBJECT_push(usage.get(), oid.get()) <= 0) return false;
        (void)oid.release();  // owned by usage now
    }
    return add_extension(x, NID_ext_key_usage, usage.get(), false);
}

/// RFC 7093 2, method 1: the leftmost 160 bits of SHA-256 of the key.
OctetsPtr key_identifier(X509* x) {
    std::array<unsigned char, 32> hash{};
    unsigned n = 0;
    OctetsPtr out(ASN1_OCTET_STRING_new());
    if (!out || X509_pubkey_digest(x, EVP_sha256(), hash.data(), &n) != 1 ||
        ASN1_OCTET_STRING_set(out.get(), hash.data(), 20) != 1)
        return {};
    return out;
}

bool add_key_identifiers(X509* x, X509* issuer) {
    OctetsPtr own = key_identifier(x);
    KeyIdPtr aki(AUTHORITY_KEYID_new());
    if (!own || !aki || !add_extension(x, NID_subject_key_identifier, own.get(), false)) return false;
    aki->keyid = key_identifier(issuer).release();
    return aki->keyid != nullptr && add_extension(x, NID_authority_key_identifier, aki.get(), false);
}

bool push_name(GENERAL_NAMES* names, int type, std::string_view text) {
    ASN1_STRING* value = ASN1_STRING_type_new(type == GEN_IPADD ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
    NamePtr name(GENERAL_NAME_new());
    if (value == nullptr || !name) {
        ASN1_STRING_free(value);
        return false;
    }
    GENERAL_NAME_set0_value(name.get(), type, value);
    if (ASN1_STRING_set(value, text.data(), static_cast<int>(text.size())) != 1) return false;
    if (sk_GENERAL_NAME_push(names, name.get()) <= 0) return false;
    (void)name.release();  // owned by names now
    return true;
}

/// Everything that all our certificates share: version, serial, issuer, validity, key. Extensions and signature follow.
Result<X509Ptr> begin(X509* issuer, EVP_PKEY* subject_key, const Validity& validity) {
    if (validity.not_after_ms <= validity.not_before_ms) return Error{Errc::bad_value, "validity", 0};
    X509Ptr x(X509_new());
    if (!x || X509_set_version(x.get(), X509_VERSION_3) != 1 || !set_random_serial(x.get()) ||
        !set_time(X509_getm_notBefore(x.get()), validity.not_before_ms) ||
        !set_time(X509_getm_notAfter(x.get()), validity.not_after_ms) || X509_set_pubkey(x.get(), subject_key) != 1 ||
        (issuer != nullptr && X509_set_issuer_name(x.get(), X509_get_subject_name(issuer)) != 1))
        return kFailed;
    return x;
}

Result<Bytes> finish(X509* x, EVP_PKEY* key) {
    if (X509_sign(x, key, EVP_sha256()) <= 0) return kFailed;
    Bytes der = to_der(i2d_X509, x);
    if (der.empty()) return kFailed;
    return der;
}

Result<X509Ptr> issuer_of(const Authority& authority) {
    X509Ptr issuer = read_certificate(authority.certificate);
    if (!issuer) return Error{Errc::bad_certificate, "authority certificate", 0};
    if (authority.key == nullptr || X509_check_private_key(issuer.get(), authority.key) != 1)
        return Error{Errc::bad_key, "not the authority's key", 0};
    return issuer;
}

bool add_device_extension(X509* x, const DeviceClaims& claims) {
    ByteWriter w;                                                          // the DER that x509_checks.cpp reads
    const uint8_t content = claims.runtime ? 12 : claims.managed ? 9 : 6;  // DER leaves defaults out
    w.u8(0x30).u8(content).u16(0x0a01).u8(static_cast<uint8_t>(claims.ek));
    w.u16(0x0101).u8(claims.software_tpm ? 0xff : 0);
    if (claims.managed) w.u16(0x0101).u8(0xff);
    if (claims.runtime) w.u16(0x8001).u8(0xff);
    OctetsPtr data(ASN1_OCTET_STRING_new());
    ObjectPtr oid(OBJ_txt2obj(kOidDevice, 1));
    if (!data || !oid || ASN1_OCTET_STRING_set(data.get(), as_u8(w.view().data()), static_cast<int>(w.size())) != 1)
        return false;
    ExtensionPtr ext(X509_EXTENSION_create_by_OBJ(nullptr, oid.get(), 0, data.get()));
    return ext && X509_add_ext(x, ext.get(), -1) == 1;
}

bool is_printable_string(std::string_view s) {
    return !s.empty() && s.size() <= kNameMax && std::ranges::all_of(s, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
               c == ':' || c == '/';
    });
}

GeneralNamesPtr names_of(const HostNames& hosts) {
    GeneralNamesPtr names(sk_GENERAL_NAME_new_null());
    if (!names) return {};
    for (const auto& dns : hosts.dns)
        if (!push_name(names.get(), GEN_DNS, dns)) return {};
    for (const auto& uri : hosts.uris)
        if (!push_name(names.get(), GEN_URI, uri)) return {};
    for (const auto& text : hosts.addresses) {
        OctetsPtr ip(a2i_IPADDRESS(text.c_str()));
        if (!ip) return {};
        auto raw = std::as_bytes(
            std::span(ASN1_STRING_get0_data(ip.get()), static_cast<size_t>(ASN1_STRING_length(ip.get()))));
        if (!push_name(names.get(), GEN_IPADD, as_chars(raw))) return {};
    }
    return names;
}

bool is_visible(std::string_view s) {
    return !s.empty() && s.size() <= 255 && std::ranges::all_of(s, [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

Result<PkeyPtr> make_software_key() {
    QuietErrors quiet;
    PkeyPtr key(EVP_EC_gen(SN_X9_62_prime256v1));
    if (!key) return Error{Errc::crypto_failed, "EVP_EC_gen", 0};
    return key;
}

Result<Bytes> public_key_der(EVP_PKEY* key) {
    QuietErrors quiet;
    Bytes der = to_der(i2d_PUBKEY, key);
    if (der.empty()) return Error{Errc::bad_key, "i2d_PUBKEY", 0};
    return der;
}

Result<Bytes> certificate_key(ByteSpan der) {
    const QuietErrors quiet;
    const X509Ptr x = read_certificate(der);
    Bytes key = x ? to_der(i2d_X509_PUBKEY, X509_get_X509_PUBKEY(x.get())) : Bytes{};
    if (key.empty()) return Error{Errc::bad_certificate, "DER", 0};
    return key;
}

Result<Bytes> make_authority_root(EVP_PKEY* key, std::string_view common_name, const Validity& validity) {
    QuietErrors quiet;
    if (common_name.empty() || common_name.size() > kNameMax) return Error{Errc::bad_value, "common name", 0};
    TRY(X509Ptr x, begin(nullptr, key, validity));
    X509_NAME* name = X509_get_subject_name(x.get());
    if (!add_name(name, NID_commonName, common_name) || X509_set_issuer_name(x.get(), name) != 1 ||
        !add_basic_constraints(x.get(), true) || !add_key_usage(x.get(), 5, 6) ||  // keyCertSign, cRLSign
        !add_key_identifiers(x.get(), x.get()))
        return kFailed;
    return finish(x.get(), key);
}

Result<Bytes> issue_ak_certificate(const Authority& authority, const PublicArea& ak, const DeviceClaims& claims,
                                   const Validity& validity) {
    QuietErrors quiet;
    if (!is_printable_string(claims.device)) return Error{Errc::bad_value, "device id", 0};
    const ObjectAttributes& a = ak.attributes;
    if (!a.restricted() || !a.sign() || a.decrypt() || !a.fixed_tpm())
        return Error{Errc::bad_key, "not an attestation key", a.bits};
    TRY(X509Ptr issuer, issuer_of(authority));
    TRY(Bytes spki, spki_der(ak));
    PkeyPtr key = read_spki(spki);
    if (!key) return Error{Errc::bad_key, "AK", 0};
    TRY(X509Ptr x, begin(issuer.get(), key.get(), validity));
    if (!add_name(X509_get_subject_name(x.get()), NID_serialNumber, claims.device) ||
        !add_basic_constraints(x.get(), false) || !add_key_usage(x.get(), 0, -1) ||  // digitalSignature
        !add_extended_key_usage(x.get(), {kOidAkUsage}) || !add_key_identifiers(x.get(), issuer.get()) ||
        !add_device_extension(x.get(), claims))
        return kFailed;
    return finish(x.get(), authority.key);
}

Result<Bytes> issue_identity_certificate(const Authority& authority, ByteSpan spki, std::string_view sip_uri,
                                         const Validity& validity) {
    QuietErrors quiet;
    if (!is_sip_address(sip_uri)) return Error{Errc::wrong_name, "not a SIP address", 0};
    if (!is_canonical_p256_spki(spki)) return Error{Errc::bad_key, "identity keys are P-256", 0};
    TRY(X509Ptr issuer, issuer_of(authority));
    PkeyPtr key = read_spki(spki);
    if (!key) return Error{Errc::bad_key, "identity key", 0};
    TRY(X509Ptr x, begin(issuer.get(), key.get(), validity));
    GeneralNamesPtr names(sk_GENERAL_NAME_new_null());
    // The subject is empty, so the name in subjectAltName is critical (RFC 5280 4.2.1.6).
    if (!names || !push_name(names.get(), GEN_URI, sip_uri) || !add_basic_constraints(x.get(), false) ||
        !add_key_usage(x.get(), 0, -1) ||
        !add_extended_key_usage(x.get(), {"1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1"}) ||
        !add_key_identifiers(x.get(), issuer.get()) || !add_extension(x.get(), NID_subject_alt_name, names.get(), true))
        return kFailed;
    return finish(x.get(), authority.key);
}

namespace {

/// A certificate for names of machines.
Result<Bytes> issue_for_hosts(const Authority& authority, ByteSpan spki, const HostNames& hosts,
                              const Validity& validity, std::initializer_list<const char*> usage) {
    QuietErrors quiet;
    if (hosts.dns.empty() && hosts.addresses.empty() && hosts.uris.empty())
        return Error{Errc::wrong_name, "no name", 0};
    if (!std::ranges::all_of(hosts.dns, is_visible) || !std::ranges::all_of(hosts.uris, is_visible))
        return Error{Errc::wrong_name, "name", 0};
    // A person's address belongs into an identity certificate only.
    if (std::ranges::any_of(hosts.uris, is_sip_address)) return Error{Errc::wrong_name, "a person's address", 0};
    GeneralNamesPtr names = names_of(hosts);
    if (!names) return Error{Errc::wrong_name, "name", 0};
    TRY(X509Ptr issuer, issuer_of(authority));
    PkeyPtr key = read_spki(spki);
    if (!key) return Error{Errc::bad_key, "host key", 0};
    TRY(X509Ptr x, begin(issuer.get(), key.get(), validity));
    if (!add_basic_constraints(x.get(), false) || !add_key_usage(x.get(), 0, -1) ||
        !add_extended_key_usage(x.get(), usage) || !add_key_identifiers(x.get(), issuer.get()) ||
        !add_extension(x.get(), NID_subject_alt_name, names.get(), true))
        return kFailed;
    return finish(x.get(), authority.key);
}

}  // namespace

Result<Bytes> issue_host_certificate(const Authority& authority, ByteSpan spki, const HostNames& hosts,
                                     const Validity& validity) {
    return issue_for_hosts(authority, spki, hosts, validity, {"1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1"});
}

Result<Bytes> issue_service_certificate(const Authority& authority, ByteSpan spki, const HostNames& names,
                                        const Validity& validity) {
    return issue_for_hosts(authority, spki, names, validity, {"1.3.6.1.5.5.7.3.1", kOidAuthorityUsage});
}

bool is_service_certificate(ByteSpan der) {
    QuietErrors quiet;
    const X509Ptr x = read_certificate(der);
    const ObjectPtr wanted(OBJ_txt2obj(kOidAuthorityUsage, 1));
    if (!x || !wanted) return false;
    const ExtendedKeyUsagePtr usage(
        static_cast<EXTENDED_KEY_USAGE*>(X509_get_ext_d2i(x.get(), NID_ext_key_usage, nullptr, nullptr)));
    for (int i = 0; usage && i < sk_ASN1_OBJECT_num(usage.get()); ++i)
        if (OBJ_cmp(sk_ASN1_OBJECT_value(usage.get(), i), wanted.get()) == 0) return true;
    return false;
}

}  // namespace sealcall::attestation
