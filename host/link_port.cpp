#include "host/link_port.h"

namespace sealcall::host {

Status LinkPort::start(UniqueFd fd, Received received, Closed closed) {
    link_ = ipc::Link(std::move(fd));
    received_ = std::move(received);
    closed_ = std::move(closed);
    watched_ = 0;
    watch();
    if (watched_ == 0) return Error{Errc::io, "fd_listen", 0};
    return {};
}

void LinkPort::stop() {
    closing_.cancel();
    if (link_.open() && watched_) fd_close(link_.fd());
    watched_ = 0;
    link_.close();
}

void LinkPort::watch() {
    if (!link_.open()) return;
    const int wanted = FD_READ | ((link_.events() & POLLOUT) ? FD_WRITE : 0);
    if (wanted == watched_) return;
    if (fd_listen(link_.fd(), wanted, &LinkPort::event, this) == 0) watched_ = wanted;
}

void LinkPort::event(int flags, void* arg) {
    auto* self = static_cast<LinkPort*>(arg);
    if (flags & FD_WRITE) self->settle(self->link_.flush());
    if (self->link_.open() && (flags & (FD_READ | FD_EXCEPT))) self->readable();
}

void LinkPort::readable() {
    while (link_.open()) {
        auto message = link_.receive(buffer_);
        if (!message && message.error().code == Errc::would_block) return;
        if (!message) return settle(message.error());
        if (Status s = received_(*message); !s) return settle(s);
    }
}

void LinkPort::settle(const Status& s) {
    if (s) return watch();
    if (!link_.open()) return;
    const Error why = s.error();
    stop();
    // From the loop: whoever sent is in the middle of something.
    closing_.start(0, [this, why] {
        if (closed_) closed_(why);
    });
}

}  // namespace sealcall::host
