// SRTP written down from RFC 3711 and RFC 7714 for tests only: what libsrtp2 produces must be equal to it, byte for
// byte.
#pragma once

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "sealcall/base/bytes.h"

namespace sealcall::srtp::test {

/// AES-128 counter mode key stream (RFC 3711, 4.1.1) xored onto `data`.
inline Bytes aes_counter(ByteSpan key, ByteSpan iv, ByteSpan data) {
    EVP_CIPHER_CTX* c = EVP_CIPHER_CTX_new();
    Bytes out(data.size());
    int n = 0;
    CHECK(EVP_EncryptInit_ex(c, EVP_aes_128_ctr(), nullptr, as_u8(key.data()), as_u8(iv.data())) == 1);
    CHECK(EVP_EncryptUpdate(c, as_u8(out.data()), &n, as_u8(data.data()), static_cast<int>(data.size())) == 1);
    EVP_CIPHER_CTX_free(c);
    return out;
}

/// Session key with label (RFC 3711, 4.3.1 with key derivation rate 0), of a master salt of 14 bytes (GCM: 12 and two
/// zeros).
inline Bytes session_key(ByteSpan master_key, ByteSpan master_salt, uint8_t label, size_t size) {
    Bytes iv(16);
    std::ranges::copy(master_salt, iv.begin());
    iv[7] ^= static_cast<std::byte>(label);
    return aes_counter(master_key, iv, Bytes(size));
}

inline Bytes counter_iv(ByteSpan salt, uint32_t ssrc, uint64_t index) {
    ByteWriter w;
    w.u32(0).u32(ssrc).u16(static_cast<uint16_t>(index >> 32)).u32(static_cast<uint32_t>(index)).u16(0);
    Bytes iv = w.take();
    for (size_t i = 0; i < salt.size(); ++i) iv[i] ^= salt[i];
    return iv;
}

/// RFC 3711, 4.1.1 and 4.2.1; a header of 12 bytes. `index` = 2^16 ROC + sequence number.
inline Bytes protect_counter_mode(ByteSpan master_key, ByteSpan master_salt, ByteSpan packet, uint32_t ssrc,
                                  uint64_t index) {
    const Bytes key = session_key(master_key, master_salt, 0, 16), auth = session_key(master_key, master_salt, 1, 20),
                salt = session_key(master_key, master_salt, 2, 14);
    Bytes out = to_bytes(packet.first(12));
    const Bytes body = aes_counter(key, counter_iv(salt, ssrc, index), packet.subspan(12));
    out.insert(out.end(), body.begin(), body.end());
    ByteWriter authenticated;
    authenticated.bytes(out).u32(static_cast<uint32_t>(index >> 16));
    std::array<std::byte, 20> tag{};
    unsigned n = 0;
    HMAC(EVP_sha1(), auth.data(), static_cast<int>(auth.size()), as_u8(authenticated.view().data()),
         authenticated.size(), as_u8(tag.data()), &n);
    out.insert(out.end(), tag.begin(), tag.begin() + 10);
    return out;
}

/// AES-128-GCM with 12 bytes of nonce: ciphertext and tag of 16.
inline Bytes gcm_seal(ByteSpan key, ByteSpan nonce, ByteSpan associated, ByteSpan plain) {
    EVP_CIPHER_CTX* c = EVP_CIPHER_CTX_new();
    Bytes out(plain.size() + 16);
    int n = 0;
    CHECK(EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), nullptr, as_u8(key.data()), as_u8(nonce.data())) == 1);
    CHECK(EVP_EncryptUpdate(c, nullptr, &n, as_u8(associated.data()), static_cast<int>(associated.size())) == 1);
    CHECK(EVP_EncryptUpdate(c, as_u8(out.data()), &n, as_u8(plain.data()), static_cast<int>(plain.size())) == 1);
    CHECK(EVP_EncryptFinal_ex(c, as_u8(out.data()) + n, &n) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, 16, out.data() + plain.size()) == 1);
    EVP_CIPHER_CTX_free(c);
    return out;
}

/// RFC 7714, 8.1 and 9.1, with session key and session salt.
inline Bytes protect_gcm_session(ByteSpan key, ByteSpan salt, ByteSpan packet, uint32_t ssrc, uint64_t index) {
    ByteWriter w;
    w.u16(0).u32(ssrc).u32(static_cast<uint32_t>(index >> 16)).u16(static_cast<uint16_t>(index));
    Bytes nonce = w.take();
    for (size_t i = 0; i < nonce.size(); ++i) nonce[i] ^= salt[i];
    Bytes out = to_bytes(packet.first(12));
    const Bytes sealed = gcm_seal(key, nonce, packet.first(12), packet.subspan(12));
    out.insert(out.end(), sealed.begin(), sealed.end());
    return out;
}

inline Bytes protect_gcm(ByteSpan master_key, ByteSpan master_salt, ByteSpan packet, uint32_t ssrc, uint64_t index) {
    Bytes padded = to_bytes(master_salt.first(12));
    padded.resize(14);
    return protect_gcm_session(session_key(master_key, padded, 0, 16), session_key(master_key, padded, 2, 12), packet,
                               ssrc, index);
}

}  // namespace sealcall::srtp::test
