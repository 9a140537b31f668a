// `sealcall keys proof` and `sealcall keys verify-proof`.
#include <charconv>
#include <iostream>

#include "audit_commands.h"
#include "evidence_findings.h"
#include "files.h"
#include "key_proof.h"
#include "problem.h"

namespace sealcall::cli {
namespace {

CallStory wanted_call(const AuditReport& log, const std::string& which) {
    auto calls = call_stories(log);
    std::erase_if(calls, [&](const CallStory& c) { return key_steps(log, c).empty(); });
    if (calls.empty())
        throw Problem("No call of this log had a key.", "Only calls with another sealcall phone have one.",
                      exit_status::kDoesNotHold);
    if (which == "last") return calls.back();
    uint64_t id = 0;
    const auto [end, code] = std::from_chars(which.data(), which.data() + which.size(), id);
    const auto at = code == std::errc() && end == which.data() + which.size()
                        ? std::ranges::find(calls, id, &CallStory::id)
                        : calls.end();
    if (at == calls.end())
        throw Problem("There is no call " + printable(which, 40) + " with a key in this log.",
                      "`sealcall audit timeline` shows their numbers.", exit_status::kDoesNotHold);
    return *at;
}

}  // namespace

int run_keys_proof(const Context& context) {
    const AuditOptions& o = context.options.audit;
    const AuditTrail trail = trail_of(context);
    if (!trail.log.holds())
        throw Problem("The chain of the audit log is broken. " + trail.log.problem,
                      "`sealcall audit verify` says more; keep the file as evidence.");
    const CallStory call = wanted_call(trail.log, o.call);
    const std::string proof = make_key_proof(trail, call);
    if (o.out.empty()) {
        std::cout << proof;
        return exit_status::kOk;
    }
    export_file(o.out, proof, 0644, o.force);
    if (context.json())
        print_json({{"ok", true}, {"file", o.out}, {"call", call.id}, {"peer", call.peer}});
    else
        std::cout << "The proof of call " << call.id << " with " << printable(call.peer, 100) << " is in "
                  << printable(o.out, 200) << ".\nNext, on any machine: sealcall keys verify-proof "
                  << printable(o.out, 200) << " --authority root.cert.pem\n";
    return exit_status::kOk;
}

int run_keys_verify_proof(const Context& context) {
    const AuditOptions& o = context.options.audit;
    const auto proof = read_key_proof(evidence_file(o.proof, kKeyProofMax));
    if (!proof)
        throw Problem("The file " + printable(o.proof, 200) + " cannot be read: " + proof.error().what + ".",
                      "Have it made again with `sealcall keys proof`.");
    const EvidenceTrust trust(o.trust);
    attestation::foreign::Findings findings;
    const auto proven = check_key_proof(
        *proof, {.roots = trust.ground().anchors, .references = trust.bundle(), .witnesses = {}, .live = std::nullopt},
        findings);
    nlohmann::json facts = nlohmann::json::object();
    if (proven) facts = {{"call", proven->call}, {"record", proven->record}, {"wall_ms", proven->wall_ms}};
    if (proven && !proven->device.empty()) facts["device"] = proven->device;
    if (proven && !proven->peer.empty()) facts["peer"] = proven->peer;
    if (!context.json() && proven)
        std::cout << "Secret    sealed in record " << proven->record << " (" << local_time(proven->wall_ms)
                  << "), for call " << proven->call << " of that run of the phone\nDevice    "
                  << (proven->device.empty() ? "not proven" : printable(proven->device, 100)) << "\nPeer      "
                  << (proven->peer.empty() ? "not proven" : printable(proven->peer, 100)) << "\n\n";
    return answer(context, findings, facts, "that call's secret is dead, and nobody can open a copy of it.",
                  "this does not prove that the call's secret is dead.", what_is_open(findings));
}

}  // namespace sealcall::cli
