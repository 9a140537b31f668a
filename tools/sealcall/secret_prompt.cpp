#include "secret_prompt.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "problem.h"

namespace sealcall::cli {
namespace {

constexpr unsigned char kInterrupt = 0x03, kEnd = 0x04, kBackspace = 0x08, kClear = 0x15, kDelete = 0x7f;

/// Keys come one by one and unechoed, so that the kernel keeps no line; back as it was at the end.
class Quiet {
  public:
    explicit Quiet(int fd) : fd_(fd) {
        if (fd_ < 0 || ::tcgetattr(fd_, &before_) != 0) return;
        termios quiet = before_;
        quiet.c_lflag &= static_cast<tcflag_t>(~(ICANON | ECHO | ISIG | IEXTEN));
        quiet.c_cc[VMIN] = 1;
        quiet.c_cc[VTIME] = 0;
        set_ = ::tcsetattr(fd_, TCSAFLUSH, &quiet) == 0;
    }
    Quiet(const Quiet&) = delete;
    Quiet& operator=(const Quiet&) = delete;
    ~Quiet() {
        if (set_) (void)::tcsetattr(fd_, TCSAFLUSH, &before_);
    }

  private:
    int fd_;
    bool set_ = false;
    termios before_{};
};

void say(int fd, const std::string& text) { (void)!::write(fd, text.data(), text.size()); }

}  // namespace

SecretPrompt::SecretPrompt() {
    if (::isatty(STDIN_FILENO) == 1) terminal_ = UniqueFd(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
}

template <size_t N>
Secret<N> SecretPrompt::ask(const std::string& question, const char* what) {
    const int fd = terminal_.valid() ? terminal_.get() : STDIN_FILENO;
    const Quiet quiet(terminal_.get());
    if (terminal_.valid()) say(fd, question + ": ");
    Secret<N> out;
    const auto typed = out.reveal(SecretAccess{});
    size_t n = 0;
    bool too_long = false;
    bool ended = false, given_up = false, done = false;
    while (!done) {
        unsigned char c = 0;
        const ssize_t got = ::read(fd, &c, 1);
        if (got < 0 && errno == EINTR) continue;
        ended = got <= 0 || (terminal_.valid() && c == kEnd);
        given_up = terminal_.valid() && c == kInterrupt;
        done = ended || given_up || c == '\n' || c == '\r';
        if (done) break;
        if (terminal_.valid() && (c == kBackspace || c == kDelete)) {
            if (n > 0) typed[--n] = {};
        } else if (terminal_.valid() && c == kClear) {
            out.clear();
            n = 0;
        } else if (n < typed.size() && c != 0) {
            typed[n++] = static_cast<std::byte>(c);
        } else {
            too_long = true;
        }
    }
    if (terminal_.valid()) say(fd, "\r\n");
    if (given_up || (ended && n == 0))
        throw Problem(std::string("No ") + what + " was given.", "Nothing was changed.", exit_status::kUsage);
    if (too_long)
        throw Problem(
            std::string("A ") + what + " has at most " + std::to_string(N) + " characters, none of them zero.", "",
            exit_status::kUsage);
    return out;
}

ipc::Pin SecretPrompt::pin(const std::string& question) { return ask<ipc::Pin::kSize>(question, "PIN"); }
Secret<128> SecretPrompt::password(const std::string& question) { return ask<128>(question, "password"); }

}  // namespace sealcall::cli
