#include "attestation/ear_passport.h"

#include <openssl/evp.h>

#include "attestation/binding.h"
#include "attestation/x509_checks.h"

namespace sealcall::attestation {

namespace {

using rats::Level;
using rats::Reason;

constexpr std::string_view kHeader = R"({"alg":"ES256","typ":"eat+jwt"})";

/// ear_status and AR4SI vector of a level (docs/attestation.md, "Passports"). One table, so that the two never differ.
std::string_view appraisal(Level level) {
    switch (level) {
        case Level::known_device:
            return R"("ear_status":"warning","ear_trustworthiness_vector":{"hardware":33,"instance-identity":2})";
        case Level::measured:
            return R"("ear_status":"warning","ear_trustworthiness_vector":{"configuration":32,"executables":33,"hardware":2,"instance-identity":2})";
        case Level::trusted_boot:
            return R"("ear_status":"affirming","ear_trustworthiness_vector":{"configuration":3,"executables":3,"hardware":2,"instance-identity":2,"storage-opaque":2})";
        case Level::trusted_runtime:
            return R"("ear_status":"affirming","ear_trustworthiness_vector":{"configuration":2,"executables":2,"file-system":2,"hardware":2,"instance-identity":2,"storage-opaque":2})";
        default:
            return {};
    }
}

bool needs_no_escape(std::string_view s) {
    return !s.empty() && std::ranges::all_of(s, [](char c) {
        return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f && c != '"' && c != '\\';
    });
}

std::string flag(bool on) { return on ? "true" : "false"; }

rats::AttestationResult only(Level level, Reason why) {
    rats::AttestationResult out;
    out.level = level;
    CHECK(out.reasons.push(why));
    return out;
}

bool signed_by(ByteSpan partner_spki, const rats::Passport& passport, const Expectation& expect, ByteSpan spki) {
    rats::BindingInput binding = expect.binding;
    binding.evidence_body = passport.evidence_body;
    auto nonce = quote_qualifying_data(binding);
    auto key = p256_public(partner_spki);
    if (!nonce || !key) return false;
    auto text = passport_text(passport, *nonce, spki);
    const ByteSpan raw(passport.signature);
    const Signature signature{.scheme = kTpmAlgEcdsa,
                              .hash = kTpmAlgSha256,
                              .r = to_bytes(raw.first(32)),
                              .s = to_bytes(raw.last(32)),
                              .rsa = {}};
    return text && verify_tpm_signature(*key, as_bytes(*text), signature);
}

}  // namespace

std::string base64url(ByteSpan in) {
    std::string out(4 * (in.size() / 3 + 1) + 1, '\0');
    const int n =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), as_u8(in.data()), static_cast<int>(in.size()));
    out.resize(static_cast<size_t>(n));
    while (out.ends_with('=')) out.pop_back();
    for (char& c : out) c = c == '+' ? '-' : c == '/' ? '_' : c;
    return out;
}

Result<PublicArea> p256_public(ByteSpan spki) {
    if (!is_canonical_p256_spki(spki)) return Error{Errc::bad_key, "not P-256", 0};
    PublicArea out;
    out.type = kTpmAlgEcc;
    out.curve = kTpmEccNistP256;
    out.scheme = kTpmAlgNull;
    out.x = to_bytes(spki.last(64).first(32));
    out.y = to_bytes(spki.last(32));
    return out;
}

Result<std::string> passport_text(const rats::Passport& p, const Digest& nonce, ByteSpan identity_spki) {
    const std::string_view says = appraisal(p.level);
    if (says.empty() || !needs_no_escape(p.issuer.view()) || p.life_s == 0 || p.life_s > rats::kPassportLifeMax ||
        p.issued_s > UINT64_MAX - p.life_s)
        return Error{Errc::bad_value, "passport", 0};
    TRY(PublicArea key, p256_public(identity_spki));
    const std::string claims =
        R"({"cnf":{"jwk":{"crv":"P-256","kty":"EC","x":")" + base64url(key.x) + R"(","y":")" + base64url(key.y) +
        R"("}},"ear_verifier_id":{"build":"1","developer":"sealcall"},"eat_nonce":")" + base64url(nonce) +
        R"(","eat_profile":")" + std::string(kPassportProfile) + R"(","exp":)" + std::to_string(p.issued_s + p.life_s) +
        R"(,"iat":)" + std::to_string(p.issued_s) + R"(,"iss":")" + p.issuer.str() + R"(","submods":{"sealcall":{)" +
        std::string(says) + R"(,"sealcall_instance":")" + base64url(p.instance) + R"(","sealcall_lab":)" + flag(p.lab) +
        R"(,"sealcall_level":)" + std::to_string(static_cast<int>(p.level) - 1) + R"(,"sealcall_software_tpm":)" +
        flag(p.software_tpm) + "}}}";
    return base64url(as_bytes(kHeader)) + "." + base64url(as_bytes(claims));
}

rats::AttestationResult check_passport(const rats::Passport& passport, const Expectation& expect,
                                       ByteSpan identity_spki, std::string_view domain) {
    const ReferenceSet* references = expect.references;
    const rats::PartnerVerifier* partner =
        references == nullptr ? nullptr : references->partner(passport.issuer.view());
    if (partner == nullptr || partner->profile.view() != kPassportProfile || partner->domain.view() != domain)
        return only(Level::unverified, Reason::partner_not_pinned);
    if (references->revoked(sha256(partner->key.view())) || references->revoked(expect.identity_spki))
        return only(Level::failed, Reason::attestation_key_revoked);
    if (expect.binding.attester_tls_spki == expect.binding.peer_tls_spki)
        return only(Level::failed, Reason::reflected_key);
    if (sha256(identity_spki) != expect.identity_spki ||
        !signed_by(partner->key.view(), passport, expect, identity_spki))
        return only(Level::failed, Reason::partner_result_invalid);
    const uint64_t now = expect.wall_ms / 1000;
    if (passport.issued_s > now + kPassportSkew || now >= passport.issued_s + passport.life_s)
        return only(Level::unverified, Reason::partner_result_expired);
    rats::AttestationResult out = only(passport.level, Reason::vouched_by_partner);
    out.lab = passport.lab;
    out.software_tpm = passport.software_tpm;
    out = limit_to_partner(std::move(out), *partner, domain);
    if (out.lab) (void)out.reasons.push(Reason::tpm_genuine_lab);
    if (expect.revocations_unknown != Reason::none) {
        out.level = Level::unverified;
        (void)out.reasons.push(expect.revocations_unknown);
    }
    return out;
}

rats::AttestationResult limit_to_partner(rats::AttestationResult result, const rats::PartnerVerifier& partner,
                                         std::string_view domain) {
    if (partner.domain.view() != domain) return only(Level::failed, Reason::certificate_wrong_name);
    result.lab = result.lab || partner.lab;
    if (result.level > partner.at_most) {
        result.level = partner.at_most;
        (void)result.reasons.push(Reason::partner_level_limit);
    }
    return result;
}

}  // namespace sealcall::attestation
