#include "attestation/logs/tcg_event_log.h"

#include "attestation/logs/little_reader.h"

namespace sealcall::logs {
namespace {

using namespace std::literals;

constexpr size_t kZerosMin = 16;  ///< bytes
constexpr std::string_view kSpecId03 = "Spec ID Event03\0"sv;
constexpr std::string_view kStartupLocality = "StartupLocality\0"sv;

struct TypeName {
    uint32_t type;
    const char* name;
};

constexpr TypeName kTypeNames[] = {
    {event_type::kPrebootCert, "EV_PREBOOT_CERT"},
    {event_type::kPostCode, "EV_POST_CODE"},
    {event_type::kNoAction, "EV_NO_ACTION"},
    {event_type::kSeparator, "EV_SEPARATOR"},
    {event_type::kAction, "EV_ACTION"},
    {event_type::kEventTag, "EV_EVENT_TAG"},
    {event_type::kSCrtmContents, "EV_S_CRTM_CONTENTS"},
    {event_type::kSCrtmVersion, "EV_S_CRTM_VERSION"},
    {event_type::kCpuMicrocode, "EV_CPU_MICROCODE"},
    {event_type::kPlatformConfigFlags, "EV_PLATFORM_CONFIG_FLAGS"},
    {event_type::kTableOfDevices, "EV_TABLE_OF_DEVICES"},
    {event_type::kCompactHash, "EV_COMPACT_HASH"},
    {event_type::kIpl, "EV_IPL"},
    {event_type::kIplPartitionData, "EV_IPL_PARTITION_DATA"},
    {event_type::kNonhostCode, "EV_NONHOST_CODE"},
    {event_type::kNonhostConfig, "EV_NONHOST_CONFIG"},
    {event_type::kNonhostInfo, "EV_NONHOST_INFO"},
    {event_type::kOmitBootDeviceEvents, "EV_OMIT_BOOT_DEVICE_EVENTS"},
    {event_type::kPostCode2, "EV_POST_CODE2"},
    {event_type::kEfiVariableDriverConfig, "EV_EFI_VARIABLE_DRIVER_CONFIG"},
    {event_type::kEfiVariableBoot, "EV_EFI_VARIABLE_BOOT"},
    {event_type::kEfiBootServicesApplication, "EV_EFI_BOOT_SERVICES_APPLICATION"},
    {event_type::kEfiBootServicesDriver, "EV_EFI_BOOT_SERVICES_DRIVER"},
    {event_type::kEfiRuntimeServicesDriver, "EV_EFI_RUNTIME_SERVICES_DRIVER"},
    {event_type::kEfiGptEvent, "EV_EFI_GPT_EVENT"},
    {event_type::kEfiAction, "EV_EFI_ACTION"},
    {event_type::kEfiPlatformFirmwareBlob, "EV_EFI_PLATFORM_FIRMWARE_BLOB"},
    {event_type::kEfiHandoffTables, "EV_EFI_HANDOFF_TABLES"},
    {event_type::kEfiPlatformFirmwareBlob2, "EV_EFI_PLATFORM_FIRMWARE_BLOB2"},
    {event_type::kEfiHandoffTables2, "EV_EFI_HANDOFF_TABLES2"},
    {event_type::kEfiVariableBoot2, "EV_EFI_VARIABLE_BOOT2"},
    {event_type::kEfiGptEvent2, "EV_EFI_GPT_EVENT2"},
    {event_type::kEfiHcrtmEvent, "EV_EFI_HCRTM_EVENT"},
    {event_type::kEfiVariableAuthority, "EV_EFI_VARIABLE_AUTHORITY"},
    {event_type::kEfiSpdmFirmwareBlob, "EV_EFI_SPDM_FIRMWARE_BLOB"},
    {event_type::kEfiSpdmFirmwareConfig, "EV_EFI_SPDM_FIRMWARE_CONFIG"},
};

Error at(Errc code, const char* what, size_t offset) { return {code, what, static_cast<uint32_t>(offset)}; }

/// pcr, type, SHA-1 digest, data: the legacy form, and the header of the other one.
Result<LogEvent> read_legacy(LittleReader& r, uint32_t index) {
    LogEvent e;
    e.index = index;
    e.offset = r.offset();
    TRY(e.pcr, r.u32());
    TRY(e.type, r.u32());
    TRY(e.digests, r.bytes(20));
    TRY(const uint32_t size, r.u32());
    if (size > r.left()) return at(Errc::truncated, "event data is longer than the log", e.offset);
    TRY(e.data, r.bytes(size));
    return e;
}

/// The digests of one event: known algorithms, each at most once.
Status skip_digests(LittleReader& r, uint32_t count, const EventLog& log) {
    uint32_t seen = 0;
    static_assert(kBankMax <= 32);
    for (uint32_t i = 0; i < count; ++i) {
        const size_t offset = r.offset();
        TRY(const uint16_t number, r.u16());
        size_t row = 0;
        while (row < log.algorithms.size() && log.algorithms[row].number != number) ++row;
        if (row == log.algorithms.size()) return at(Errc::bad_value, "digest algorithm is not in the header", offset);
        if ((seen >> row & 1U) != 0) return at(Errc::bad_value, "two digests of one algorithm", offset);
        seen |= 1U << row;
        if (auto digest = r.bytes(log.algorithms[row].size); !digest) return digest.error();
    }
    return {};
}

Result<LogEvent> read_agile(LittleReader& r, uint32_t index, const EventLog& log) {
    LogEvent e;
    e.index = index;
    e.offset = r.offset();
    TRY(e.pcr, r.u32());
    TRY(e.type, r.u32());
    TRY(const uint32_t count, r.u32());
    if (count > log.algorithms.size()) return at(Errc::bad_value, "more digests than algorithms", e.offset);
    const size_t digests = r.offset();
    TRY_STATUS(skip_digests(r, count, log));
    e.digests = r.between(digests, r.offset());
    TRY(const uint32_t size, r.u32());
    if (size > r.left()) return at(Errc::truncated, "event data is longer than the log", e.offset);
    TRY(e.data, r.bytes(size));
    return e;
}

/// The header's data (PFP 1.05, 10.4.5.1): signature 16, class u32, minor, major, errata, uintn u8, count u32, {alg,
/// size}, vendor size u8, vendor bytes. Returns how many vendor bytes stand behind the event: some logs leave them out
/// of its size.
Result<size_t> read_spec_id(ByteSpan data, EventLog& log) {
    LittleReader r(data.subspan(kSpecId03.size()));
    TRY(const ByteSpan fixed, r.bytes(8));
    TRY(const uint32_t count, r.u32());
    if (count == 0) return at(Errc::bad_value, "the header names no algorithm", 0);
    if (count > kBankMax) return at(Errc::too_large, "the header names too many algorithms", 0);
    for (uint32_t i = 0; i < count; ++i) {
        LogAlgorithm a;
        TRY(a.number, r.u16());
        TRY(a.size, r.u16());
        const size_t registered = registered_digest_size(a.number);
        if (a.size == 0 || a.size > kDigestMax || (registered != 0 && a.size != registered))
            return at(Errc::bad_value, "digest size of an algorithm is wrong", 0);
        if (log.has_bank(a.number)) return at(Errc::bad_value, "an algorithm stands twice in the header", 0);
        log.algorithms.push_back(a);
    }
    TRY(const uint8_t vendor, r.u8());
    if (vendor != r.left() && !r.done()) return at(Errc::bad_value, "size of the vendor information is wrong", 0);
    if (static_cast<unsigned>(fixed[5]) != 2)
        log.warnings.add(0, "The header names another major version of the specification than 2.");
    if (vendor == r.left()) return size_t{0};
    log.warnings.add(0, "The size of the header leaves out its vendor information.");
    return size_t{vendor};
}

/// Memory that held a log is often copied as a whole: what follows the last event is then 0xff, or zeros. Where that
/// run of equal bytes begins; found once, from the end, so that a log of many near-paddings costs no more.
size_t padding_from(ByteSpan in) {
    const std::byte last = in.back();
    if (last != std::byte{0xff} && last != std::byte{0}) return in.size();
    size_t from = in.size();
    while (from > 0 && in[from - 1] == last) --from;
    return from;
}

/// What an event says about the log itself.
Status take_note(const LogEvent& e, EventLog& log, bool& locality_seen, bool& pcr0_extended) {
    if (e.extends() && e.pcr >= kPcrCount) return at(Errc::bad_value, "PCR over 23", e.offset);
    if (e.extends() && e.pcr == 0) {
        if (e.type == event_type::kEfiHcrtmEvent && !locality_seen && !pcr0_extended) log.startup_locality = 4;
        pcr0_extended = true;
    }
    if (e.extends() || e.pcr != 0 || !as_chars(e.data).starts_with(kStartupLocality)) return {};
    if (e.data.size() != kStartupLocality.size() + 1)
        return at(Errc::bad_value, "StartupLocality of a wrong size", e.offset);
    const auto locality = static_cast<uint8_t>(e.data.back());
    if (locality > 4) return at(Errc::bad_value, "StartupLocality over 4", e.offset);
    if (locality_seen) {
        log.warnings.add(e.index, "A second StartupLocality event; the first one counts.");
        return {};
    }
    if (pcr0_extended) log.warnings.add(e.index, "The StartupLocality event stands after an extension of PCR 0.");
    locality_seen = true;
    log.startup_locality = locality;
    return {};
}

/// The same PCR, type, digests and data twice in a row is what a log that was pasted together looks like.
bool repeats(const LogEvent& a, const LogEvent& b) {
    return a.pcr == b.pcr && a.type == b.type && a.extends() && equal_bytes(a.digests, b.digests) &&
           equal_bytes(a.data, b.data);
}

}  // namespace

std::string event_type_name(uint32_t type) {
    const auto* found = std::ranges::find(kTypeNames, type, &TypeName::type);
    if (found != std::end(kTypeNames)) return found->name;
    char text[12];
    std::snprintf(text, sizeof text, "0x%08x", type);
    return text;
}

bool EventLog::has_bank(uint16_t algorithm) const {
    return std::ranges::find(algorithms, algorithm, &LogAlgorithm::number) != algorithms.end();
}

ByteSpan EventLog::digest_of(const LogEvent& event, uint16_t algorithm) const {
    // The header event of a crypto-agile log keeps the legacy form.
    if (form == LogForm::legacy_sha1 || event.index == 0) return algorithm == kSha1 ? event.digests : ByteSpan{};
    for (LittleReader r(event.digests); !r.done();) {
        const auto number = r.u16();
        if (!number) return {};
        const auto known = std::ranges::find(algorithms, *number, &LogAlgorithm::number);
        if (known == algorithms.end()) return {};
        const auto digest = r.bytes(known->size);
        if (!digest) return {};
        if (*number == algorithm) return *digest;
    }
    return {};
}

Result<EventLog> parse_event_log(ByteSpan in) {
    if (in.size() > kBootLogMax) return Error{Errc::too_large, "event log", static_cast<uint32_t>(in.size() >> 20)};
    EventLog log;
    if (in.empty()) return log;
    LittleReader r(in);
    TRY(LogEvent first, read_legacy(r, 0));
    const bool agile = first.type == event_type::kNoAction && as_chars(first.data).starts_with(kSpecId03);
    log.form = agile ? LogForm::crypto_agile : LogForm::legacy_sha1;
    if (agile) {
        TRY(const size_t behind, read_spec_id(first.data, log));
        TRY_STATUS(r.bytes(behind));
    } else {
        log.algorithms.push_back({kSha1, 20});
    }
    bool locality_seen = false, pcr0_extended = false;
    TRY_STATUS(take_note(first, log, locality_seen, pcr0_extended));
    log.events.push_back(first);
    const size_t padding = padding_from(in);
    while (!r.done()) {
        // A few zeros may as well be the beginning of an event that was cut off.
        if (r.offset() >= padding && (in.back() != std::byte{0} || r.left() >= kZerosMin)) {
            log.warnings.add(LogWarning::kWholeLog,
                             "The log ends in " + std::to_string(r.left()) + " bytes of padding.");
            break;
        }
        if (log.events.size() == kBootEventsMax) return at(Errc::too_large, "too many events", r.offset());
        const auto index = static_cast<uint32_t>(log.events.size());
        TRY(const LogEvent e, agile ? read_agile(r, index, log) : read_legacy(r, index));
        TRY_STATUS(take_note(e, log, locality_seen, pcr0_extended));
        if (repeats(log.events.back(), e)) log.warnings.add(index, "The event repeats the one before it.");
        log.events.push_back(e);
    }
    return log;
}

Result<Bytes> encode_event_log(std::span<const LogAlgorithm> algorithms, std::span<const NewEvent> events) {
    if (algorithms.empty() || algorithms.size() > kBankMax) return Error{Errc::bad_value, "algorithms", 0};
    Bytes out;
    const auto little = [&out](auto v) {
        for (size_t i = 0; i < sizeof v; ++i) out.push_back(static_cast<std::byte>(v >> (8 * i) & 0xff));
    };
    const auto bytes = [&out](ByteSpan b) { out.insert(out.end(), b.begin(), b.end()); };
    little(uint32_t{0});
    little(event_type::kNoAction);
    bytes(std::array<std::byte, 20>{});
    little(static_cast<uint32_t>(kSpecId03.size() + 8 + 4 + 4 * algorithms.size() + 1));
    bytes(as_bytes(kSpecId03));
    bytes(std::array<std::byte, 8>{{{}, {}, {}, {}, {}, std::byte{2}, {}, std::byte{2}}});
    little(static_cast<uint32_t>(algorithms.size()));
    for (const LogAlgorithm& a : algorithms) {
        little(a.number);
        little(a.size);
    }
    little(uint8_t{0});
    for (const NewEvent& e : events) {
        if (e.digests.size() != algorithms.size()) return Error{Errc::bad_value, "digest count", 0};
        little(e.pcr);
        little(e.type);
        little(static_cast<uint32_t>(algorithms.size()));
        for (size_t i = 0; i < algorithms.size(); ++i) {
            if (e.digests[i].size != algorithms[i].size) return Error{Errc::bad_value, "digest size", 0};
            little(algorithms[i].number);
            bytes(e.digests[i].view());
        }
        little(static_cast<uint32_t>(e.data.size()));
        bytes(e.data);
    }
    return out;
}

}  // namespace sealcall::logs
