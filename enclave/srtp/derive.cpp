#include <openssl/core_names.h>

#include "enclave/srtp/session.h"
#include "enclave/tls/openssl.h"

namespace sealcall::srtp {

namespace {

constexpr std::string_view kInfo = "sealcall media context";

Status hkdf(const Secret<32>& secret, ByteSpan salt, ByteSpan info, std::span<std::byte> out) {
    const tls::EvpKdfPtr kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
    const tls::EvpKdfCtxPtr context(kdf ? EVP_KDF_CTX_new(kdf.get()) : nullptr);
    if (!context) return tls::openssl_error(Errc::crypto_failed, "EVP_KDF_CTX_new");
    char digest[] = "SHA256";
    // OSSL_PARAM has no const, though nothing is written through these.
    const auto octets = [](const char* name, ByteSpan b) {
        return OSSL_PARAM_construct_octet_string(name, const_cast<std::byte*>(b.data()), b.size());
    };
    const std::array params = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
                               octets(OSSL_KDF_PARAM_KEY, secret.reveal(SecretAccess{})),
                               octets(OSSL_KDF_PARAM_SALT, salt), octets(OSSL_KDF_PARAM_INFO, info),
                               OSSL_PARAM_construct_end()};
    return tls::check(EVP_KDF_derive(context.get(), as_u8(out.data()), out.size(), params.data()), Errc::crypto_failed,
                      "EVP_KDF_derive");
}

struct Derivation {
    const Secret<32>& secret;
    Bytes salt;
    uint32_t context;
    dtls::SrtpProfile profile;
};

Status derive_direction(const Derivation& in, rats::Role from, Secret<16>& key, Secret<14>& salt) {
    ByteWriter info;
    info.bytes(as_bytes(kInfo)).u32(in.context).u16(static_cast<uint16_t>(in.profile)).u8(static_cast<uint8_t>(from));
    Secret<30> block;
    const auto bytes = block.reveal(SecretAccess{});
    TRY_STATUS(hkdf(in.secret, in.salt, info.view(), bytes));
    std::ranges::copy(bytes.first<16>(), key.reveal(SecretAccess{}).begin());
    std::ranges::copy(bytes.last<14>(), salt.reveal(SecretAccess{}).begin());
    return {};
}

}  // namespace

Result<dtls::MediaKeys> derive_context(const Secret<32>& call_secret, uint32_t context, rats::Role self,
                                       const std::array<std::byte, 16>& caller_fresh,
                                       const std::array<std::byte, 16>& callee_fresh, dtls::SrtpProfile profile) {
    static_assert(static_cast<int>(rats::Role::caller) == 0 && static_cast<int>(rats::Role::callee) == 1);
    if (context == 0) return Error{Errc::bad_value, "context 0 is not derived", 0};
    if (profile == dtls::SrtpProfile::none) return Error{Errc::bad_value, "SRTP profile", 0};
    if (caller_fresh == callee_fresh) return Error{Errc::replayed_packet, "fresh bytes came back", context};
    ByteWriter salt;
    salt.bytes(caller_fresh).bytes(callee_fresh);
    const Derivation in{call_secret, salt.take(), context, profile};
    dtls::MediaKeys out;
    out.profile = profile;
    TRY_STATUS(derive_direction(in, self, out.send_key, out.send_salt));
    TRY_STATUS(derive_direction(in, rats::other(self), out.receive_key, out.receive_salt));
    return out;
}

}  // namespace sealcall::srtp
