// Session descriptions (RFC 8866) as sealcall makes and reads them: one audio stream, Opus, DTLS-SRTP (RFC 5763, 5764).
// Foreign bytes come in here; nothing read from them is trusted, fingerprints are only handed on.
#pragma once

#include <string>

#include "host/ice/fragment.h"

namespace sealcall::host {

inline constexpr size_t kSdpMax = 8192;  ///< bytes of a description that we read
inline constexpr uint8_t kOpusPayloadType = 111;

enum class Direction { sendrecv, sendonly, recvonly, inactive };
enum class Setup { none, actpass, active, passive, holdconn };  ///< RFC 4145 4

/// What a peer's description says of its one usable audio stream.
struct RemoteSdp {
    bool secure = false;   ///< UDP/TLS/RTP/SAVP or SAVPF: the only profiles we take
    bool feedback = true;  ///< SAVPF
    bool opus = false;
    uint8_t opus_payload_type = 0;
    bool has_fingerprint = false;  ///< sha-256
    Digest fingerprint{};
    Setup setup = Setup::none;
    Direction direction = Direction::sendrecv;
    std::string address;  ///< c=, numeric or a name
    uint16_t port = 0;    ///< 0: refused
    bool rtcp_mux = false;
    IceDescription ice;
    size_t other_media = 0;                ///< further m= lines; they are answered with port 0
    size_t audio_index = 0;                ///< position of the audio stream among all m= lines
    std::vector<std::string> media_lines;  ///< "video 5000 RTP/AVP 96" of every m= line, for the answer

    /// True if this stream can be answered: profile, codec, fingerprint and port.
    [[nodiscard]] bool acceptable() const { return secure && opus && has_fingerprint && port != 0; }
};

/// Reads a whole description. Errors: bad_sdp (with the line number), too_large. RFC 8866 5, 9.
Result<RemoteSdp> parse_sdp(ByteSpan in);

/// What we say of ourselves.
struct LocalSdp {
    uint64_t session_id = 0;  ///< random, for o=
    uint64_t version = 1;
    Digest fingerprint{};
    Setup setup = Setup::actpass;
    Direction direction = Direction::sendrecv;
    std::string address = "0.0.0.0";  ///< numeric; 0.0.0.0 with port 9 where media is told in the channel only
    uint16_t port = 9;
    uint8_t payload_type = kOpusPayloadType;
    bool feedback = true;
    bool trickle = false;                     ///< a=ice-options:trickle, candidates come through the channel
    IceDescription ice;                       ///< without ufrag: no ICE attributes
    std::vector<std::string> refused_before;  ///< m= lines of the offer before the audio stream, answered with port 0
    std::vector<std::string> refused_after;
};

std::string build_sdp(const LocalSdp& local);

/// Sets aside the other m= lines of an offer so that the answer has as many (RFC 3264 6).
void mirror_media_lines(const RemoteSdp& offer, LocalSdp& answer);

/// The direction that answers `offered` when we want `wanted` ourselves (RFC 3264 6.1).
Direction answer_direction(Direction offered, Direction wanted);

/// True if the sender of this direction does not want to hear us: we are on hold (RFC 3264 8.4).
bool is_hold(Direction theirs);

}  // namespace sealcall::host
