#include "audit_calls.h"

#include <map>

namespace sealcall::cli {
namespace {

void name_peer(const AuditRecord& r, CallStory& call) {
    if (r.event == "channel_open") {
        call.peer = r.text("peer");
        call.proven_peer = true;
    } else if (!call.proven_peer && r.event == "dialled") {
        call.peer = r.text("uri");
    } else if (!call.proven_peer && r.event == "incoming") {
        call.peer = r.text("from_hearsay");
    }
}

std::string hex_number(uint64_t n) {
    std::array<char, 24> out{};
    std::snprintf(out.data(), out.size(), "0x%llx", static_cast<unsigned long long>(n));
    return out.data();
}

std::string step_sentence(const AuditRecord& r, const std::string& what) {
    const std::string counter = std::to_string(r.number("counter")), slot = std::to_string(r.number("slot"));
    if (what == "created") return "The call's secret came out of the key exchange of both phones.";
    if (what == "wiped") return "All plain media keys left the memory; only the sealed secret is left.";
    if (what == "unsealed") return "The TPM checked the state of this computer and gave the secret back.";
    if (what == "rekeyed") return "New media keys, context " + std::to_string(r.number("context")) + ".";
    if (what == "destroyed")
        return "The counter of slot " + slot + " moved on to " + counter + ": nothing sealed before it can be opened.";
    if (what == "unseal_refused")
        return "The TPM refused to open the sealed secret (" + hex_number(r.number("tpm_rc")) + ").";
    return what;
}

std::string sealed_sentence(const AuditRecord& r, bool again) {
    return std::string(again ? "Sealed anew with a longer lease: " : "Sealed by the TPM: ") +
           "opens only while counter " + std::to_string(r.number("slot")) + " is " +
           std::to_string(r.number("counter")) + ", in this state of PCR " + std::to_string(r.number("pcr")) +
           ", before the TPM's clock says " + std::to_string(r.number("lease_until_ms")) + " ms, without a reset (" +
           std::to_string(r.number("reset_count")) + ") or restart (" + std::to_string(r.number("restart_count")) +
           ").";
}

}  // namespace

std::vector<CallStory> call_stories(const AuditReport& log) {
    std::vector<CallStory> out;
    std::map<uint64_t, size_t> running;  // of this run: the phone counts anew at each start
    size_t start = AnchorReport::kNoSigner;
    for (size_t i = 0; i < log.records.size(); ++i) {
        const AuditRecord& r = log.records[i];
        if (r.event == "started") {
            start = i;
            running.clear();
        }
        const uint64_t number = r.number("call");
        if (number == 0 || start == AnchorReport::kNoSigner) continue;
        const auto [at, fresh] = running.try_emplace(number, out.size());
        if (fresh)
            out.push_back(
                {.id = r.seq, .number = number, .start = start, .peer = {}, .proven_peer = false, .records = {}});
        CallStory& call = out[at->second];
        call.records.push_back(i);
        name_peer(r, call);
    }
    return out;
}

std::vector<KeyStep> key_steps(const AuditReport& log, const CallStory& call) {
    std::vector<KeyStep> out;
    bool sealed = false;
    for (const size_t i : call.records) {
        const AuditRecord& r = log.records[i];
        if (r.event == "key" && r.text("what") != "sealed") {
            out.push_back({.record = i, .what = r.text("what"), .sentence = step_sentence(r, r.text("what"))});
        } else if (r.event == "key_sealed") {
            out.push_back({.record = i, .what = sealed ? "renewed" : "sealed", .sentence = sealed_sentence(r, sealed)});
            sealed = true;
        } else if (r.event == "key_proof") {
            out.push_back(
                {.record = i, .what = "proven", .sentence = "The TPM signed that it made the sealed secret."});
        } else if (r.event == "key_end") {
            out.push_back({.record = i, .what = "end_proven", .sentence = "The TPM signed the counter's new value."});
        } else if (r.event == "proof_missing") {
            out.push_back(
                {.record = i, .what = "proof_missing", .sentence = "The TPM did not sign: " + r.text("why") + "."});
        }
    }
    return out;
}

}  // namespace sealcall::cli
