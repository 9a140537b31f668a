// `sealcall evidence corim`: which reference values does this file hold, and is it whole and of its time?
#include <iostream>

#include "attestation/corim.h"
#include "evidence_findings.h"
#include "files.h"
#include "problem.h"

namespace sealcall::cli {
namespace {

using namespace sealcall::attestation;
using foreign::Findings;
using foreign::Verdict;
using nlohmann::json;

constexpr size_t kCorimMax = 4 * 1024 * 1024;

json typed(const TypedValue& v) { return {{"type", v.type}, {"value", v.value}}; }

json environment_json(const CorimEnvironment& e) {
    json out = json::object();
    if (e.class_id) out["class_id"] = typed(*e.class_id);
    if (!e.vendor.empty()) out["vendor"] = e.vendor;
    if (!e.model.empty()) out["model"] = e.model;
    if (e.layer) out["layer"] = *e.layer;
    if (e.index) out["index"] = *e.index;
    if (e.instance) out["instance"] = typed(*e.instance);
    if (e.group) out["group"] = typed(*e.group);
    return out;
}

json facts_of(const Corim& c) {
    json out = {{"id", c.id}, {"profile", c.profile}, {"signed", c.signature.has_value()}};
    if (c.not_before) out["not_before"] = *c.not_before;
    if (c.not_after) out["not_after"] = *c.not_after;
    if (c.signature)
        out["signature"] = {{"alg", c.signature->alg}, {"kid", c.signature->kid}, {"signer", c.signature->signer}};
    out["tags"] = json::array();
    for (const TypedValue& t : c.tags) out["tags"].push_back({{"kind", t.type}, {"id", t.value}});
    out["reference_values"] = json::array();
    for (const ReferenceValue& v : reference_values(c)) {
        json one = {
            {"environment", environment_json(v.environment)}, {"algorithm", v.algorithm}, {"digest", to_hex(v.digest)}};
        if (v.key) one["key"] = typed(*v.key);
        out["reference_values"].push_back(std::move(one));
    }
    out["attestation_keys"] = json::array();
    for (const CorimKeys& k : c.attestation_keys) {
        json one = {{"environment", environment_json(c.environments[k.environment])}, {"keys", json::array()}};
        for (const TypedValue& key : k.keys) one["keys"].push_back(typed(key));
        out["attestation_keys"].push_back(std::move(one));
    }
    return out;
}

void judge(const Corim& c, const CorimOptions& o, Findings& out) {
    out.add("structure", Verdict::ok,
            "It is a whole CoRIM" + (c.profile.empty() ? "." : " of profile " + c.profile + "."));
    const auto now = static_cast<int64_t>(evidence_time(o.at) / 1000);
    if (c.not_after || c.not_before)
        out.check("validity", now >= c.not_before.value_or(0) && now <= c.not_after.value_or(INT64_MAX),
                  "It is valid at that time.", "It is not valid at that time.");
    if (!o.key.empty()) {
        const JoseKey key = evidence_key(o.key, "signer");
        const auto good = verify_corim(c, key);
        out.check("signature", good.has_value(), "It is signed by this key.",
                  good ? "" : std::string("It is not this signer's word: ") + good.error().what + ".");
    } else {
        out.add("signature", Verdict::warning,
                c.signature ? "It is signed, but by whom was not checked: give the signer's key (--key)."
                            : "It is not signed: anybody may have written it.");
    }
    size_t unread = c.other_triples;
    for (const CorimMeasurement& m : c.references) unread += m.other_values + (m.digests.empty() ? 1 : 0);
    for (const TypedValue& t : c.tags) unread += t.type == "comid" ? 0 : 1;
    if (unread != 0)
        out.add(
            "unread", Verdict::note,
            "It holds " + std::to_string(unread) + " statements of kinds that are not read here, or without digests.");
}

void print(const Corim& c) {
    for (const ReferenceValue& v : reference_values(c))
        std::cout << printable(v.environment.class_id ? v.environment.class_id->value : v.environment.vendor, 80)
                  << "  " << (v.key ? printable(v.key->value, 40) : "-") << "  " << v.algorithm << "  "
                  << to_hex(v.digest) << "\n";
}

}  // namespace

int run_evidence_corim(const Context& context) {
    const CorimOptions& o = context.options.corim;
    const std::string file = evidence_file(o.file, kCorimMax);
    const auto corim = parse_corim(as_bytes(file));
    Findings findings;
    json facts = json::object();
    if (corim) {
        facts = facts_of(*corim);
        judge(*corim, o, findings);
        if (!context.json()) print(*corim);
    } else {
        findings.add(corim_fault_name(corim.error().detail), Verdict::failed,
                     std::string("The file is refused: ") + corim.error().what + ".");
    }
    return answer(context, findings, std::move(facts), "these are the reference values of the file.",
                  "nothing in this file is to be used.");
}

}  // namespace sealcall::cli
