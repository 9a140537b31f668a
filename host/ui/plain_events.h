// The same events as one plain line each, for people who read a log or pipe it on. No colour, no control characters.
#pragma once

#include <string>

#include "host/ui/json_events.h"
#include "host/ui/views.h"

namespace sealcall::ui {

// Empty: nothing that a person needs to read as a line of its own.
std::string plain_event(const ipc::CallCard& m, const Look& look);
std::string plain_event(const ipc::CallPhase& m, const Look& look);
std::string plain_event(const ipc::CallStateChanged& m, const Look& look);
std::string plain_event(const ipc::KeyLife& m, const Look& look);
std::string plain_event(const ipc::MediaStats& m, const Look& look);
/// What a round of attestation showed, what was done about it, and what the person can do.
std::string recheck_sentence(const ipc::Rechecked& m, std::string_view who, const Look& look);
std::string plain_event(const ipc::Rechecked& m, const Look& look);
std::string plain_event(const ipc::Notice& m, const Look& look);
std::string plain_event(const ipc::EnclaveStatus& m, const Look& look);
std::string plain_event(const ipc::HostState& m, const Look& look);
std::string plain_event(const ipc::LockState& m, const Look& look);
std::string plain_event(const ipc::AskConsent& m, const Look& look);
std::string plain_event(const ipc::PinReply& m, const Look& look);
std::string plain_dial(const ipc::DialReply& m, std::string_view uri, const Look& look);

}  // namespace sealcall::ui
