// What the TPM will compute as policyDigest and Name, computed here first, so that an object is created with exactly
// the policy meant. Also the authValues that our objects carry.
#pragma once

#include <string_view>

#include "sealcall/base/bytes.h"
#include "sealcall/base/secret.h"

namespace sealcall::tpm {

Digest sha256(ByteSpan data);
/// Of two parts, one after the other.
Digest sha256(ByteSpan first, ByteSpan second);

/// Digest of an enhanced authorisation policy with SHA-256 (TPM 2.0 Part 3, 23), step by step in the order of the
/// commands.
class PolicyDigest {
  public:
    /// `pcr` of the SHA-256 bank holds `value`.
    PolicyDigest& pcr(uint8_t pcr, const Digest& value);
    /// The same, given the pcrDigest of a quote over this PCR alone: the hash of its value.
    PolicyDigest& pcr_quoted(uint8_t pcr, const Digest& pcr_digest);
    PolicyDigest& auth_value();
    /// The whole 8 byte contents of the NV index equal `value`.
    PolicyDigest& nv_equals(ByteSpan nv_name, uint64_t value);
    /// The same, read as an unsigned number, are at most `value`.
    PolicyDigest& nv_at_most(ByteSpan nv_name, uint64_t value);
    /// Whatever the holder of the key with this Name signs together with `policy_ref`, in place of all before.
    PolicyDigest& authorised(ByteSpan key_name, ByteSpan policy_ref);
    /// Fields of TPMS_TIME_INFO (Part 2, 10.11.6). `clock_limit` in ms of the TPM's clock.
    PolicyDigest& reset_count_is(uint32_t count);
    PolicyDigest& restart_count_is(uint32_t count);
    PolicyDigest& clock_below(uint64_t clock_limit);
    [[nodiscard]] const Digest& value() const { return digest_; }

  private:
    PolicyDigest& extend(uint32_t command_code, ByteSpan arguments);
    PolicyDigest& nv(ByteSpan nv_name, uint64_t value, uint16_t operation);
    PolicyDigest& counter_timer(ByteSpan operand, uint16_t offset, uint16_t operation);
    Digest digest_{};
};

/// What an authValue is for: two objects never share one.
enum class AuthFor : uint8_t {
    attestation_key,
    attestation_unique,
    identity_key,
    call_secret,
    counter,
    authority,
    audit,
    endorsement,
    owner,
    vault_key,  ///< with the PIN, if one is set: `derive_pin_auth`
    vault_counter,
    // From the boot secret itself, which the enclave never has:
    enclave,  ///< the secret that the enclave gets for all of the above
    lockout,
    approval,  ///< nobody's: the index may be read by all, and only the owner writes it
};

/// HMAC-SHA-256(`secret`, "sealcall " purpose index), never ending in a zero byte (the TPM strips those: Part
/// 1, 19.6.4.3). With an empty secret it is a constant that anyone can compute: it keeps accidents out, not attackers.
Secret<32> derive_auth(ByteSpan secret, AuthFor purpose, uint8_t index);

/// authValue of the vault's key: `own` when there is no PIN, else an HMAC under it of the PIN, made slow by PBKDF2 (RFC
/// 8018 5.2). Slow on purpose (tens of ms): the TPM counts guesses, but a software TPM's files can be copied and
/// guessed at. `salt` differs from TPM to TPM.
Secret<32> derive_pin_auth(const Secret<32>& own, ByteSpan salt, ByteSpan pin);

/// The first SEQUENCE of DER in `padded`, without what stands behind it: TPMs pad NV certificates with 0xFF or zero.
/// Errors: truncated, bad_value, too_large (more than `max` bytes).
Result<ByteSpan> cut_certificate(ByteSpan padded, size_t max);

}  // namespace sealcall::tpm
