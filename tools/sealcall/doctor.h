// What this machine can and cannot do for sealcall. Each check looks and changes nothing.
#pragma once

#include <string>
#include <vector>

#include "config.h"
#include "profile_store.h"

namespace sealcall::cli {

enum class Health : uint8_t { ok, warning, problem };

struct Finding {
    std::string name;  ///< stable, for programs: "kernel.landlock"
    Health health = Health::ok;
    std::string what;  ///< one sentence
    std::string next;  ///< what to do about it; empty when ok
};

/// Protections that the kernel offers, and limits.
std::vector<Finding> check_kernel();
/// The machine's TPM and the software TPM.
std::vector<Finding> check_tpm(const ProfileStore& store, TpmChoice choice);
/// Configuration, keys, enrolment, certificates, clock.
std::vector<Finding> check_profile(const ProfileStore& store);
/// Role executables in `directory` (empty: not found), and sound devices.
std::vector<Finding> check_installation(const std::filesystem::path& directory);

/// Days until the certificate ends, negative when it has ended; nothing if it cannot be read.
std::optional<int> days_left(ByteSpan certificate_der);

}  // namespace sealcall::cli
