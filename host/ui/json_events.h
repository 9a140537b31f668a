// Everything that concerns a person as one JSON object: for `--json`, and for subscribers of the control socket.
// Names are stable (docs/control.md). Each object has `event`, `wall_ms` (Unix time) and `boot_us` (CLOCK_BOOTTIME at
// ui).
#pragma once

#include <string>
#include <vector>

#include "host/ui/exit_status.h"
#include "host/ui/model.h"
#include "sealcall/base/time.h"

namespace sealcall::ui {

/// When ui saw it.
struct Stamp {
    uint64_t wall_ms = 0;
    uint64_t boot_us = 0;
    static Stamp now();
};

/// Who asked for something: a key of the person, a program on the control socket, or the script of ConfigureUi.
enum class By : uint8_t { person, control, script };
const char* name_of(By by);

std::string json_event(const ipc::CallCard& m, Stamp at);
std::string json_event(const ipc::CallPhase& m, Stamp at);
std::string json_event(const ipc::CallStateChanged& m, Stamp at);
std::string json_event(const ipc::KeyLife& m, Stamp at);
std::string json_event(const ipc::MediaStats& m, Stamp at);
std::string json_event(const ipc::Rechecked& m, Stamp at);
std::string json_event(const ipc::Notice& m, Stamp at);
std::string json_event(const ipc::EnclaveStatus& m, Stamp at);
std::string json_event(const ipc::HostState& m, Stamp at);
std::string json_event(const ipc::LockState& m, Stamp at);
std::string json_event(const ipc::AskConsent& m, Stamp at);
std::string json_event(const ipc::PinReply& m, Stamp at);
/// For the history, without its name; a label that does not fit is cut between characters.
inline constexpr size_t kPastCallMax = 576;
std::string json_past_call(const Call& call, Stamp ended);
std::string json_ready(const ipc::ConfigureUi& m, Stamp at);
std::string json_dial(const ipc::DialReply& m, std::string_view uri, std::string_view label, By by, Stamp at);
/// Something was asked of the enclave.
std::string json_command(std::string_view command, CallId call, By by, Stamp at);
/// `role` ended although nobody asked it to.
std::string json_lost(ipc::ProcessRole role, Stamp at);
std::string json_exit(ExitStatus status, ipc::EndReason reason, std::string_view sentence, Stamp at);

/// So many lines were dropped because nobody read them in time.
std::string json_dropped(size_t lines, Stamp at);

// Values inside events and replies.
std::string json_level(rats::Level level, bool lab);
std::string json_card(const ipc::CallCard& m);
std::string json_enclave(const ipc::EnclaveStatus& m);
std::string json_host(const ipc::HostState& m);
std::string json_process(const ipc::ProcessReport& m);
std::string json_call(const Call& call);

/// One sentence for each protection that is not in force.
std::vector<std::string> missing_protections(const ipc::ProcessReport& m);

/// What else of the phone is not as it should be: sentences for `status`.
std::vector<std::string> status_warnings(const std::optional<ipc::EnclaveStatus>& enclave, const Phone& phone,
                                         bool processes_known);

}  // namespace sealcall::ui
