#include "host/net/media_path.h"

#include "host/net/demux.h"

namespace sealcall::host {

Result<std::unique_ptr<MediaPath>> MediaPath::create(const std::string& address, bool controlling, Events& events,
                                                     uint32_t& dropped) {
    std::unique_ptr<MediaPath> p(new MediaPath(events, dropped));
    sa local{};
    if (sa_set_str(&local, address.c_str(), 0)) return Error{Errc::bad_config, "media address", 0};
    int err = udp_listen(p->socket_.out(), &local, &MediaPath::received, p.get());
    if (!err) err = udp_local_get(p->socket_.get(), &local);
    if (err) return Error{Errc::io, "media socket", static_cast<uint32_t>(err)};
    p->address_ = address;
    p->port_ = sa_port(&local);
    MediaPath* self = p.get();
    TRY(p->ice_, IceAgent::create(p->socket_.get(), local, controlling, [self](bool ok) {
            if (self->plain_) return;
            self->ready_ = ok;
            ok ? self->events_.media_ready() : self->events_.media_failed();
        }));
    return p;
}

MediaPath::~MediaPath() {
    ice_.reset();
    if (socket_) udp_handler_set(socket_.get(), nullptr, nullptr);
}

Status MediaPath::connect_ice(const IceDescription& remote) { return ice_->start(remote); }

Status MediaPath::connect_plain(const std::string& address, uint16_t port) {
    if (sa_set_str(&plain_peer_, address.c_str(), port) || !sa_isset(&plain_peer_, SA_ALL))
        return Error{Errc::bad_sdp, "media address of the peer", 0};
    plain_ = true;
    if (ready_) return {};  // a re-INVITE moved the peer
    ready_ = true;
    ready_timer_.start(0, [this] { events_.media_ready(); });
    return {};
}

void MediaPath::open() {
    if (std::exchange(open_, true)) return;
    auto early = std::exchange(early_, {});
    for (const auto& [source, packet] : early) {
        if (admit(source, packet))
            events_.media_packet(packet);
        else
            ++dropped_;
    }
}

bool MediaPath::admit(const sa& source, ByteSpan packet) {
    if (!plain_) return ice_->knows(source);
    if (sa_cmp(&source, &plain_peer_, SA_ALL)) return heard_peer_ = true;
    // Symmetric NAT: the peer's packets come from a port that its SDP did not know.
    const bool handshake = classify_packet(packet) == PacketKind::dtls;
    if (heard_peer_ || latched_ || !handshake) return false;
    plain_peer_ = source;
    return latched_ = true;
}

void MediaPath::received(const sa* source, mbuf* mb, void* self) {
    auto* p = static_cast<MediaPath*>(self);
    const ByteSpan packet = left_of(mb);
    const PacketKind kind = classify_packet(packet);
    // STUN that ICE wanted never gets here.
    if (kind != PacketKind::dtls && kind != PacketKind::srtp) {
        ++p->dropped_;
        return;
    }
    if (!p->open_) {
        if (kind == PacketKind::dtls && p->early_.size() < kEarlyMax)
            p->early_.emplace_back(*source, to_bytes(packet));
        else
            ++p->dropped_;
        return;
    }
    if (!p->admit(*source, packet)) {
        ++p->dropped_;
        return;
    }
    p->events_.media_packet(packet);
}

void MediaPath::send(ByteSpan packet) {
    const sa* to = plain_ ? &plain_peer_ : ice_->selected();
    if (!to || packet.empty()) {
        ++dropped_;
        return;
    }
    ReRef<mbuf> mb(mbuf_alloc(packet.size()));
    if (!mb || mbuf_write_mem(mb.get(), as_u8(packet.data()), packet.size())) return;
    mbuf_set_pos(mb.get(), 0);
    if (udp_send(socket_.get(), to, mb.get())) ++dropped_;
}

}  // namespace sealcall::host
