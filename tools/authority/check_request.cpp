// The checks of an enrolment request. Pure but for what OpenSSL needs.
#include "check_request.h"

#include <arpa/inet.h>

#include <algorithm>

#include "attestation/binding.h"
#include "attestation/x509_checks.h"
#include "files.h"
#include "managed_device.h"

namespace sealcall::authority {
namespace {

using attestation::EkOrigin;
using attestation::PublicArea;

constexpr uint8_t kMeasurementPcr = 13;  ///< a guard knows no other
constexpr const char* kAskSupport =
    "This does not happen with an unchanged sealcall; ask the administrator of the authority.";

PublicArea parse_public(ByteSpan bytes, const char* which) {
    auto out = attestation::parse_tpmt_public(bytes);
    if (!out) throw Refusal(std::string("The public part of the ") + which + " cannot be read.", kAskSupport);
    return std::move(out).value();
}

bool stays_in_tpm(const attestation::ObjectAttributes& a) {
    return a.fixed_tpm() && a.fixed_parent() && a.sensitive_data_origin() && !a.encrypted_duplication();
}

bool is_p256_ecdsa(const PublicArea& key) {
    return key.type == attestation::kTpmAlgEcc && key.curve == 3 && key.name_alg == attestation::kTpmAlgSha256 &&
           key.scheme == attestation::kTpmAlgEcdsa && key.scheme_hash == attestation::kTpmAlgSha256;
}

void check_keys(const PublicArea& ek, const PublicArea& ak, const PublicArea& identity) {
    const auto& e = ek.attributes;
    if (!stays_in_tpm(e) || !e.restricted() || !e.decrypt() || e.sign())
        throw Refusal("The endorsement key is not a storage key of a TPM.", kAskSupport);
    const auto& a = ak.attributes;
    if (!is_p256_ecdsa(ak) || !stays_in_tpm(a) || !a.restricted() || !a.sign() || a.decrypt())
        throw Refusal("The attestation key could sign other things than what its TPM says.", kAskSupport);
    const auto& i = identity.attributes;
    if (!is_p256_ecdsa(identity) || !stays_in_tpm(i) || !i.sign() || i.decrypt() || i.restricted())
        throw Refusal("The identity key could leave its TPM, or is of the wrong kind.", kAskSupport);
    const bool has_policy = identity.auth_policy.size() == 32 && !equal_bytes(identity.auth_policy, Digest{});
    if (i.user_with_auth() || i.admin_with_policy() || !has_policy)
        throw Refusal("The identity key is not bound to the software of its phone.", kAskSupport);
}

/// TPM2_Certify (Part 3, 18.2): the AK's TPM says that the identity key is loaded in it.
void check_certified(const EnrolmentRequest& request, const CheckedRequest& checked) {
    const auto attest = attestation::parse_tpms_attest(request.certify_attest.view());
    const auto signature = attestation::parse_tpmt_signature(request.certify_signature.view());
    const Digest expected = attestation::certify_identity_qualifying_data(attestation::sha256(checked.identity_spki));
    if (!attest || !signature || attest->type != attestation::kTpmStAttestCertify ||
        !equal_bytes(attest->name, checked.identity.name) || !equal_bytes(attest->extra_data, expected) ||
        !attestation::verify_tpm_signature(checked.ak, request.certify_attest.view(), *signature))
        throw Refusal("The TPM does not confirm that the identity key lives in it.",
                      "Run `sealcall init --renew-identity`, then enrol again.");
}

struct Endorsement {
    EkOrigin origin = EkOrigin::not_proven;
    bool expired_intermediate = false;
};

std::optional<Endorsement> chained(const attestation::EkCertificate& ek, const EndorsementRoots& roots,
                                   uint64_t now_ms) {
    for (const auto& [origin, anchors] : {std::pair{EkOrigin::vendor, &roots.vendor}, {EkOrigin::lab, &roots.lab}}) {
        if (anchors->empty()) continue;
        const auto chain = attestation::check_ek_chain(ek, *anchors, {}, now_ms, roots.expired);
        if (chain) return Endorsement{.origin = origin, .expired_intermediate = chain->expired_intermediate};
    }
    return std::nullopt;
}

Endorsement check_endorsement(const EnrolmentRequest& request, const PublicArea& ek, const Settings& settings,
                              const EndorsementRoots& roots, uint64_t now_ms) {
    const std::string next =
        "Ask the administrator of " + settings.name +
        ": the maker's certificates can be added (authority init --ek-root; for software TPMs those of their "
        "laboratory: --lab-ek-root), or TPMs without proof allowed (--accept-unproven-ek).";
    if (!request.ek_certificate.empty()) {
        const auto certificate = attestation::parse_ek_certificate(request.ek_certificate.view());
        if (!certificate) throw Refusal("The endorsement certificate of the TPM cannot be read.", next);
        if (!attestation::check_ek_key(*certificate, ek))
            throw Refusal("The endorsement certificate speaks of another TPM.", kAskSupport);
        if (const auto found = chained(*certificate, roots, now_ms)) return *found;
        if (!settings.accept_unproven_ek)
            throw Refusal("The endorsement certificate of the TPM comes from a laboratory or maker that " +
                              settings.name + " does not know.",
                          next);
        return {};
    }
    if (!settings.accept_unproven_ek)
        throw Refusal("The TPM has no endorsement certificate, so nobody vouches for it.", next);
    return {};
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

void check_words(const EnrolmentRequest& request) {
    if (!is_device_profile(request.profile.str()))
        throw Refusal("This way to run a phone is not known.", kDeviceProfiles, Refusal::Kind::bad_request);
    if (!request.partner.empty() && !is_partner_name(request.partner.str()))
        throw Refusal("This cannot be the name of a partner.", "Use letters, digits, dots and hyphens.",
                      Refusal::Kind::bad_request);
}

}  // namespace

bool is_device_profile(const std::string& profile) { return profile == "embedded" || is_managed(profile); }

bool is_managed(std::string_view profile) { return profile == "managed" || keeps_runtime_list(profile); }

bool keeps_runtime_list(std::string_view profile) { return profile == "managed-ima"; }

bool is_partner_name(const std::string& name) {
    const auto fits = [](unsigned char c) { return (std::isalnum(c) && c < 0x80) || c == '.' || c == '-'; };
    return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, fits);
}

void check_address(const std::string& uri, const Settings& settings) {
    if (!attestation::is_sip_address(uri) || uri.find_first_of(";?") != std::string::npos)
        throw Refusal("This is not an address that can be certified.", "Use the form sip:NAME@DOMAIN.");
    if (settings.domain.empty()) return;
    const std::string host = lower(uri.substr(uri.rfind('@') + 1));
    if (host.substr(0, host.find(':')) != lower(settings.domain))
        throw Refusal(settings.name + " certifies addresses of " + settings.domain + " only.",
                      "Use an address of that domain, or another authority.");
}

bool may_name_host(const Settings& settings, const std::string& name) {
    in_addr v4{};
    in6_addr v6{};
    if (inet_pton(AF_INET, name.c_str(), &v4) == 1) return settings.domain.empty() || (ntohl(v4.s_addr) >> 24) == 127;
    if (inet_pton(AF_INET6, name.c_str(), &v6) == 1) return settings.domain.empty() || IN6_IS_ADDR_LOOPBACK(&v6);
    const auto letter = [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '.'; };
    if (name.empty() || name.size() > 128 || name.front() == '.' || name.front() == '-' ||
        !std::ranges::all_of(name, letter))
        return false;
    const std::string host = lower(name), domain = lower(settings.domain);
    return host == "localhost" || domain.empty() || host == domain || host.ends_with("." + domain);
}

CheckedRequest check_request(const EnrolmentRequest& request, const Settings& settings, const EndorsementRoots& roots,
                             uint64_t now_ms) {
    check_address(request.uri.str(), settings);
    check_words(request);
    if (!request.host_spki.empty() && !attestation::is_canonical_p256_spki(request.host_spki.view()))
        throw Refusal("The key of the SIP transport must be a P-256 key.", kAskSupport);
    CheckedRequest out;
    out.ek = parse_public(request.ek_public.view(), "endorsement key");
    out.ak = parse_public(request.ak_public.view(), "attestation key");
    out.identity = parse_public(request.identity_public.view(), "identity key");
    check_keys(out.ek, out.ak, out.identity);
    auto spki = attestation::spki_der(out.identity);
    if (!spki) throw Refusal("The identity key cannot be read.", kAskSupport);
    out.identity_spki = std::move(spki).value();
    auto ak_spki = attestation::spki_der(out.ak);
    if (!ak_spki) throw Refusal("The attestation key cannot be read.", kAskSupport);
    out.ak_spki = std::move(ak_spki).value();
    check_certified(request, out);
    // The token or the administrator says that it is managed; that its key is bound to a guard can be seen.
    if (is_managed(request.profile.view()) &&
        !is_bound_to_guard(out.identity, request.sealcall_log.view(), kMeasurementPcr))
        throw Refusal("The identity key of this phone is not bound to a sealcall-guard, so it is not managed.",
                      "Install the guard (docs/operations.md, managed installation), then sealcall init "
                      "--renew-identity; or enrol as embedded.");
    const Endorsement endorsement = check_endorsement(request, out.ek, settings, roots, now_ms);
    out.origin = endorsement.origin;
    out.expired_intermediate = endorsement.expired_intermediate;
    // Over the key and nothing else: a phone that lies about the attributes of its EK stays the same device.
    const auto ek_spki = attestation::spki_der(out.ek);
    if (!ek_spki) throw Refusal("The endorsement key cannot be read.", kAskSupport);
    out.ek_hash = cli::to_hex(attestation::sha256(*ek_spki));
    return out;
}

}  // namespace sealcall::authority
