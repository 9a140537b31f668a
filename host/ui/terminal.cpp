#include "host/ui/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

namespace sealcall::ui {
namespace {

constexpr char kEnter[] = "\x1b[?1049h\x1b[?25l";         // alternate screen, cursor hidden
constexpr char kLeave[] = "\x1b[0m\x1b[?25h\x1b[?1049l";  // and back

// For the handler of fatal signals only; a handler can reach nothing else.
termios saved_mode;
volatile sig_atomic_t saved_in = -1;
volatile sig_atomic_t saved_out = -1;

void restore() {
    if (saved_in < 0) return;
    tcsetattr(saved_in, TCSAFLUSH, &saved_mode);
    const ssize_t n = ::write(saved_out, kLeave, sizeof kLeave - 1);
    (void)n;  // the terminal is gone: nothing is left to restore
    saved_in = -1;
}

// Returns into the same fault, or into abort(), which then ends the process as if nobody had listened.
extern "C" void restore_and_die(int signal) {
    restore();
    std::signal(signal, SIG_DFL);
}

}  // namespace

bool is_terminal(int in, int out) { return isatty(in) == 1 && isatty(out) == 1; }

Result<Terminal> Terminal::create(int in, int out) {
    CHECK(saved_in < 0);
    if (tcgetattr(in, &saved_mode) != 0) return Error{Errc::io, "tcgetattr", static_cast<uint32_t>(errno)};
    termios raw = saved_mode;
    raw.c_lflag &= static_cast<tcflag_t>(~(ICANON | ECHO | ISIG | IEXTEN));
    raw.c_iflag &= static_cast<tcflag_t>(~(IXON | ICRNL | INLCR | BRKINT | ISTRIP));
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(in, TCSAFLUSH, &raw) != 0) return Error{Errc::io, "tcsetattr", static_cast<uint32_t>(errno)};
    saved_out = out;
    saved_in = in;
    struct sigaction action {};
    action.sa_handler = restore_and_die;
    for (int s : {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS}) sigaction(s, &action, nullptr);
    if (::write(out, kEnter, sizeof kEnter - 1) < 0) {
        restore();
        return Error{Errc::io, "terminal", static_cast<uint32_t>(errno)};
    }
    return Terminal(in, out);
}

Terminal::Terminal(Terminal&& o) noexcept : in_(std::exchange(o.in_, -1)), out_(o.out_) {}

Terminal::~Terminal() {
    if (in_ >= 0) restore();
}

TerminalSize Terminal::size() const {
    winsize w{};
    if (ioctl(out_, TIOCGWINSZ, &w) != 0 || w.ws_col == 0 || w.ws_row == 0) return {};
    return {.columns = std::clamp<size_t>(w.ws_col, 8, 500), .rows = std::clamp<size_t>(w.ws_row, 3, 300)};
}

std::string compose_frame(const Lines& lines, const Look& look, size_t rows) {
    std::string out = "\x1b[H";
    const size_t n = std::min(lines.size(), rows);
    for (size_t i = 0; i < n; ++i) {
        out.append(paint(lines[i], look)).append("\x1b[K");
        if (i + 1 < rows) out.append("\r\n");
    }
    if (n < rows) out.append("\x1b[J");
    return out;
}

}  // namespace sealcall::ui
