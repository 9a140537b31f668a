#include "enclave/srtp/session.h"

#include <srtp2/srtp.h>

namespace sealcall::srtp {

namespace {

constexpr unsigned long kWindow = 256;  // packets; five seconds of sound
constexpr size_t kRtpHeader = 12, kRtcpHeader = 8, kRtpSsrc = 8, kRtcpSsrc = 4;

struct SrtpDeleter {
    void operator()(srtp_ctx_t* context) const { (void)srtp_dealloc(context); }
};
using SrtpPtr = std::unique_ptr<srtp_ctx_t, SrtpDeleter>;

/// libsrtp2 has one set-up per process; the first caller runs its self-tests.
bool library_ready() {
    static const bool kReady = srtp_init() == srtp_err_status_ok;
    return kReady;
}

Error srtp_error(srtp_err_status_t status, const char* call) {
    const auto detail = static_cast<uint32_t>(status);
    switch (status) {
        case srtp_err_status_auth_fail:
            return {Errc::not_authentic, call, detail};
        case srtp_err_status_replay_fail:
        case srtp_err_status_replay_old:
        case srtp_err_status_pkt_idx_old:
            return {Errc::replayed_packet, call, detail};
        default:
            return {Errc::srtp_failed, call, detail};
    }
}

Status set_profile(srtp_policy_t& policy, dtls::SrtpProfile profile) {
    srtp_profile_t id = srtp_profile_reserved;
    if (profile == dtls::SrtpProfile::aead_aes_128_gcm) id = srtp_profile_aead_aes_128_gcm;
    if (profile == dtls::SrtpProfile::aes128_cm_sha1_80) id = srtp_profile_aes128_cm_sha1_80;
    if (id == srtp_profile_reserved) return Error{Errc::bad_value, "SRTP profile", static_cast<uint32_t>(profile)};
    auto status = srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, id);
    if (status == srtp_err_status_ok) status = srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, id);
    if (status != srtp_err_status_ok) return srtp_error(status, "srtp_crypto_policy_set_from_profile");
    return {};
}

Result<SrtpPtr> create_direction(dtls::SrtpProfile profile, const Secret<16>& key, const Secret<14>& salt,
                                 const srtp_ssrc_t& ssrc) {
    srtp_policy_t policy{};
    TRY_STATUS(set_profile(policy, profile));
    // Key then salt. GCM reads 28 of the 30 bytes.
    Secret<30> both;
    const auto bytes = both.reveal(SecretAccess{});
    std::ranges::copy(key.reveal(SecretAccess{}), bytes.begin());
    std::ranges::copy(salt.reveal(SecretAccess{}), bytes.begin() + Secret<16>::kSize);
    policy.ssrc = ssrc;
    policy.key = as_u8(bytes.data());
    policy.window_size = kWindow;
    srtp_t raw = nullptr;
    if (const auto status = srtp_create(&raw, &policy); status != srtp_err_status_ok)
        return srtp_error(status, "srtp_create");
    return SrtpPtr(raw);
}

uint32_t read_u32(ByteSpan in, size_t offset) {
    uint32_t out = 0;
    for (const std::byte b : in.subspan(offset, 4)) out = out << 8 | static_cast<uint32_t>(b);
    return out;
}

class LibsrtpSession final : public SrtpSession {
  public:
    LibsrtpSession(SrtpPtr send, SrtpPtr receive, uint32_t send_ssrc)
        : send_(std::move(send)), receive_(std::move(receive)), send_ssrc_(send_ssrc) {}

    Result<size_t> protect_rtp(std::span<std::byte> buffer, size_t length) override {
        return protect(buffer, length, kRtpHeader, kRtpSsrc, srtp_protect);
    }
    Result<size_t> protect_rtcp(std::span<std::byte> buffer, size_t length) override {
        return protect(buffer, length, kRtcpHeader, kRtcpSsrc, srtp_protect_rtcp);
    }
    Result<size_t> unprotect_rtp(std::span<std::byte> packet) override {
        return unprotect(packet, kRtpHeader, kRtpSsrc, srtp_unprotect);
    }
    Result<size_t> unprotect_rtcp(std::span<std::byte> packet) override {
        return unprotect(packet, kRtcpHeader, kRtcpSsrc, srtp_unprotect_rtcp);
    }

  private:
    using Operation = srtp_err_status_t (*)(srtp_t, void*, int*);

    Result<size_t> protect(std::span<std::byte> buffer, size_t length, size_t header, size_t ssrc_at, Operation run) {
        if (length < header) return Error{Errc::truncated, "packet to protect", static_cast<uint32_t>(length)};
        if (length > buffer.size() || buffer.size() - length < kTrailerMax || buffer.size() > kPacketMax)
            return Error{Errc::too_large, "no room for the tag", static_cast<uint32_t>(length)};
        if (read_u32(buffer, ssrc_at) != send_ssrc_) return Error{Errc::srtp_failed, "foreign SSRC to protect", 0};
        int size = static_cast<int>(length);
        if (const auto status = run(send_.get(), buffer.data(), &size); status != srtp_err_status_ok)
            return srtp_error(status, "protect");
        return static_cast<size_t>(size);
    }

    Result<size_t> unprotect(std::span<std::byte> packet, size_t header, size_t ssrc_at, Operation run) {
        if (packet.size() < header) return Error{Errc::truncated, "packet", static_cast<uint32_t>(packet.size())};
        if (packet.size() > kPacketMax) return Error{Errc::too_large, "packet", static_cast<uint32_t>(packet.size())};
        const uint32_t ssrc = read_u32(packet, ssrc_at);
        if (peer_ssrc_ && *peer_ssrc_ != ssrc) return Error{Errc::not_authentic, "another SSRC", ssrc};
        int size = static_cast<int>(packet.size());
        if (const auto status = run(receive_.get(), packet.data(), &size); status != srtp_err_status_ok)
            return srtp_error(status, "unprotect");
        peer_ssrc_ = ssrc;
        return static_cast<size_t>(size);
    }

    static constexpr size_t kPacketMax = 4096;
    SrtpPtr send_, receive_;
    uint32_t send_ssrc_;
    std::optional<uint32_t> peer_ssrc_;
};

}  // namespace

Result<std::unique_ptr<SrtpSession>> SrtpSession::create(dtls::MediaKeys keys, uint32_t send_ssrc) {
    if (!library_ready()) return Error{Errc::srtp_failed, "srtp_init", 0};
    TRY(auto send, create_direction(keys.profile, keys.send_key, keys.send_salt, {ssrc_specific, send_ssrc}));
    TRY(auto receive, create_direction(keys.profile, keys.receive_key, keys.receive_salt, {ssrc_any_inbound, 0}));
    return std::unique_ptr<SrtpSession>(
        std::make_unique<LibsrtpSession>(std::move(send), std::move(receive), send_ssrc));
}

void warm_up() {
    for (const auto profile : {dtls::SrtpProfile::aead_aes_128_gcm, dtls::SrtpProfile::aes128_cm_sha1_80}) {
        dtls::MediaKeys keys;
        keys.profile = profile;
        auto session = SrtpSession::create(std::move(keys), 0);
        CHECK(session.has_value());
        std::array<std::byte, 64> packet{std::byte{0x80}};
        CHECK((*session)->protect_rtp(packet, kRtpHeader).has_value());
    }
}

}  // namespace sealcall::srtp
