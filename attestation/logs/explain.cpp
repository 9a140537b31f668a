#include "attestation/logs/explain.h"

namespace sealcall::logs {
namespace {

/// The last part of a path; the whole text if it has none.
std::string base_name(const std::string& path) {
    const size_t at = path.find_last_of("\\/");
    return at == std::string::npos || at + 1 == path.size() ? path : path.substr(at + 1);
}

std::string or_else(const std::string& text, const char* otherwise) { return text.empty() ? otherwise : text; }

std::string with_detail(const std::string& sentence, const std::string& detail) {
    return detail.empty() ? sentence + "." : sentence + ": " + detail;
}

std::string database_sentence(const std::string& name) {
    if (name == "PK") return "The owner's key of Secure Boot (PK) was measured.";
    if (name == "KEK") return "The keys that may change Secure Boot's lists (KEK) were measured.";
    if (name == "db") return "The list of what may start (db) was measured.";
    if (name == "dbx") return "The list of what is forbidden to start (dbx) was measured.";
    return "The list " + name + " of Secure Boot was measured.";
}

std::string plain_sentence(const BootFact& f) {
    switch (f.kind) {
        case FactKind::log_header:
            return "The log begins.";
        case FactKind::startup_locality:
            return "The TPM was started from locality " + f.detail + ".";
        case FactKind::information:
            return with_detail("A note that is not measured", f.detail);
        case FactKind::firmware_version:
            return with_detail("The firmware's version", f.detail);
        case FactKind::firmware_code:
            return with_detail("Code of the firmware was measured", f.detail);
        case FactKind::firmware_settings:
            return "Settings or tables of the firmware were measured.";
        case FactKind::driver:
            return with_detail("A driver was loaded", f.name.empty() ? f.detail : f.name);
        case FactKind::secure_boot_switch:
            if (f.detail == "on") return "Secure Boot is on.";
            if (f.detail == "off") return "Secure Boot is off.";
            return "Secure Boot is not set.";
        case FactKind::key_database:
            return database_sentence(f.name);
        case FactKind::variable:
            return "The firmware variable " + f.name + " was measured.";
        case FactKind::boot_entry:
            return with_detail("The boot setting " + or_else(f.name, "without a name"), f.detail);
        case FactKind::partition_table:
            return "The partition table of the boot disk was measured.";
        case FactKind::boot_option_called:
            return "The firmware called a boot option.";
        case FactKind::boot_option_returned:
            return "A boot option came back without starting a system.";
        case FactKind::os_took_over:
            return "The operating system took over from the firmware.";
        case FactKind::action:
            return with_detail("The firmware notes", f.detail);
        case FactKind::separator:
            return "The firmware finished its part of PCR " + std::to_string(f.pcr) + ".";
        case FactKind::failed_separator:
            return "The firmware measured an error.";
        case FactKind::authority:
            return with_detail("An entry of " + or_else(f.name, "a list") + " admitted what starts next", f.detail);
        case FactKind::application:
            if (f.name.empty()) return with_detail("A program was started before the operating system", f.detail);
            return "The boot loader " + base_name(f.name) + " was started.";
        case FactKind::loader_command:
            return with_detail("The boot loader ran", f.detail);
        case FactKind::loader_file:
            return with_detail("The boot loader read", f.name);
        case FactKind::kernel_command_line:
            return with_detail("The kernel was given", f.detail);
        case FactKind::kernel_image_part:
            return with_detail("A part of the kernel image was measured", f.name);
        case FactKind::initrd:
            return "The kernel's first file system (initrd) was measured.";
        case FactKind::mok_list:
            return "The list " + or_else(f.name, "without a name") + " of the machine owner's keys was measured.";
        case FactKind::other:
            break;
    }
    return with_detail("Something was measured that has no name here", f.detail);
}

bool is_note(FactKind kind) {
    return kind == FactKind::log_header || kind == FactKind::startup_locality || kind == FactKind::information;
}

struct Side {
    const EventLog& log;
    const BootFacts& facts;
    std::vector<uint32_t> events;  ///< of one PCR
    [[nodiscard]] ByteSpan digest(size_t i, uint16_t bank) const { return log.digest_of(log.events[events[i]], bank); }
    [[nodiscard]] const BootFact& fact(size_t i) const { return facts.facts[events[i]]; }
};

std::vector<uint32_t> events_of(const EventLog& log, uint32_t pcr) {
    std::vector<uint32_t> out;
    for (const LogEvent& e : log.events)
        if (e.extends() && e.pcr == pcr) out.push_back(e.index);
    return out;
}

EventChange change(EventChange::What what, uint32_t pcr, const BootFact* before, const BootFact* after) {
    EventChange out;
    out.what = what;
    out.pcr = pcr;
    if (before) out.before = before->event;
    if (after) out.after = after->event;
    if (what == EventChange::What::added) out.sentence = "New: " + sentence_of(*after);
    if (what == EventChange::What::removed) out.sentence = "No longer there: " + sentence_of(*before);
    if (what != EventChange::What::changed) return out;
    const std::string a = sentence_of(*before), b = sentence_of(*after);
    out.sentence = a == b ? "Other content: " + b : "Before: " + a + " Now: " + b;
    return out;
}

/// Lengths of the longest common subsequences of the tails, by digest.
std::vector<uint16_t> common_tails(const Side& a, const Side& b, uint16_t bank) {
    const size_t rows = a.events.size(), columns = b.events.size() + 1;
    std::vector<uint16_t> table((rows + 1) * columns);
    for (size_t i = rows; i-- > 0;)
        for (size_t j = columns - 1; j-- > 0;)
            table[i * columns + j] = equal_bytes(a.digest(i, bank), b.digest(j, bank))
                                         ? static_cast<uint16_t>(table[(i + 1) * columns + j + 1] + 1)
                                         : std::max(table[(i + 1) * columns + j], table[i * columns + j + 1]);
    return table;
}

/// A run of removed events beside a run of added ones: told as changes where the kinds are the same.
void tell_run(const Side& a, size_t a_from, size_t a_to, const Side& b, size_t b_from, size_t b_to, uint32_t pcr,
              std::vector<EventChange>& out) {
    using What = EventChange::What;
    while (a_from < a_to && b_from < b_to && a.fact(a_from).kind == b.fact(b_from).kind)
        out.push_back(change(What::changed, pcr, &a.fact(a_from++), &b.fact(b_from++)));
    for (; a_from < a_to; ++a_from) out.push_back(change(What::removed, pcr, &a.fact(a_from), nullptr));
    for (; b_from < b_to; ++b_from) out.push_back(change(What::added, pcr, nullptr, &b.fact(b_from)));
}

void compare_pcr(const Side& a, const Side& b, uint32_t pcr, uint16_t bank, std::vector<EventChange>& out) {
    const std::vector<uint16_t> table = common_tails(a, b, bank);
    const size_t columns = b.events.size() + 1;
    size_t i = 0, j = 0;
    while (i < a.events.size() || j < b.events.size()) {
        const size_t i0 = i, j0 = j;
        while (i < a.events.size() || j < b.events.size()) {
            const bool both = i < a.events.size() && j < b.events.size();
            if (both && equal_bytes(a.digest(i, bank), b.digest(j, bank))) break;
            if (j == b.events.size() || (both && table[(i + 1) * columns + j] >= table[i * columns + j + 1]))
                ++i;
            else
                ++j;
        }
        tell_run(a, i0, i, b, j0, j, pcr, out);
        if (i < a.events.size() && j < b.events.size()) {
            ++i;
            ++j;
        }
    }
}

}  // namespace

std::string sentence_of(const BootFact& fact) {
    const bool told_by_digest = fact.proven() || is_note(fact.kind);
    if (told_by_digest) return plain_sentence(fact);
    return "The log says: " + plain_sentence(fact);
}

const char* purpose_of(uint32_t pcr) {
    static constexpr const char* kPurposes[] = {"firmware code",
                                                "firmware settings",
                                                "code of add-in cards",
                                                "settings of add-in cards",
                                                "boot loader code",
                                                "boot loader settings and partition table",
                                                "manufacturer's own",
                                                "Secure Boot",
                                                "boot loader commands and kernel command line",
                                                "files that the boot loader read",
                                                "files that the kernel measured",
                                                "kernel image",
                                                "kernel command line and overrides",
                                                "system extensions",
                                                "machine owner's keys",
                                                "system identity",
                                                "debugging",
                                                "dynamic launch: its code",
                                                "dynamic launch: its policy"};
    return pcr < std::size(kPurposes) ? kPurposes[pcr] : "";
}

std::vector<EventChange> compare_boots(const EventLog& before, const BootFacts& before_facts, const EventLog& after,
                                       const BootFacts& after_facts, uint16_t bank) {
    std::vector<EventChange> out;
    for (uint32_t pcr = 0; pcr < kPcrCount; ++pcr) {
        const Side a{before, before_facts, events_of(before, pcr)}, b{after, after_facts, events_of(after, pcr)};
        if (a.events.size() <= kCompareMax && b.events.size() <= kCompareMax) {
            compare_pcr(a, b, pcr, bank, out);
            continue;
        }
        EventChange whole;
        whole.pcr = pcr;
        whole.sentence = "PCR " + std::to_string(pcr) + " has too many events to compare them one by one.";
        out.push_back(whole);
    }
    return out;
}

}  // namespace sealcall::logs
