#include "attestation/ear_claims.h"

#include <cmath>

namespace sealcall::attestation {

namespace {

using nlohmann::json;

constexpr size_t kSubmodsMax = 16, kNoncesMax = 8, kPolicyIdsMax = 16, kTextMax = 1024;
constexpr int64_t kTimeMax = 253402300799;  ///< the year 9999
/// EAT JSON nonces are 8 to 88 characters (RFC 9711 4.1).
constexpr size_t kNonceCharsMin = 8, kNonceCharsMax = 88;

/// The names that the two profiles give to the same claims.
struct Names {
    const char* status;
    const char* vector;
    const char* verifier_id;
    const char* policy;  ///< an array for ietf, a string for veraison
};
constexpr Names kIetf = {"ear_status", "ear_trustworthiness_vector", "ear_verifier_id", "ear_appraisal_policy_ids"};
constexpr Names kVeraison = {"ear.status", "ear.trustworthiness-vector", "ear.verifier-id", "ear.appraisal-policy-id"};
constexpr const char* kKeyAttestation = "ear.veraison.key-attestation";

const Names& names_of(EarProfile profile) { return profile == EarProfile::ietf ? kIetf : kVeraison; }

Result<std::string> short_text(const json& value, const char* what) {
    if (!value.is_string() || value.get_ref<const std::string&>().size() > kTextMax)
        return ear_error(EarFault::bad_claim, what);
    return value.get<std::string>();
}

Status optional_text(const json& object, const char* name, std::string& out) {
    if (!object.contains(name)) return {};
    TRY(out, short_text(object.at(name), name));
    return {};
}

Result<std::optional<int64_t>> time_claim(const json& claims, const char* name) {
    if (!claims.contains(name)) return std::optional<int64_t>();
    const json& v = claims.at(name);
    double seconds = -1;
    if (v.is_number()) seconds = v.get<double>();
    // NumericDate may have a fraction (RFC 7519 2).
    if (!std::isfinite(seconds) || seconds < 0 || seconds > static_cast<double>(kTimeMax))
        return ear_error(EarFault::bad_claim, name);
    return std::optional<int64_t>(static_cast<int64_t>(seconds));
}

Result<TrustTier> parse_status(const json& v) {
    for (TrustTier t : {TrustTier::none, TrustTier::affirming, TrustTier::warning, TrustTier::contraindicated})
        if (v.is_string() && v.get_ref<const std::string&>() == tier_name(t)) return t;
    return ear_error(EarFault::bad_claim, "status");
}

Result<TrustVector> parse_vector(const json& v) {
    if (!v.is_object()) return ear_error(EarFault::bad_claim, "trustworthiness vector");
    TrustVector out;
    for (const auto& [name, value] : v.items()) {
        const auto* at = std::ranges::find_if(kTrustClaims, [&n = name](const char* c) { return n == c; });
        if (at == kTrustClaims.end()) return ear_error(EarFault::bad_claim, "unknown trustworthiness claim");
        if (!value.is_number_integer() || value.get<int64_t>() < -128 || value.get<int64_t>() > 127 ||
            (value.is_number_unsigned() && value.get<uint64_t>() > 127))
            return ear_error(EarFault::bad_claim, "trustworthiness claim");
        out[static_cast<size_t>(at - kTrustClaims.begin())] = static_cast<int8_t>(value.get<int64_t>());
    }
    return out;
}

/// How bad a tier is; what says nothing is no better than affirming and no worse.
unsigned severity(TrustTier t) { return t == TrustTier::none ? 0 : static_cast<unsigned>(t); }

Status check_contradiction(const EarAppraisal& a) {
    if (a.status == TrustTier::none) return {};  // claims nothing
    for (const auto& value : a.vector)
        if (value && severity(tier_of(*value)) > severity(a.status))
            return ear_error(EarFault::contradiction, "the status is better than its trustworthiness vector");
    return {};
}

Status parse_policies(const json& appraisal, EarProfile profile, EarAppraisal& out) {
    const char* name = names_of(profile).policy;
    if (!appraisal.contains(name)) return {};
    const json& v = appraisal.at(name);
    if (profile == EarProfile::veraison) {
        TRY(std::string id, short_text(v, name));
        out.policy_ids.push_back(std::move(id));
        return {};
    }
    if (!v.is_array() || v.size() > kPolicyIdsMax) return ear_error(EarFault::bad_claim, name);
    for (const json& one : v) {
        TRY(std::string id, short_text(one, name));
        out.policy_ids.push_back(std::move(id));
    }
    return {};
}

/// Veraison's extension says which key was attested; without one it says nothing and is malformed.
Status check_key_attestation(const json& appraisal) {
    if (!appraisal.contains(kKeyAttestation)) return {};
    const json& v = appraisal.at(kKeyAttestation);
    if (!v.is_object() || !v.contains("akpub") || !v.at("akpub").is_string())
        return ear_error(EarFault::bad_claim, "key attestation without akpub");
    if (!from_base64url(v.at("akpub").get<std::string>())) return ear_error(EarFault::bad_claim, "akpub");
    return {};
}

Result<EarAppraisal> parse_appraisal(const json& v, EarProfile profile) {
    const Names& names = names_of(profile);
    if (!v.is_object()) return ear_error(EarFault::bad_claim, "submodule");
    if (!v.contains(names.status)) return ear_error(EarFault::missing, "status");
    EarAppraisal out;
    TRY(out.status, parse_status(v.at(names.status)));
    if (v.contains(names.vector)) {
        TRY(out.vector, parse_vector(v.at(names.vector)));
    }
    TRY_STATUS(parse_policies(v, profile, out));
    if (profile == EarProfile::veraison) TRY_STATUS(check_key_attestation(v));
    TRY_STATUS(check_contradiction(out));
    return out;
}

Status parse_submods(const json& claims, Ear& out) {
    if (!claims.contains("submods")) return ear_error(EarFault::missing, "submods");
    const json& submods = claims.at("submods");
    if (!submods.is_object() || submods.empty() || submods.size() > kSubmodsMax)
        return ear_error(EarFault::bad_claim, "submods");
    for (const auto& [name, value] : submods.items()) {
        if (name.empty() || name.size() > kTextMax) return ear_error(EarFault::bad_claim, "submods");
        TRY(out.submods[name], parse_appraisal(value, out.profile));
    }
    return {};
}

Status parse_nonces(const json& claims, Ear& out) {
    if (!claims.contains("eat_nonce")) return {};
    const json& v = claims.at("eat_nonce");
    const json list = v.is_array() ? v : json::array({v});
    if (list.empty() || list.size() > kNoncesMax) return ear_error(EarFault::bad_claim, "eat_nonce");
    for (const json& one : list) {
        if (!one.is_string()) return ear_error(EarFault::bad_claim, "eat_nonce");
        const auto& chars = one.get_ref<const std::string&>();
        auto bytes = from_base64url(chars);
        if (chars.size() < kNonceCharsMin || chars.size() > kNonceCharsMax || !bytes)
            return ear_error(EarFault::bad_claim, "eat_nonce");
        out.nonces.push_back(std::move(*bytes));
    }
    return {};
}

Status parse_confirmation(const json& claims, Ear& out) {
    if (!claims.contains("cnf")) return {};
    const json& cnf = claims.at("cnf");
    if (!cnf.is_object() || cnf.size() != 1 || !cnf.contains("jwk")) return ear_error(EarFault::bad_claim, "cnf");
    auto key = parse_jwk(cnf.at("jwk"));
    if (!key) return ear_error(EarFault::bad_claim, "cnf");
    out.cnf_spki = to_der(i2d_PUBKEY, key->key.get());
    if (out.cnf_spki.empty()) return ear_error(EarFault::bad_claim, "cnf");
    return {};
}

Status parse_verifier(const json& claims, Ear& out) {
    const char* name = names_of(out.profile).verifier_id;
    // The draft makes it mandatory. Some of Veraison's own examples come without appraisal of it, none without the
    // claim.
    if (!claims.contains(name)) return ear_error(EarFault::missing, name);
    const json& v = claims.at(name);
    if (!v.is_object()) return ear_error(EarFault::bad_claim, name);
    TRY_STATUS(optional_text(v, "developer", out.developer));
    TRY_STATUS(optional_text(v, "build", out.build));
    return {};
}

}  // namespace

Status read_ear_times(const json& claims, Ear& out) {
    TRY(const auto issued, time_claim(claims, "iat"));
    TRY(out.expires_at, time_claim(claims, "exp"));
    TRY(out.not_before, time_claim(claims, "nbf"));
    if (!issued) return ear_error(EarFault::missing, "iat");
    out.issued_at = *issued;
    return {};
}

Result<Ear> parse_ear_claims(const json& claims) {
    Ear out;
    if (!claims.is_object()) return ear_error(EarFault::claims, "no object");
    if (!claims.contains("eat_profile")) return ear_error(EarFault::missing, "eat_profile");
    const json& profile = claims.at("eat_profile");
    if (profile == kEarProfile) {
        out.profile = EarProfile::ietf;
    } else if (profile == kEarVeraisonProfile) {
        out.profile = EarProfile::veraison;
    } else {
        return ear_error(EarFault::profile, "eat_profile is not known");
    }
    TRY_STATUS(read_ear_times(claims, out));
    TRY_STATUS(optional_text(claims, "iss", out.issuer));
    TRY_STATUS(parse_verifier(claims, out));
    TRY_STATUS(parse_submods(claims, out));
    TRY_STATUS(parse_nonces(claims, out));
    TRY_STATUS(parse_confirmation(claims, out));
    return out;
}

Result<json> ear_claims_json(const Ear& ear) {
    const Names& names = names_of(ear.profile);
    json out = {{"eat_profile", ear_profile_tag(ear.profile)},
                {"iat", ear.issued_at},
                {names.verifier_id, {{"developer", ear.developer}, {"build", ear.build}}}};
    if (!ear.issuer.empty()) out["iss"] = ear.issuer;
    if (ear.expires_at) out["exp"] = *ear.expires_at;
    if (ear.not_before) out["nbf"] = *ear.not_before;
    if (ear.nonces.size() == 1) out["eat_nonce"] = to_base64url(ear.nonces.front());
    if (ear.nonces.size() > 1)
        for (const Bytes& n : ear.nonces) out["eat_nonce"].push_back(to_base64url(n));
    if (!ear.cnf_spki.empty()) {
        const unsigned char* at = as_u8(ear.cnf_spki.data());
        const PkeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(ear.cnf_spki.size())));
        if (!key) return Error{Errc::bad_key, "cnf", 0};
        TRY(json jwk, jwk_of(key.get()));
        out["cnf"]["jwk"] = std::move(jwk);
    }
    for (const auto& [name, appraisal] : ear.submods) {
        json& one = out["submods"][name] = json{{names.status, tier_name(appraisal.status)}};
        for (size_t i = 0; i < kTrustClaims.size(); ++i)
            if (appraisal.vector[i]) one[names.vector][kTrustClaims[i]] = *appraisal.vector[i];
        if (appraisal.policy_ids.empty()) continue;
        if (ear.profile == EarProfile::ietf)
            one[names.policy] = appraisal.policy_ids;
        else
            one[names.policy] = appraisal.policy_ids.front();
    }
    return out;
}

}  // namespace sealcall::attestation
