// The seccomp tables: what each role may ask of the kernel after lock-down, and why. Read with seccomp.h.
#pragma once

#include <cstdint>
#include <span>

#include "sealcall/ipc/schema.h"

namespace sealcall::sandbox {

/// Holds if (low 32 bits of argument `index` & mask) == value. Only for arguments that the kernel takes as int or
/// flags.
struct ArgCheck {
    static constexpr uint8_t kNone = 0xff;
    static constexpr uint32_t kOwnPid = 0xfffffff1;  ///< as `value`: replaced by getpid() at lock-down
    uint8_t index = kNone;
    uint32_t mask = 0xffffffff;
    uint32_t value = 0;
};

/// What happens: `errno_value` 0 allows, else the call fails with it and the process lives on. No row: the process is
/// killed.
struct Rule {
    long number;
    uint16_t errno_value;
    const char* reason;
    ArgCheck first = {};
    ArgCheck second = {};
};

using Table = std::span<const Rule>;

/// Rows that every role but the launcher shares.
Table common_table();
/// Rows of one role besides the common ones. audio: WAV files.
Table role_table(ipc::ProcessRole role);
/// Rows of audio with sound devices, besides the common ones and `role_table(audio)`.
Table audio_device_table();
/// launcher: what it and everything it starts may never do, whatever else is allowed.
Table forbidden_table();
/// What a sanitizer's runtime needs besides; empty in every other build (profiles_plain.cpp, profiles_sanitizer.cpp).
Table sanitizer_table();

}  // namespace sealcall::sandbox
