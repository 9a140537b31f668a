#include "attestation/endorsement.h"

#include "attestation/oids.h"
#include "attestation/openssl.h"

namespace sealcall::attestation {

namespace {

constexpr size_t kNvMax = 16 * 1024;
constexpr size_t kChainMax = 1024;  ///< roots, and intermediates, that one call takes
constexpr int kSecurityLevel = 2;   ///< neither SHA-1 nor RSA under 2048

X509Ptr read_certificate(ByteSpan der) {
    const unsigned char* at = as_u8(der.data());
    X509Ptr x(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
    return at == as_u8(der.data()) + der.size() ? std::move(x) : X509Ptr{};
}

/// The length of the DER element at the start, header included.
Result<size_t> element_length(ByteSpan in) {
    ByteReader r(in);
    TRY(uint8_t tag, r.u8());
    if (tag != 0x30) return Error{Errc::bad_certificate, "not a SEQUENCE", tag};
    TRY(uint8_t first, r.u8());
    size_t n = first;
    if (first == 0x81) {
        TRY(n, r.u8());
    } else if (first == 0x82) {
        TRY(n, r.u16());
    } else if (first >= 0x80) {
        return Error{Errc::bad_certificate, "length", first};
    }
    return r.offset() + n;
}

/// Critical extensions that OpenSSL leaves to us, all of them the TCG's.
enum class Unknown { none, tcg_only, other };
Unknown unknown_critical(X509* x) {
    Unknown found = Unknown::none;
    for (int i = 0; i < X509_get_ext_count(x); ++i) {
        X509_EXTENSION* ext = X509_get_ext(x, i);
        if (X509_EXTENSION_get_critical(ext) == 0 || X509_supported_extension(ext) == 1) continue;
        std::array<char, 80> oid{};
        OBJ_obj2txt(oid.data(), static_cast<int>(oid.size()), X509_EXTENSION_get_object(ext), 1);
        std::string_view text(oid.data());
        if (text != "2.5.29.9" && !text.starts_with("2.23.133.")) return Unknown::other;
        found = Unknown::tcg_only;
    }
    return found;
}

Status check_usage(X509* x, int key_type) {
    uint32_t usage = X509_get_key_usage(x);
    uint32_t wanted = key_type == EVP_PKEY_RSA ? KU_KEY_ENCIPHERMENT : KU_KEY_AGREEMENT;
    if (usage != UINT32_MAX && (usage & wanted) == 0) return Error{Errc::bad_certificate, "keyUsage", usage};
    int critical = 0;
    ExtendedKeyUsagePtr eku(
        static_cast<EXTENDED_KEY_USAGE*>(X509_get_ext_d2i(x, NID_ext_key_usage, &critical, nullptr)));
    if (!eku) return critical == -1 ? Status{} : Error{Errc::bad_certificate, "extendedKeyUsage", 0};
    ObjectPtr wanted_oid(OBJ_txt2obj(kOidEkUsage, 1));
    for (int i = 0; i < sk_ASN1_OBJECT_num(eku.get()); ++i)
        if (wanted_oid && OBJ_cmp(sk_ASN1_OBJECT_value(eku.get(), i), wanted_oid.get()) == 0) return {};
    return Error{Errc::bad_certificate, "not for an endorsement key", 0};
}

Status check_key(EVP_PKEY* key) {
    if (key == nullptr) return Error{Errc::bad_key, "EK", 0};
    int bits = EVP_PKEY_get_bits(key);
    const bool rsa = EVP_PKEY_is_a(key, "RSA") == 1 && (bits == 2048 || bits == 3072 || bits == 4096);
    std::array<char, 32> group{};
    size_t n = 0;
    const bool ec =
        EVP_PKEY_is_a(key, "EC") == 1 && EVP_PKEY_get_group_name(key, group.data(), group.size(), &n) == 1 &&
        (std::string_view(group.data()) == SN_X9_62_prime256v1 || std::string_view(group.data()) == SN_secp384r1);
    if (!rsa && !ec) return Error{Errc::bad_key, "EK type", static_cast<uint32_t>(bits)};
    return {};
}

std::string one_line(const X509_NAME* name) {
    std::unique_ptr<BIO, Deleter<BIO_free_all>> bio(BIO_new(BIO_s_mem()));
    if (!bio || X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB) < 0) return {};
    char* data = nullptr;
    long size = BIO_get_mem_data(bio.get(), &data);
    return size > 0 ? std::string(data, std::min(static_cast<size_t>(size), size_t{256})) : std::string();
}

void free_stack(STACK_OF(X509) * s) { sk_X509_pop_free(s, X509_free); }
using StackPtr = std::unique_ptr<STACK_OF(X509), Deleter<free_stack>>;

}  // namespace

Result<Bytes> trim_certificate(ByteSpan nv) {
    if (nv.size() > kNvMax) return Error{Errc::too_large, "EK certificate", static_cast<uint32_t>(nv.size())};
    TRY(size_t n, element_length(nv));
    if (n > nv.size()) return Error{Errc::truncated, "EK certificate", static_cast<uint32_t>(n)};
    ByteSpan rest = nv.subspan(n);
    const bool padding = std::ranges::all_of(rest, [](std::byte b) { return b == std::byte{0xff}; }) ||
                         std::ranges::all_of(rest, [](std::byte b) { return b == std::byte{0}; });
    if (!padding) return Error{Errc::trailing_bytes, "EK certificate", static_cast<uint32_t>(rest.size())};
    return to_bytes(nv.first(n));
}

Result<EkCertificate> parse_ek_certificate(ByteSpan nv) {
    QuietErrors quiet;
    EkCertificate out;
    TRY(out.der, trim_certificate(nv));
    X509Ptr x = read_certificate(out.der);
    if (!x) return Error{Errc::bad_certificate, "EK certificate", 0};
    uint32_t flags = X509_get_extension_flags(x.get());
    if ((flags & (EXFLAG_INVALID | EXFLAG_CA)) != 0) return Error{Errc::bad_certificate, "EK certificate", flags};
    TRY_STATUS(check_key(X509_get0_pubkey(x.get())));
    TRY_STATUS(check_usage(x.get(), EVP_PKEY_get_base_id(X509_get0_pubkey(x.get()))));
    out.spki = to_der(i2d_PUBKEY, X509_get0_pubkey(x.get()));
    if (out.spki.empty()) return Error{Errc::bad_key, "EK", 0};
    out.issuer = one_line(X509_get_issuer_name(x.get()));
    return out;
}

namespace {

/// What the callback of one verification is told, and tells.
struct TimePolicy {
    ExpiredIntermediates choice{};
    bool used = false;
};

/// OpenSSL asks for each error; only one is ever forgiven: a certificate above the leaf whose time is over.
int forgive_expired(int ok, X509_STORE_CTX* ctx) {
    if (ok != 0) return ok;
    auto* policy = static_cast<TimePolicy*>(X509_STORE_CTX_get_app_data(ctx));
    if (policy == nullptr || policy->choice != ExpiredIntermediates::accept) return 0;
    if (X509_STORE_CTX_get_error(ctx) != X509_V_ERR_CERT_HAS_EXPIRED || X509_STORE_CTX_get_error_depth(ctx) < 1)
        return 0;
    policy->used = true;
    X509_STORE_CTX_set_error(ctx, X509_V_OK);
    return 1;
}

}  // namespace

Status check_ek_chain(const EkCertificate& ek, const std::vector<Bytes>& roots, const std::vector<Bytes>& intermediates,
                      uint64_t wall_ms) {
    TRY(EkChain chain, check_ek_chain(ek, roots, intermediates, wall_ms, ExpiredIntermediates::refuse));
    (void)chain;
    return {};
}

Result<EkChain> check_ek_chain(const EkCertificate& ek, const std::vector<Bytes>& roots,
                               const std::vector<Bytes>& intermediates, uint64_t wall_ms,
                               ExpiredIntermediates expired) {
    QuietErrors quiet;
    X509Ptr leaf = read_certificate(ek.der);
    X509StorePtr store(X509_STORE_new());
    X509StoreCtxPtr ctx(X509_STORE_CTX_new());
    StackPtr chain(sk_X509_new_null());
    if (!leaf || !store || !ctx || !chain) return Error{Errc::bad_certificate, "EK certificate", 0};
    if (roots.size() > kChainMax || intermediates.size() > kChainMax) return Error{Errc::too_large, "certificates", 0};
    const Unknown unknown = unknown_critical(leaf.get());
    if (unknown == Unknown::other)
        return Error{Errc::untrusted_certificate, "critical extension", X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION};
    for (const auto& der : roots) {
        X509Ptr root = read_certificate(der);
        if (root && X509_check_ca(root.get()) == 1) X509_STORE_add_cert(store.get(), root.get());
    }
    for (const auto& der : intermediates) {
        X509Ptr x = read_certificate(der);
        if (!x || unknown_critical(x.get()) == Unknown::other) continue;
        if (sk_X509_push(chain.get(), x.get()) > 0) (void)x.release();  // owned by chain now
    }
    if (X509_STORE_CTX_init(ctx.get(), store.get(), leaf.get(), chain.get()) != 1)
        return Error{Errc::crypto_failed, "chain", 0};
    X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(ctx.get());
    X509_VERIFY_PARAM_set_time(param, static_cast<time_t>(std::min<uint64_t>(wall_ms / 1000, 253402300799)));
    X509_VERIFY_PARAM_set_auth_level(param, kSecurityLevel);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    if (unknown == Unknown::tcg_only) X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_IGNORE_CRITICAL);
    TimePolicy policy{.choice = expired};
    X509_STORE_CTX_set_app_data(ctx.get(), &policy);
    X509_STORE_CTX_set_verify_cb(ctx.get(), forgive_expired);
    if (X509_verify_cert(ctx.get()) == 1) return EkChain{.expired_intermediate = policy.used};
    return Error{Errc::untrusted_certificate, "EK chain", static_cast<uint32_t>(X509_STORE_CTX_get_error(ctx.get()))};
}

Status check_ek_key(const EkCertificate& ek, const PublicArea& ek_public) {
    TRY(Bytes spki, spki_der(ek_public));
    if (spki != ek.spki) return Error{Errc::bad_key, "the certificate is of another key", 0};
    return {};
}

}  // namespace sealcall::attestation
