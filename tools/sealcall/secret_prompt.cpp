#include "secret_prompt.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "problem.h"

namespace sealcall::cli {
namespace {

constexpr int kEscapeWaitMs = 25;  ///< for the rest of a sequence

/// Signals that end a command wait until the terminal is as it was; then they do what they do.
class HeldSignals {
  public:
    HeldSignals() {
        sigset_t held;
        sigemptyset(&held);
        for (const int s : {SIGHUP, SIGINT, SIGQUIT, SIGTERM}) {
            struct sigaction now {};
            if (::sigaction(s, nullptr, &now) == 0 && now.sa_handler != SIG_IGN) sigaddset(&held, s);
        }
        ::pthread_sigmask(SIG_BLOCK, &held, &before_);
        came_ = UniqueFd(::signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK));
    }
    HeldSignals(const HeldSignals&) = delete;
    HeldSignals& operator=(const HeldSignals&) = delete;
    ~HeldSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    /// Readable when one of them came; it stays pending.
    [[nodiscard]] int fd() const { return came_.get(); }

  private:
    sigset_t before_{};
    UniqueFd came_;
};

/// Keys come one by one and unechoed, so that the kernel keeps no line; back as it was at the end.
class Quiet {
  public:
    explicit Quiet(int fd) : fd_(fd) {
        if (::tcgetattr(fd_, &before_) == 0) {
            termios quiet = before_;
            quiet.c_lflag &= static_cast<tcflag_t>(~(ICANON | ECHO | ISIG | IEXTEN));
            quiet.c_cc[VMIN] = 1;
            quiet.c_cc[VTIME] = 0;
            set_ = ::tcsetattr(fd_, TCSAFLUSH, &quiet) == 0;
        }
        if (!set_)
            throw Problem("This terminal cannot be made to show nothing of what is typed.", "Use another terminal.",
                          exit_status::kUsage);
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

/// False: the end, or a fault.
bool next_byte(int fd, char& c) {
    ssize_t n = 0;
    do n = ::read(fd, &c, 1);
    while (n < 0 && errno == EINTR);
    return n == 1;
}

/// A key of the terminal, within `ms`; false: none, the terminal is gone, or a signal ends this.
bool next_key(int fd, const HeldSignals& signals, char& c, int ms) {
    pollfd fds[] = {{.fd = fd, .events = POLLIN, .revents = 0}, {.fd = signals.fd(), .events = POLLIN, .revents = 0}};
    int n = 0;
    do n = ::poll(fds, 2, ms);
    while (n < 0 && errno == EINTR);
    return n > 0 && fds[1].revents == 0 && next_byte(fd, c);
}

/// True: a line was finished.
template <size_t N>
bool type_line(int fd, const std::string& question, SecretLine<N>& line) {
    using Key = typename SecretLine<N>::Key;
    const HeldSignals signals;
    const Quiet quiet(fd);
    (void)!::write(fd, question.data(), question.size());
    EscapeFilter escapes;
    Key what = Key::edited;
    while (what == Key::edited) {
        char c = 0;
        // An Escape behind which nothing comes at once is the key.
        if (!next_key(fd, signals, c, escapes.begun() ? kEscapeWaitMs : -1)) break;
        if (escapes.take(c) == EscapeFilter::Byte::key) what = line.key(c);
    }
    (void)!::write(fd, "\r\n", 2);
    return what == Key::finished;
}

/// A line that no person edits; ends with LF, CRLF or the input. True: there was one.
template <size_t N>
bool read_line(int fd, SecretLine<N>& line, bool& control) {
    bool any = false, carriage_return = false;
    for (char c = 0; next_byte(fd, c) && (any = true) && c != '\n';) {
        control = control || carriage_return || (c != '\r' && SecretLine<N>::is_control(c));
        carriage_return = c == '\r';
        if (!carriage_return) line.append(c);
    }
    return any;
}

}  // namespace

SecretPrompt::SecretPrompt() {
    if (::isatty(STDIN_FILENO) != 1) return;
    terminal_ = UniqueFd(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
    // Without a controlling terminal (setsid) the one at standard input is still a terminal, and would echo.
    if (!terminal_.valid()) terminal_ = UniqueFd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
    if (!terminal_.valid()) throw Problem("The terminal cannot be opened.", "Close some programs.");
}

template <size_t N>
Secret<N> SecretPrompt::ask(const std::string& question, const char* what, size_t least) {
    SecretLine<N> line;
    bool control = false;
    const bool given =
        interactive() ? type_line(terminal_.get(), question + ": ", line) : read_line(STDIN_FILENO, line, control);
    if (!given || line.size() < least)
        throw Problem(std::string("No ") + what + " was given.", "Nothing was changed.", exit_status::kUsage);
    if (line.too_long() || control)
        throw Problem(
            std::string("A ") + what + " has at most " + std::to_string(N) + " bytes, and no control characters.",
            "Nothing was changed.", exit_status::kUsage);
    return line.take();
}

ipc::Pin SecretPrompt::pin(const std::string& question) { return ask<ipc::Pin::kSize>(question, "PIN", 1); }
Secret<128> SecretPrompt::password(const std::string& question) { return ask<128>(question, "password", 0); }

}  // namespace sealcall::cli
