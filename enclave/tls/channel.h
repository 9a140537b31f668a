// The attestation channel: TLS 1.3, mutual certificates, bytes in and bytes out, no sockets. The callee is the TLS
// client. The handshake signs with the TPM-resident identity key through the in-process provider, so `advance` runs on
// the TPM worker until the handshake is over and on the main loop afterwards; never on both at once.
#pragma once

#include <functional>
#include <memory>

#include "attestation/checks.h"
#include "sealcall/rats/wire.h"

namespace sealcall::tls {

/// Signs a SHA-256 digest with the identity key; DER. Called only on the thread that runs `advance`.
using SignDigest = std::function<Result<Bytes>(const Digest&)>;

struct ChannelConfig {
    rats::Role role{};
    rats::CertificateDer certificate;  ///< own identity certificate (leaf)
    std::vector<rats::CertificateDer> anchors;
    uint64_t wall_ms = 0;
    SignDigest sign;
    Digest own_spki{};  ///< a peer with this key is a reflection and is refused
    /// Called after the chain passed and before this side shows its certificate or signs: block list, name. Its error
    /// ends the handshake.
    std::function<Status(const attestation::IdentityCertificate&)> accept_peer;
};

enum class ChannelState : uint8_t { handshaking, open, failed, closed };

class Channel {
  public:
    /// Makes the TLS object and, for the client, the first flight. No TPM work.
    static Result<std::unique_ptr<Channel>> create(ChannelConfig config);
    virtual ~Channel() = default;

    /// Feeds one INFO body: sequence number (u32, from 0) then TLS bytes. A duplicate is dropped; a gap, a limit of
    /// rats/wire.h or a body that is too short ends the channel.
    virtual Status feed(ByteSpan info_body) = 0;
    /// Runs the handshake as far as the bytes allow; may sign. Errors: handshake_failed (detail: the alert, RFC 8446
    /// 6), untrusted_certificate, bad_certificate, wrong_name, reflected, what accept_peer said,
    /// tpm_* (as the signer returned it). After one the state is `failed`, every later call gives it again, and
    /// take_output has the alert.
    virtual Status advance() = 0;
    /// INFO bodies to send, each at most kInfoBodyMax, sequence number included.
    virtual std::vector<Bytes> take_output() = 0;

    virtual ChannelState state() const = 0;
    virtual const attestation::IdentityCertificate& peer() const = 0;  ///< once open
    virtual Digest channel_binding() const = 0;                        ///< RFC 9266; once open
    /// RFC 8446 7.5; once open.
    virtual Result<Digest> export_key(const char* label, ByteSpan context) = 0;

    /// One frame (rats::FrameType) into the channel; then take_output.
    virtual Status send(rats::FrameType type, ByteSpan body) = 0;
    struct Frame {
        rats::FrameType type{};
        Bytes body;
    };
    /// Frames that are complete. Call after feed + advance. Errors end the channel.
    virtual Result<std::vector<Frame>> receive() = 0;
    /// TLS bytes fed so far, duplicates left out.
    virtual size_t bytes_received() const = 0;
    /// The verdicts are known: kBytesBeforeVerdict no longer counts. What is fed but not received stays bounded by it.
    virtual void lift_limit() = 0;
    /// So many bytes more may come before the verdict: logs that were asked for.
    virtual void allow(size_t bytes) = 0;
    /// Sends close_notify.
    virtual void close() = 0;
};

}  // namespace sealcall::tls
