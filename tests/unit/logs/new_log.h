// Logs made for tests: events whose digests are honest unless a test changes them.
#pragma once

#include "attestation/logs/tcg_event_log.h"
#include "attestation/logs/uefi_variable.h"

namespace sealcall::logs::test {

using namespace std::literals;

inline const std::vector<LogAlgorithm> kBanks{{kSha1, 20}, {kSha256, 32}, {kSha384, 48}, {kSha512, 64}};

inline NewEvent event(uint32_t pcr, uint32_t type, ByteSpan data) {
    NewEvent e{.pcr = pcr, .type = type, .digests = {}, .data = to_bytes(data)};
    for (const LogAlgorithm& a : kBanks) e.digests.push_back(Hasher(a.number).hash(e.data));
    return e;
}

inline NewEvent event(uint32_t pcr, uint32_t type, std::string_view data) { return event(pcr, type, as_bytes(data)); }

inline Bytes log_of(const std::vector<NewEvent>& events) { return *encode_event_log(kBanks, events); }

/// UEFI_VARIABLE_DATA.
inline Bytes variable(const Guid& vendor, std::string_view name, std::string_view data) {
    Bytes out(vendor.bytes.begin(), vendor.bytes.end());
    for (size_t size : {name.size(), data.size()})
        for (size_t i = 0; i < 8; ++i) out.push_back(static_cast<std::byte>(size >> (8 * i)));
    for (char c : name) {
        out.push_back(static_cast<std::byte>(c));
        out.push_back(std::byte{0});
    }
    const Bytes contents = to_bytes(as_bytes(data));
    out.insert(out.end(), contents.begin(), contents.end());
    return out;
}

/// The variable SecureBoot.
inline NewEvent switch_event(char value) {
    return event(7, event_type::kEfiVariableDriverConfig,
                 variable(kEfiGlobalVariable, "SecureBoot", std::string_view(&value, 1)));
}

}  // namespace sealcall::logs::test
