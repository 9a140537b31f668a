// One SRTP pair: owns libsrtp2 for both directions of one media context (RFC 3711, RFC 7714).
#pragma once

#include <memory>

#include "enclave/dtls/endpoint.h"

namespace sealcall::srtp {

class SrtpSession {
  public:
    /// Keys are copied into libsrtp2 and the argument is wiped. `send_ssrc` is ours, new for each context; a packet
    /// with another one is not protected. Errors: bad_value (no profile), srtp_failed.
    static Result<std::unique_ptr<SrtpSession>> create(dtls::MediaKeys keys, uint32_t send_ssrc);
    virtual ~SrtpSession() = default;  ///< deallocates; the heap wipes

    /// In place; `buffer` has room for kTrailerMax more bytes than `length`. Returns the protected length. Errors:
    /// too_large, srtp_failed.
    static constexpr size_t kTrailerMax = 32;
    virtual Result<size_t> protect_rtp(std::span<std::byte> buffer, size_t length) = 0;
    virtual Result<size_t> protect_rtcp(std::span<std::byte> buffer, size_t length) = 0;
    /// In place. The SSRC of the first authentic packet is the peer's for good; another one is not looked at. Errors:
    /// truncated, not_authentic (wrong tag, other SSRC), replayed_packet (also: older than the window of 256),
    /// srtp_failed.
    virtual Result<size_t> unprotect_rtp(std::span<std::byte> packet) = 0;
    virtual Result<size_t> unprotect_rtcp(std::span<std::byte> packet) = 0;
};

/// Keys of a later media context (resume, rekey): HKDF-SHA256 of the call secret, the context number and 16 fresh bytes
/// of each side (design, "Keys"). Never the same twice: the number only grows and the fresh bytes are new. Context 0 is
/// the one of the DTLS handshake and cannot be derived. Errors: bad_value (context 0, no profile), replayed_packet (the
/// peer sent our own fresh bytes back), crypto_failed.
///   salt = caller fresh || callee fresh
///   info = "sealcall media context" || context (u32) || profile (u16) || direction (u8: 0 from the caller, 1 from the
///   callee) 30 bytes out: master key (16), master salt (14; GCM uses the first 12)
Result<dtls::MediaKeys> derive_context(const Secret<32>& call_secret, uint32_t context, rats::Role self,
                                       const std::array<std::byte, 16>& caller_fresh,
                                       const std::array<std::byte, 16>& callee_fresh, dtls::SrtpProfile profile);

/// Initialises libsrtp2 and runs each profile once; before lock-down. Ends the process when that does not work.
void warm_up();

}  // namespace sealcall::srtp
