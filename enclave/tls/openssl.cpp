#include "enclave/tls/openssl.h"

#include <openssl/err.h>
#include <openssl/rand.h>

#include <ctime>

namespace sealcall::tls {

Error openssl_error(Errc code, const char* call) {
    const unsigned long first = ERR_get_error();
    ERR_clear_error();
    return Error{code, call, first == 0 ? 0 : static_cast<uint32_t>(ERR_GET_REASON(first))};
}

Status check(long result, Errc code, const char* call) {
    if (result >= 1) return {};
    return openssl_error(code, call);
}

void random_bytes(std::span<std::byte> out) { CHECK(RAND_bytes(as_u8(out.data()), static_cast<int>(out.size())) == 1); }

namespace {

/// One signature and one verification with a throwaway key: fetches EC, ECDSA and SHA-256 and fills their caches.
bool sign_once() {
    const EvpPkeyPtr key(EVP_EC_gen("P-256"));
    const EvpMdCtxPtr sign(EVP_MD_CTX_new()), verify(EVP_MD_CTX_new());
    if (!key || !sign || !verify) return false;
    const std::array<uint8_t, 4> message{1, 2, 3, 4};
    std::array<uint8_t, 80> signature{};
    size_t length = signature.size();
    return EVP_DigestSignInit(sign.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
           EVP_DigestSign(sign.get(), signature.data(), &length, message.data(), message.size()) == 1 &&
           EVP_DigestVerifyInit(verify.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
           EVP_DigestVerify(verify.get(), signature.data(), length, message.data(), message.size()) == 1;
}

}  // namespace

void warm_up() {
    constexpr uint64_t kOptions =
        OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS;
    CHECK(OPENSSL_init_ssl(kOptions, nullptr) == 1);
    std::array<std::byte, 32> noise{};
    random_bytes(noise);
    CHECK(RAND_priv_bytes(as_u8(noise.data()), static_cast<int>(noise.size())) == 1);
    // gmtime_r, which reading certificates needs, loads the time zone file the first time.
    const time_t zero = 0;
    tm broken_down{};
    CHECK(gmtime_r(&zero, &broken_down) != nullptr);
    CHECK(sign_once());
    const SslCtxPtr tls(SSL_CTX_new(TLS_method())), dtls(SSL_CTX_new(DTLS_method()));
    CHECK(tls && dtls);
    const SslPtr ssl(SSL_new(tls.get())), dssl(SSL_new(dtls.get()));
    CHECK(ssl && dssl);
    ERR_clear_error();
}

}  // namespace sealcall::tls
