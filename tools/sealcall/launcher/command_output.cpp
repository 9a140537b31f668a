#include "tools/sealcall/launcher/command_output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "sealcall/base/unique_fd.h"
#include "tools/sealcall/launcher/child.h"

namespace sealcall::launcher {
namespace {

[[noreturn]] void become(char* const* argv, int out) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    ::dup2(null, 0);
    ::dup2(out, 1);
    ::dup2(null, 2);
    char* const none[] = {nullptr};
    ::execve(argv[0], argv, none);
    ::_exit(127);
}

Status read_all(int fd, std::string& text, size_t limit, BootInstant until) {
    std::array<char, 4096> part;
    for (;;) {
        const auto left = std::chrono::ceil<Millis>(until - BootClock::now()).count();
        pollfd p{.fd = fd, .events = POLLIN, .revents = 0};
        const int n = ::poll(&p, 1, static_cast<int>(std::clamp<int64_t>(left, 0, 60'000)));
        if (n < 0 && errno == EINTR) continue;
        if (n == 0) return Error{Errc::timeout, "program", 0};
        const ssize_t got = ::read(fd, part.data(), part.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return Error{Errc::io, "program", static_cast<uint32_t>(errno)};
        if (got == 0) return {};
        if (text.size() + static_cast<size_t>(got) > limit) return Error{Errc::too_large, "program", 0};
        text.append(part.data(), static_cast<size_t>(got));
    }
}

}  // namespace

Result<std::string> command_output(const std::vector<std::string>& argv, size_t limit, Millis deadline) {
    std::vector<char*> words;
    for (const std::string& a : argv) words.push_back(const_cast<char*>(a.c_str()));  // execve does not write to them
    words.push_back(nullptr);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return Error{Errc::io, "pipe", static_cast<uint32_t>(errno)};
    UniqueFd in(ends[0]), out(ends[1]);
    const pid_t pid = ::fork();
    if (pid < 0) return Error{Errc::io, "fork", static_cast<uint32_t>(errno)};
    if (pid == 0) become(words.data(), out.get());
    out.reset();
    Child child(pid);
    std::string text;
    TRY_STATUS(read_all(in.get(), text, limit, BootClock::now() + deadline));
    TRY(const ChildEnd end, child.wait(deadline));
    if (end.signal != 0 || end.exit_status != 0)
        return Error{Errc::unavailable, "the loader does not find all of its libraries", 0};
    return text;
}

}  // namespace sealcall::launcher
