// One DTLS 1.2 association with use_srtp (RFC 5764), datagrams in and out, no sockets. Its key lives in enclave memory,
// is new for each call, and is wiped once the handshake is over. RFC 6347 timers are the caller's: next_deadline,
// handle_timeout.
#pragma once

#include <memory>
#include <optional>

#include "sealcall/base/secret.h"
#include "sealcall/base/time.h"
#include "sealcall/rats/wire.h"

namespace sealcall::dtls {

enum class SrtpProfile : uint16_t { none = 0, aes128_cm_sha1_80 = 0x0001, aead_aes_128_gcm = 0x0007 };

/// A P-256 key and a self-signed certificate without names.
class Identity {
  public:
    static Result<std::unique_ptr<Identity>> create();
    virtual ~Identity() = default;
    virtual const Digest& fingerprint() const = 0;  ///< SHA-256 of the DER certificate (RFC 8122)
};

/// Master key and salt of both directions (RFC 5764 4.2), in the order of use by this side. GCM uses 16 + 12 bytes, CM
/// 16 + 14.
struct MediaKeys {
    SrtpProfile profile{};
    Secret<16> send_key, receive_key;
    Secret<14> send_salt, receive_salt;  ///< GCM: the first 12
};

class Endpoint {
  public:
    /// `client`: sends ClientHello (the attested callee does). `peer_fingerprint`: the only certificate accepted.
    /// Errors: reflected (our own fingerprint), crypto_failed.
    static Result<std::unique_ptr<Endpoint>> create(Identity& identity, bool client, const Digest& peer_fingerprint);
    virtual ~Endpoint() = default;

    /// What is not DTLS (first byte outside 20..63, RFC 7983) or too large is dropped without an error. Errors:
    /// handshake_failed (detail: the alert), wrong_name (fingerprint), closed. After one every later call gives it
    /// again.
    virtual Status handle_datagram(ByteSpan in, BootInstant now) = 0;
    virtual Status start(BootInstant now) = 0;     ///< client: first flight
    virtual std::vector<Bytes> take_output() = 0;  ///< datagrams of at most 1200 bytes
    virtual std::optional<BootInstant> next_deadline() const = 0;
    virtual Status handle_timeout(BootInstant now) = 0;  ///< retransmits; errors: handshake_failed, in the end
    /// The handshake is complete and the private key and master secret are gone from this object. Keep feeding
    /// datagrams: if the last flight was lost, the peer asks for it again.
    virtual bool finished() const = 0;
    virtual bool closed_by_peer() const = 0;

    /// Once finished, once: the keys of the first media context.
    virtual Result<MediaKeys> take_media_keys() = 0;
    /// 32 bytes of EXPORTER-sealcall-call, once.
    virtual Result<Secret<32>> take_call_secret() = 0;
    /// 32 bytes of EXPORTER-sealcall-media, for the confirmation inside the attested channel. Error handshake_failed
    /// when the peer did without the extended master secret (RFC 7627), which ordinary phones may: the value would not
    /// be unique.
    virtual Result<Digest> media_confirm_value() = 0;
};

}  // namespace sealcall::dtls
