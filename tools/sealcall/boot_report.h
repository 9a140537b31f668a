// A boot log as `evidence show` and `evidence explain` tell it: read once, replayed, every event in a sentence, and
// what would have to change for a better level. The log is somebody's word; nothing here says that it is true.
#pragma once

#include <nlohmann/json.hpp>

#include "attestation/logs/bank_replay.h"
#include "attestation/logs/explain.h"

namespace sealcall::cli {

/// Borrows the bytes that were read.
struct BootReport {
    std::string file;  ///< its name, as it was given
    logs::EventLog log;
    uint16_t bank = 0;  ///< the bank that is told; 0: the log has none that can be replayed
    logs::BootFacts facts;
    logs::BankReplay replay;  ///< of `bank`
    logs::Warnings warnings;
};

/// Problem when `content` is no event log.
BootReport read_boot_report(const std::string& file, std::string_view content);

/// One box of the boot chain.
struct BootStage {
    std::string title, text;
    uint32_t pcr = 0;
    uint32_t event = 0;
    bool proven = false;
};
inline constexpr size_t kStagesMax = 24;
/// The chain from firmware to system: at most kStagesMax stages, the first ones.
std::vector<BootStage> boot_chain(const BootReport& report);

/// Something that stands between this boot and a level (docs/attestation.md).
struct MissingForLevel {
    int level = 0;
    std::string name;  ///< stable: "no_quote", "secure_boot_off", ...
    std::string text, next;
};
/// By level. A log by itself is level 0: it is bound to no machine.
std::vector<MissingForLevel> missing_for_levels(const BootReport& report);

/// "on", "off" or "unknown".
const char* secure_boot_word(const BootReport& report);
/// What stands in the log, a sentence each.
std::vector<std::string> boot_sentences(const BootReport& report);

/// One page without scripts and without links; all foreign text is escaped.
std::string boot_html(const BootReport& report);
/// The part of it below the head line: picture, PCR values, events, warnings.
std::string boot_html_tables(const BootReport& report);
/// A page around `body`, which is HTML.
std::string html_page(const std::string& title, const std::string& body);
/// Safe between tags and in quoted attributes.
std::string html_escaped(std::string_view text);

}  // namespace sealcall::cli
