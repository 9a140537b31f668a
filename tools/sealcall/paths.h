// Where a profile lives: XDG directories, one folder per profile in each. Nothing is made here but by `make_private`.
#pragma once

#include <filesystem>
#include <string>

namespace sealcall::cli {

/// What of the environment decides about directories; empty strings: not set.
struct Environment {
    std::string home, config_home, state_home, runtime_dir;
    static Environment current();
};

struct ProfilePaths {
    std::string profile;
    std::filesystem::path config_file;     ///< $XDG_CONFIG_HOME/sealcall/NAME/config.toml
    std::filesystem::path state_dir;       ///< $XDG_STATE_HOME/sealcall/NAME, mode 0700
    std::filesystem::path control_socket;  ///< $XDG_RUNTIME_DIR/sealcall/NAME/control, else in state_dir
    [[nodiscard]] std::filesystem::path tpm_dir() const { return state_dir / "tpm"; }
    [[nodiscard]] std::filesystem::path lab_dir() const { return state_dir / "lab"; }
    [[nodiscard]] std::filesystem::path audit_log() const { return state_dir / "audit.log"; }
    [[nodiscard]] std::filesystem::path tls_dir() const { return state_dir / "enrolment"; }
    [[nodiscard]] std::filesystem::path vault() const { return state_dir / "vault"; }
    [[nodiscard]] std::filesystem::path bundle() const { return state_dir / "bundle.bin"; }
    [[nodiscard]] std::filesystem::path lock_file() const { return state_dir / "lock"; }
};

/// Throws Problem if the name is not one of letters, digits, '-', '_' and '.', or if neither HOME nor XDG variables are
/// set.
ProfilePaths profile_paths(const std::string& profile, const Environment& environment);

/// Makes the directory and those above it; the last one gets mode 0700 and must be the caller's own. Throws Problem.
void make_private(const std::filesystem::path& dir);

}  // namespace sealcall::cli
