#include "attestation/audit_proof.h"

#include "attestation/binding.h"

namespace sealcall::attestation {

namespace {

constexpr uint32_t kPolicyPcr = 0x17f, kPolicyAuthValue = 0x16b, kPolicyNv = 0x149, kPolicyCounterTimer = 0x16d;
constexpr uint16_t kEqual = 0x0000, kUnsignedLess = 0x0005;  // TPM_EO (Part 2, 6.8)
constexpr uint16_t kOffsetClock = 8, kOffsetResetCount = 16, kOffsetRestartCount = 20;
constexpr uint16_t kKeyedHash = 0x0008;

Digest step(const Digest& before, uint32_t command, ByteSpan arguments) {
    return sha256(ByteWriter().bytes(before).u32(command).bytes(arguments).view());
}

Digest counter_timer(const Digest& before, ByteSpan operand, uint16_t offset, uint16_t operation) {
    return step(before, kPolicyCounterTimer, sha256(ByteWriter().bytes(operand).u16(offset).u16(operation).view()));
}

/// TPML_PCR_SELECTION of one PCR in the SHA-256 bank.
Bytes selection_of(uint8_t pcr) {
    std::array<std::byte, 3> select{};
    select[pcr / 8] = static_cast<std::byte>(1U << (pcr % 8));
    return ByteWriter().u32(1).u16(kTpmAlgSha256).u8(3).bytes(select).take();
}

Error bad(const char* what) { return {Errc::bad_evidence, what, 0}; }

}  // namespace

Bytes nv_index_name(uint32_t index, uint32_t attributes, uint16_t size) {
    ByteWriter area;
    area.u32(index).u16(kTpmAlgSha256).u32(attributes).u16(0).u16(size);
    return ByteWriter().u16(kTpmAlgSha256).bytes(sha256(area.view())).take();
}

bool is_attestation_key(const PublicArea& k) {
    const ObjectAttributes& a = k.attributes;
    return k.type == kTpmAlgEcc && k.curve == kTpmEccNistP256 && k.name_alg == kTpmAlgSha256 &&
           k.scheme == kTpmAlgEcdsa && k.scheme_hash == kTpmAlgSha256 && a.fixed_tpm() && a.fixed_parent() &&
           a.sensitive_data_origin() && !a.encrypted_duplication() && a.restricted() && a.sign() && !a.decrypt();
}

Result<Attest> check_statement(const PublicArea& ak, ByteSpan attest, ByteSpan signature,
                               const Digest& qualifying_data) {
    TRY(Attest out, parse_tpms_attest(attest));
    TRY(const Signature s, parse_tpmt_signature(signature));
    TRY_STATUS(verify_tpm_signature(ak, attest, s));
    if (out.qualified_signer != endorsement_primary_qualified_name(ak)) return bad("another key signed it");
    if (!equal_bytes(out.extra_data, qualifying_data))
        return Error{Errc::wrong_binding, "it was signed about something else", 0};
    return out;
}

Result<Attest> check_index_statement(const PublicArea& ak, ByteSpan attest, ByteSpan signature,
                                     const Digest& qualifying_data, ByteSpan index_name) {
    TRY(Attest out, check_statement(ak, attest, signature, qualifying_data));
    if (out.type != kTpmStAttestNv || !equal_bytes(out.name, index_name) || out.nv_offset != 0)
        return bad("it is about another index");
    return out;
}

Digest sealed_policy(const SealedTo& to) {
    CHECK(to.pcr < 24);
    Digest d = step({}, kPolicyPcr, ByteWriter().bytes(selection_of(to.pcr)).bytes(to.pcr_digest).view());
    d = step(d, kPolicyAuthValue, {});
    const Digest compared = sha256(ByteWriter().u64(to.counter).u16(0).u16(kEqual).view());
    const Bytes name = nv_index_name(audit::kCounterIndex + to.slot, audit::kCounterAttributes, 8);
    d = step(d, kPolicyNv, ByteWriter().bytes(compared).bytes(name).view());
    d = counter_timer(d, ByteWriter().u32(to.reset_count).view(), kOffsetResetCount, kEqual);
    d = counter_timer(d, ByteWriter().u32(to.restart_count).view(), kOffsetRestartCount, kEqual);
    return counter_timer(d, ByteWriter().u64(to.lease_until_ms).view(), kOffsetClock, kUnsignedLess);
}

Result<Bytes> sealed_name(ByteSpan tpm2b_public, const Digest& policy) {
    ByteReader outer(tpm2b_public);
    TRY(const uint16_t size, outer.u16());
    TRY(const ByteSpan area, outer.bytes(size));
    TRY_STATUS(outer.finish());
    ByteReader r(area);
    TRY(const uint16_t type, r.u16());
    TRY(const uint16_t name_alg, r.u16());
    TRY(const uint32_t attributes, r.u32());
    TRY(const uint16_t policy_size, r.u16());
    TRY(const ByteSpan auth_policy, r.bytes(policy_size));
    TRY(const uint16_t scheme, r.u16());
    TRY(const uint16_t unique_size, r.u16());
    TRY_STATUS(r.bytes(unique_size));
    TRY_STATUS(r.finish());
    if (type != kKeyedHash || name_alg != kTpmAlgSha256 || scheme != kTpmAlgNull)
        return Error{Errc::bad_key, "it is no sealed secret", type};
    if (attributes != audit::kSealedAttributes)
        return Error{Errc::bad_key, "it could be opened without its policy, or leave the TPM", attributes};
    if (!equal_bytes(auth_policy, policy)) return Error{Errc::bad_key, "its policy is another one", 0};
    return ByteWriter().u16(kTpmAlgSha256).bytes(sha256(area)).take();
}

Status check_creation_data(ByteSpan creation_data, uint8_t pcr, const Digest& pcr_digest) {
    if (pcr >= 24) return bad("there is no such PCR");
    const Bytes wanted = selection_of(pcr);
    ByteReader r(creation_data);
    TRY(const ByteSpan selection, r.bytes(wanted.size()));
    TRY(const uint16_t size, r.u16());
    TRY(const ByteSpan digest, r.bytes(size));
    if (!equal_bytes(selection, wanted) || !equal_bytes(digest, pcr_digest)) return bad("it was made in another state");
    return {};
}

}  // namespace sealcall::attestation
