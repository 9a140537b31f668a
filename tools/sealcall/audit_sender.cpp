#include "audit_sender.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "audit_sink.h"
#include "problem.h"

namespace sealcall::cli {

namespace {

/// In the child, between fork and exec: no memory is asked for.
[[noreturn]] void become_sender(char* const* words, pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    ::setpgid(0, 0);  // the terminal's signals are for the launcher, which ends us behind the enclave's last record
    ::close_range(3, ~0U, 0);
    if (::getppid() == parent) ::execv("/proc/self/exe", words);
    ::_exit(127);
}

}  // namespace

// The same program anew: nothing of the configuration, which may hold a password, comes along.
AuditSender::AuditSender(const std::filesystem::path& file, const std::vector<std::string>& places) {
    for (const std::string& place : places) (void)make_audit_sink(place);  // says what is wrong while somebody reads it
    if (places.empty()) return;
    std::vector<std::string> words{"sealcall", "audit",       "export", "--follow",
                                   "--file",   file.string(), "--sent", (file.parent_path() / "audit.sent").string()};
    for (const std::string& place : places) words.insert(words.end(), {"--to", place});
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ == 0) become_sender(argv.data(), parent);
    if (pid_ < 0) throw Problem("The process that sends audit records could not be started.", "Try again.");
}

AuditSender::~AuditSender() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGTERM);
    for (int i = 0; i < 100; ++i) {
        if (::waitpid(pid_, nullptr, WNOHANG) == pid_) return;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

}  // namespace sealcall::cli
