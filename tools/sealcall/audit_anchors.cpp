#include "audit_anchors.h"

#include <unordered_set>

#include "attestation/binding.h"
#include "attestation/checks.h"
#include "attestation/x509_checks.h"
#include "audit_events.h"
#include "files.h"

namespace sealcall::cli {

using attestation::audit_qualifying_data;
using attestation::foreign::Finding;
using attestation::foreign::Findings;
using attestation::foreign::Verdict;

namespace {

constexpr uint64_t kDayMs = 24ULL * 3600 * 1000;

Digest extended(const Digest& value, const Digest& head) {
    return digest_of(ByteWriter().bytes(value).bytes(head).view());
}

Digest fresh_index() { return extended({}, digest_of(as_bytes(audit::kIndexBegin))); }

std::string at(const AuditRecord& r) { return "record " + std::to_string(r.seq) + " (" + local_time(r.wall_ms) + ")"; }

std::optional<Digest> digest_in(const AuditRecord& r, std::string_view name) {
    const Bytes bytes = r.hex(name);
    Digest out{};
    if (bytes.size() != out.size()) return {};
    std::ranges::copy(bytes, out.begin());
    return out;
}

/// Why nobody vouches for a key, for a person.
std::string why_untrusted(const Error& error) {
    if (attestation::certificate_reason(error) == rats::Reason::certificate_expired)
        return "its certificate was not valid when the phone started";
    return error.code == Errc::untrusted_certificate ? "no authority that was named issued its certificate"
                                                     : "its certificate is not in the form that an authority gives";
}

/// Follows the index through the log, from start to start.
class Replay {
  public:
    Replay(const AuditTrail& trail, const AuditGround& ground, Findings& out)
        : log_(trail.log), records_(trail.log.records), ground_(ground), out_(out) {}
    AnchorReport run();

  private:
    void started(size_t i);
    void anchor(size_t i);
    void certified(size_t i);
    void moment(size_t i, const attestation::Attest& said);
    [[nodiscard]] std::optional<size_t> lost_step(const Digest& value, size_t until) const;
    bool may_follow(const Digest& value, size_t until);
    void fail(const char* name, std::string text) {
        if (out_.find(name) == nullptr) out_.add(name, Verdict::failed, std::move(text));
    }
    void sum_up();
    void sum_up_key();
    void sum_up_tpm();

    const AuditReport& log_;
    const std::vector<AuditRecord>& records_;
    const AuditGround& ground_;
    Findings& out_;
    AnchorReport report_;
    bool known_ = false;     ///< what the index held
    size_t unanchored_ = 0;  ///< index of the first record that may stand behind an anchor that was lost
    size_t lost_ = 0;
    bool running_ = false;
    size_t crashes_ = 0;
    std::string why_not_;
};

/// Of which record the index holds an anchor that is not in the log, if that one makes it `value`.
std::optional<size_t> Replay::lost_step(const Digest& value, size_t until) const {
    for (size_t j = unanchored_; j < until; ++j)
        if (extended(report_.value, records_[j].digest) == value) return j;
    return {};
}

/// Is it what the index holds, or held after one anchor whose record was lost in a crash?
bool Replay::may_follow(const Digest& value, size_t until) {
    if (value == report_.value) return true;
    const auto lost = lost_step(value, until);
    if (!lost) return false;
    ++lost_;
    report_.value = value;
    report_.anchored = *lost;
    unanchored_ = *lost + 1;
    return true;
}

void Replay::started(size_t i) {
    const AuditRecord& r = records_[i];
    ++report_.starts;
    if (running_) ++crashes_;
    running_ = true;
    report_.signers.push_back(read_signer(r, ground_, why_not_));
    const auto value = digest_in(r, "value");
    if (!value) return fail("anchors", "The start in " + at(r) + " does not say what the TPM's index held.");
    if (!known_) {
        known_ = true;
        report_.value = *value;
        if (!log_.continues && *value != fresh_index())
            out_.add("beginning", Verdict::failed,
                     "The TPM has already seen records of another log when this one begins: its beginning was removed, "
                     "or the computer had an older profile.");
        return;
    }
    if (may_follow(*value, i)) return;
    if (*value == fresh_index())
        out_.add("index", Verdict::unknown,
                 "The TPM's index was made anew before " + at(r) +
                     ": the TPM was cleared, provisioned anew or exchanged, or somebody wanted to hide something. Ask "
                     "who provisioned this computer.");
    else
        fail("anchors", "Between record " + (i == 0 ? std::string("0") : std::to_string(records_[i - 1].seq)) +
                            " and " + at(r) + " records are missing: the TPM has seen more than stands here.");
    report_.value = *value;
    unanchored_ = i;
}

void Replay::anchor(size_t i) {
    const AuditRecord& r = records_[i];
    ++report_.anchors;
    const auto value = digest_in(r, "value");
    const auto of = find_record(log_, r.number("of"));
    if (!value || (of && *of >= i) || (!of && !log_.continues))
        return fail("anchors", "The anchor in " + at(r) + " is about no record of this log.");
    if (!of || !known_) {  // its record was dropped with the older ones
        known_ = true;
    } else {
        const Digest before = report_.value;
        bool follows = extended(before, records_[*of].digest) == *value;
        // After a TPM that did not answer in time nobody knows whether it had extended.
        for (size_t j = unanchored_; !follows && j < *of; ++j)
            follows = extended(extended(before, records_[j].digest), records_[*of].digest) == *value;
        if (!follows)
            fail("anchors", "The anchor in " + at(r) +
                                " does not follow from the records before it: some were changed or removed, or "
                                "somebody else wrote into the index.");
        report_.anchored = *of;
        unanchored_ = *of + 1;
    }
    report_.value = *value;
}

void Replay::certified(size_t i) {
    const AuditRecord& r = records_[i];
    const auto of = find_record(log_, r.number("of"));
    const AuditSigner* signer = report_.signer(i);
    if (!of && log_.continues) return;
    if (!of || *of >= i || signer == nullptr || !signer->key)
        return fail("signatures", "The signature in " + at(r) + " is about no record of this log.");
    static const Bytes kName = attestation::nv_index_name(audit::kIndex, audit::kIndexAttributes, sizeof(Digest));
    const auto said = attestation::check_index_statement(
        *signer->key, r.hex("attest"), r.hex("signature"),
        audit_qualifying_data(audit::kForAnchor, r.number("of"), records_[*of].digest), kName);
    if (!said) return fail("signatures", "The signature in " + at(r) + " does not hold: " + said.error().what + ".");
    // Or one anchor more: with a full disk the signature may get its record before the anchor does.
    Digest held{};
    if (said->nv_contents.size() == held.size()) std::ranges::copy(said->nv_contents, held.begin());
    if (held != report_.value && !lost_step(held, i))
        return fail("signatures", "What the TPM signed in " + at(r) +
                                      " is not what the anchors before it come to: records were changed, removed or "
                                      "put in.");
    ++report_.certified;
    report_.covered = std::max(report_.covered.value_or(0), std::max(*of, report_.anchored.value_or(0)));
    moment(i, *said);
}

void Replay::moment(size_t i, const attestation::Attest& said) {
    const TpmMoment now{
        .record = i, .clock = said.clock, .reset_count = said.reset_count, .restart_count = said.restart_count};
    if (!report_.moments.empty()) {
        const TpmMoment& before = report_.moments.back();
        const AuditSigner *then = report_.signer(before.record), *signer = report_.signer(i);
        const bool same = then != nullptr && then->key && signer->key && then->key->name == signer->key->name;
        const bool back = now.reset_count < before.reset_count ||
                          (now.reset_count == before.reset_count &&
                           (now.restart_count < before.restart_count || now.clock < before.clock));
        if (same && back)
            fail("tpm", "In " + at(records_[i]) +
                            " the TPM's clock or its count of resets went back: an older copy of a software TPM was "
                            "brought back, or the log was put together from two.");
    }
    report_.moments.push_back(now);
}

void Replay::sum_up_key() {
    size_t not_vouched = 0;
    for (const AuditSigner& s : report_.signers) not_vouched += !s.vouched;
    if (report_.signers.empty()) return;
    if (not_vouched == 0)
        out_.add("authority", Verdict::ok,
                 report_.signers.back().authority + " vouches for the key that signed, of device " +
                     report_.signers.back().device + ".");
    else if (ground_.roots.empty())
        out_.add("authority", Verdict::unknown,
                 "Nobody was named whom to believe, so the signatures may be of anybody's key: --authority.");
    else
        out_.add("authority", Verdict::failed,
                 "For " + std::to_string(not_vouched) + " of " + counted(report_.signers.size(), "start") +
                     " nobody vouches for the key that signed: " + why_not_ + ".");
    for (const AuditSigner& s : report_.signers)
        if (ground_.references != nullptr && s.key)
            if (const auto spki = attestation::spki_der(*s.key);
                spki && ground_.references->revoked(digest_of(*spki))) {
                out_.add("revoked", Verdict::warning,
                         "The key that signed was struck off since: what it signed before may be true, ask when.");
                break;
            }
}

void Replay::sum_up_tpm() {
    const bool software = std::ranges::any_of(report_.signers, &AuditSigner::software_tpm);
    if (software)
        out_.add("software_tpm", Verdict::warning,
                 "The TPM is a software one: whoever has its files can bring back an older state and sign anew. This "
                 "proof counts against the phone's own processes only.");
    if (!report_.moments.empty() && out_.find("tpm") == nullptr)
        out_.add("tpm", Verdict::ok,
                 "The TPM spoke " + counted(report_.moments.size(), "time") +
                     "; its clock and its counts of resets never went back.");
}

void Replay::sum_up() {
    sum_up_key();
    if (out_.find("anchors") == nullptr && report_.anchors == 0)
        out_.add("anchors", Verdict::unknown, "No record of this log was anchored in a TPM.");
    else if (out_.find("anchors") == nullptr)
        out_.add("anchors", Verdict::ok,
                 counted(report_.anchors, "anchor") + " over " +
                     counted(report_.starts, "start follows from the records.", "starts follow from the records."));
    if (out_.find("signatures") == nullptr && report_.covered)
        out_.add("signatures", Verdict::ok,
                 "The TPM signed " + counted(report_.certified, "time") + "; " + at(records_[*report_.covered]) +
                     " is the newest that it covers.");
    else if (out_.find("signatures") == nullptr)
        out_.add("signatures", Verdict::unknown, "The TPM signed nothing about this log.");
    if (report_.covered && *report_.covered + 1 < records_.size())
        out_.add("tail", Verdict::note,
                 counted(records_.size() - 1 - *report_.covered, "record stands", "records stand") +
                     " behind it. That others were cut off there shows against the TPM itself or a "
                     "witness.");
    if (crashes_ != 0)
        out_.add("crashes", Verdict::note,
                 "The phone ended " + counted(crashes_, "time") + " without its orderly end; " +
                     counted(lost_, "anchor was", "anchors were") + " not written down before it did.");
    sum_up_tpm();
}

AnchorReport Replay::run() {
    for (size_t i = 0; i < records_.size(); ++i) {
        const std::string& event = records_[i].event;
        if (event == "started") started(i);
        report_.signer_of.push_back(report_.signers.empty() ? AnchorReport::kNoSigner : report_.signers.size() - 1);
        if (event == "anchor") anchor(i);
        if (event == "certified") certified(i);
        if (event == "stopped") running_ = false;
    }
    sum_up();
    return std::move(report_);
}

/// The phone names its vault by a number at each start.
void check_vault(const AuditReport& log, Findings& out) {
    const AuditRecord* before = nullptr;
    for (const AuditRecord& r : log.records) {
        if (r.event != "started") continue;
        if (r.number("vault_made") == 0) continue;  // of before there was such a number
        if (before != nullptr && before->number("vault_made") != r.number("vault_made"))
            out.add("vault", Verdict::note,
                    "Between the starts of " + local_time(before->wall_ms) + " and " + local_time(r.wall_ms) +
                        " another vault was made: contacts, history and the memory of other phones were lost" +
                        (before->flag("pin") && !r.flag("pin") ? ", and the PIN with them." : "."));
        before = &r;
    }
}

void check_content(const AuditReport& log, Findings& out) {
    for (const AuditRecord& r : log.records) {
        const std::string wrong = beyond_purpose(r);
        if (wrong.empty()) continue;
        out.add("content", Verdict::failed, "The record " + std::to_string(r.seq) + " " + wrong + ".");
        return;
    }
    out.add("content", Verdict::ok, "No record holds more than its purpose needs.");
}

/// The first file begins with a copy of the last record that was dropped: what a rule says can be seen by it. That it
/// was the enterprise's says the enclave, which has its signed policy, or the reader.
void check_retention(const AuditReport& log, const AuditGround& ground, Findings& out) {
    if (!log.continues || log.records.empty()) return;
    const AuditRecord& first = log.records.front();
    const std::string gone = "The records up to " + std::to_string(first.seq) + " ";
    const AuditRecord* last = nullptr;
    uint64_t shortest = ~uint64_t{0};
    bool by_policy = true;
    for (const AuditRecord& r : log.records) {
        if (r.event != "dropped") continue;
        shortest = std::min(shortest, r.number("keep_days"));
        by_policy = by_policy && r.number("policy_days") != 0 && r.number("keep_days") >= r.number("policy_days");
        if (last == nullptr && r.number("last") == first.seq && digest_in(r, "head") == first.digest) last = &r;
    }
    if (last == nullptr)
        return out.add("retention", Verdict::unknown,
                       "The records before " + std::to_string(first.seq) +
                           " are not here, and no record says that they were dropped by rule. Name the older files as "
                           "well.");
    const uint64_t days = last->number("keep_days");
    const uint64_t old = last->wall_ms > first.wall_ms ? (last->wall_ms - first.wall_ms) / kDayMs : 0;
    const std::string newest = ": the newest of them is of " + local_time(first.wall_ms) + ".";
    if (days == 0 || old < days)
        out.add("retention", Verdict::failed,
                gone + "were dropped before the rule of " + counted(days, "day") + " allowed it" + newest);
    else if (!ground.keep_days && by_policy)
        out.add("retention", Verdict::ok,
                gone + "were dropped, the last of them by the rule of " + counted(days, "day") +
                    ", no shorter than the enterprise's signed policy wants" + newest);
    else if (!ground.keep_days)
        out.add("retention", Verdict::unknown,
                gone + "were dropped by a rule of " + counted(days, "day") +
                    " that the phone's own configuration gave, and no signed policy; --keep-days says what the "
                    "enterprise wants.");
    else
        out.check("retention", *ground.keep_days != 0 && shortest >= *ground.keep_days,
                  gone + "were dropped by the rule of " + counted(days, "day") + newest,
                  gone + "were dropped, and a rule of this phone was " + counted(shortest, "day") +
                      ": shorter than the enterprise's.");
}

/// A head that is not here may be of records that were dropped by rule: then it is older than what is left.
void check_witnesses(const AuditReport& log, const AuditGround& ground, Findings& out) {
    if (ground.witnesses.empty()) return;
    std::unordered_set<std::string> heads;
    for (const AuditRecord& r : log.records) heads.insert(to_hex(r.digest));
    const Finding* retention = out.find("retention");
    const Verdict dropped = retention == nullptr ? Verdict::failed : retention->verdict;
    size_t known = 0, older = 0;
    for (const AuditWitness& w : ground.witnesses) {
        const std::string head = "The head that " + w.who + " keeps (" + to_hex(w.head).substr(0, 16) + "...) ";
        if (heads.contains(to_hex(w.head)))
            ++known;
        else if (dropped == Verdict::failed || (w.wall_ms != 0 && w.wall_ms >= log.records.front().wall_ms))
            out.add(
                "witness", Verdict::failed,
                head + "is not in this log: it was cut, rolled back or rewritten since, or its phone lost power then.");
        else if (w.wall_ms == 0)
            out.add("witness", Verdict::unknown,
                    head +
                        "is not in this log, whose older records are not here: a file of `audit export --witnesses` "
                        "says of when it is.");
        else if (dropped == Verdict::ok)
            ++older;
        else
            out.add("witness", Verdict::unknown, head + "is older than the records that are here.");
    }
    if (older != 0)
        out.add("witness", Verdict::note,
                counted(older, "head that others keep is", "heads that others keep are") +
                    " older than the records that are left.");
    if (known != 0)
        out.add("witness", Verdict::ok,
                counted(known, "head that others keep stands", "heads that others keep stand") + " in this log.");
}

/// The index as it is now: what the log comes to, or one anchor more that a crash kept from being written down.
void check_live(const AuditReport& log, const AnchorReport& report, const AuditGround& ground, Findings& out) {
    if (!ground.live || report.signers.empty() || !report.signers.back().key) return;
    static const Bytes kName = attestation::nv_index_name(audit::kIndex, audit::kIndexAttributes, sizeof(Digest));
    const auto said =
        attestation::check_index_statement(*report.signers.back().key, ground.live->attest, ground.live->signature,
                                           audit_qualifying_data(audit::kForLive, 0, ground.live->nonce), kName);
    if (!said) {
        out.add(
            "live", Verdict::failed,
            std::string("What this computer's TPM says now does not hold for this log: ") + said.error().what + ".");
        return;
    }
    bool holds = equal_bytes(said->nv_contents, report.value);
    for (size_t j = report.anchored ? *report.anchored + 1 : 0; !holds && j < log.records.size(); ++j)
        holds = equal_bytes(said->nv_contents, extended(report.value, log.records[j].digest));
    out.check("live", holds, "This computer's TPM holds what this log comes to: no anchored record was cut.",
              "This computer's TPM has seen more than stands in this log: it was cut or rolled back.");
}

}  // namespace

const AuditSigner* AnchorReport::signer(size_t record) const {
    if (signers.empty()) return nullptr;
    const size_t index = record < signer_of.size() ? signer_of[record] : signers.size() - 1;
    return index == kNoSigner ? nullptr : &signers[index];
}

AuditSigner read_signer(const AuditRecord& started, const AuditGround& ground, std::string& why_not) {
    AuditSigner out;
    out.software_tpm = started.flag("software_tpm");
    auto key = attestation::parse_tpmt_public(started.hex("ak_public"));
    if (!key || !attestation::is_attestation_key(*key)) {
        why_not = "the log names no attestation key";
        return out;
    }
    out.key = *std::move(key);
    if (ground.roots.empty()) return out;
    if (started.hex("ak_certificate").empty()) {
        why_not = "the phone had no certificate then";
        return out;
    }
    const auto certificate =
        attestation::check_ak_certificate(started.hex("ak_certificate"), ground.roots, started.wall_ms);
    const auto spki = attestation::spki_der(*out.key);
    if (!certificate || !spki || *spki != certificate->spki) {
        why_not = certificate ? "its certificate is of another key" : why_untrusted(certificate.error());
        return out;
    }
    out.vouched = true;
    out.device = certificate->device.device;
    out.authority = certificate->device.authority;
    out.software_tpm = certificate->device.software_tpm || out.software_tpm;
    return out;
}

AnchorReport check_anchors(const AuditTrail& trail, const AuditGround& ground, Findings& out) {
    const AuditReport& log = trail.log;
    out.check("chain", log.holds() && !log.records.empty(),
              counted(log.records.size(), "record") + ", each bound to the one before.",
              log.holds() ? "There is no record." : log.problem);
    if (log.cut_short)
        out.add("cut_short", Verdict::note, "The last line has no end: the phone was stopped while it wrote it.");
    check_content(log, out);
    check_vault(log, out);
    check_retention(log, ground, out);
    AnchorReport report = Replay(trail, ground, out).run();
    check_witnesses(log, ground, out);
    check_live(log, report, ground, out);
    return report;
}

}  // namespace sealcall::cli
