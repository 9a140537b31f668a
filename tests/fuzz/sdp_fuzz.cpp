// Any bytes as a session description; what is accepted must also make a description that parses again.
#include "host/sdp/sdp.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace sealcall;
    auto remote = host::parse_sdp(std::as_bytes(std::span(data, size)));
    if (!remote) return 0;
    CHECK(remote->ice.candidates.size() <= host::kCandidatesMax);
    host::LocalSdp answer;
    answer.fingerprint = remote->fingerprint;
    answer.direction = host::answer_direction(remote->direction, host::Direction::sendrecv);
    host::mirror_media_lines(*remote, answer);
    const std::string text = host::build_sdp(answer);
    CHECK(text.size() > host::kSdpMax || host::parse_sdp(as_bytes(text)).has_value());
    return 0;
}
