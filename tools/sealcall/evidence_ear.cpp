// `sealcall evidence ear`: does the verifier with this key vouch for somebody in this token?
#include <iostream>

#include "attestation/ear.h"
#include "evidence_findings.h"
#include "files.h"
#include "problem.h"

namespace sealcall::cli {
namespace {

using namespace sealcall::attestation;
using foreign::Findings;
using foreign::Verdict;
using nlohmann::json;

constexpr size_t kTokenMax = 65536 + 16;  ///< and a line's end

json facts_of(const Ear& ear) {
    json out = {{"profile", ear_profile_tag(ear.profile)},
                {"status", tier_name(ear.status())},
                {"iat", ear.issued_at},
                {"verifier", {{"developer", ear.developer}, {"build", ear.build}}}};
    if (!ear.issuer.empty()) out["iss"] = ear.issuer;
    if (ear.expires_at) out["exp"] = *ear.expires_at;
    if (ear.not_before) out["nbf"] = *ear.not_before;
    out["nonces"] = json::array();
    for (const Bytes& nonce : ear.nonces) out["nonces"].push_back(to_hex(nonce));
    if (!ear.cnf_spki.empty()) out["cnf_spki_sha256"] = to_hex(digest_of(ear.cnf_spki));
    for (const auto& [name, appraisal] : ear.submods) {
        json& one = out["submods"][name];
        one = {{"status", tier_name(appraisal.status)}, {"policies", appraisal.policy_ids}};
        one["vector"] = json::object();
        for (size_t i = 0; i < kTrustClaims.size(); ++i)
            if (appraisal.vector[i])
                one["vector"][kTrustClaims[i]] = {{"value", *appraisal.vector[i]},
                                                  {"tier", tier_name(tier_of(*appraisal.vector[i]))}};
    }
    return out;
}

void print(const Ear& ear) {
    std::cout << "Verifier  " << printable(ear.developer, 200) << " (" << printable(ear.build, 100) << ")\n"
              << "Issued    " << local_time(static_cast<uint64_t>(ear.issued_at) * 1000) << "\n";
    for (const auto& [name, appraisal] : ear.submods) {
        std::cout << printable(name, 60) << ": " << tier_name(appraisal.status) << "\n";
        for (size_t i = 0; i < kTrustClaims.size(); ++i)
            if (appraisal.vector[i])
                std::cout << "  " << kTrustClaims[i] << ": " << int{*appraisal.vector[i]} << " ("
                          << tier_name(tier_of(*appraisal.vector[i])) << ")\n";
    }
}

/// The statuses that --accept takes: each includes the better ones. Silence is taken only by name.
bool accepted(TrustTier status, const std::string& accept) {
    if (accept == "any") return true;
    return status == TrustTier::affirming || (accept == "warning" && status == TrustTier::warning);
}

void judge(const Ear& ear, const EarOptions& o, Findings& out) {
    out.add("signature", Verdict::ok, "It is signed by this key.");
    out.add("claims", Verdict::ok, "Its claims are whole and agree with each other.");
    if (ear.expires_at)
        out.add("expired", Verdict::ok, "It has not expired.");
    else
        out.add("expired", Verdict::warning, "It never expires: what it says may have been true long ago.");
    if (!o.nonce.empty())
        out.add("nonce", Verdict::ok, "It carries the nonce that was asked for.");
    else
        out.add("nonce", Verdict::warning, "Freshness was not checked: give the nonce that was asked for (--nonce).");
    if (o.passport) {
        const auto form = check_passport_form(ear);
        out.check("passport", form.has_value(), "It has the form of a passport.",
                  form ? "" : std::string("It is no passport: ") + form.error().what + ".");
    }
    const std::string said = tier_name(ear.status());
    out.check("status", accepted(ear.status(), o.accept), "The verifier says: " + said + ".",
              "The verifier does not vouch for it: it says \"" + said + "\" (--accept takes other answers).");
}

}  // namespace

int run_evidence_ear(const Context& context) {
    const EarOptions& o = context.options.ear;
    std::string token = evidence_file(o.token, kTokenMax);
    while (token.ends_with('\n') || token.ends_with('\r')) token.pop_back();
    const JoseKey key = evidence_key(o.key, "verifier");
    EarExpectation expect;
    expect.wall_ms = evidence_time(o.at);
    if (!o.nonce.empty()) expect.nonce = nonce_bytes(o.nonce);
    const auto ear = verify_ear(token, key, expect);
    Findings findings;
    json facts = json::object();
    if (ear) {
        facts = facts_of(*ear);
        judge(*ear, o, findings);
        if (!context.json()) print(*ear);
    } else {
        findings.add(ear_fault_name(ear.error().detail), Verdict::failed,
                     std::string("The token is refused: ") + ear.error().what + ".");
    }
    return answer(context, findings, std::move(facts), "the verifier with this key vouches for it.",
                  "this token is no reason to trust anybody.");
}

}  // namespace sealcall::cli
