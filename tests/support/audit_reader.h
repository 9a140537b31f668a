// A phone's audit log as an auditor sees it, and as somebody who wants to hide something would like it to be.
#pragma once

#include "attestation/foreign/finding.h"
#include "tests/support/enclave_phone.h"
#include "tools/sealcall/key_proof.h"

namespace sealcall::test {

using attestation::foreign::Findings;
using attestation::foreign::Verdict;

inline std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> out;
    for (size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
        out.push_back(text.substr(at, end - at));
    return out;
}

inline std::string joined(const std::vector<std::string>& lines) {
    std::string out;
    for (const auto& line : lines) out += line + "\n";
    return out;
}

/// The same records with numbers and hashes made anew: a whole chain, by somebody who can write the file.
inline std::string rechained(const std::vector<std::string>& lines) {
    std::string out;
    Digest prev{};
    uint64_t seq = 0;
    for (const auto& line : lines) {
        cli::AuditRecord r;
        EXPECT_EQ(cli::read_record(line, r), "") << line;
        r.seq = seq++;
        r.prev = prev;
        const std::string again = r.line();
        prev = attestation::sha256(as_bytes(again));
        out += again + "\n";
    }
    return out;
}

inline cli::AuditTrail trail_of(const std::string& text) { return {.files = {}, .log = cli::read_audit(text)}; }

inline cli::AuditGround ground_of(const TestAuthority& authority) {
    return {.roots = {authority.root()}, .references = nullptr, .witnesses = {}, .live = std::nullopt};
}

inline std::string told(const Findings& findings) {
    std::string out;
    for (const auto& f : findings.list())
        out += f.name + " " + attestation::foreign::verdict_name(f.verdict) + ": " + f.text + "\n";
    return out;
}

inline Findings verified(const std::string& text, const cli::AuditGround& ground) {
    Findings out;
    (void)cli::check_anchors(trail_of(text), ground, out);
    return out;
}

/// Asks the enclave to end, and turns until it has.
inline void end_phone(EnclavePhone& phone) {
    ASSERT_TRUE(phone.control.send(ipc::Shutdown{}).has_value());
    const BootInstant until = BootClock::now() + Millis{20000};
    while (!phone.ended() && BootClock::now() < until) phone.pump();
    ASSERT_TRUE(phone.ended());
}

/// Index of the first line with this event; lines.size() if there is none.
inline size_t find_event(const std::vector<std::string>& lines, const std::string& event, size_t from = 0) {
    for (size_t i = from; i < lines.size(); ++i)
        if (lines[i].find("\"event\":\"" + event + "\"") != std::string::npos) return i;
    return lines.size();
}

}  // namespace sealcall::test
