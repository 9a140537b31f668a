#include "boot_report.h"

#include "commands.h"
#include "problem.h"

namespace sealcall::cli {

using namespace sealcall::logs;

namespace {

const char* stage_title(FactKind kind) {
    switch (kind) {
        case FactKind::firmware_version:
            return "Firmware";
        case FactKind::secure_boot_switch:
            return "Secure Boot";
        case FactKind::authority:
            return "Admitted by";
        case FactKind::driver:
            return "Driver";
        case FactKind::application:
            return "Program before the system";
        case FactKind::kernel_image_part:
            return "Kernel image";
        case FactKind::kernel_command_line:
            return "Kernel";
        case FactKind::initrd:
            return "First file system";
        case FactKind::os_took_over:
            return "Operating system";
        default:
            return nullptr;
    }
}

bool any_event(const BootReport& r, FactKind kind) {
    return std::ranges::any_of(r.facts.facts, [&](const BootFact& f) { return f.kind == kind; });
}

void missing_for_two(const BootReport& r, std::vector<MissingForLevel>& out) {
    if (r.bank == 0) {
        out.push_back({2, "nothing_measured", "The log has no events that can be replayed, so it says nothing.",
                       "Switch the security chip (TPM) on in the firmware's settings, and take the log anew."});
        return;
    }
    for (uint32_t pcr = 0; pcr < kPcrCount; ++pcr)
        if (!r.replay.pcrs[pcr].complete)
            out.push_back({2, "pcr_not_replayable",
                           "PCR " + std::to_string(pcr) + " cannot be worked out: an event has no digest of " +
                               algorithm_name(r.bank) + ".",
                           "Update the firmware, or the program that measured there."});
    if (r.bank != kSha256)
        out.push_back({2, "no_sha256", "The log has no SHA-256 digests, and phones take no others.",
                       "Switch the SHA-256 bank of the security chip (TPM) on in the firmware's settings."});
}

void missing_for_three(const BootReport& r, std::vector<MissingForLevel>& out) {
    if (r.facts.secure_boot.state == SecureBoot::State::off)
        out.push_back({3, "secure_boot_off", "Secure Boot is off: any boot loader can be started.",
                       "Switch Secure Boot on in the firmware's settings."});
    if (r.facts.secure_boot.state == SecureBoot::State::unknown)
        out.push_back({3, "secure_boot_unknown", "The log does not prove whether Secure Boot is on.",
                       "The warnings tell why; a newer firmware measures it in the agreed form."});
    if (any_event(r, FactKind::failed_separator))
        out.push_back({3, "firmware_error", "The firmware measured an error.", "Ask the maker of the computer."});
    if (!any_event(r, FactKind::os_took_over))
        out.push_back({3, "end_of_boot_unknown", "The log does not say when the operating system took over.",
                       "A newer firmware or boot loader measures it (ExitBootServices)."});
    out.push_back({3, "boot_not_compared",
                   "Nothing here says that this firmware and this boot loader are approved: a log holds no approval.",
                   "The administrator approves the boot of a golden machine; the phones then compare by themselves."});
    out.push_back({3, "measurement_self_vouched",
                   "The log ends before sealcall starts: who measured sealcall does not stand in it.",
                   "The administrator installs the managed mode."});
}

}  // namespace

BootReport read_boot_report(const std::string& file, std::string_view content) {
    BootReport r;
    r.file = printable(file, 200);
    auto log = parse_event_log(as_bytes(content));
    if (!log)
        throw Problem(
            r.file + " is not an event log: " + log.error().what + " (at " + std::to_string(log.error().detail) + ").",
            "Check that the file is whole and of the right kind.");
    r.log = *std::move(log);
    r.warnings = r.log.warnings;
    const auto bank = best_bank(r.log);
    if (!bank) return r;
    r.bank = *bank;
    r.replay = replay_bank(r.log, r.bank);
    r.facts = read_boot_facts(r.log, r.bank);
    for (const LogWarning& w : r.facts.warnings.list) r.warnings.add(w.event, w.text);
    r.warnings.count += r.facts.warnings.count - r.facts.warnings.list.size();
    return r;
}

std::vector<BootStage> boot_chain(const BootReport& report) {
    std::vector<BootStage> out;
    for (const BootFact& f : report.facts.facts) {
        const char* title = stage_title(f.kind);
        if (title == nullptr || out.size() == kStagesMax) continue;
        out.push_back({title, sentence_of(f), f.pcr, f.event, f.proven()});
    }
    return out;
}

std::vector<MissingForLevel> missing_for_levels(const BootReport& report) {
    std::vector<MissingForLevel> out;
    out.push_back({1, "no_quote", "A log by itself proves nothing: anybody can write one.",
                   "Compare it with quoted PCR values: sealcall evidence replay LOG --pcrs FILE."});
    missing_for_two(report, out);
    out.push_back({2, "no_tpm_certificate", "Nothing here says that the security chip is a genuine one.",
                   "The owner enrols the device: sealcall enroll."});
    missing_for_three(report, out);
    out.push_back(
        {4, "no_runtime_list",
         "The log ends where the operating system begins; the kernel's list of programs (IMA) is another file.",
         "Switch the kernel's list on, and look at both: sealcall evidence replay LOG --ima LIST."});
    return out;
}

const char* secure_boot_word(const BootReport& report) {
    if (report.facts.secure_boot.state == SecureBoot::State::on) return "on";
    return report.facts.secure_boot.state == SecureBoot::State::off ? "off" : "unknown";
}

std::vector<std::string> boot_sentences(const BootReport& report) {
    std::vector<std::string> out;
    const size_t claims = static_cast<size_t>(std::ranges::count_if(
        report.facts.facts, [&](const BootFact& f) { return report.log.events[f.event].extends() && !f.proven(); }));
    if (report.log.events.empty()) return {"The log is empty and says nothing."};
    out.push_back("The log has " + std::to_string(report.log.events.size()) + " events; for " + std::to_string(claims) +
                  " of them no digest proves the words, only that something was measured.");
    for (const BootStage& stage : boot_chain(report)) out.push_back(stage.text);
    out.push_back(std::string("Secure Boot, as far as the log proves it: ") + secure_boot_word(report) + ".");
    if (report.warnings.count != 0)
        out.push_back("It is odd in " + std::to_string(report.warnings.count) +
                      " places: sealcall evidence show tells them.");
    return out;
}

}  // namespace sealcall::cli
