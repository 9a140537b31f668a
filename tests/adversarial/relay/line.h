// The attacker's end of one attestation channel, with a certificate of her own that the authority really signed. What
// she lacks is a TPM: her key lies in memory and she makes no Evidence.
#pragma once

#include "attestation/openssl.h"
#include "enclave/tls/channel.h"
#include "sealcall/ipc/link.h"

namespace sealcall::relay {

/// A name that the authority vouches for, with a key from a file.
class SoftwareIdentity {
  public:
    /// The key is PKCS#8 DER, where a phone would keep what its TPM wrapped. Errors: bad_key, and those of the
    /// certificate's check against the anchors.
    static Result<SoftwareIdentity> create(const ipc::ConfigureEnclave& config);
    [[nodiscard]] Result<std::unique_ptr<tls::Channel>> open_channel(rats::Role role) const;
    [[nodiscard]] const std::string& uri() const { return uri_; }
    [[nodiscard]] const std::string& authority() const { return authority_; }

  private:
    SoftwareIdentity() = default;
    attestation::PkeyPtr key_;
    Digest spki_{};
    std::string uri_, authority_;
    rats::CertificateDer certificate_;
    std::vector<rats::CertificateDer> anchors_;
};

/// One of the two genuine phones, as seen from the middle.
class Line {
  public:
    Line(const char* peer, SessionId session) : peer_(peer), session_(session) {}

    /// `role` is the attacker's. The first flight goes out with `flush`.
    Status open(const SoftwareIdentity& self, rats::Role role);
    /// One INFO body from the host.
    Status feed(ByteSpan body);
    /// Hands the host what the channel wants to say, an alert included.
    Status flush(ipc::Link& host);
    [[nodiscard]] bool is_open() const { return channel_ && channel_->state() == tls::ChannelState::open; }
    /// Once open; then `flush`.
    Status send(rats::FrameType type, ByteSpan body) { return channel_->send(type, body); }
    /// What the peer said since the last time.
    std::vector<tls::Channel::Frame> take_frames() { return std::exchange(frames_, {}); }

    [[nodiscard]] const char* peer() const { return peer_; }
    [[nodiscard]] SessionId session() const { return session_; }

  private:
    const char* peer_;  ///< for the log
    SessionId session_;
    std::unique_ptr<tls::Channel> channel_;
    std::vector<tls::Channel::Frame> frames_;
};

}  // namespace sealcall::relay
