#include "enclave/srtp/media.h"

#include "enclave/srtp/reception.h"
#include "enclave/tls/openssl.h"

namespace sealcall::srtp {

namespace {

constexpr size_t kPacketMax = 1500;  // bytes on the wire
constexpr size_t kOpusMax = 1275;    // one frame (RFC 6716, 3.4)
constexpr size_t kRtcpMax = 512;
constexpr Millis kReportEvery{5000};
constexpr uint8_t kSdesNameBytes = 12;  // 96 random bits (RFC 7022, 4.2)

template <class T>
T random_number() {
    std::array<std::byte, sizeof(T)> bytes{};
    tls::random_bytes(bytes);
    T out{};
    std::memcpy(&out, bytes.data(), sizeof out);
    return out;
}

std::string random_cname() {
    std::array<std::byte, kSdesNameBytes> bytes{};
    tls::random_bytes(bytes);
    std::string out;
    for (const std::byte b : bytes)
        for (const unsigned nibble : {static_cast<unsigned>(b) >> 4, static_cast<unsigned>(b) & 15})
            out.push_back("0123456789abcdef"[nibble]);
    return out;
}

/// RFC 5761, 4: RTCP types 192 to 223 stand where RTP has marker and payload type.
bool is_rtcp(ByteSpan packet) {
    const auto type = static_cast<uint8_t>(packet[1]);
    return type >= 192 && type <= 223;
}

const char* profile_name(dtls::SrtpProfile profile) {
    return profile == dtls::SrtpProfile::aead_aes_128_gcm ? "AEAD_AES_128_GCM" : "AES_CM_128_HMAC_SHA1_80";
}

class OpusMedia final : public Media {
  public:
    OpusMedia(std::unique_ptr<SrtpSession> srtp, uint32_t ssrc, dtls::SrtpProfile profile, uint8_t payload_type)
        : srtp_(std::move(srtp)), ssrc_(ssrc), profile_(profile), payload_type_(payload_type) {}

    Result<std::optional<PlayablePacket>> receive(ByteSpan packet, BootInstant now) override;
    Result<Bytes> send(ByteSpan opus, uint32_t timestamp, BootInstant now) override;
    Result<std::optional<Bytes>> rtcp_due(BootInstant now) override;
    BootInstant next_rtcp() const override { return next_report_; }
    uint32_t send_ssrc() const override { return ssrc_; }
    void fill(ipc::MediaStats& out) const override;

  private:
    Result<std::optional<PlayablePacket>> receive_checked(ByteSpan packet, BootInstant now);
    Result<std::optional<PlayablePacket>> on_rtp(ByteSpan plain, BootInstant now);
    Status on_rtcp(ByteSpan plain, BootInstant now);
    SenderInfo sender_info(BootInstant now) const;

    std::unique_ptr<SrtpSession> srtp_;
    const uint32_t ssrc_;
    const dtls::SrtpProfile profile_;
    const uint8_t payload_type_;
    const std::string cname_ = random_cname();
    // Any clock may stand behind the NTP timestamps (RFC 3550, 4); an unknown offset hides how long this machine has
    // been up.
    const uint64_t ntp_offset_ = random_number<uint64_t>();
    // Below 2^15, so that a lost first packet cannot be mistaken for a wrap (RFC 3711, 3.3.1).
    uint16_t next_sequence_ = random_number<uint16_t>() & 0x7fff;
    uint32_t sent_ = 0, octets_ = 0, sent_at_last_report_ = 0, last_timestamp_ = 0;
    BootInstant last_sent_{}, next_report_{};
    Reception reception_;
    std::optional<uint32_t> peer_ssrc_;
    uint32_t rejected_ = 0, peer_reported_lost_ = 0;
};

Result<std::optional<PlayablePacket>> OpusMedia::receive(ByteSpan packet, BootInstant now) {
    auto result = receive_checked(packet, now);
    if (!result) ++rejected_;
    return result;
}

Result<std::optional<PlayablePacket>> OpusMedia::receive_checked(ByteSpan packet, BootInstant now) {
    if (packet.size() < 2) return Error{Errc::truncated, "packet", static_cast<uint32_t>(packet.size())};
    if (packet.size() > kPacketMax) return Error{Errc::too_large, "packet", static_cast<uint32_t>(packet.size())};
    if (static_cast<unsigned>(packet[0]) >> 6 != 2) return Error{Errc::bad_value, "neither RTP nor RTCP", 0};
    Bytes plain = to_bytes(packet);
    if (is_rtcp(packet)) {
        TRY(const size_t size, srtp_->unprotect_rtcp(plain));
        TRY_STATUS(on_rtcp(ByteSpan(plain).first(size), now));
        return std::optional<PlayablePacket>{};
    }
    TRY(const size_t size, srtp_->unprotect_rtp(plain));
    return on_rtp(ByteSpan(plain).first(size), now);
}

Result<std::optional<PlayablePacket>> OpusMedia::on_rtp(ByteSpan plain, BootInstant now) {
    TRY(const RtpPacket rtp, parse_rtp(plain));
    peer_ssrc_ = rtp.ssrc;
    reception_.packet(rtp.sequence, rtp.timestamp, now);  // its number counts, whatever it carries
    if (rtp.payload_type != payload_type_) return Error{Errc::bad_value, "payload type", rtp.payload_type};
    if (rtp.payload.empty() || rtp.payload.size() > kOpusMax)
        return Error{Errc::bad_value, "Opus frame size", static_cast<uint32_t>(rtp.payload.size())};
    return std::optional(PlayablePacket{rtp.sequence, rtp.timestamp, to_bytes(rtp.payload)});
}

Status OpusMedia::on_rtcp(ByteSpan plain, BootInstant now) {
    TRY(const RtcpCompound rtcp, parse_rtcp(plain));
    if (rtcp.sender) reception_.sender_report(*rtcp.sender, now);
    for (const ReportBlock& block : rtcp.blocks)
        if (block.ssrc == ssrc_) peer_reported_lost_ = static_cast<uint32_t>(std::max(block.lost, 0));
    return {};
}

Result<Bytes> OpusMedia::send(ByteSpan opus, uint32_t timestamp, BootInstant now) {
    if (opus.empty() || opus.size() > kOpusMax)
        return Error{Errc::bad_value, "Opus frame size", static_cast<uint32_t>(opus.size())};
    // Marker: the first packet of a talkspurt, and without DTX there is one (RFC 7587, 4.1).
    Bytes packet = encode_rtp({sent_ == 0, payload_type_, next_sequence_, timestamp, ssrc_, opus});
    const size_t length = packet.size();
    packet.resize(length + SrtpSession::kTrailerMax);
    ++next_sequence_;  // also when protecting fails: a number is never used for two packets
    TRY(const size_t size, srtp_->protect_rtp(packet, length));
    packet.resize(size);
    ++sent_;
    octets_ += static_cast<uint32_t>(opus.size());
    last_timestamp_ = timestamp;
    last_sent_ = now;
    return packet;
}

SenderInfo OpusMedia::sender_info(BootInstant now) const {
    const auto us = static_cast<uint64_t>(now.time_since_epoch().count());
    const uint64_t ntp = (us / 1'000'000 << 32 | (us % 1'000'000 << 32) / 1'000'000) + ntp_offset_;
    const auto since = static_cast<uint64_t>(std::max<int64_t>((now - last_sent_).count(), 0));
    const auto timestamp = last_timestamp_ + static_cast<uint32_t>(since * kClockRate / 1'000'000);
    return {ntp, timestamp, sent_, octets_};
}

Result<std::optional<Bytes>> OpusMedia::rtcp_due(BootInstant now) {
    if (now < next_report_) return std::optional<Bytes>{};
    const bool armed = next_report_ != BootInstant{};
    next_report_ = now + (armed ? kReportEvery : kReportEvery / 2);  // the first one early (RFC 3550, 6.2)
    if (!armed) return std::optional<Bytes>{};
    std::optional<SenderInfo> sender;
    if (sent_ != sent_at_last_report_) sender = sender_info(now);
    std::optional<ReportBlock> block;
    if (peer_ssrc_) block = reception_.report(*peer_ssrc_, now);
    sent_at_last_report_ = sent_;
    Bytes packet = encode_rtcp(ssrc_, sender, block, cname_);
    const size_t length = packet.size();
    CHECK(length + SrtpSession::kTrailerMax <= kRtcpMax);
    packet.resize(length + SrtpSession::kTrailerMax);
    TRY(const size_t size, srtp_->protect_rtcp(packet, length));
    packet.resize(size);
    return std::optional(std::move(packet));
}

void OpusMedia::fill(ipc::MediaStats& out) const {
    out.sent = sent_;
    out.received = reception_.received();
    out.lost = reception_.lost();
    out.rejected = rejected_;
    out.jitter_us = reception_.jitter_us();
    out.peer_reported_lost = peer_reported_lost_;
    out.srtp_profile = BoundedString<32>(profile_name(profile_));
}

}  // namespace

Result<std::unique_ptr<Media>> Media::create(dtls::MediaKeys keys, uint8_t payload_type) {
    if (payload_type > 127 || (payload_type >= 64 && payload_type <= 95))
        return Error{Errc::bad_value, "payload type", payload_type};  // RFC 5761, 4
    const auto profile = keys.profile;
    const auto ssrc = random_number<uint32_t>();
    TRY(auto srtp, SrtpSession::create(std::move(keys), ssrc));
    return std::unique_ptr<Media>(std::make_unique<OpusMedia>(std::move(srtp), ssrc, profile, payload_type));
}

}  // namespace sealcall::srtp
