#include "attestation/state_approval.h"

#include "attestation/binding.h"
#include "attestation/certificates.h"
#include "attestation/x509_checks.h"

namespace sealcall::attestation {

namespace {

// TPM 2.0 Part 2: command codes, algorithm, TPM_EO_UNSIGNED_LE.
constexpr uint32_t kPolicyPcr = 0x17f, kPolicyNv = 0x149;
constexpr uint16_t kSha256 = 0x000b, kUnsignedAtMost = 0x0009;
constexpr int kHalf = 32;  // bytes of r, s, x and y

Digest step(const Digest& before, uint32_t command, ByteSpan arguments) {
    return sha256(ByteWriter().bytes(before).u32(command).bytes(arguments).view());
}

/// nameAlg and the hash of TPMS_NV_PUBLIC (Part 1, 16).
Bytes index_name() {
    ByteWriter area;
    area.u32(rats::kApprovalIndex).u16(kSha256).u32(rats::kApprovalIndexAttributes).u16(0).u16(8);
    return ByteWriter().u16(kSha256).bytes(sha256(area.view())).take();
}

Digest signed_digest(const Digest& policy) {
    return sha256(ByteWriter().bytes(policy).bytes(as_bytes(rats::kStateContext)).view());
}

Error failed(const char* what) { return {Errc::crypto_failed, what, 0}; }

}  // namespace

Digest approved_state_policy(uint8_t pcr, const Digest& state, uint64_t number) {
    CHECK(pcr < 24);
    std::array<std::byte, 3> select{};
    select[pcr / 8] = static_cast<std::byte>(1U << (pcr % 8));
    ByteWriter selection;
    selection.u32(1).u16(kSha256).u8(3).bytes(select).bytes(sha256(state));
    ByteWriter operand;
    operand.u64(number).u16(0).u16(kUnsignedAtMost);
    ByteWriter comparison;
    comparison.bytes(sha256(operand.view())).bytes(index_name());
    return step(step({}, kPolicyPcr, selection.view()), kPolicyNv, comparison.view());
}

Result<rats::Approver> approver_of(EVP_PKEY* key) {
    TRY(const Bytes spki, public_key_der(key));
    if (!is_canonical_p256_spki(spki)) return Error{Errc::bad_key, "approvers have P-256 keys", 0};
    rats::Approver out;
    const ByteSpan point = ByteSpan(spki).last(2 * kHalf);
    std::ranges::copy(point.first(kHalf), out.x.begin());
    std::ranges::copy(point.last(kHalf), out.y.begin());
    return out;
}

Result<rats::StateApproval> approve_state(uint8_t pcr, const Digest& state, uint64_t number, EVP_PKEY* key) {
    TRY_STATUS(approver_of(key));
    const Digest digest = signed_digest(approved_state_policy(pcr, state, number));
    std::array<unsigned char, 128> der{};
    size_t n = der.size();
    const PkeyCtxPtr ctx(EVP_PKEY_CTX_new(key, nullptr));
    if (!ctx || EVP_PKEY_sign_init(ctx.get()) != 1 ||
        EVP_PKEY_sign(ctx.get(), der.data(), &n, as_u8(digest.data()), digest.size()) != 1)
        return failed("signing an approval");
    const unsigned char* at = der.data();
    const EcdsaSigPtr sig(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(n)));
    rats::StateApproval out{.state = state, .number = number, .r = {}, .s = {}};
    if (!sig || BN_bn2binpad(ECDSA_SIG_get0_r(sig.get()), as_u8(out.r.data()), kHalf) != kHalf ||
        BN_bn2binpad(ECDSA_SIG_get0_s(sig.get()), as_u8(out.s.data()), kHalf) != kHalf)
        return failed("signing an approval");
    return out;
}

}  // namespace sealcall::attestation
