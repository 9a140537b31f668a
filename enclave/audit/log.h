// The audit log: one JSON object a line, each naming the SHA-256 of the line before it. Append-only through one
// inherited fd. It holds no key, no audio, and no more of a person than a call list does.
#pragma once

#include <string>
#include <string_view>

#include "sealcall/base/bytes.h"
#include "sealcall/base/strong.h"
#include "sealcall/base/unique_fd.h"

namespace sealcall::audit {

/// One record in the making: fields in the order given. Text is escaped; nothing else is interpreted.
class Record {
  public:
    explicit Record(std::string_view event);
    Record& text(std::string_view key, std::string_view value);
    Record& number(std::string_view key, uint64_t value);
    Record& flag(std::string_view key, bool value);
    Record& call(CallId id) { return number("call", id.value); }
    [[nodiscard]] const std::string& body() const { return body_; }

  private:
    std::string body_;
};

class Log {
  public:
    /// Takes the fd (opened for append and reading) and finds the last line. A torn last line is closed off and said so
    /// in a record of its own. Errors: io.
    static Result<Log> create(UniqueFd fd);

    /// Appends `{"seq":n,"wall_ms":t,...,"prev":"<hex>"}`; one write a record. Errors: io.
    Status append(const Record& record);
    /// SHA-256 of the last line (without its newline); zero when there is none.
    [[nodiscard]] const Digest& head() const { return head_; }
    [[nodiscard]] uint64_t next_sequence() const { return sequence_; }

  private:
    Log() = default;
    UniqueFd fd_;
    Digest head_{};
    uint64_t sequence_ = 0;
    bool torn_ = false;  ///< a write ended in the middle of a line
};

}  // namespace sealcall::audit
