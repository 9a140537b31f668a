#include "attestation/checks.h"

#include "attestation/binding.h"
#include "attestation/bundle.h"
#include "attestation/x509_checks.h"

namespace sealcall::attestation {

namespace {

using rats::Level;
using rats::Reason;

constexpr uint32_t kQuotedPcrs = 0x7bff;  ///< 0-9 and 11-14
constexpr uint32_t kQuoted10 = 1u << 10;
constexpr uint32_t kCcPolicyPcr = 0x0000017f, kCcPolicyAuthValue = 0x0000016b;

/// What was read of one Evidence on the way down the list of checks.
struct Reading {
    rats::EvidenceBody body;
    PublicArea ak;
    PkeyPtr ak_key;
    PublicArea identity;
    Attest quote, quote10;
    AkCertificate certificate;
};

/// Exactly PCR 0 to 14, in this order: one encoding of one state.
bool has_exactly_the_quoted_pcrs(const rats::Evidence& evidence) {
    if (evidence.pcrs.size() != 15) return false;
    uint8_t next = 0;
    return std::ranges::all_of(evidence.pcrs, [&](const rats::PcrValue& v) { return v.pcr == next++; });
}

/// pcrDigest of TPMS_QUOTE_INFO (Part 2, 10.12.1): the hash of the selected values in ascending order.
Digest pcr_digest(const rats::Evidence& evidence, uint32_t selection) {
    ByteWriter w;
    for (const auto& v : evidence.pcrs)
        if ((selection >> v.pcr & 1) != 0) w.bytes(v.value);
    return sha256(w.view());
}

/// Magic, type, selection, PCR values, extraData, signature: one quote.
Reason check_quote(const Reading& in, const rats::Evidence& evidence, uint32_t selection, const Digest& extra_data,
                   Attest& out) {
    const bool main = selection == kQuotedPcrs;
    const rats::TpmAttest& attest_bytes = main ? evidence.quote : evidence.quote10;
    const rats::TpmSignature& signature_bytes = main ? evidence.quote_signature : evidence.quote10_signature;
    auto attest = parse_tpms_attest(attest_bytes.view());
    auto signature = parse_tpmt_signature(signature_bytes.view());
    if (!attest || !signature || attest->type != kTpmStAttestQuote) return Reason::quote_malformed;
    const PcrSelection wanted{.hash = kTpmAlgSha256, .pcrs = selection};
    if (attest->selection.size() != 1 || attest->selection[0] != wanted) return Reason::quote_malformed;
    if (!equal_bytes(attest->pcr_digest, pcr_digest(evidence, selection))) return Reason::pcr_values_do_not_match;
    if (!equal_bytes(attest->extra_data, extra_data)) return Reason::not_bound_to_channel;
    if (!verify_tpm_signature(in.ak, in.ak_key.get(), attest_bytes.view(), *signature))
        return Reason::quote_signature_bad;
    out = *std::move(attest);
    return Reason::none;
}

bool is_p256_ecdsa_sha256(const PublicArea& p) {
    return p.type == kTpmAlgEcc && p.curve == kTpmEccNistP256 && p.name_alg == kTpmAlgSha256 &&
           p.scheme == kTpmAlgEcdsa && p.scheme_hash == kTpmAlgSha256 && p.symmetric_alg == kTpmAlgNull;
}

/// Made in this TPM and never to leave it.
bool stays_in_tpm(const ObjectAttributes& a) {
    return a.fixed_tpm() && a.fixed_parent() && a.sensitive_data_origin() && !a.encrypted_duplication();
}

Reason check_ak(const Reading& in) {
    const ObjectAttributes& a = in.ak.attributes;
    if (!is_p256_ecdsa_sha256(in.ak) || !stays_in_tpm(a) || !a.restricted() || !a.sign() || a.decrypt())
        return Reason::key_attributes_wrong;
    // The Name is made anew from the public area, and the TPM says by it who signed and that it is an endorsement
    // primary.
    Bytes signer = endorsement_primary_qualified_name(in.ak);
    if (in.quote.qualified_signer != signer || in.quote10.qualified_signer != signer)
        return Reason::key_not_in_quoted_tpm;
    return Reason::none;
}

Reason check_ak_certificate_of(Reading& in, const Expectation& expect) {
    if (expect.anchors.empty()) return Reason::could_not_check;
    const ReferenceSet* set = expect.references;
    const ByteSpan der = in.body.ak_certificate.view();
    // Most often the anchors are those of the set, which has read them already.
    auto certificate = set != nullptr && set->head().anchors.items() == expect.anchors
                           ? check_ak_certificate(der, set->anchors(), expect.wall_ms)
                           : check_ak_certificate(der, expect.anchors, expect.wall_ms);
    if (!certificate) return certificate_reason(certificate.error());
    auto spki = spki_der(in.ak);
    if (!spki || *spki != certificate->spki) return Reason::certificate_untrusted;
    if (set != nullptr && set->revoked(sha256(*spki))) return Reason::attestation_key_revoked;
    in.certificate = *std::move(certificate);
    return Reason::none;
}

Reason check_clock(const Reading& in) {
    if (!in.quote.safe || !in.quote10.safe) return Reason::tpm_clock_unsafe;
    if (in.quote.reset_count != in.quote10.reset_count || in.quote.restart_count != in.quote10.restart_count)
        return Reason::tpm_was_reset;
    return Reason::none;
}

/// What must hold before a quote is looked at: our own side of the binding, and the shape of the Evidence.
Reason check_shape(const rats::Evidence& evidence, const Expectation& expect, Reading& out) {
    const rats::BindingInput& b = expect.binding;
    if (b.attester_tls_spki == b.peer_tls_spki) return Reason::reflected_key;
    if (b.attester_tls_spki != expect.identity_spki || b.verifier_nonce == Digest{})
        return Reason::not_bound_to_channel;
    auto body = ipc::decode<rats::EvidenceBody>(evidence.body.view());
    if (!body || !has_exactly_the_quoted_pcrs(evidence)) return Reason::quote_malformed;
    if (body->round != b.round) return Reason::not_bound_to_channel;
    auto ak = parse_tpmt_public(body->ak_public.view());
    if (!ak) return Reason::quote_malformed;
    out.body = *std::move(body);
    out.ak = *std::move(ak);
    out.ak_key = tpm_public_key(out.ak);
    return Reason::none;
}

/// Part 1.
Reason check_quotes(const rats::Evidence& evidence, const Expectation& expect, Reading& in) {
    if (Reason r = check_shape(evidence, expect, in); r != Reason::none) return r;
    rats::BindingInput binding = expect.binding;
    binding.evidence_body = sha256(evidence.body.view());
    auto extra = quote_qualifying_data(binding);
    if (!extra) return Reason::not_bound_to_channel;
    if (Reason r = check_quote(in, evidence, kQuotedPcrs, *extra, in.quote); r != Reason::none) return r;
    if (Reason r = check_quote(in, evidence, kQuoted10, *extra, in.quote10); r != Reason::none) return r;
    if (Reason r = check_ak(in); r != Reason::none) return r;
    if (Reason r = check_ak_certificate_of(in, expect); r != Reason::none) return r;
    return check_clock(in);
}

/// The identity key signs and nothing else, only after its policy, and cannot leave.
Reason check_identity_key(const PublicArea& key, const Expectation& expect) {
    const ObjectAttributes& a = key.attributes;
    if (!is_p256_ecdsa_sha256(key) || !stays_in_tpm(a)) return Reason::key_attributes_wrong;
    if (!a.sign() || a.restricted() || a.decrypt()) return Reason::key_attributes_wrong;
    if (a.user_with_auth() || a.admin_with_policy()) return Reason::key_attributes_wrong;
    if (key.auth_policy.size() != 32 || equal_bytes(key.auth_policy, Digest{})) return Reason::key_attributes_wrong;
    if (expect.identity_policy_pcr == Digest{}) return Reason::none;
    return equal_bytes(key.auth_policy, identity_auth_policy(expect.measurement_pcr, expect.identity_policy_pcr))
               ? Reason::none
               : Reason::key_attributes_wrong;
}

/// Part 2: TPM2_Certify of the identity key by the AK that quoted.
Reason check_certified_identity(const Expectation& expect, Reading& in) {
    auto attest = parse_tpms_attest(in.body.certify_attest.view());
    auto signature = parse_tpmt_signature(in.body.certify_signature.view());
    auto identity = parse_tpmt_public(in.body.identity_public.view());
    if (!attest || !signature || !identity || attest->type != kTpmStAttestCertify) return Reason::key_not_in_quoted_tpm;
    if (!equal_bytes(attest->extra_data, certify_identity_qualifying_data(expect.identity_spki)))
        return Reason::key_not_in_quoted_tpm;
    if (!verify_tpm_signature(in.ak, in.ak_key.get(), in.body.certify_attest.view(), *signature))
        return Reason::key_not_in_quoted_tpm;
    if (attest->qualified_signer != in.quote.qualified_signer || attest->name != identity->name)
        return Reason::key_not_in_quoted_tpm;
    auto spki = spki_der(*identity);
    if (!spki || sha256(*spki) != expect.identity_spki) return Reason::key_not_in_quoted_tpm;
    if (expect.references != nullptr && expect.references->revoked(expect.identity_spki))
        return Reason::attestation_key_revoked;
    in.identity = *std::move(identity);
    return check_identity_key(in.identity, expect);
}

Appraised stopped(Reason why) {
    Appraised out;
    // Without an anchor nothing was found wrong: that is "could not check", and it looks different.
    out.result.level = why == Reason::could_not_check ? Level::unverified : Level::failed;
    CHECK(out.result.reasons.push(why));
    return out;
}

/// The ceiling: the device's claims come from its authority, never from the Evidence.
Appraised passed(Reading in, const rats::Evidence& evidence, const Expectation& expect) {
    Appraised out;
    auto say = [&](Reason r) { CHECK(out.result.reasons.push(r)); };
    for (Reason r : {Reason::quote_fresh_and_bound, Reason::identity_key_in_tpm, Reason::device_enrolled}) say(r);
    out.result.software_tpm = in.certificate.device.software_tpm;
    switch (in.certificate.device.ek) {
        case EkOrigin::not_proven:
            out.result.level = Level::known_device;
            say(Reason::tpm_not_proven_genuine);
            break;
        case EkOrigin::vendor:
        case EkOrigin::lab:
            out.result.lab = in.certificate.device.ek == EkOrigin::lab;
            out.result.level = Level::trusted_runtime;
            say(out.result.lab ? Reason::tpm_genuine_lab : Reason::tpm_genuine);
            break;
    }
    // Without a guard any program of the same user reaches the TPM; only a laboratory gets further with that.
    if (!in.certificate.device.managed) {
        out.result.level = std::min(out.result.level, out.result.lab ? Level::measured : Level::known_device);
        say(Reason::embedded_mode);
    }
    if (expect.revocations_unknown != Reason::none) {
        out.result.level = Level::unverified;
        say(expect.revocations_unknown);
    }
    out.device = std::move(in.certificate.device);
    out.clock = {.reset_count = in.quote.reset_count, .restart_count = in.quote.restart_count, .clock = in.quote.clock};
    out.pcrs = evidence.pcrs.items();
    return out;
}

Digest extend_policy(const Digest& policy, uint32_t command, ByteSpan arguments) {
    ByteWriter w;
    w.bytes(policy).u32(command).bytes(arguments);
    return sha256(w.view());
}

}  // namespace

Digest identity_auth_policy(uint8_t pcr, const Digest& value) {
    CHECK(pcr < 24);
    ByteWriter w;
    w.u32(1).u16(kTpmAlgSha256).u8(3);
    for (int i = 0; i < 3; ++i) w.u8(static_cast<uint8_t>((1u << pcr) >> (8 * i)));
    w.bytes(sha256(value));
    return extend_policy(extend_policy(Digest{}, kCcPolicyPcr, w.view()), kCcPolicyAuthValue, {});
}

Appraised check_evidence(const rats::Evidence& evidence, const Expectation& expect) {
    Reading reading;
    Reason why = check_quotes(evidence, expect, reading);
    if (why == Reason::none) why = check_certified_identity(expect, reading);
    return why == Reason::none ? passed(std::move(reading), evidence, expect) : stopped(why);
}

}  // namespace sealcall::attestation
