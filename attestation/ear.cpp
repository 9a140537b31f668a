#include "attestation/ear.h"

#include "attestation/bounded_json.h"
#include "attestation/ear_claims.h"

namespace sealcall::attestation {

namespace {

using nlohmann::json;

constexpr size_t kTokenMax = 65536, kHeaderMax = 8192;

struct Parts {
    std::string_view header, claims, signature, signed_text;
};

Result<Parts> split(std::string_view jwt) {
    if (jwt.size() > kTokenMax) return ear_error(EarFault::size, "token", Errc::too_large);
    const size_t first = jwt.find('.');
    const size_t second = first == std::string_view::npos ? first : jwt.find('.', first + 1);
    if (second == std::string_view::npos || jwt.find('.', second + 1) != std::string_view::npos)
        return ear_error(EarFault::format, "a token has three parts");
    return Parts{.header = jwt.substr(0, first),
                 .claims = jwt.substr(first + 1, second - first - 1),
                 .signature = jwt.substr(second + 1),
                 .signed_text = jwt.substr(0, second)};
}

bool same_letters(std::string_view a, std::string_view b) {
    return std::ranges::equal(
        a, b, [](char x, char y) { return (x >= 'A' && x <= 'Z' ? static_cast<char>(x - 'A' + 'a') : x) == y; });
}

/// The header only has to agree with the pinned key. Keys and references in it (jwk, jku, x5c, x5u, kid) are not looked
/// at.
Status check_header(std::string_view text, const JoseKey& key) {
    auto bytes = from_base64url(text);
    if (!bytes || bytes->empty()) return ear_error(EarFault::format, "header is not base64url");
    auto header = parse_bounded_json(as_chars(*bytes), {.bytes = kHeaderMax, .depth = 4, .values = 64});
    if (!header || !header->is_object()) return ear_error(EarFault::header, "header");
    if (header->contains("crit")) return ear_error(EarFault::header, "critical extension");
    if (!header->contains("alg") || header->at("alg") != key.alg)
        return ear_error(EarFault::alg, "alg is not the key's", Errc::bad_signature);
    if (!header->contains("typ")) return {};
    const json& typ = header->at("typ");
    const std::string name = typ.is_string() ? typ.get<std::string>() : std::string();
    if (!same_letters(name, "jwt") && !same_letters(name, "eat+jwt") && !same_letters(name, "application/eat+jwt"))
        return ear_error(EarFault::header, "typ");
    return {};
}

/// exp and nbf by our clock, iat by theirs: only a clock that is ahead is forgiven, never an end that has passed.
Status check_times(const Ear& ear, const EarExpectation& expect) {
    const auto now = static_cast<int64_t>(std::min<uint64_t>(expect.wall_ms / 1000, INT64_MAX / 2));
    if (ear.expires_at && *ear.expires_at <= now) return ear_error(EarFault::expired, "expired");
    if (ear.issued_at > now + expect.skew_s) return ear_error(EarFault::not_yet_valid, "iat is in the future");
    if (ear.not_before && *ear.not_before > now + expect.skew_s)
        return ear_error(EarFault::not_yet_valid, "nbf is in the future");
    if (ear.expires_at && *ear.expires_at <= ear.issued_at) return ear_error(EarFault::bad_claim, "exp is before iat");
    return {};
}

Status check_expectation(const Ear& ear, const EarExpectation& expect) {
    const auto refuse = [](EarFault fault, const char* what) {
        return ear_error(fault, what, Errc::refused_by_policy);
    };
    if (expect.profile && ear.profile != *expect.profile) return refuse(EarFault::profile, "of another profile");
    if (expect.issuer && ear.issuer != *expect.issuer) return refuse(EarFault::issuer, "of another issuer");
    if (expect.nonce && (expect.nonce->empty() || ear.nonces.size() != 1 || ear.nonces.front() != *expect.nonce))
        return refuse(EarFault::nonce, "eat_nonce is not the one asked for");
    if (expect.cnf_spki && (expect.cnf_spki->empty() || ear.cnf_spki != *expect.cnf_spki))
        return refuse(EarFault::confirmation, "cnf is another key");
    if (expect.max_lifetime_s && !ear.expires_at) return refuse(EarFault::lifetime, "it never expires");
    if (expect.max_lifetime_s && *ear.expires_at - ear.issued_at > static_cast<int64_t>(*expect.max_lifetime_s))
        return refuse(EarFault::lifetime, "it lives too long");
    return {};
}

}  // namespace

const char* ear_profile_tag(EarProfile profile) {
    return profile == EarProfile::ietf ? kEarProfile : kEarVeraisonProfile;
}

const char* tier_name(TrustTier tier) {
    switch (tier) {
        case TrustTier::none:
            return "none";
        case TrustTier::affirming:
            return "affirming";
        case TrustTier::warning:
            return "warning";
        case TrustTier::contraindicated:
            break;
    }
    return "contraindicated";
}

TrustTier tier_of(int8_t value) {
    if (value >= -1 && value <= 1) return TrustTier::none;
    if (value >= -32 && value <= 31) return TrustTier::affirming;
    if (value >= -96 && value <= 95) return TrustTier::warning;
    return TrustTier::contraindicated;
}

TrustTier Ear::status() const {
    bool silent = submods.empty();
    TrustTier worst = TrustTier::affirming;
    for (const auto& [name, appraisal] : submods) {
        if (appraisal.status == TrustTier::none) silent = true;
        worst = std::max(worst, appraisal.status);
    }
    return silent && worst == TrustTier::affirming ? TrustTier::none : worst;
}

const char* ear_fault_name(uint32_t detail) {
    switch (static_cast<EarFault>(detail)) {
        case EarFault::size:
            return "size";
        case EarFault::format:
            return "format";
        case EarFault::header:
            return "header";
        case EarFault::alg:
            return "alg";
        case EarFault::signature:
            return "signature";
        case EarFault::claims:
            return "claims";
        case EarFault::expired:
            return "expired";
        case EarFault::not_yet_valid:
            return "not_yet_valid";
        case EarFault::missing:
            return "missing";
        case EarFault::bad_claim:
            return "bad_claim";
        case EarFault::contradiction:
            return "contradiction";
        case EarFault::profile:
            return "profile";
        case EarFault::issuer:
            return "issuer";
        case EarFault::nonce:
            return "nonce";
        case EarFault::confirmation:
            return "confirmation";
        case EarFault::lifetime:
            return "lifetime";
    }
    return "other";
}

Result<Ear> verify_ear(std::string_view jwt, const JoseKey& key, const EarExpectation& expect) {
    TRY(const Parts parts, split(jwt));
    TRY_STATUS(check_header(parts.header, key));
    auto signature = from_base64url(parts.signature);
    if (!signature) return ear_error(EarFault::format, "signature is not base64url");
    if (!verify_jose(key, as_bytes(parts.signed_text), *signature))
        return ear_error(EarFault::signature, "the signature is not by this key", Errc::bad_signature);
    auto payload = from_base64url(parts.claims);
    if (!payload) return ear_error(EarFault::format, "claims are not base64url");
    auto claims = parse_bounded_json(as_chars(*payload), {.bytes = kTokenMax, .depth = 16, .values = 4096});
    if (!claims || !claims->is_object()) return ear_error(EarFault::claims, "claims are no JSON object");
    // An end that has passed is told first: it is what people can do something about, whatever else the token says.
    Ear times;
    if (claims->contains("iat")) {
        TRY_STATUS(read_ear_times(*claims, times));
        TRY_STATUS(check_times(times, expect));
    }
    TRY(Ear ear, parse_ear_claims(*claims));
    TRY_STATUS(check_expectation(ear, expect));
    return ear;
}

Result<std::string> issue_ear(const Ear& ear, EVP_PKEY* key, std::string_view kid) {
    TRY(const json public_key, jwk_of(key));
    TRY(const json claims, ear_claims_json(ear));
    json header = {{"alg", public_key.at("crv") == "P-256" ? "ES256" : "ES384"}, {"typ", "eat+jwt"}};
    if (!kid.empty()) header["kid"] = std::string(kid);
    // Not UTF-8 becomes U+FFFD instead of an exception, and then differs from what was asked for.
    const auto dumped = [](const json& v) { return v.dump(-1, ' ', false, json::error_handler_t::replace); };
    // What would be refused on the other side is not signed on this one.
    TRY(const json read_back, parse_bounded_json(dumped(claims), {.bytes = kTokenMax, .depth = 16, .values = 4096}));
    TRY(const Ear back, parse_ear_claims(read_back));
    if (back != ear) return Error{Errc::bad_value, "these claims cannot be told in this profile", 0};
    const auto part = [&](const json& v) { return to_base64url(as_bytes(dumped(v))); };
    std::string token = part(header) + "." + part(claims);
    TRY(const Bytes signature, sign_jose(key, as_bytes(token)));
    token += "." + to_base64url(signature);
    if (token.size() > kTokenMax) return Error{Errc::too_large, "token", static_cast<uint32_t>(token.size())};
    return token;
}

Status check_passport_form(const Ear& ear) {
    if (ear.nonces.size() != 1 || ear.nonces.front().size() != kPassportNonce)
        return ear_error(EarFault::nonce, "a passport has one nonce of 32 bytes");
    if (ear.cnf_spki.empty()) return ear_error(EarFault::confirmation, "a passport names a key");
    if (!ear.expires_at || *ear.expires_at - ear.issued_at > static_cast<int64_t>(kPassportLifetime))
        return ear_error(EarFault::lifetime, "a passport lives at most 10 minutes");
    return {};
}

}  // namespace sealcall::attestation
