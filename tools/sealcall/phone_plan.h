// From a profile and its configuration to what the launcher is told. No process is started here.
#pragma once

#include "config.h"
#include "options.h"
#include "profile_store.h"
#include "tools/sealcall/launcher/phone.h"

namespace sealcall::cli {

/// What the terminal and the environment say about a screen.
struct ScreenFacts {
    bool terminal = false;  ///< both input and output are terminals
    bool colour = false;
    bool unicode = false;
    static ScreenFacts current();
};

struct PlanInput {
    PhoneConfig config;
    ScreenFacts screen;
    std::filesystem::path roles;
    bool json = false;
    PhoneOptions phone;
    std::optional<CallOptions> call;  ///< a phone for this one call
};

/// Everything but the descriptors of log and control socket. Throws Problem: no keys, no enrolment, unreadable files.
launcher::PhonePlan make_plan(const ProfileStore& store, const PlanInput& input);

/// The listening control socket, mode 0600 in a directory of our own; one that a dead phone left is replaced. Throws
/// Problem.
UniqueFd listen_control(const std::filesystem::path& socket);

}  // namespace sealcall::cli
