// One UDP socket of one call: ICE where the peer has it, else the address from SDP, latched. DTLS and SRTP pass through
// unread; what is neither, or comes from elsewhere, is dropped and counted.
#pragma once

#include <deque>

#include "host/ice/agent.h"

namespace sealcall::host {

class MediaPath {
  public:
    struct Events {
        virtual void media_ready() = 0;
        virtual void media_failed() = 0;
        virtual void media_packet(ByteSpan packet) = 0;

      protected:
        ~Events() = default;
    };
    /// Binds a port on `address` (numeric). `controlling`: we are the caller (RFC 8445 6.1.1). `dropped` counts
    /// packets.
    static Result<std::unique_ptr<MediaPath>> create(const std::string& address, bool controlling, Events& events,
                                                     uint32_t& dropped);
    ~MediaPath();

    [[nodiscard]] IceDescription local_ice() const { return ice_->local(); }
    [[nodiscard]] const std::string& address() const { return address_; }
    [[nodiscard]] uint16_t port() const { return port_; }

    /// Errors as IceAgent::start.
    Status connect_ice(const IceDescription& remote);
    /// For peers without ICE: sends there, takes from there; a DTLS handshake from elsewhere moves it once (NAT).
    Status connect_plain(const std::string& address, uint16_t port);
    /// Hands what arrived early to Events, then everything as it comes. Call when the session is known and ready.
    void open();
    void send(ByteSpan packet);
    [[nodiscard]] bool ready() const { return ready_; }

  private:
    MediaPath(Events& events, uint32_t& dropped) : events_(events), dropped_(dropped) {}
    static void received(const sa* source, mbuf* mb, void* self);
    [[nodiscard]] bool admit(const sa& source, ByteSpan packet);

    static constexpr size_t kEarlyMax = 16;  ///< packets kept before open(): one DTLS flight and its repeat

    Events& events_;
    uint32_t& dropped_;
    std::string address_;
    uint16_t port_ = 0;
    ReRef<udp_sock> socket_;
    std::unique_ptr<IceAgent> ice_;
    Timer ready_timer_;
    bool plain_ = false, latched_ = false, heard_peer_ = false;
    bool ready_ = false, open_ = false;
    sa plain_peer_{};
    std::deque<std::pair<sa, Bytes>> early_;
};

}  // namespace sealcall::host
