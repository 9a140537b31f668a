// An authority, phones with software keys in the TPM's place, and a wire between two channels; for tests and fuzz
// targets.
#pragma once

#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <optional>

#include "attestation/binding.h"
#include "enclave/tls/channel.h"
#include "enclave/tls/openssl.h"

namespace sealcall::tls::test {

inline constexpr uint64_t kNowMs = 1'800'000'000'000;
inline constexpr int64_t kDay = 86400;

inline Bytes der_of(X509* x) {
    uint8_t* der = nullptr;
    const int size = i2d_X509(x, &der);
    CHECK(size > 0);
    Bytes out = to_bytes(std::as_bytes(std::span(der, static_cast<size_t>(size))));
    OPENSSL_free(der);
    return out;
}

inline Digest spki_of(EVP_PKEY* key) {
    uint8_t* der = nullptr;
    const int size = i2d_PUBKEY(key, &der);
    CHECK(size > 0);
    const Digest out = attestation::sha256(std::as_bytes(std::span(der, static_cast<size_t>(size))));
    OPENSSL_free(der);
    return out;
}

inline EvpPkeyPtr p256() { return EvpPkeyPtr(EVP_EC_gen("P-256")); }

struct CertificateWish {
    const char* common_name = "phone";
    const char* san = "URI:sip:alice@corp.example";  ///< null: none
    const char* constraints = "critical,CA:FALSE";
    const char* usage = "critical,digitalSignature";
    int64_t from_s = -kDay, until_s = kDay;  ///< around kNowMs
};

inline void add_extension(X509* x, int nid, const char* value) {
    X509_EXTENSION* e = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    CHECK(e != nullptr && X509_add_ext(x, e, -1) == 1);
    X509_EXTENSION_free(e);
}

inline X509Ptr certify(EVP_PKEY* subject, const CertificateWish& wish, EVP_PKEY* issuer_key, X509* issuer) {
    X509Ptr x(X509_new());
    X509_set_version(x.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x.get()), 7);
    const auto now = static_cast<time_t>(kNowMs / 1000);
    ASN1_TIME_set(X509_getm_notBefore(x.get()), now + wish.from_s);
    ASN1_TIME_set(X509_getm_notAfter(x.get()), now + wish.until_s);
    X509_NAME* name = X509_get_subject_name(x.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const uint8_t*>(wish.common_name), -1, -1, 0);
    X509_set_issuer_name(x.get(), issuer != nullptr ? X509_get_subject_name(issuer) : name);
    X509_set_pubkey(x.get(), subject);
    add_extension(x.get(), NID_basic_constraints, wish.constraints);
    add_extension(x.get(), NID_key_usage, wish.usage);
    if (wish.san != nullptr) add_extension(x.get(), NID_subject_alt_name, wish.san);
    CHECK(X509_sign(x.get(), issuer_key, EVP_sha256()) > 0);
    return x;
}

struct Authority {
    EvpPkeyPtr key = p256();
    X509Ptr certificate =
        certify(key.get(), {"Authority", nullptr, "critical,CA:TRUE", "critical,keyCertSign"}, key.get(), nullptr);
    [[nodiscard]] rats::CertificateDer der() const { return rats::CertificateDer(der_of(certificate.get())); }
};

/// DER ECDSA signature over a digest: what the TPM worker does in the product.
inline Result<Bytes> software_sign(EVP_PKEY* key, const Digest& digest) {
    const EvpPkeyCtxPtr c(EVP_PKEY_CTX_new(key, nullptr));
    Bytes out(80);
    size_t size = out.size();
    if (EVP_PKEY_sign_init(c.get()) != 1 ||
        EVP_PKEY_sign(c.get(), as_u8(out.data()), &size, as_u8(digest.data()), digest.size()) != 1)
        return Error{Errc::crypto_failed, "EVP_PKEY_sign", 0};
    out.resize(size);
    return out;
}

struct Phone {
    EvpPkeyPtr key;
    X509Ptr certificate;
    int signatures = 0;
    int asked = 0;  ///< accept_peer calls
    bool accepts = true;
    std::optional<Error> signer_fails;

    Phone(const Authority& ca, const CertificateWish& wish, EvpPkeyPtr own_key = p256())
        : key(std::move(own_key)), certificate(certify(key.get(), wish, ca.key.get(), ca.certificate.get())) {}

    ChannelConfig config(rats::Role role, const Authority& trusted) {
        ChannelConfig c;
        c.role = role;
        c.certificate = rats::CertificateDer(der_of(certificate.get()));
        c.anchors = {trusted.der()};
        c.wall_ms = kNowMs;
        c.own_spki = spki_of(key.get());
        c.sign = [this](const Digest& digest) -> Result<Bytes> {
            ++signatures;
            if (signer_fails) return *signer_fails;
            return software_sign(key.get(), digest);
        };
        c.accept_peer = [this](const attestation::IdentityCertificate&) -> Status {
            ++asked;
            if (!accepts) return Error{Errc::refused_by_policy, "peer is not accepted", 0};
            return {};
        };
        return c;
    }
};

/// Moves bodies both ways until nothing moves, or a side fails.
inline void pump(Channel& a, Channel& b, size_t* bodies = nullptr, size_t* bytes = nullptr) {
    for (bool moved = true; moved;) {
        moved = false;
        for (auto [from, to] : {std::pair{&a, &b}, std::pair{&b, &a}})
            for (const Bytes& body : from->take_output()) {
                moved = true;
                if (bodies != nullptr) ++*bodies;
                if (bytes != nullptr) *bytes += body.size();
                CHECK(body.size() <= rats::kInfoBodyMax);
                if (to->feed(body)) (void)to->advance();
            }
    }
}

/// alice calls bob: bob is the callee and so the TLS client.
struct Pair {
    Authority ca;
    Phone alice{ca, {"alice"}}, bob{ca, {"bob", "URI:sip:bob@corp.example"}};
    std::unique_ptr<Channel> caller, callee;

    void create() {
        caller = std::move(*Channel::create(alice.config(rats::Role::caller, ca)));
        callee = std::move(*Channel::create(bob.config(rats::Role::callee, ca)));
    }
    void connect() {
        create();
        pump(*caller, *callee);
    }
};

}  // namespace sealcall::tls::test
