// The person's terminal: raw keys and the alternate screen, and back as it was, whatever ends us.
#pragma once

#include <termios.h>

#include "host/ui/line.h"
#include "sealcall/base/result.h"

namespace sealcall::ui {

struct TerminalSize {
    size_t columns = 80;
    size_t rows = 24;
};

/// True if both ends are a terminal.
bool is_terminal(int in, int out);

/// Owns the mode of one terminal. At most one at a time (a signal handler restores it).
class Terminal {
  public:
    /// Keys come one by one and unechoed; the alternate screen is shown. Errors: io (detail: errno).
    static Result<Terminal> create(int in, int out);
    Terminal(Terminal&& o) noexcept;
    Terminal& operator=(Terminal&&) = delete;
    Terminal(const Terminal&) = delete;
    ~Terminal();

    [[nodiscard]] TerminalSize size() const;

  private:
    Terminal(int in, int out) : in_(in), out_(out) {}
    int in_ = -1;
    int out_ = -1;
};

/// The whole screen as one write: home, each line with the rest erased, everything below erased. No flicker, no
/// blinking.
std::string compose_frame(const Lines& lines, const Look& look, size_t rows);

}  // namespace sealcall::ui
