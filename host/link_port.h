// A Link on libre's event loop: whole messages in, queued messages out. Trusts nothing; the end of the link is told
// once.
#pragma once

#include "host/sip/re.h"
#include "sealcall/ipc/link.h"

namespace sealcall::host {

class LinkPort {
  public:
    /// A returned error ends the link.
    using Received = std::function<Status(ByteSpan message)>;
    using Closed = std::function<void(const Error& why)>;

    LinkPort() = default;
    LinkPort(const LinkPort&) = delete;
    LinkPort& operator=(const LinkPort&) = delete;
    ~LinkPort() { stop(); }

    Status start(UniqueFd fd, Received received, Closed closed);
    void stop();
    template <ipc::Message T>
    void send(const T& m) {
        settle(link_.send(m));
    }
    /// For media: dropped when the peer is behind.
    template <ipc::Message T>
    bool send_or_drop(const T& m) {
        return link_.send_or_drop(m).has_value();
    }
    [[nodiscard]] bool open() const { return link_.open(); }
    Status hello(ipc::ProcessRole self) { return link_.hello(self); }

  private:
    static void event(int flags, void* self);
    void readable();
    void settle(const Status& s);
    void watch();

    ipc::Link link_;
    Received received_;
    Closed closed_;
    Timer closing_;
    int watched_ = 0;
    Bytes buffer_ = Bytes(ipc::kMessageMax + 1);
};

}  // namespace sealcall::host
