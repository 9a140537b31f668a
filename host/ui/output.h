// What goes to standard output: a bounded queue in front of a terminal, pipe or file whose other end may be slow or
// gone. The descriptor stays blocking (its file description is shared with whoever started us): writes are only made
// when poll says so, and never more than a pipe takes at once.
#pragma once

#include <string>
#include <string_view>

#include "sealcall/base/result.h"

namespace sealcall::ui {

class Output {
  public:
    static constexpr size_t kQueueMax = 1024 * 1024;  ///< bytes
    static constexpr size_t kWriteMax = 4096;         ///< bytes at once: PIPE_BUF, poll promises room for that much

    explicit Output(int fd) : fd_(fd) {}
    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] bool pending() const { return !queue_.empty(); }
    [[nodiscard]] bool lost() const { return lost_; }

    /// One line, newline added. Too much unread: the line is dropped and counted.
    void line(std::string_view text);
    /// Bytes for the screen; an older frame that was not begun is replaced.
    void frame(std::string_view bytes);
    /// How many lines were dropped since the last call of this.
    size_t take_dropped();
    /// On POLLOUT. Errors: `closed` nobody reads any more.
    Status flush_some();
    /// At the end: as much as goes out within `ms`.
    void flush_for(int ms);

  private:
    int fd_;
    std::string queue_;
    size_t frame_at_ = std::string::npos;  ///< where a whole frame that was not begun starts in the queue
    size_t dropped_ = 0;
    bool lost_ = false;
};

}  // namespace sealcall::ui
