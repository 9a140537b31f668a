#include "enclave/tpm/templates.h"

#include <tss2/tss2_mu.h>

#include <initializer_list>

#include "enclave/tpm/esys.h"
#include "enclave/tpm/policy_digest.h"
#include "sealcall/audit/anchor.h"

namespace sealcall::tpm {

namespace {

constexpr TPMA_OBJECT kFixed = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT;
constexpr TPMA_OBJECT kMadeHere = kFixed | TPMA_OBJECT_SENSITIVEDATAORIGIN;
constexpr TPMA_OBJECT kIdentity = kMadeHere | TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_NODA;

// TCG EK Credential Profile 2.5, B.6: PolicyA is PolicySecret(TPM_RH_ENDORSEMENT); PolicyB is an OR with an NV policy.
constexpr std::array<uint8_t, 32> kPolicyA{0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc,
                                           0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52,
                                           0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa};
constexpr std::array<uint8_t, 32> kPolicyB256{0xca, 0x3d, 0x0a, 0x99, 0xa2, 0xb9, 0x39, 0x06, 0xf7, 0xa3, 0x34,
                                              0x24, 0x14, 0xef, 0xcf, 0xb3, 0xa3, 0x85, 0xd4, 0x4c, 0xd1, 0xfd,
                                              0x45, 0x90, 0x89, 0xd1, 0x9b, 0x50, 0x71, 0xc0, 0xb7, 0xa0};
constexpr std::array<uint8_t, 48> kPolicyB384{0xb2, 0x6e, 0x7d, 0x28, 0xd1, 0x1a, 0x50, 0xbc, 0x53, 0xd8, 0x82, 0xbc,
                                              0xf5, 0xfd, 0x3a, 0x1a, 0x07, 0x41, 0x48, 0xbb, 0x35, 0xd3, 0xb4, 0xe4,
                                              0xcb, 0x1c, 0x0a, 0xd9, 0xbd, 0xe4, 0x19, 0xca, 0xcb, 0x47, 0xba, 0x09,
                                              0x69, 0x96, 0x46, 0x15, 0x0f, 0x9f, 0xc0, 0x00, 0xf3, 0xf8, 0x0e, 0x12};

void set_policy(TPMT_PUBLIC& pub, std::span<const uint8_t> policy) {
    CHECK(fill(pub.authPolicy.size, pub.authPolicy.buffer, std::as_bytes(policy)));
}

TPM2B_PUBLIC ecc(TPMA_OBJECT attributes, TPMI_ECC_CURVE curve) {
    TPM2B_PUBLIC out{};
    TPMT_PUBLIC& pub = out.publicArea;
    pub.type = TPM2_ALG_ECC;
    pub.nameAlg = TPM2_ALG_SHA256;
    pub.objectAttributes = attributes;
    auto& ecc = pub.parameters.eccDetail;
    ecc.symmetric.algorithm = TPM2_ALG_NULL;
    ecc.scheme.scheme = TPM2_ALG_NULL;
    ecc.curveID = curve;
    ecc.kdf.scheme = TPM2_ALG_NULL;
    return out;
}

void set_ecdsa_sha256(TPMT_PUBLIC& pub) {
    pub.parameters.eccDetail.scheme.scheme = TPM2_ALG_ECDSA;
    pub.parameters.eccDetail.scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
}

void set_aes(TPMT_SYM_DEF_OBJECT& sym, TPM2_KEY_BITS bits) {
    sym.algorithm = TPM2_ALG_AES;
    sym.keyBits.aes = bits;
    sym.mode.aes = TPM2_ALG_CFB;
}

void set_unique_zeros(TPMT_PUBLIC& pub, uint16_t bytes) {
    if (pub.type == TPM2_ALG_RSA) {
        pub.unique.rsa.size = bytes;
        return;
    }
    pub.unique.ecc.x.size = bytes;
    pub.unique.ecc.y.size = bytes;
}

constexpr TPMA_OBJECT kEkLow = kMadeHere | TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;
constexpr TPMA_OBJECT kEkHigh = kEkLow | TPMA_OBJECT_USERWITHAUTH;

TPM2B_PUBLIC ek_ecc(TPMA_OBJECT attributes, TPMI_ECC_CURVE curve, TPM2_KEY_BITS aes_bits) {
    TPM2B_PUBLIC out = ecc(attributes, curve);
    set_aes(out.publicArea.parameters.eccDetail.symmetric, aes_bits);
    return out;
}

TPM2B_PUBLIC ek_rsa(TPMA_OBJECT attributes, TPM2_KEY_BITS bits, TPM2_KEY_BITS aes_bits) {
    TPM2B_PUBLIC out{};
    TPMT_PUBLIC& pub = out.publicArea;
    pub.type = TPM2_ALG_RSA;
    pub.nameAlg = TPM2_ALG_SHA256;
    pub.objectAttributes = attributes;
    set_aes(pub.parameters.rsaDetail.symmetric, aes_bits);
    pub.parameters.rsaDetail.scheme.scheme = TPM2_ALG_NULL;
    pub.parameters.rsaDetail.keyBits = bits;
    return out;
}

EkKind low(TPM2_HANDLE certificate, TPM2_HANDLE persistent, TPM2B_PUBLIC pub, uint16_t unique) {
    set_policy(pub.publicArea, kPolicyA);
    set_unique_zeros(pub.publicArea, unique);
    return {.certificate = certificate, .persistent = persistent, .policy_secret = true, .pub = pub};
}

EkKind high(TPM2_HANDLE certificate, TPM2_HANDLE persistent, TPM2B_PUBLIC pub, std::span<const uint8_t> policy) {
    set_policy(pub.publicArea, policy);
    if (policy.size() == kPolicyB384.size()) pub.publicArea.nameAlg = TPM2_ALG_SHA384;
    return {.certificate = certificate, .persistent = persistent, .policy_secret = false, .pub = pub};
}

}  // namespace

TPM2B_PUBLIC srk_template() {
    TPM2B_PUBLIC out =
        ecc(kMadeHere | TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT,
            TPM2_ECC_NIST_P256);
    set_aes(out.publicArea.parameters.eccDetail.symmetric, 128);
    set_unique_zeros(out.publicArea, 32);
    return out;
}

bool is_storage_key(const TPMT_PUBLIC& pub) {
    constexpr TPMA_OBJECT kMust = kMadeHere | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT | TPMA_OBJECT_USERWITHAUTH;
    constexpr TPMA_OBJECT kMustNot = TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_ENCRYPTEDDUPLICATION;
    const bool asymmetric = pub.type == TPM2_ALG_ECC || pub.type == TPM2_ALG_RSA;
    return asymmetric && pub.nameAlg == TPM2_ALG_SHA256 && (pub.objectAttributes & kMust) == kMust &&
           (pub.objectAttributes & kMustNot) == 0;
}

TPM2B_PUBLIC ak_template(ByteSpan unique) {
    TPM2B_PUBLIC out =
        ecc(kMadeHere | TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT,
            TPM2_ECC_NIST_P256);
    set_ecdsa_sha256(out.publicArea);
    auto& x = out.publicArea.unique.ecc.x;
    CHECK(unique.size() == 32 && fill(x.size, x.buffer, unique));
    out.publicArea.unique.ecc.y.size = 32;
    return out;
}

TPM2B_PUBLIC identity_template(const Digest& policy) {
    TPM2B_PUBLIC out = ecc(kIdentity, TPM2_ECC_NIST_P256);
    set_ecdsa_sha256(out.publicArea);
    auto& p = out.publicArea.authPolicy;
    CHECK(fill(p.size, p.buffer, policy));
    return out;
}

bool is_identity_key(const TPMT_PUBLIC& pub) {
    const TPMT_PUBLIC wanted = identity_template({}).publicArea;
    TPMT_PUBLIC without_policy = pub;
    without_policy.authPolicy = wanted.authPolicy;
    return pub.authPolicy.size == 32 && same_template(without_policy, wanted);
}

TPM2B_PUBLIC approver_public(const rats::Approver& approver) {
    TPM2B_PUBLIC out = ecc(TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_USERWITHAUTH, TPM2_ECC_NIST_P256);
    set_ecdsa_sha256(out.publicArea);
    auto& point = out.publicArea.unique.ecc;
    CHECK(fill(point.x.size, point.x.buffer, approver.x) && fill(point.y.size, point.y.buffer, approver.y));
    return out;
}

TPM2B_PUBLIC sealed_template(const Digest& policy) {
    TPM2B_PUBLIC out{};
    TPMT_PUBLIC& pub = out.publicArea;
    pub.type = TPM2_ALG_KEYEDHASH;
    pub.nameAlg = TPM2_ALG_SHA256;
    pub.objectAttributes = kFixed | TPMA_OBJECT_NODA;
    pub.parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL;
    CHECK(fill(pub.authPolicy.size, pub.authPolicy.buffer, policy));
    return out;
}

TPM2B_PUBLIC pin_template(const Digest& policy) {
    TPM2B_PUBLIC out = sealed_template(policy);
    out.publicArea.objectAttributes &= ~static_cast<TPMA_OBJECT>(TPMA_OBJECT_NODA);
    return out;
}

TPMS_NV_PUBLIC counter_public(uint8_t slot, TPMA_NV written) {
    CHECK(slot < kSlots);
    TPMS_NV_PUBLIC pub{};
    pub.nvIndex = kCounterHandle + slot;
    pub.nameAlg = TPM2_ALG_SHA256;
    pub.attributes = TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE | TPMA_NV_NO_DA | TPMA_NV_ORDERLY |
                     (static_cast<TPMA_NV>(TPM2_NT_COUNTER) << TPMA_NV_TPM2_NT_SHIFT) | written;
    pub.dataSize = 8;
    return pub;
}

TPMS_NV_PUBLIC pin_public(TPMA_NV state) {
    TPMS_NV_PUBLIC pub{};
    pub.nvIndex = kPinHandle;
    pub.nameAlg = TPM2_ALG_SHA256;
    pub.attributes = TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE | TPMA_NV_NO_DA | TPMA_NV_WRITEDEFINE | state;
    pub.dataSize = kPinSize;
    return pub;
}

TPMS_NV_PUBLIC version_public(TPMA_NV state) {
    TPMS_NV_PUBLIC pub{};
    pub.nvIndex = kVersionHandle;
    pub.nameAlg = TPM2_ALG_SHA256;
    pub.attributes = TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE | TPMA_NV_NO_DA |
                     (static_cast<TPMA_NV>(TPM2_NT_COUNTER) << TPMA_NV_TPM2_NT_SHIFT) | state;
    pub.dataSize = 8;
    return pub;
}

TPMS_NV_PUBLIC vault_public(uint8_t index, TPMA_NV state) {
    TPMS_NV_PUBLIC pub = version_public(state);
    pub.nvIndex = kVaultHandle + index;
    return pub;
}

TPMS_NV_PUBLIC approval_public(TPMA_NV state) {
    TPMS_NV_PUBLIC pub{};
    pub.nvIndex = rats::kApprovalIndex;
    pub.nameAlg = TPM2_ALG_SHA256;
    pub.attributes = TPMA_NV_OWNERWRITE | TPMA_NV_AUTHREAD | TPMA_NV_NO_DA | state;
    pub.dataSize = 8;
    return pub;
}
static_assert((TPMA_NV_OWNERWRITE | TPMA_NV_AUTHREAD | TPMA_NV_NO_DA | TPMA_NV_WRITTEN) ==
              rats::kApprovalIndexAttributes);

static_assert(kCounterHandle == audit::kCounterIndex &&
              (TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE | TPMA_NV_NO_DA | TPMA_NV_ORDERLY | TPMA_NV_WRITTEN |
               static_cast<TPMA_NV>(TPM2_NT_COUNTER) << TPMA_NV_TPM2_NT_SHIFT) == audit::kCounterAttributes);
static_assert((kFixed | TPMA_OBJECT_NODA) == audit::kSealedAttributes);

TPMS_NV_PUBLIC audit_public(TPMA_NV state) {
    TPMS_NV_PUBLIC pub{};
    pub.nvIndex = audit::kIndex;
    pub.nameAlg = TPM2_ALG_SHA256;
    pub.attributes = (audit::kIndexAttributes & ~TPMA_NV_WRITTEN) | state;
    pub.dataSize = sizeof(Digest);
    return pub;
}
static_assert((TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE | TPMA_NV_NO_DA | TPMA_NV_WRITTEN |
               static_cast<TPMA_NV>(TPM2_NT_EXTEND) << TPMA_NV_TPM2_NT_SHIFT) == audit::kIndexAttributes);

bool same_nv_public(const TPMS_NV_PUBLIC& a, const TPMS_NV_PUBLIC& b) {
    return a.nvIndex == b.nvIndex && a.nameAlg == b.nameAlg && a.attributes == b.attributes &&
           a.dataSize == b.dataSize &&
           equal_bytes(view(a.authPolicy.size, a.authPolicy.buffer), view(b.authPolicy.size, b.authPolicy.buffer));
}

EkKind ek_kind(size_t index) {
    switch (index) {
        case 0:
            return high(0x01c00016, 0x81010016, ek_ecc(kEkHigh, TPM2_ECC_NIST_P384, 256), kPolicyB384);
        case 1:
            return high(0x01c00014, 0x81010014, ek_ecc(kEkHigh, TPM2_ECC_NIST_P256, 128), kPolicyB256);
        case 2:
            return low(0x01c0000a, 0x81010002, ek_ecc(kEkLow, TPM2_ECC_NIST_P256, 128), 32);
        case 3:
            return high(0x01c0001c, 0x8101001c, ek_rsa(kEkHigh, 3072, 256), kPolicyB384);
        case 4:
            return high(0x01c00012, 0x81010012, ek_rsa(kEkHigh, 2048, 128), kPolicyB256);
        case 5:
            return low(0x01c00002, 0x81010001, ek_rsa(kEkLow, 2048, 128), 256);
        default:
            CHECK(false);
    }
    __builtin_unreachable();
}

bool same_template(const TPMT_PUBLIC& pub, const TPMT_PUBLIC& wanted) {
    TPMT_PUBLIC a = pub, b = wanted;
    a.unique = {};
    b.unique = {};
    auto x = marshal_public(a), y = marshal_public(b);
    return x && y && *x == *y;
}

Result<Bytes> marshal_public(const TPMT_PUBLIC& pub) {
    Bytes out(sizeof(TPMT_PUBLIC));
    size_t used = 0;
    const TSS2_RC rc = Tss2_MU_TPMT_PUBLIC_Marshal(&pub, as_u8(out.data()), out.size(), &used);
    if (rc != TSS2_RC_SUCCESS) return Error{Errc::tpm_bad_response, "TPMT_PUBLIC", rc};
    out.resize(used);
    return out;
}

Result<Bytes> public_name(const TPMT_PUBLIC& pub) {
    TRY(const Bytes area, marshal_public(pub));
    return ByteWriter().u16(TPM2_ALG_SHA256).bytes(sha256(area)).take();
}

}  // namespace sealcall::tpm
