#include "host/ui/output.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "sealcall/base/time.h"

namespace sealcall::ui {

void Output::line(std::string_view text) {
    if (lost_) return;
    if (queue_.size() + text.size() + 1 > kQueueMax) {
        ++dropped_;
        return;
    }
    queue_.append(text).push_back('\n');
    frame_at_ = std::string::npos;
}

void Output::frame(std::string_view bytes) {
    if (lost_) return;
    if (frame_at_ != std::string::npos) queue_.resize(frame_at_);
    if (queue_.size() + bytes.size() > kQueueMax) return;
    frame_at_ = queue_.size();
    queue_.append(bytes);
}

size_t Output::take_dropped() { return std::exchange(dropped_, 0); }

Status Output::flush_some() {
    if (queue_.empty() || lost_) return {};
    const ssize_t n = ::write(fd_, queue_.data(), std::min(queue_.size(), kWriteMax));
    if (n < 0) {
        if (errno == EINTR || errno == EAGAIN) return {};
        lost_ = true;
        queue_.clear();
        return Error{Errc::closed, "standard output", static_cast<uint32_t>(errno)};
    }
    const auto written = static_cast<size_t>(n);
    if (frame_at_ != std::string::npos) frame_at_ = written > frame_at_ ? std::string::npos : frame_at_ - written;
    queue_.erase(0, written);
    if (queue_.empty()) {
        frame_at_ = std::string::npos;
        if (queue_.capacity() > 64 * 1024) queue_.shrink_to_fit();
    }
    return {};
}

void Output::flush_for(int ms) {
    const BootInstant end = BootClock::now() + Millis(ms);
    while (pending() && !lost_) {
        const auto left = std::chrono::duration_cast<Millis>(end - BootClock::now()).count();
        if (left <= 0) return;
        pollfd p{.fd = fd_, .events = POLLOUT, .revents = 0};
        const int n = ::poll(&p, 1, static_cast<int>(left));
        if (n < 0 && errno != EINTR) return;
        if (n > 0 && !flush_some()) return;
    }
}

}  // namespace sealcall::ui
