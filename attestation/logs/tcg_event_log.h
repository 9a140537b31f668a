// The firmware's log of what it measured: TCG PC Client Platform Firmware Profile 1.05, 10 (crypto-agile) and the
// legacy SHA-1 form of the TCG EFI Platform Specification 1.22, 7. Foreign bytes: nothing in a log is true because it
// stands there. What a log says counts only after it replays to quoted PCR values (bank_replay.h), and what stands in
// event data only when the data hashes to the event's digest (event_data.h).
//
//   legacy event        crypto-agile event (the first event is a legacy one with the header, "Spec ID Event03")
//   pcr      u32        pcr      u32
//   type     u32        type     u32
//   digest   20         count    u32, count x { algorithm u16, digest of the size that the header gives }
//   size     u32        size     u32
//   data     size       data     size                                  All little-endian.
//
// Limits: kBootLogMax bytes, kBootEventsMax events, kBankMax algorithms. One pass, no copy: time and memory grow with
// the input up to there, and what is larger is refused unread.
#pragma once

#include <span>

#include "attestation/logs/algorithms.h"

namespace sealcall::logs {

inline constexpr size_t kBootLogMax = size_t{4} * 1024 * 1024;  ///< bytes; real logs have 10 to 200 KiB
inline constexpr size_t kBootEventsMax = 16384;
inline constexpr size_t kBankMax = 8;  ///< algorithms in one log
inline constexpr uint32_t kPcrCount = 24;
inline constexpr size_t kWarningsMax = 64;  ///< further ones are counted only

/// Event types (PFP 1.05, 10.4.1). Firmware writes others too.
namespace event_type {
inline constexpr uint32_t kPrebootCert = 0x0;
inline constexpr uint32_t kPostCode = 0x1;
inline constexpr uint32_t kNoAction = 0x3;
inline constexpr uint32_t kSeparator = 0x4;
inline constexpr uint32_t kAction = 0x5;
inline constexpr uint32_t kEventTag = 0x6;
inline constexpr uint32_t kSCrtmContents = 0x7;
inline constexpr uint32_t kSCrtmVersion = 0x8;
inline constexpr uint32_t kCpuMicrocode = 0x9;
inline constexpr uint32_t kPlatformConfigFlags = 0xa;
inline constexpr uint32_t kTableOfDevices = 0xb;
inline constexpr uint32_t kCompactHash = 0xc;
inline constexpr uint32_t kIpl = 0xd;
inline constexpr uint32_t kIplPartitionData = 0xe;
inline constexpr uint32_t kNonhostCode = 0xf;
inline constexpr uint32_t kNonhostConfig = 0x10;
inline constexpr uint32_t kNonhostInfo = 0x11;
inline constexpr uint32_t kOmitBootDeviceEvents = 0x12;
inline constexpr uint32_t kPostCode2 = 0x13;
inline constexpr uint32_t kEfiVariableDriverConfig = 0x80000001;
inline constexpr uint32_t kEfiVariableBoot = 0x80000002;
inline constexpr uint32_t kEfiBootServicesApplication = 0x80000003;
inline constexpr uint32_t kEfiBootServicesDriver = 0x80000004;
inline constexpr uint32_t kEfiRuntimeServicesDriver = 0x80000005;
inline constexpr uint32_t kEfiGptEvent = 0x80000006;
inline constexpr uint32_t kEfiAction = 0x80000007;
inline constexpr uint32_t kEfiPlatformFirmwareBlob = 0x80000008;
inline constexpr uint32_t kEfiHandoffTables = 0x80000009;
inline constexpr uint32_t kEfiPlatformFirmwareBlob2 = 0x8000000a;
inline constexpr uint32_t kEfiHandoffTables2 = 0x8000000b;
inline constexpr uint32_t kEfiVariableBoot2 = 0x8000000c;
inline constexpr uint32_t kEfiGptEvent2 = 0x8000000d;
inline constexpr uint32_t kEfiHcrtmEvent = 0x80000010;
inline constexpr uint32_t kEfiVariableAuthority = 0x800000e0;
inline constexpr uint32_t kEfiSpdmFirmwareBlob = 0x800000e1;
inline constexpr uint32_t kEfiSpdmFirmwareConfig = 0x800000e2;
}  // namespace event_type

/// "EV_SEPARATOR"; "0x80000123" for a type that the profile does not name.
std::string event_type_name(uint32_t type);

/// An algorithm of the log and the size that its header gives.
struct LogAlgorithm {
    uint16_t number = 0;
    uint16_t size = 0;  ///< bytes
    bool operator==(const LogAlgorithm&) const = default;
};

/// One event. The spans point into the log that was parsed.
struct LogEvent {
    uint32_t index = 0;  ///< place in the log, from 0
    uint32_t pcr = 0;    ///< below 24, but for EV_NO_ACTION
    uint32_t type = 0;
    size_t offset = 0;  ///< bytes from the beginning of the log
    ByteSpan digests;   ///< as they stand there; read by digest_of
    ByteSpan data;
    /// EV_NO_ACTION is information only and is never extended (PFP 1.05, 10.4.5).
    [[nodiscard]] bool extends() const { return type != event_type::kNoAction; }
};

/// Something in the log that a person should know; the log can be replayed all the same.
struct LogWarning {
    static constexpr uint32_t kWholeLog = UINT32_MAX;
    uint32_t event = kWholeLog;
    std::string text;  ///< one sentence
    bool operator==(const LogWarning&) const = default;
};

/// The first kWarningsMax warnings, and how many there were.
struct Warnings {
    std::vector<LogWarning> list;
    size_t count = 0;
    void add(uint32_t event, std::string text) {
        if (++count <= kWarningsMax) list.push_back({event, std::move(text)});
    }
};

enum class LogForm : uint8_t { empty, legacy_sha1, crypto_agile };

/// A log as it was read. Borrows the bytes that were parsed.
struct EventLog {
    LogForm form = LogForm::empty;
    std::vector<LogAlgorithm> algorithms;
    std::vector<LogEvent> events;
    /// Locality from which the TPM was started: the last byte that PCR 0 begins with (PFP 1.05, 10.4.5.3).
    uint8_t startup_locality = 0;
    Warnings warnings;
    [[nodiscard]] bool has_bank(uint16_t algorithm) const;
    /// This event's digest for that bank; empty if it has none.
    [[nodiscard]] ByteSpan digest_of(const LogEvent& event, uint16_t algorithm) const;
};

/// Reads a whole log. An empty one is a log without events, which proves nothing. Ends at padding of 0xff or zeros.
/// Errors: too_large (the log, its events, its algorithms), truncated, bad_value (sizes that lie, unknown algorithm, an
/// algorithm twice, PCR over 23), each with the offset of the event in `detail`.
Result<EventLog> parse_event_log(ByteSpan in);

/// One event to write; digests in the order of the algorithms.
struct NewEvent {
    uint32_t pcr = 0;
    uint32_t type = 0;
    std::vector<AnyDigest> digests;
    Bytes data;
};

/// Writes a crypto-agile log with its header event. Errors: bad_value (a digest count or size that does not fit).
Result<Bytes> encode_event_log(std::span<const LogAlgorithm> algorithms, std::span<const NewEvent> events);

}  // namespace sealcall::logs
