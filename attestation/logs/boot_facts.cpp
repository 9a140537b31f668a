#include "attestation/logs/boot_facts.h"

#include "attestation/logs/little_reader.h"

namespace sealcall::logs {
namespace {

using namespace std::literals;

constexpr const char* kKindNames[] = {"log_header",
                                      "startup_locality",
                                      "information",
                                      "firmware_version",
                                      "firmware_code",
                                      "firmware_settings",
                                      "driver",
                                      "secure_boot_switch",
                                      "key_database",
                                      "variable",
                                      "boot_entry",
                                      "partition_table",
                                      "boot_option_called",
                                      "boot_option_returned",
                                      "os_took_over",
                                      "action",
                                      "separator",
                                      "failed_separator",
                                      "authority",
                                      "application",
                                      "loader_command",
                                      "loader_file",
                                      "kernel_command_line",
                                      "kernel_image_part",
                                      "initrd",
                                      "mok_list",
                                      "other"};
static_assert(std::size(kKindNames) == static_cast<size_t>(FactKind::other) + 1);

bool is_key_database(const UefiVariable& v) {
    if (v.vendor == kEfiGlobalVariable) return v.name == "PK" || v.name == "KEK";
    return v.vendor == kEfiImageSecurity && (v.name == "db" || v.name == "dbx" || v.name == "dbt" || v.name == "dbr");
}

void read_variable(const LogEvent& e, BootFact& fact) {
    const auto v = parse_uefi_variable(e.data);
    if (!v) {
        fact.kind = FactKind::other;
        fact.proof = Proof::none;  // bytes that hash, but say nothing that can be told
        return;
    }
    fact.name = v->name;
    if (v->vendor == kEfiGlobalVariable && v->name == "SecureBoot") {
        fact.kind = FactKind::secure_boot_switch;  // whatever the event calls itself: its type is not hashed
        if (v->data.size() == 1)
            fact.detail = v->data[0] == std::byte{1} ? "on" : v->data[0] == std::byte{0} ? "off" : "";
    } else if (e.type == event_type::kEfiVariableAuthority) {
        fact.kind = FactKind::authority;
        const auto cert = authority_certificate(v->data);
        fact.detail = cert ? cert->subject : v->vendor == kShimLock ? any_text(v->data) : std::string();
    } else if (e.type != event_type::kEfiVariableDriverConfig) {
        fact.kind = FactKind::boot_entry;
        // Attributes u32, length of the path u16, description: EFI_LOAD_OPTION (UEFI 2.10, 3.1.3).
        if (v->name.size() == 8 && v->name.starts_with("Boot") && v->name != "BootNext" && v->data.size() > 6)
            fact.detail = utf16_text(v->data.subspan(6));
        // Where only the contents were hashed, nothing proves whose they are.
        if (fact.proof == Proof::variable) fact.proof = Proof::none;
    } else {
        fact.kind = is_key_database(*v) ? FactKind::key_database : FactKind::variable;
    }
}

void read_image(const LogEvent& e, BootFact& fact) {
    fact.kind = e.type == event_type::kEfiBootServicesApplication ? FactKind::application : FactKind::driver;
    fact.proof = Proof::none;  // the digest is of the image
    if (const auto image = parse_image_load(e.data)) {
        fact.detail = image->path.text;
        fact.name = image->path.file;
    }
}

void read_action(const LogEvent& e, BootFact& fact) {
    const std::string_view text = as_chars(e.data);
    fact.detail = ascii_text(e.data);
    fact.kind = FactKind::action;
    if (e.pcr == 4 && text == "Calling EFI Application from Boot Option") fact.kind = FactKind::boot_option_called;
    if (e.pcr == 4 && text == "Returning from EFI Application from Boot Option")
        fact.kind = FactKind::boot_option_returned;
    if (e.pcr == 5 && text == "Exit Boot Services Invocation") fact.kind = FactKind::os_took_over;
}

/// EV_IPL: GRUB's commands (PCR 8) and files (PCR 9), shim's lists (PCR 14), systemd-stub and sd-boot (PCR 8, 11, 12,
/// 13).
void read_loader(const LogEvent& e, BootFact& fact) {
    const std::string_view prefix = loader_prefix(e.data);
    fact.detail = any_text(e.data.subspan(prefix.size()));
    if (e.pcr == 14) {
        fact.kind = FactKind::mok_list;
        std::swap(fact.name, fact.detail);
    } else if (e.pcr == 9) {
        fact.kind = FactKind::loader_file;
        std::swap(fact.name, fact.detail);
    } else if (e.pcr == 11) {
        fact.kind = FactKind::kernel_image_part;
        std::swap(fact.name, fact.detail);
    } else if (e.pcr == 12 || prefix.find("kernel_cmdline") != std::string_view::npos) {
        fact.kind = FactKind::kernel_command_line;
    } else if (e.pcr == 8) {
        // systemd-boot measured the kernel's options here without a prefix, as UTF-16.
        fact.kind = prefix.empty() ? FactKind::kernel_command_line : FactKind::loader_command;
    }
}

/// EV_EVENT_TAG: id u32, size u32, text. The kernel's EFI stub measures what it was given (PCR 9).
void read_tag(const LogEvent& e, BootFact& fact) {
    constexpr uint32_t kInitrd = 0x8f3b22ec, kLoadOptions = 0x8f3b22ed;
    LittleReader r(e.data);
    const auto id = r.u32();
    const auto size = r.u32();
    if (!id || !size) return;
    fact.detail = any_text(r.rest());
    if (e.pcr == 9 && *id == kInitrd) fact.kind = FactKind::initrd;
    if (e.pcr == 9 && *id == kLoadOptions) fact.kind = FactKind::kernel_command_line;
    fact.proof = Proof::none;
}

void read_information(const LogEvent& e, const EventLog& log, BootFact& fact) {
    fact.kind = FactKind::information;
    if (as_chars(e.data).starts_with("StartupLocality\0"sv)) {
        fact.kind = FactKind::startup_locality;
        fact.detail = std::to_string(log.startup_locality);
        return;
    }
    if (e.index == 0) fact.kind = FactKind::log_header;
    fact.detail = ascii_text(e.data.first(std::min<size_t>(e.data.size(), 16)));
}

BootFact read_fact(const LogEvent& e, const EventLog& log, Hasher& hasher) {
    BootFact fact;
    fact.event = e.index;
    fact.pcr = e.pcr;
    fact.proof = prove(log, e, hasher);
    switch (e.type) {
        case event_type::kNoAction:
            read_information(e, log, fact);
            break;
        case event_type::kSCrtmVersion:
            fact.kind = FactKind::firmware_version;
            fact.detail = any_text(e.data);
            break;
        case event_type::kPostCode:
        case event_type::kPostCode2:
        case event_type::kSCrtmContents:
        case event_type::kEfiPlatformFirmwareBlob:
        case event_type::kEfiPlatformFirmwareBlob2:
        case event_type::kEfiHcrtmEvent:
        case event_type::kCpuMicrocode:
        case event_type::kEfiSpdmFirmwareBlob:
        case event_type::kNonhostCode:
            fact.kind = FactKind::firmware_code;
            if (e.type != event_type::kEfiPlatformFirmwareBlob) fact.detail = any_text(e.data);
            break;
        case event_type::kPlatformConfigFlags:
        case event_type::kTableOfDevices:
        case event_type::kEfiHandoffTables:
        case event_type::kEfiHandoffTables2:
        case event_type::kNonhostConfig:
        case event_type::kNonhostInfo:
            fact.kind = FactKind::firmware_settings;
            break;
        case event_type::kEfiVariableDriverConfig:
        case event_type::kEfiVariableBoot:
        case event_type::kEfiVariableBoot2:
        case event_type::kEfiVariableAuthority:
            read_variable(e, fact);
            break;
        case event_type::kEfiBootServicesApplication:
        case event_type::kEfiBootServicesDriver:
        case event_type::kEfiRuntimeServicesDriver:
            read_image(e, fact);
            break;
        case event_type::kEfiGptEvent:
        case event_type::kEfiGptEvent2:
            fact.kind = FactKind::partition_table;
            break;
        case event_type::kAction:
        case event_type::kEfiAction:
            read_action(e, fact);
            break;
        case event_type::kSeparator:
            fact.kind = e.data.size() == 4 && (e.data[0] == std::byte{0} || e.data[0] == std::byte{0xff})
                            ? FactKind::separator
                            : FactKind::failed_separator;
            break;
        case event_type::kIpl:
            read_loader(e, fact);
            break;
        case event_type::kEventTag:
            read_tag(e, fact);
            break;
        default:
            fact.detail = any_text(e.data);
            break;
    }
    return fact;
}

KeyDatabase read_database(const LogEvent& e, const BootFact& fact) {
    KeyDatabase out;
    out.event = e.index;
    out.name = fact.name;
    out.proven = fact.proven();
    const auto variable = parse_uefi_variable(e.data);
    auto content = variable ? parse_signature_database(variable->data) : Result<SignatureDatabase>(variable.error());
    out.readable = content.has_value();
    if (out.readable) out.content = *std::move(content);
    return out;
}

/// True for what firmware rightly measures into PCR 7 before its separator, and proves: a type is not hashed, so an
/// event without proof could be any event under another name, a switch that says "off" among them.
bool belongs_in_pcr7(const LogEvent& e, const BootFact& fact) {
    if (!fact.proven()) return false;
    switch (fact.kind) {
        case FactKind::secure_boot_switch:
        case FactKind::key_database:
        case FactKind::variable:
        case FactKind::authority:
            return true;
        case FactKind::action:
            return std::ranges::all_of(as_chars(e.data), [](char c) { return c >= 0x20 && c < 0x7f; });
        default:
            return false;
    }
}

/// One event of PCR 7 before the separator. Returns false when Secure Boot's state can no longer be told.
bool take_secure_boot(const LogEvent& e, const BootFact& fact, BootFacts& out) {
    SecureBoot& sb = out.secure_boot;
    if (fact.kind == FactKind::key_database) {
        const bool again = std::ranges::find(sb.databases, fact.name, &KeyDatabase::name) != sb.databases.end();
        if (again) out.warnings.add(fact.event, "A second measurement of " + fact.name + " before the separator.");
        if (!again) sb.databases.push_back(read_database(e, fact));
    }
    if (!belongs_in_pcr7(e, fact)) {
        out.warnings.add(fact.event,
                         "An event of PCR 7 before the separator is not proven: Secure Boot's state is unknown.");
        return false;
    }
    if (fact.kind != FactKind::secure_boot_switch) return true;
    if (sb.event != UINT32_MAX) {
        out.warnings.add(fact.event, "A second measurement of SecureBoot: Secure Boot's state is unknown.");
        return false;
    }
    sb.event = fact.event;
    if (fact.detail.empty()) {
        out.warnings.add(fact.event, "The variable SecureBoot is not one byte of 0 or 1.");
        return false;
    }
    sb.state = fact.detail == "on" ? SecureBoot::State::on : SecureBoot::State::off;
    return true;
}

/// Secure Boot's variables up to the separator of PCR 7. What comes later may be extended by anybody who runs.
void read_secure_boot(const EventLog& log, BootFacts& out) {
    bool known = true, separated = false;
    for (const BootFact& fact : out.facts) {
        const LogEvent& e = log.events[fact.event];
        if (fact.pcr != 7 || !e.extends()) continue;
        if (fact.kind == FactKind::separator && fact.proven()) {
            separated = true;
            break;
        }
        if (!take_secure_boot(e, fact, out)) known = false;
    }
    if (!known || !separated) out.secure_boot.state = SecureBoot::State::unknown;
}

/// Digests that the profile calls hashes of the data and that are not: one warning for each type and PCR.
void warn_of_proofs(const EventLog& log, BootFacts& out) {
    struct Row {
        uint32_t type, pcr, first;
        size_t count;
    };
    std::vector<Row> rows;
    for (const BootFact& fact : out.facts) {
        const LogEvent& e = log.events[fact.event];
        if (!e.extends() || fact.proven() || !should_prove(e)) continue;
        if (fact.kind == FactKind::boot_entry) continue;  // old firmware hashes the contents alone
        const auto row = std::ranges::find_if(rows, [&](const Row& r) { return r.type == e.type && r.pcr == e.pcr; });
        if (row == rows.end())
            rows.push_back({e.type, e.pcr, e.index, 1});
        else
            ++row->count;
    }
    for (const Row& row : rows) {
        std::string text = "The digest of this " + event_type_name(row.type) + " event is not that of its data";
        if (row.count > 1)
            text += ", nor of " + std::to_string(row.count - 1) + " more in PCR " + std::to_string(row.pcr);
        out.warnings.add(row.first, text + ".");
    }
}

/// The order that the profile asks for (PFP 1.05, 3.3.4): option called, applications, ExitBootServices.
void warn_of_order(const EventLog& log, BootFacts& out) {
    bool called = false, left = false, applications = false;
    std::array<bool, 8> separated{};
    for (const BootFact& fact : out.facts) {
        if (fact.kind == FactKind::boot_option_called && fact.proven()) called = true;
        if (fact.kind == FactKind::os_took_over && fact.proven()) left = true;
        if ((fact.kind == FactKind::separator || fact.kind == FactKind::failed_separator) && fact.pcr < 8)
            separated[fact.pcr] = true;
        if (fact.kind == FactKind::failed_separator)
            out.warnings.add(fact.event, "The firmware measured an error instead of a separator.");
        if (fact.kind != FactKind::application) continue;
        applications = true;
        if (fact.pcr == 4 && !called)
            out.warnings.add(fact.event, "An application was started before the firmware called a boot option.");
    }
    if (applications && !left)
        out.warnings.add(
            LogWarning::kWholeLog,
            "No ExitBootServices event: which applications ran before the operating system is not proven.");
    if (log.events.empty()) return;
    for (uint32_t pcr = 0; pcr < 8; ++pcr)
        if (!separated[pcr])
            out.warnings.add(LogWarning::kWholeLog, "There is no separator in PCR " + std::to_string(pcr) + ".");
}

}  // namespace

const char* kind_name(FactKind kind) { return kKindNames[static_cast<size_t>(kind)]; }

std::optional<uint16_t> best_bank(const EventLog& log) {
    for (uint16_t bank : {kSha256, kSha384, kSha512, kSha1})
        if (log.has_bank(bank)) return bank;
    return {};
}

BootFacts read_boot_facts(const EventLog& log, uint16_t bank) {
    Hasher hasher(bank);
    BootFacts out;
    out.facts.reserve(log.events.size());
    for (const LogEvent& e : log.events) out.facts.push_back(read_fact(e, log, hasher));
    bool before = false;
    for (auto fact = out.facts.rbegin(); fact != out.facts.rend(); ++fact) {
        if (fact->kind == FactKind::os_took_over && fact->proven()) before = true;
        fact->before_os = before;
    }
    read_secure_boot(log, out);
    warn_of_order(log, out);
    warn_of_proofs(log, out);
    return out;
}

}  // namespace sealcall::logs
