// The two framings of the attestation channel: INFO bodies around TLS bytes, and frames inside TLS (docs/protocol.md).
// Parses foreign bytes: bounded, no I/O.
#pragma once

#include "enclave/tls/channel.h"

namespace sealcall::tls {

/// One SIP INFO body, at most kInfoBodyMax bytes.
///
///    0                   1                   2                   3
///    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///   +---------------------------------------------------------------+
///   |             sequence number, from 0, per direction            |
///   +---------------------------------------------------------------+
///   |                  TLS bytes, at least one ...                  |
struct InfoBody {
    uint32_t sequence = 0;
    ByteSpan tls;  ///< points into the input
};
inline constexpr size_t kInfoHeader = 4;
inline constexpr size_t kTlsBytesPerBody = rats::kInfoBodyMax - kInfoHeader;

/// Errors: truncated (no TLS bytes), too_large.
Result<InfoBody> parse_info_body(ByteSpan in);
Bytes encode_info_body(uint32_t sequence, ByteSpan tls);

/// Type (u8), length (u24, big-endian, at most kFrameMax), body.
Bytes encode_frame(rats::FrameType type, ByteSpan body);

/// Cuts the plaintext of the channel into frames. Holds at most one frame that is not complete yet.
class FrameAssembler {
  public:
    /// Appends; moves every frame that is now complete to `out`. Errors: bad_value (type), too_large. After one, throw
    /// it away.
    Status push(ByteSpan plaintext, std::vector<Channel::Frame>& out);
    /// Bytes of a frame that is not complete.
    [[nodiscard]] size_t pending() const { return buffer_.size(); }

  private:
    Bytes buffer_;
};

}  // namespace sealcall::tls
