#include "tools/machine/plan.h"

#include "tools/sealcall/cel_json.h"
#include "tools/sealcall/problem.h"

namespace sealcall::lab {
namespace {

using namespace sealcall::logs;
using cli::Problem;

constexpr uint32_t kRuntimePcr = 10, kLaunchPcr = 17, kLastDynamicPcr = 22;

[[noreturn]] void not_readable(const char* kind, const Error& error) {
    throw Problem(
        std::string("This is not ") + kind + ": " + error.what + " (at " + std::to_string(error.detail) + ").",
        "Check that the file is whole and of the right kind.");
}

/// True when these bytes are what was hashed into the event, in every bank that it has.
bool is_hash_of(const EventLog& log, const LogEvent& event, ByteSpan bytes) {
    for (const LogAlgorithm& a : log.algorithms) {
        if (!is_replayable(a.number)) continue;
        const ByteSpan digest = log.digest_of(event, a.number);
        if (!digest.empty() && !equal_bytes(Hasher(a.number).hash(bytes).view(), digest)) return false;
    }
    return true;
}

/// An event that hardware makes by hashing: the TPM is given bytes, never a digest.
void check_hashed(const EventLog& log, const LogEvent& event, const std::optional<ByteSpan>& bytes, const char* what,
                  const char* option) {
    const std::string at = "Event " + std::to_string(event.index) + " of the log is ";
    if (!bytes)
        throw Problem(at + what + ", which a TPM takes from the hardware as bytes and not as a digest.",
                      std::string("Name the file of what was hashed with ") + option + ".");
    if (!is_hash_of(log, event, *bytes))
        throw Problem(at + what + ", but not of the bytes that were given with " + option + ".",
                      "Name the file whose hash stands in that event.");
}

void plan_boot(const EventLog& log, const PlanInput& input, Plan& plan) {
    plan.startup_locality = log.startup_locality;
    bool started = false, launched = false;
    for (const LogEvent& e : log.events) {
        if (!e.extends()) continue;
        Extend x{.pcr = e.pcr, .how = How::extend, .digests = {}};
        for (const LogAlgorithm& a : log.algorithms)
            if (const ByteSpan d = log.digest_of(e, a.number); is_replayable(a.number) && !d.empty())
                x.digests.emplace_back(a.number, AnyDigest::of(d));
        if (e.pcr == 0 && !started && log.startup_locality == 4) {
            check_hashed(log, e, input.hcrtm, "the measurement of a hardware root of trust (H-CRTM)", "--hcrtm");
            x.how = How::hcrtm;
        }
        started = started || e.pcr == 0;
        if (e.pcr >= kLaunchPcr && e.pcr <= kLastDynamicPcr && !launched) {
            if (e.pcr != kLaunchPcr)
                throw Problem("Event " + std::to_string(e.index) + " of the log extends PCR " + std::to_string(e.pcr) +
                                  " before PCR 17: no dynamic launch does that.",
                              "Use a log that begins with the launch.");
            check_hashed(log, e, input.launched, "a dynamic launch", "--drtm");
            x.how = How::launch;
            launched = true;
        }
        plan.extends.push_back(std::move(x));
    }
    if (log.startup_locality == 4 && !started)
        throw Problem("The log says that the TPM was started by hardware (locality 4), and has no event for it.",
                      "Use a whole log.");
}

void plan_cel(const CelLog& cel, Plan& plan) {
    for (const CelEvent& e : cel.events) {
        if (e.kind != CelRegister::pcr || !e.extends()) continue;
        if (e.index >= kLaunchPcr && e.index <= kLastDynamicPcr)
            throw Problem("Record " + std::to_string(e.number) + " extends PCR " + std::to_string(e.index) +
                              ": dynamic launches are read from event logs only.",
                          "Give them in --log.");
        plan.extends.push_back({.pcr = e.index, .how = How::extend, .digests = e.digests});
    }
}

void plan_ima(const PlanInput& input, const std::vector<uint16_t>& banks, Plan& plan) {
    std::vector<ImaReplay> replays;
    for (const uint16_t bank : banks) replays.emplace_back(bank, input.ima_rule);
    const Status read = visit_ima_list(input.ima, [&](const ImaEntry& entry) {
        if (entry.pcr != kRuntimePcr)
            throw Problem("Entry " + std::to_string(entry.index) + " of the kernel's list is of PCR " +
                              std::to_string(entry.pcr) + ", not of 10.",
                          "Only lists of PCR 10 are replayed.");
        plan.extends.push_back(
            {.pcr = kRuntimePcr, .how = How::extend, .digests = digests_of(entry, input.ima_rule, banks)});
        for (ImaReplay& r : replays) r.add(entry);
        return true;
    });
    if (!read) not_readable("a list of the kernel (IMA)", read.error());
    for (const ImaReplay& r : replays) {
        const auto bank = std::ranges::find(plan.expected, r.bank(), &BankReplay::algorithm);
        PcrValue& value = bank->pcrs[kRuntimePcr];
        if (value.events > 0)
            throw Problem("The log extends PCR 10 itself, and there is a list of the kernel.",
                          "Give one of the two: which came first cannot be known.");
        value.value = r.value();
        value.events = 1;
    }
}

}  // namespace

std::vector<std::pair<uint16_t, AnyDigest>> digests_of(const ImaEntry& entry, ImaRule rule,
                                                       const std::vector<uint16_t>& banks) {
    std::vector<std::pair<uint16_t, AnyDigest>> out;
    for (const uint16_t bank : banks) {
        Hasher hasher(bank);
        AnyDigest d;
        d.size = static_cast<uint8_t>(hasher.size());
        if (entry.violation())
            std::fill_n(d.bytes.begin(), d.size, std::byte{0xff});
        else if (bank == kSha1 || rule == ImaRule::padded_sha1)
            std::ranges::copy(entry.template_hash, d.bytes.begin());
        else
            d = hasher.hash(entry.data);
        out.emplace_back(bank, d);
    }
    return out;
}

Plan make_plan(const PlanInput& input) {
    Plan plan;
    const auto log = parse_event_log(input.boot);
    if (!log) not_readable("an event log", log.error());
    plan_boot(*log, input, plan);
    std::optional<CelLog> cel;
    if (!input.cel.empty()) {
        auto read = cli::is_cel_json(input.cel) ? cli::parse_cel_json(input.cel) : parse_cel_tlv(input.cel);
        if (!read) not_readable("a canonical event log", read.error());
        cel = *std::move(read);
        plan_cel(*cel, plan);
    }
    plan.expected = replay_all(*log);
    if (plan.expected.empty()) {  // no boot log: the banks of the other one, else SHA-256
        EventLog none;
        if (cel) none.algorithms = cel->algorithms();
        plan.expected = replay_all(none);
        if (plan.expected.empty()) plan.expected.push_back(replay_bank(none, kSha256));
    }
    if (cel) extend_banks(*cel, plan.expected);
    std::vector<uint16_t> banks;
    for (const BankReplay& bank : plan.expected) banks.push_back(bank.algorithm);
    if (!input.ima.empty()) plan_ima(input, banks, plan);
    return plan;
}

}  // namespace sealcall::lab
