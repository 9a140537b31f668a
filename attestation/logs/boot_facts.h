// A boot log in the words of people: one fact for each event, Secure Boot's state, and what is odd. A fact is `proven`
// when the text that it tells hashes to the event's digest, and `claimed` otherwise; neither means anything before the
// log replays to quoted values. Events are judged in the bank that is asked for.
#pragma once

#include "attestation/logs/device_path.h"
#include "attestation/logs/event_data.h"

namespace sealcall::logs {

enum class FactKind : uint8_t {
    log_header,
    startup_locality,
    information,  ///< other EV_NO_ACTION
    firmware_version,
    firmware_code,
    firmware_settings,
    driver,              ///< of an option ROM or the firmware
    secure_boot_switch,  ///< the variable SecureBoot
    key_database,        ///< PK, KEK, db, dbx
    variable,            ///< another UEFI variable
    boot_entry,          ///< BootOrder, Boot0001
    partition_table,
    boot_option_called,  ///< the firmware left its own code for a boot option
    boot_option_returned,
    os_took_over,  ///< ExitBootServices
    action,
    separator,
    failed_separator,  ///< the firmware measured an error
    authority,         ///< the key that an image was admitted by
    application,       ///< an EFI application was started
    loader_command,    ///< GRUB
    loader_file,
    kernel_command_line,
    kernel_image_part,  ///< systemd-stub, PCR 11
    initrd,
    mok_list,  ///< shim's lists, PCR 14
    other,
};

/// "kernel_command_line", for programs.
const char* kind_name(FactKind kind);

/// What one event says.
struct BootFact {
    uint32_t event = 0;
    uint32_t pcr = 0;
    FactKind kind = FactKind::other;
    Proof proof = Proof::none;
    std::string name;    ///< of the variable, file, list or section; empty if it has none
    std::string detail;  ///< device path, subject of a certificate, text
    /// Stands before a proven ExitBootServices. A replay proves the order within a PCR only: between PCRs it is the
    /// log's.
    bool before_os = false;
    /// What firmware and boot loader say of themselves: the digest is a hash of exactly this text.
    [[nodiscard]] bool proven() const { return proof != Proof::none; }
};

/// PK, KEK, db or dbx as it was measured.
struct KeyDatabase {
    uint32_t event = 0;
    std::string name;
    bool proven = false;
    bool readable = false;  ///< false: what is measured is no signature database, and the rest below is empty
    SignatureDatabase content;
};

/// Secure Boot as PCR 7 tells it. A type is not hashed and anybody who runs can extend PCR 7 later: the state is known
/// only when every event before a proven separator is proven and one of them, once, is the variable SecureBoot.
struct SecureBoot {
    enum class State : uint8_t { unknown, off, on };
    State state = State::unknown;  ///< unknown unless the rule above holds
    uint32_t event = UINT32_MAX;   ///< the event that says it
    std::vector<KeyDatabase> databases;
};

struct BootFacts {
    std::vector<BootFact> facts;  ///< one for each event, in order
    SecureBoot secure_boot;
    Warnings warnings;
};

/// `bank` must be replayable. Cost: at most four hashes of each event's data.
BootFacts read_boot_facts(const EventLog& log, uint16_t bank);

/// SHA-256, else the strongest bank that can be replayed; nothing for a log without one.
std::optional<uint16_t> best_bank(const EventLog& log);

}  // namespace sealcall::logs
