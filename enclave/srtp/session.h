// One SRTP pair: owns libsrtp2 for both directions of one media context (RFC 3711, RFC 7714).
#pragma once

#include <memory>

#include "enclave/dtls/endpoint.h"

namespace sealcall::srtp {

class SrtpSession {
  public:
    /// Keys are copied into libsrtp2 and the argument is wiped. `send_ssrc` is ours, new for each context.
    static Result<std::unique_ptr<SrtpSession>> create(dtls::MediaKeys keys, uint32_t send_ssrc);
    virtual ~SrtpSession() = default;  ///< deallocates; the heap wipes

    /// In place; `packet` has room for kTrailerMax more bytes. Returns the protected length. Errors: srtp_failed.
    static constexpr size_t kTrailerMax = 32;
    virtual Result<size_t> protect_rtp(std::span<std::byte> buffer, size_t length) = 0;
    virtual Result<size_t> protect_rtcp(std::span<std::byte> buffer, size_t length) = 0;
    /// In place. Errors: not_authentic, replayed_packet, srtp_failed.
    virtual Result<size_t> unprotect_rtp(std::span<std::byte> packet) = 0;
    virtual Result<size_t> unprotect_rtcp(std::span<std::byte> packet) = 0;
};

/// Keys of a later media context (resume, rekey): HKDF-SHA256 of the call secret, the context number and 16 fresh bytes of each
/// side (design, "Keys"). Never the same twice: the number only grows and the fresh bytes are new.
Result<dtls::MediaKeys> derive_context(const Secret<32>& call_secret, uint32_t context, rats::Role self,
                                       const std::array<std::byte, 16>& caller_fresh,
                                       const std::array<std::byte, 16>& callee_fresh, dtls::SrtpProfile profile);

}  // namespace sealcall::srtp
