#include "software_tpm.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <vector>

#include "files.h"
#include "paths.h"
#include "problem.h"

namespace sealcall::cli {
namespace fs = std::filesystem;
namespace {

constexpr const char* kInstall = "Install it: apt install swtpm swtpm-tools";

/// The configuration of swtpm_setup and of its CA, private to this run: the system's own needs rights that a user
/// lacks.
void write_setup_config(const fs::path& dir, const fs::path& lab) {
    const std::string ca = (dir / "localca.conf").string(), options = (dir / "localca.options").string();
    write_file(ca,
               "statedir = " + lab.string() + "\nsigningkey = " + (lab / "signkey.pem").string() + "\nissuercert = " +
                   (lab / "issuercert.pem").string() + "\ncertserial = " + (lab / "certserial").string() + "\n",
               0600);
    write_file(options, "--platform-manufacturer sealcall\n--platform-version 1\n--platform-model software-tpm\n",
               0600);
    const fs::path tool = find_program("swtpm_localca");
    if (tool.empty())
        throw Problem("The program swtpm_localca, which certifies software TPMs, is not installed.", kInstall);
    write_file(dir / "setup.conf",
               "create_certs_tool = " + tool.string() + "\ncreate_certs_tool_config = " + ca +
                   "\ncreate_certs_tool_options = " + options + "\nactive_pcr_banks = sha256\n",
               0600);
}

/// Runs a program with its output in `log`, with a short environment, and waits for it.
int run_logged(const std::vector<std::string>& command, const fs::path& log) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    std::vector<char*> argv;
    for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    const char* tmp = std::getenv("TMPDIR");
    std::vector<std::string> kept = {"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL=C",
                                     "HOME=" + log.parent_path().string()};
    if (tmp) kept.push_back(std::string("TMPDIR=") + tmp);
    std::vector<char*> env;
    for (auto& entry : kept) env.push_back(entry.data());
    env.push_back(nullptr);
    pid_t pid = 0;
    const int error = posix_spawn(&pid, command.front().c_str(), &actions, nullptr, argv.data(), env.data());
    posix_spawn_file_actions_destroy(&actions);
    if (error)
        throw Problem("The program " + command.front() + " could not be started: " + std::strerror(error) + ".",
                      kInstall);
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

std::string last_lines(const fs::path& log, size_t count) {
    std::vector<std::string> lines;
    std::istringstream in(read_file(log).value_or(""));
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    std::string out;
    for (size_t i = lines.size() > count ? lines.size() - count : 0; i < lines.size(); ++i) out += "\n  " + lines[i];
    return out;
}

class TemporaryDir {
  public:
    explicit TemporaryDir(const fs::path& beside) : path_(beside.string() + ".new") {
        std::error_code error;
        fs::remove_all(path_, error);
        make_private(path_);
    }
    TemporaryDir(const TemporaryDir&) = delete;
    TemporaryDir& operator=(const TemporaryDir&) = delete;
    ~TemporaryDir() {
        std::error_code error;
        fs::remove_all(path_, error);
    }
    [[nodiscard]] const fs::path& path() const { return path_; }

  private:
    fs::path path_;
};

}  // namespace

fs::path find_program(const std::string& name) {
    const char* variable = std::getenv("PATH");
    std::istringstream in(std::string(variable ? variable : "") + ":/usr/bin:/bin:/usr/sbin:/sbin");
    for (std::string dir; std::getline(in, dir, ':');) {
        const fs::path candidate = fs::path(dir) / name;
        if (!dir.empty() && dir[0] == '/' && ::access(candidate.c_str(), X_OK) == 0) return candidate;
    }
    return {};
}

bool software_tpm_exists(const fs::path& tpm_dir) {
    std::error_code error;
    return fs::exists(tpm_dir / "tpm2-00.permall", error);
}

void make_software_tpm(const fs::path& tpm_dir, const fs::path& lab_dir) {
    const fs::path setup = find_program("swtpm_setup");
    if (setup.empty() || find_program("swtpm").empty())
        throw Problem("There is no TPM that may be used, and the software TPM (swtpm) is not installed.", kInstall);
    const fs::path lab = fs::absolute(lab_dir);
    make_private(lab);
    const TemporaryDir work(fs::absolute(tpm_dir));
    make_private(work.path() / "state");
    write_setup_config(work.path(), lab);
    const fs::path log = work.path() / "log";
    {
        // Phones that are made at the same time share a laboratory: its first use makes the CA.
        const UniqueFd lock(::open((lab / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        while (lock.valid() && ::flock(lock.get(), LOCK_EX) != 0 && errno == EINTR) {
        }
        const int status = run_logged(
            {setup.string(), "--tpm2", "--tpmstate", "dir://" + (work.path() / "state").string(), "--createek",
             "--create-ek-cert", "--ecc", "--pcr-banks", "sha256", "--config", (work.path() / "setup.conf").string()},
            log);
        if (status != 0 || !software_tpm_exists(work.path() / "state"))
            throw Problem("The software TPM could not be made; swtpm_setup said:" + last_lines(log, 6),
                          "Check that swtpm and swtpm-tools are installed and that the disk has room.");
    }
    const std::string root = read_file(lab / "swtpm-localca-rootca-cert.pem").value_or("");
    write_file(lab / "lab-ek-root.pem", root + read_file(lab / "issuercert.pem").value_or(""), 0644);
    std::error_code error;
    fs::remove_all(tpm_dir, error);
    fs::rename(work.path() / "state", tpm_dir, error);
    if (error)
        throw Problem("The software TPM could not be moved to " + tpm_dir.string() + ": " + error.message() + ".", "");
}

}  // namespace sealcall::cli
