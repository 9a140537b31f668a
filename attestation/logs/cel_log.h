// TCG Canonical Event Logs (CEL 1.0) of others: what runtimes measured after the firmware, in TLV here and in JSON in
// the command. Foreign bytes; they count only once they replay. (attestation/cel.h is sealcall's own log and knows no
// other.)
//
//   record = recnum 0x00 u64, register, digests 0x03 { algorithm, digest }..., content
//   register: 0x01 PCR, 0x02 NV index, 0x6c runtime register of confidential VMs (Google)
//   content:  0x04 management, 0x05 pcclient_std { 0x00 type u32, 0x01 data }, 0x07 ima_template { 0x00 name, 0x01 data
//   },
//             0x50 Container-Optimized OS { kind, text }, others are kept as they are
//   Tags and algorithms are one byte, lengths u32, all big-endian.
//
// Limits: kCelLogMax bytes, kCelEventsMax records, kBankMax digests in one.
#pragma once

#include "attestation/logs/bank_replay.h"

namespace sealcall::logs {

inline constexpr size_t kCelLogMax = size_t{16} * 1024 * 1024;  ///< bytes
inline constexpr size_t kCelEventsMax = 65536;

enum class CelRegister : uint8_t { pcr, nv_index, runtime_register };

struct CelEvent {
    uint64_t number = 0;
    CelRegister kind = CelRegister::pcr;
    uint32_t index = 0;  ///< of the register
    std::vector<std::pair<uint16_t, AnyDigest>> digests;
    std::string content_type;      ///< "pcclient_std", "ima_template", "cos", "systemd"; "0x53" for others
    std::optional<uint32_t> type;  ///< pcclient_std: the event's type
    Bytes preimage;                ///< what the digests should be hashes of; empty: not known
    std::string text;              ///< what the record says: printable ASCII
    /// The digest of a bank; empty if it has none.
    [[nodiscard]] ByteSpan digest_of(uint16_t algorithm) const;
    /// EV_NO_ACTION inside of a pcclient_std record is never extended.
    [[nodiscard]] bool extends() const { return type != event_type::kNoAction; }
    /// True when the digest of the hasher's bank is the hash of what the record says.
    [[nodiscard]] bool proven(Hasher& hasher) const;
};

struct CelLog {
    std::vector<CelEvent> events;
    /// Algorithms of the first record.
    [[nodiscard]] std::vector<LogAlgorithm> algorithms() const;
};

/// Reads a whole TLV log. Record numbers must rise by one from the first.
/// Errors: too_large, truncated, bad_value (with the number of the record in `detail`).
Result<CelLog> parse_cel_tlv(ByteSpan in);

/// Extends the PCR records into banks that were replayed so far. A bank that a record has no digest for is not known
/// then.
void extend_banks(const CelLog& log, std::vector<BankReplay>& banks);

/// The PCR records as a crypto-agile boot log; content other than pcclient_std becomes EV_EVENT_TAG.
/// Errors: bad_value when records have different algorithms.
Result<Bytes> to_event_log(const CelLog& log);

}  // namespace sealcall::logs
