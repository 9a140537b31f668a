#include "enclave/tpm/policy_digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <tss2/tss2_tpm2_types.h>

#include "enclave/tpm/esys.h"

namespace sealcall::tpm {

namespace {

constexpr uint16_t kOffsetClock = 8, kOffsetResetCount = 16, kOffsetRestartCount = 20;

std::string_view words(AuthFor purpose) {
    switch (purpose) {
        case AuthFor::attestation_key:
            return "sealcall attestation key";
        case AuthFor::attestation_unique:
            return "sealcall attestation unique";
        case AuthFor::identity_key:
            return "sealcall identity key";
        case AuthFor::call_secret:
            return "sealcall call secret";
        case AuthFor::counter:
            return "sealcall counter";
        case AuthFor::authority:
            return "sealcall authority";
        case AuthFor::audit:
            return "sealcall audit";
        case AuthFor::endorsement:
            return "sealcall endorsement";
        case AuthFor::enclave:
            return "sealcall enclave";
        case AuthFor::owner:
            return "sealcall owner";
        case AuthFor::lockout:
            return "sealcall lockout";
        case AuthFor::vault_key:
            return "sealcall vault key";
        case AuthFor::vault_counter:
            return "sealcall vault counter";
        case AuthFor::approval:
            break;  // has none
    }
    CHECK(false);
    return {};  // thread sanitizer builds do not see that CHECK does not return
}

}  // namespace

Digest sha256(ByteSpan data) { return sha256(data, {}); }

Digest sha256(ByteSpan first, ByteSpan second) {
    Bytes all = to_bytes(first);
    all.insert(all.end(), second.begin(), second.end());
    Digest out{};
    LibctxScope scope;
    CHECK(EVP_Digest(all.data(), all.size(), as_u8(out.data()), nullptr, EVP_sha256(), nullptr) == 1);
    return out;
}

PolicyDigest& PolicyDigest::extend(uint32_t command_code, ByteSpan arguments) {
    ByteWriter in;
    in.bytes(digest_).u32(command_code).bytes(arguments);
    digest_ = sha256(in.view());
    return *this;
}

PolicyDigest& PolicyDigest::pcr(uint8_t pcr, const Digest& value) { return pcr_quoted(pcr, sha256(value)); }

PolicyDigest& PolicyDigest::pcr_quoted(uint8_t pcr, const Digest& pcr_digest) {
    CHECK(pcr < 24);
    std::array<std::byte, 3> select{};
    select[pcr / 8] = static_cast<std::byte>(1U << (pcr % 8));
    ByteWriter in;
    in.u32(1).u16(TPM2_ALG_SHA256).u8(3).bytes(select).bytes(pcr_digest);
    return extend(TPM2_CC_PolicyPCR, in.view());
}

PolicyDigest& PolicyDigest::auth_value() { return extend(TPM2_CC_PolicyAuthValue, {}); }

PolicyDigest& PolicyDigest::nv_equals(ByteSpan nv_name, uint64_t value) { return nv(nv_name, value, TPM2_EO_EQ); }

PolicyDigest& PolicyDigest::nv_at_most(ByteSpan nv_name, uint64_t value) {
    return nv(nv_name, value, TPM2_EO_UNSIGNED_LE);
}

PolicyDigest& PolicyDigest::authorised(ByteSpan key_name, ByteSpan policy_ref) {
    digest_ = {};
    extend(TPM2_CC_PolicyAuthorize, key_name);
    digest_ = sha256(digest_, policy_ref);
    return *this;
}

PolicyDigest& PolicyDigest::nv(ByteSpan nv_name, uint64_t value, uint16_t operation) {
    ByteWriter operand;
    operand.u64(value).u16(0).u16(operation);
    ByteWriter in;
    in.bytes(sha256(operand.view())).bytes(nv_name);
    return extend(TPM2_CC_PolicyNV, in.view());
}

PolicyDigest& PolicyDigest::counter_timer(ByteSpan operand, uint16_t offset, uint16_t operation) {
    ByteWriter in;
    in.bytes(operand).u16(offset).u16(operation);
    return extend(TPM2_CC_PolicyCounterTimer, sha256(in.view()));
}

PolicyDigest& PolicyDigest::reset_count_is(uint32_t count) {
    return counter_timer(ByteWriter().u32(count).view(), kOffsetResetCount, TPM2_EO_EQ);
}

PolicyDigest& PolicyDigest::restart_count_is(uint32_t count) {
    return counter_timer(ByteWriter().u32(count).view(), kOffsetRestartCount, TPM2_EO_EQ);
}

PolicyDigest& PolicyDigest::clock_below(uint64_t clock_limit) {
    return counter_timer(ByteWriter().u64(clock_limit).view(), kOffsetClock, TPM2_EO_UNSIGNED_LT);
}

Secret<32> derive_auth(ByteSpan secret, AuthFor purpose, uint8_t index) {
    ByteWriter in;
    in.bytes(as_bytes(words(purpose))).u8(index);
    static constexpr std::byte kNothing{};  // HMAC() takes a null key for "the key of the last call"
    Secret<32> out;
    const auto bytes = out.reveal(SecretAccess{});
    LibctxScope scope;
    CHECK(HMAC(EVP_sha256(), secret.empty() ? &kNothing : secret.data(), static_cast<int>(secret.size()),
               as_u8(in.view().data()), in.size(), as_u8(bytes.data()), nullptr) != nullptr);
    bytes.back() |= std::byte{1};
    return out;
}

Secret<32> derive_pin_auth(const Secret<32>& own, ByteSpan salt, ByteSpan pin) {
    constexpr int kRounds = 100'000;
    Secret<32> slow, out;
    const auto key = own.reveal(SecretAccess{});
    const auto bytes = slow.reveal(SecretAccess{});
    LibctxScope scope;
    CHECK(PKCS5_PBKDF2_HMAC(as_chars(pin).data(), static_cast<int>(pin.size()), as_u8(salt.data()),
                            static_cast<int>(salt.size()), kRounds, EVP_sha256(), static_cast<int>(bytes.size()),
                            as_u8(bytes.data())) == 1);
    const auto result = out.reveal(SecretAccess{});
    CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), as_u8(bytes.data()), bytes.size(),
               as_u8(result.data()), nullptr) != nullptr);
    result.back() |= std::byte{1};
    return out;
}

Result<ByteSpan> cut_certificate(ByteSpan padded, size_t max) {
    ByteReader in(padded);
    TRY(const uint8_t tag, in.u8());
    if (tag != 0x30) return Error{Errc::bad_value, "no certificate", tag};
    TRY(const uint8_t first, in.u8());
    size_t length = first;
    if (first >= 0x80) {
        const size_t octets = first & 0x7fU;
        if (octets == 0 || octets > 2) return Error{Errc::bad_value, "certificate length", first};
        length = 0;
        for (size_t i = 0; i < octets; ++i) {
            TRY(const uint8_t octet, in.u8());
            length = length << 8 | octet;
        }
    }
    const size_t total = in.offset() + length;
    if (total > max) return Error{Errc::too_large, "certificate", static_cast<uint32_t>(total)};
    if (total > padded.size()) return Error{Errc::truncated, "certificate", static_cast<uint32_t>(total)};
    return padded.first(total);
}

}  // namespace sealcall::tpm
