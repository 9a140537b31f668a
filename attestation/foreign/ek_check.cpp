#include "attestation/foreign/ek_check.h"

#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include <ctime>

#include "attestation/foreign/tpm_files.h"
#include "attestation/openssl.h"
#include "sealcall/base/hex.h"

namespace sealcall::attestation::foreign {

namespace {

constexpr size_t kBundleMax = 1024 * 1024, kBundleCertificates = 64, kLineMax = 256;
/// TPM attributes in the subject alternative name (TCG EK Credential Profile 2.5, 3.1.2).
constexpr const char* kOidManufacturer = "2.23.133.2.1";
constexpr const char* kOidModel = "2.23.133.2.2";
constexpr const char* kOidVersion = "2.23.133.2.3";

X509Ptr certificate_of(ByteSpan der) {
    const unsigned char* at = as_u8(der.data());
    return X509Ptr(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
}

/// The next PEM block named CERTIFICATE, as it stands: BER and padding included. Empty at the end.
Result<Bytes> next_pem(BIO* bio) {
    for (;;) {
        char* name = nullptr;
        char* header = nullptr;
        unsigned char* data = nullptr;
        long size = 0;
        if (PEM_read_bio(bio, &name, &header, &data, &size) != 1) {
            const bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
            return ended ? Result<Bytes>(Bytes{}) : Error{Errc::bad_certificate, "PEM", 0};
        }
        const std::string_view kind(name);
        const bool wanted = kind == "CERTIFICATE" || kind == "TRUSTED CERTIFICATE" || kind == "X509 CERTIFICATE";
        Bytes out = wanted ? to_bytes(std::as_bytes(std::span(data, static_cast<size_t>(size)))) : Bytes{};
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(data);
        if (!out.empty()) return out;
    }
}

bool is_pem(ByteSpan file) { return as_chars(file).find("-----BEGIN ") != std::string_view::npos; }

Result<Bytes> one_certificate(ByteSpan file) {
    if (!is_pem(file)) return to_bytes(file);
    const BioPtr bio(BIO_new_mem_buf(file.data(), static_cast<int>(file.size())));
    if (!bio) return Error{Errc::out_of_memory, "PEM", 0};
    TRY(Bytes first, next_pem(bio.get()));
    TRY(const Bytes second, next_pem(bio.get()));
    if (first.empty()) return Error{Errc::bad_certificate, "no certificate in this PEM file", 0};
    if (!second.empty()) return Error{Errc::bad_certificate, "more than one certificate in this PEM file", 0};
    return first;
}

std::string one_line(const X509_NAME* name) {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    if (!bio || X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB) < 0) return {};
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return size > 0 ? std::string(data, std::min(static_cast<size_t>(size), kLineMax)) : std::string();
}

std::string attribute(const X509_NAME* name, const char* oid) {
    const ObjectPtr wanted(OBJ_txt2obj(oid, 1));
    const int at = wanted ? X509_NAME_get_index_by_OBJ(name, wanted.get(), -1) : -1;
    if (at < 0) return {};
    unsigned char* text = nullptr;
    const int n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (n < 0) return {};
    std::string out(reinterpret_cast<const char*>(text), std::min(static_cast<size_t>(n), kLineMax));
    OPENSSL_free(text);
    return out;
}

void read_tpm(X509* x, EkAnswer& out) {
    const GeneralNamesPtr names(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x, NID_subject_alt_name, nullptr, nullptr)));
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
        if (name->type != GEN_DIRNAME) continue;
        out.manufacturer = attribute(name->d.directoryName, kOidManufacturer);
        out.model = attribute(name->d.directoryName, kOidModel);
        out.version = attribute(name->d.directoryName, kOidVersion);
    }
}

/// 0 when it cannot be told, or lies before 1970.
uint64_t milliseconds(const ASN1_TIME* time) {
    std::tm tm{};
    if (ASN1_TIME_to_tm(time, &tm) != 1) return 0;
    const std::time_t t = ::timegm(&tm);
    return t > 0 ? static_cast<uint64_t>(t) * 1000 : 0;
}

void read_facts(X509* x, EkAnswer& out) {
    out.kind = key_kind(X509_get0_pubkey(x));
    out.subject = one_line(X509_get_subject_name(x));
    out.issuer = one_line(X509_get_issuer_name(x));
    const ASN1_INTEGER* serial = X509_get0_serialNumber(x);
    out.serial = to_hex(std::as_bytes(
        std::span(ASN1_STRING_get0_data(serial), static_cast<size_t>(std::min(ASN1_STRING_length(serial), 64)))));
    out.not_before_ms = milliseconds(X509_get0_notBefore(x));
    out.not_after_ms = milliseconds(X509_get0_notAfter(x));
    read_tpm(x, out);
}

std::string chain_sentence(const Error& error) {
    if (error.code != Errc::untrusted_certificate) return std::string("It could not be followed: ") + error.what + ".";
    if (error.detail == X509_V_ERR_CERT_HAS_EXPIRED)
        return "A certificate on the way to the roots has expired (--accept-expired-intermediates takes an issuer that "
               "was valid when it issued this one).";
    return std::string("No chain to the roots: ") + X509_verify_cert_error_string(static_cast<long>(error.detail)) +
           ".";
}

void check_chain(const EkCertificate& ek, const EkQuestion& q, EkAnswer& out) {
    if (q.roots.empty()) {
        out.findings.add("chain", Verdict::unknown,
                         "No roots were named (--roots): anybody can make a certificate like this one.");
        return;
    }
    auto chained = check_ek_chain(ek, q.roots, q.intermediates, q.wall_ms);
    if (!chained && q.expired == ExpiredIssuers::accepted && chained.error().detail == X509_V_ERR_CERT_HAS_EXPIRED) {
        // As of the day when it was issued; that it is valid itself was checked before.
        chained = check_ek_chain(ek, q.roots, q.intermediates, out.not_before_ms);
        if (chained)
            out.findings.add("expired_issuer", Verdict::warning,
                             "An issuer has expired since it issued this certificate, which was accepted: its key may "
                             "not be looked after any more.");
    }
    out.findings.check("chain", chained.has_value(), "It was issued by one of the roots, directly or through others.",
                       chained ? "" : chain_sentence(chained.error()));
}

}  // namespace

Result<std::vector<Bytes>> read_certificates(ByteSpan file) {
    QuietErrors quiet;
    if (file.size() > kBundleMax) return Error{Errc::too_large, "certificates", static_cast<uint32_t>(file.size())};
    std::vector<Bytes> out;
    if (!is_pem(file)) {
        TRY(Bytes der, trim_certificate(file));
        if (!certificate_of(der)) return Error{Errc::bad_certificate, "certificate", 0};
        out.push_back(std::move(der));
        return out;
    }
    const BioPtr bio(BIO_new_mem_buf(file.data(), static_cast<int>(file.size())));
    if (!bio) return Error{Errc::out_of_memory, "PEM", 0};
    for (;;) {
        TRY(Bytes raw, next_pem(bio.get()));
        if (raw.empty()) break;
        if (out.size() == kBundleCertificates) return Error{Errc::too_large, "certificates", kBundleCertificates};
        if (!certificate_of(raw)) return Error{Errc::bad_certificate, "certificate", static_cast<uint32_t>(out.size())};
        out.push_back(std::move(raw));
    }
    if (out.empty()) return Error{Errc::bad_certificate, "no certificate", 0};
    return out;
}

EkAnswer check_foreign_ek(const EkQuestion& q) {
    QuietErrors quiet;
    EkAnswer out;
    const auto raw = one_certificate(q.certificate);
    const auto der = raw ? trim_certificate(*raw) : raw;
    const X509Ptr x = der ? certificate_of(*der) : X509Ptr{};
    if (!x) {
        out.findings.add("certificate", Verdict::failed,
                         std::string("This is no certificate: ") + (der ? "not X.509" : der.error().what) + ".");
        return out;
    }
    read_facts(x.get(), out);
    if (der->size() != raw->size())
        out.findings.add("padding", Verdict::note,
                         std::to_string(raw->size() - der->size()) +
                             " bytes of padding stand behind the certificate, as NV memory holds it.");
    auto ek = parse_ek_certificate(*der);
    if (!ek) {
        const bool key = ek.error().code == Errc::bad_key;
        out.findings.add(key ? "key" : "certificate", Verdict::failed,
                         std::string("This is no certificate of an endorsement key: ") + ek.error().what + ".");
        return out;
    }
    out.spki = ek->spki;
    out.findings.add("certificate", Verdict::ok, "It is a certificate of an endorsement key.");
    out.findings.add("key", Verdict::ok, "The key is " + out.kind + ".");
    const bool begun = out.not_before_ms != 0 && q.wall_ms >= out.not_before_ms;
    out.findings.check("validity", begun && q.wall_ms <= out.not_after_ms, "It is valid at that time.",
                       begun ? "It has expired by then." : "It is not valid yet at that time.");
    check_chain(*ek, q, out);
    return out;
}

}  // namespace sealcall::attestation::foreign
