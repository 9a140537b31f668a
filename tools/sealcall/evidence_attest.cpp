// `sealcall evidence quote` and `sealcall evidence certify`: did this TPM key sign this?
#include <iostream>

#include "attestation/foreign/attest_check.h"
#include "attestation/logs/algorithms.h"
#include "evidence_findings.h"
#include "files.h"
#include "problem.h"

namespace sealcall::cli {
namespace {

using namespace sealcall::attestation;
using namespace sealcall::attestation::foreign;
using nlohmann::json;

json selection_json(const std::vector<PcrSelection>& selection) {
    json out = json::object();
    for (const PcrSelection& s : selection) {
        json& bank = out[logs::algorithm_name(s.hash)];
        if (bank.is_null()) bank = json::array();
        for (unsigned pcr = 0; pcr < 32; ++pcr)
            if ((s.pcrs >> pcr & 1) != 0) bank.push_back(pcr);
    }
    return out;
}

json attest_json(const Attest& a) {
    json out = {{"type", a.type == kTpmStAttestQuote     ? "quote"
                         : a.type == kTpmStAttestCertify ? "certify"
                                                         : "other"},
                {"extra_data", to_hex(a.extra_data)},
                {"qualified_signer", to_hex(a.qualified_signer)},
                {"clock_ms", a.clock},
                {"reset_count", a.reset_count},
                {"restart_count", a.restart_count},
                {"safe", a.safe},
                {"firmware_version", a.firmware_version}};
    if (a.type == kTpmStAttestQuote) {
        out["pcr_selection"] = selection_json(a.selection);
        out["pcr_digest"] = to_hex(a.pcr_digest);
    }
    if (a.type == kTpmStAttestCertify) {
        out["name"] = to_hex(a.name);
        out["qualified_name"] = to_hex(a.qualified_name);
    }
    return out;
}

json object_json(const PublicObject& p) {
    const ObjectAttributes& a = p.attributes;
    return {{"name", to_hex(p.name)},
            {"kind", key_kind(p.key.get())},
            {"fixed_tpm", a.fixed_tpm()},
            {"fixed_parent", a.fixed_parent()},
            {"sensitive_data_origin", a.sensitive_data_origin()},
            {"user_with_auth", a.user_with_auth()},
            {"admin_with_policy", a.admin_with_policy()},
            {"restricted", a.restricted()},
            {"decrypt", a.decrypt()},
            {"sign", a.sign()},
            {"auth_policy", to_hex(p.auth_policy)}};
}

json facts_of(const AttestAnswer& a) {
    json out = json::object();
    if (!a.ak_kind.empty()) {
        out["ak"] = {{"kind", a.ak_kind}, {"form", a.ak_form}};
        if (!a.ak_name.empty()) out["ak"]["name"] = to_hex(a.ak_name);
    }
    if (a.scheme != 0) out["signature"] = {{"scheme", scheme_name(a.scheme)}, {"hash", hash_name(a.hash)}};
    if (a.attest) out["attest"] = attest_json(*a.attest);
    for (const auto& [hash, bank] : a.pcrs)
        for (const auto& [pcr, value] : bank)
            out["pcrs"][logs::algorithm_name(hash)][std::to_string(pcr)] = to_hex(value);
    if (a.object) out["object"] = object_json(*a.object);
    return out;
}

/// The bytes of the files, which a question only points to.
struct Files {
    std::string ak, attest, signature, pcrs, object;
};

uint16_t scheme_of(const std::string& name) {
    for (uint16_t alg : {kTpmAlgRsassa, kTpmAlgRsapss, kTpmAlgEcdsa})
        if (name == scheme_name(alg)) return alg;
    return kTpmAlgNull;
}

AttestQuestion question_of(const AttestOptions& o, Files& files) {
    files.ak = evidence_file(o.ak, kTpmFileMax);
    files.attest = evidence_file(o.attest, kTpmFileMax);
    files.signature = evidence_file(o.signature, kTpmFileMax);
    AttestQuestion q;
    q.ak = as_bytes(files.ak);
    q.attest = as_bytes(files.attest);
    q.signature = as_bytes(files.signature);
    if (o.nonce) q.nonce = nonce_bytes(*o.nonce);
    if (!o.pcrs.empty()) {
        files.pcrs = evidence_file(o.pcrs, kPcrFileMax);
        q.pcrs = as_bytes(files.pcrs);
    }
    if (!o.object.empty()) {
        files.object = evidence_file(o.object, kTpmFileMax);
        q.object = as_bytes(files.object);
    }
    q.sha1 = o.allow_sha1 ? Sha1::allowed : Sha1::refused;
    q.scheme = scheme_of(o.scheme);
    if (!o.hash.empty()) q.hash = hash_of_name(o.hash);
    return q;
}

void print_pcrs(const AttestAnswer& a) {
    for (const auto& [hash, bank] : a.pcrs) {
        std::cout << logs::algorithm_name(hash) << ":\n";
        for (const auto& [pcr, value] : bank)
            std::cout << "  " << unsigned{pcr} << (pcr < 10 ? " " : "") << ": 0x" << to_hex(value) << "\n";
    }
}

}  // namespace

int run_evidence_quote(const Context& context) {
    Files files;
    const AttestAnswer a = check_foreign_quote(question_of(context.options.quote, files));
    if (!context.json() && a.findings.holds()) print_pcrs(a);
    return answer(context, a.findings, facts_of(a), "this key quoted these PCRs for this nonce.",
                  "what is marked failed is not as it should be. Believe nothing else in these files.");
}

int run_evidence_certify(const Context& context) {
    Files files;
    const AttestAnswer a = check_foreign_certify(question_of(context.options.certify, files));
    return answer(context, a.findings, facts_of(a), "this key certified that public area as one of its TPM's.",
                  "what is marked failed is not as it should be. Believe nothing else in these files.");
}

}  // namespace sealcall::cli
