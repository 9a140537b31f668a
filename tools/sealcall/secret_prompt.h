// Asks a person for a secret: on their terminal without echo, or a line of standard input where that is no terminal.
// The bytes go into memory that wipes itself; no library buffers them.
#pragma once

#include <string>

#include "host/terminal/secret_line.h"
#include "sealcall/base/unique_fd.h"
#include "sealcall/ipc/messages/vault.h"

namespace sealcall::cli {

class SecretPrompt {
  public:
    /// Opens the terminal now: later, in a sandbox, it may not be there.
    SecretPrompt();
    /// True if somebody can be asked again.
    [[nodiscard]] bool interactive() const { return terminal_.valid(); }
    /// Throws Problem: nothing came, the person gave up (Ctrl-C, Ctrl-D, Escape), it is longer than a PIN or password
    /// can be, or holds control characters. Never empty.
    ipc::Pin pin(const std::string& question);
    /// Filled up with zero, as a PIN is; may be empty.
    Secret<128> password(const std::string& question);

  private:
    template <size_t N>
    Secret<N> ask(const std::string& question, const char* what, size_t least);
    UniqueFd terminal_;  ///< invalid: standard input
};

}  // namespace sealcall::cli
