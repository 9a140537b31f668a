#include "key_proof.h"

#include "attestation/binding.h"
#include "attestation/bounded_json.h"
#include "files.h"
#include "problem.h"

namespace sealcall::cli {

using attestation::audit_qualifying_data;
using attestation::foreign::Findings;
using attestation::foreign::Verdict;

namespace {

constexpr int kForm = 2;

bool is_evidence(const AuditRecord& r) {
    return r.event == "key_sealed" || r.event == "key_proof" || r.event == "key_end" ||
           (r.event == "key" && r.text("what") == "destroyed");
}

/// Of the records from where the other phone showed its name to the sealing: may somebody else read it?
bool is_of_call(const AuditRecord& r, uint64_t call) {
    return r.number("call") == call || r.event == "anchor" || r.event == "certified";
}

std::optional<attestation::SealedTo> sealed_to(const AuditRecord& r) {
    attestation::SealedTo to;
    const Bytes digest = r.hex("pcr_digest");
    if (r.number("slot") > 3 || r.number("pcr") > 23 || digest.size() != to.pcr_digest.size()) return {};
    to.slot = static_cast<uint8_t>(r.number("slot"));
    to.counter = r.number("counter");
    to.pcr = static_cast<uint8_t>(r.number("pcr"));
    std::ranges::copy(digest, to.pcr_digest.begin());
    to.reset_count = static_cast<uint32_t>(r.number("reset_count"));
    to.restart_count = static_cast<uint32_t>(r.number("restart_count"));
    to.lease_until_ms = r.number("lease_until_ms");
    return to;
}

class ProofCheck {
  public:
    ProofCheck(const KeyProof& proof, const AuditGround& ground, Findings& out)
        : proof_(proof), ground_(ground), out_(out) {}
    std::optional<ProvenSecret> run();

  private:
    [[nodiscard]] const AuditRecord* find(std::string_view event) const {
        const auto at = std::ranges::find(proof_.records, event, &AuditRecord::event);
        return at == proof_.records.end() ? nullptr : &*at;
    }
    [[nodiscard]] const AuditRecord* find(uint64_t seq) const {
        const auto at = std::ranges::find(proof_.records, seq, &AuditRecord::seq);
        return at == proof_.records.end() ? nullptr : &*at;
    }
    bool one_call();
    bool signer();
    bool sealed();
    bool creation(const Bytes& name);
    void peer(ProvenSecret& proven);
    void copies();
    void end();

    const KeyProof& proof_;
    const AuditGround& ground_;
    Findings& out_;
    AuditSigner signer_;
    const AuditRecord* sealed_ = nullptr;  ///< the first
    attestation::SealedTo to_;
    Bytes name_;
};

/// One run of the phone and one call of it: numbers of calls begin anew with each run.
bool ProofCheck::one_call() {
    const auto& records = proof_.records;
    const bool one_run = !records.empty() && records[0].event == "started" &&
                         std::ranges::count(records, "started", &AuditRecord::event) == 1;
    const bool one = one_run && proof_.call != 0 && std::ranges::all_of(records, [&](const AuditRecord& r) {
                         const uint64_t call = r.number("call");
                         return call == proof_.call || (call == 0 && !is_evidence(r));
                     });
    if (!one)
        out_.add("call", Verdict::failed,
                 "The records are not of one call of one run of the phone, or the file gives it another number.");
    return one;
}

bool ProofCheck::signer() {
    const AuditRecord* started = find("started");
    std::string why_not = "the file does not hold the start of the phone";
    if (started != nullptr) signer_ = read_signer(*started, ground_, why_not);
    if (ground_.roots.empty())
        out_.add("authority", Verdict::unknown,
                 "Nobody was named whom to believe, so the signatures may be of anybody's key: --authority.");
    else
        out_.check("authority", signer_.vouched,
                   signer_.authority + " vouches for the key that signed, of device " + signer_.device + ".",
                   "Nobody vouches for the key that signed: " + why_not + ".");
    if (ground_.references != nullptr && signer_.key)
        if (const auto spki = attestation::spki_der(*signer_.key);
            spki && ground_.references->revoked(digest_of(*spki)))
            out_.add("revoked", Verdict::warning, "The key that signed was struck off since.");
    return signer_.key.has_value();
}

bool ProofCheck::sealed() {
    sealed_ = find("key_sealed");
    const auto to = sealed_ == nullptr ? std::nullopt : sealed_to(*sealed_);
    const auto name = to ? attestation::sealed_name(sealed_->hex("public"), attestation::sealed_policy(*to))
                         : Result<Bytes>(Error{Errc::bad_value, "the file does not say to what", 0});
    if (!out_.check(
            "policy", name.has_value(),
            to ? "The secret opens only while the TPM's counter " + std::to_string(to->slot) + " is " +
                     std::to_string(to->counter) + "; in one state of PCR " + std::to_string(to->pcr) +
                     ", in this run of the TPM, and for a limited time."
               : std::string(),
            std::string("What was sealed is not bound to the counter: ") + (name ? "" : name.error().what) + "."))
        return false;
    to_ = *to;
    name_ = *name;
    return true;
}

bool ProofCheck::creation(const Bytes& name) {
    const AuditRecord* proof = find("key_proof");
    if (proof == nullptr || proof->number("of") != sealed_->seq) {
        out_.add("creation", Verdict::unknown, "The TPM did not sign that it made the sealed secret.");
        return false;
    }
    const auto said =
        attestation::check_statement(*signer_.key, proof->hex("attest"), proof->hex("signature"),
                                     audit_qualifying_data(audit::kForCreation, sealed_->seq, sealed_->digest));
    const Bytes creation = proof->hex("creation");
    std::string wrong;
    if (!said)
        wrong = said.error().what;
    else if (said->type != attestation::kTpmStAttestCreation || said->name != name ||
             !equal_bytes(said->creation_hash, digest_of(creation)))
        wrong = "it is about another object";
    else if (const Status state = attestation::check_creation_data(creation, to_.pcr, to_.pcr_digest); !state)
        wrong = state.error().what;
    return out_.check("creation", wrong.empty(),
                      "The TPM signed that it made this secret itself, in that state, when the log stood at record " +
                          std::to_string(sealed_->seq) + " (" + local_time(sealed_->wall_ms) + ").",
                      "What the TPM signed about the making of the secret does not hold: " + wrong + ".");
}

/// The signed record of the sealing names the one before it by its hash, and so on to the one with the peer's name.
void ProofCheck::peer(ProvenSecret& proven) {
    for (const AuditRecord* r = sealed_;;) {
        if (r->event == "channel_open" && r->number("call") == proof_.call) {
            proven.peer = r->text("peer");
            break;
        }
        if (r == proof_.records.data() || (r - 1)->digest != r->prev) break;
        --r;
    }
    if (proven.peer != proof_.peer)
        out_.add("peer", Verdict::failed, "The TPM did not sign that this call was with whom the file names.");
    else if (proven.peer.empty())
        out_.add("peer", Verdict::note, "With whom the call was is not proven by this file.");
    else
        out_.add("peer", Verdict::ok,
                 "The call was with " + proven.peer + ": the record of it is bound into what the TPM signed.");
}

void ProofCheck::copies() {
    size_t renewed = 0;
    for (const AuditRecord& r : proof_.records) {
        if (r.event != "key_sealed" || &r == sealed_) continue;
        const auto to = sealed_to(r);
        const bool same = to && to->slot == to_.slot && to->counter == to_.counter &&
                          attestation::sealed_name(r.hex("public"), attestation::sealed_policy(*to));
        if (!same) {
            out_.add("renewals", Verdict::failed,
                     "The copy of record " + std::to_string(r.seq) + " is not bound to the same counter.");
            return;
        }
        ++renewed;
    }
    if (renewed != 0)
        out_.add("renewals", Verdict::note,
                 "The secret was sealed anew " + counted(renewed, "time") +
                     " for a longer lease, to the same counter; the phone's log says so, and the TPM its policy.");
}

void ProofCheck::end() {
    const AuditRecord* proof = find("key_end");
    const AuditRecord* destroyed = proof == nullptr ? nullptr : find(proof->number("of"));
    if (destroyed == nullptr) {
        out_.add("end", Verdict::unknown, "The TPM did not sign that the counter moved on: the secret may be alive.");
        return;
    }
    if (destroyed->event != "key" || destroyed->text("what") != "destroyed" || destroyed->seq < sealed_->seq ||
        destroyed->number("slot") != to_.slot || proof->number("slot") != to_.slot) {
        out_.add("end", Verdict::failed, "What the TPM signed about a counter is not about the end of this secret.");
        return;
    }
    const auto said = attestation::check_index_statement(
        *signer_.key, proof->hex("attest"), proof->hex("signature"),
        audit_qualifying_data(audit::kForEnd, destroyed->seq, destroyed->digest),
        attestation::nv_index_name(audit::kCounterIndex + to_.slot, audit::kCounterAttributes, 8));
    const auto value = said ? ByteReader(said->nv_contents).u64() : Result<uint64_t>(said.error());
    const std::string wrong = !value                          ? value.error().what
                              : said->nv_contents.size() != 8 ? "it is no counter"
                              : *value <= to_.counter         ? "the counter has not moved"
                                                              : "";
    out_.check("end", wrong.empty(),
               "The TPM signed that this counter now is " + std::to_string(value ? *value : 0) +
                   ". It only counts up, even when it is made anew: nobody can open the secret any more (" +
                   local_time(destroyed->wall_ms) + ").",
               "What the TPM signed about the counter does not hold: " + wrong + ".");
}

std::optional<ProvenSecret> ProofCheck::run() {
    if (!one_call() || !signer() || !sealed()) return {};
    std::optional<ProvenSecret> proven;
    if (creation(name_)) {
        proven = {.device = signer_.device,
                  .peer = {},
                  .call = proof_.call,
                  .record = sealed_->seq,
                  .wall_ms = sealed_->wall_ms};
        peer(*proven);
    }
    copies();
    end();
    if (signer_.software_tpm)
        out_.add("software_tpm", Verdict::warning,
                 "The TPM is a software one: whoever had its files at the time could copy them and bring the counter "
                 "back. This proof counts against the phone's own processes only.");
    return proven;
}

/// Index of the record with the peer's name, when all from there to the sealing may be shown to somebody else.
std::optional<size_t> named_at(const std::vector<AuditRecord>& records, const CallStory& call) {
    const auto sealed = std::ranges::find_if(call.records, [&](size_t i) { return records[i].event == "key_sealed"; });
    if (sealed == call.records.end()) return {};
    for (size_t i = *sealed; i > call.start && is_of_call(records[i], call.number); --i)
        if (records[i].event == "channel_open") return i;
    return {};
}

}  // namespace

std::string make_key_proof(const AuditTrail& trail, const CallStory& call) {
    const auto& records = trail.log.records;
    std::vector<size_t> chosen{call.start};
    size_t evidence = 0, signatures = 0;
    for (const size_t i : call.records) {
        if (!is_evidence(records[i])) continue;
        ++evidence;
        signatures += records[i].event == "key_proof" || records[i].event == "key_end";
        chosen.push_back(i);
    }
    if (evidence == 0)
        throw Problem("Call " + std::to_string(call.id) + " had no secret that was sealed.",
                      "`sealcall audit timeline` shows the calls that had.", exit_status::kDoesNotHold);
    if (signatures < 2)
        throw Problem("The TPM has not signed both the making and the end of this call's secret.",
                      "Is the call over? The signatures come when the TPM has nothing else to do.",
                      exit_status::kDoesNotHold);
    const auto named = named_at(records, call);
    for (size_t i = named.value_or(0); named && i < chosen[1]; ++i) chosen.push_back(i);
    std::ranges::sort(chosen);
    if (chosen.size() > kProofRecordsMax)
        throw Problem("The call is too long for a proof: its lease was renewed more than 500 times.",
                      "`sealcall audit verify` checks the log as a whole.");
    auto lines = nlohmann::json::array();
    for (const size_t i : chosen) lines.push_back(records[i].line());
    const nlohmann::ordered_json out = {{"sealcall_key_proof", kForm},
                                        {"call", call.number},
                                        {"peer", named ? records[*named].text("peer") : std::string()},
                                        {"records", lines}};
    return out.dump(1) + "\n";
}

Result<KeyProof> read_key_proof(std::string_view text) {
    if (text.size() > kKeyProofMax) return Error{Errc::too_large, "proof", static_cast<uint32_t>(text.size())};
    const auto json = nlohmann::json::parse(text, nullptr, false);
    const Error bad{Errc::bad_value, "it is no proof of `sealcall keys proof`", 0};
    if (!json.is_object() || json.value("sealcall_key_proof", nlohmann::json()) != kForm || !json.contains("call") ||
        !json["call"].is_number_unsigned() || !json.contains("peer") || !json["peer"].is_string() ||
        !json.contains("records") || !json["records"].is_array() || json["records"].size() > kProofRecordsMax)
        return bad;
    KeyProof out{.call = json["call"], .peer = json["peer"], .records = {}};
    for (const auto& line : json["records"]) {
        AuditRecord record;
        if (!line.is_string() || !read_record(line.get_ref<const std::string&>(), record).empty())
            return Error{Errc::bad_value, "it holds what is no record of an audit log", 0};
        if (!out.records.empty() && record.seq <= out.records.back().seq)
            return Error{Errc::bad_value, "its records are out of order", 0};
        out.records.push_back(std::move(record));
    }
    return out;
}

std::optional<ProvenSecret> check_key_proof(const KeyProof& proof, const AuditGround& ground, Findings& out) {
    return ProofCheck(proof, ground, out).run();
}

}  // namespace sealcall::cli
