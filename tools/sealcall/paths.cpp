#include "paths.h"

#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "problem.h"

namespace sealcall::cli {
namespace fs = std::filesystem;
namespace {

/// XDG Base Directory: a path that is not absolute counts as not set.
std::string absolute_variable(const char* name) {
    const char* value = std::getenv(name);
    return value && value[0] == '/' ? value : "";
}

bool name_ok(const std::string& name) {
    if (name.empty() || name.size() > 64 || name.front() == '.' || name.front() == '-') return false;
    for (char c : name)
        if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_' && c != '.') return false;
    return true;
}

fs::path base(const std::string& variable, const std::string& home, const char* fallback) {
    if (!variable.empty()) return variable;
    if (home.empty())
        throw Problem("Neither HOME nor the XDG variables are set, so there is no place for the profile.", "Set HOME.",
                      exit_status::kUsage);
    return fs::path(home) / fallback;
}

}  // namespace

Environment Environment::current() {
    return {.home = absolute_variable("HOME"),
            .config_home = absolute_variable("XDG_CONFIG_HOME"),
            .state_home = absolute_variable("XDG_STATE_HOME"),
            .runtime_dir = absolute_variable("XDG_RUNTIME_DIR")};
}

ProfilePaths profile_paths(const std::string& profile, const Environment& environment) {
    if (!name_ok(profile))
        throw Problem("\"" + profile + "\" cannot be the name of a profile.",
                      "Use up to 64 letters, digits, '-', '_' and '.', beginning with a letter or digit.",
                      exit_status::kUsage);
    ProfilePaths out;
    out.profile = profile;
    out.config_file = base(environment.config_home, environment.home, ".config") / "sealcall" / profile / "config.toml";
    out.state_dir = base(environment.state_home, environment.home, ".local/state") / "sealcall" / profile;
    const fs::path runtime =
        environment.runtime_dir.empty() ? out.state_dir : fs::path(environment.runtime_dir) / "sealcall" / profile;
    out.control_socket = runtime / "control";
    // A socket's path must fit sun_path; a long home directory would fail much later and say less.
    if (out.control_socket.string().size() >= sizeof(sockaddr_un{}.sun_path))
        throw Problem("The path of the control socket is too long: " + out.control_socket.string(),
                      "Set XDG_RUNTIME_DIR to a shorter directory, or use a shorter profile name.",
                      exit_status::kUsage);
    return out;
}

void make_private(const fs::path& dir) {
    std::error_code error;
    if (dir.has_parent_path()) fs::create_directories(dir.parent_path(), error);
    if (::mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST)
        throw Problem("The directory " + dir.string() + " could not be made: " + std::strerror(errno) + ".",
                      "Check the rights of the directory above it.");
    struct stat st {};
    if (::lstat(dir.c_str(), &st) != 0 || !S_ISDIR(st.st_mode))
        throw Problem(dir.string() + " is not a directory.", "Move it away.");
    if (st.st_uid != ::geteuid())
        throw Problem(dir.string() + " belongs to another user.", "Use a directory of your own: set XDG_STATE_HOME.");
    if ((st.st_mode & 0777) != 0700 && ::chmod(dir.c_str(), 0700) != 0)
        throw Problem(
            "Others may read " + dir.string() + ", and that could not be changed: " + std::strerror(errno) + ".",
            "chmod 700 " + dir.string());
}

}  // namespace sealcall::cli
