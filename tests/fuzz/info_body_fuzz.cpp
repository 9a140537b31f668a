// INFO bodies and the frames inside TLS: parse, and what parses must encode to the same bytes.
#include "enclave/tls/frame.h"

using namespace sealcall;

namespace {

void info_body(ByteSpan in) {
    const auto body = tls::parse_info_body(in);
    if (body) CHECK(equal_bytes(tls::encode_info_body(body->sequence, body->tls), in));
}

/// The first byte says how the stream is cut; all cuts must give the same frames.
void frames(ByteSpan in) {
    if (in.empty()) return;
    const size_t piece = static_cast<size_t>(in[0]) % 61 + 1;
    in = in.subspan(1);
    tls::FrameAssembler pieces, whole;
    std::vector<tls::Channel::Frame> a, b;
    bool ok = true;
    for (size_t at = 0; ok && at < in.size(); at += piece)
        ok = pieces.push(in.subspan(at, std::min(piece, in.size() - at)), a).has_value();
    CHECK(whole.push(in, b).has_value() == ok);
    CHECK(a.size() == b.size());
    Bytes encoded;
    for (const auto& frame : a) {
        const Bytes one = tls::encode_frame(frame.type, frame.body);
        encoded.insert(encoded.end(), one.begin(), one.end());
    }
    CHECK(encoded.size() <= in.size() && equal_bytes(encoded, in.first(encoded.size())));
    if (ok) CHECK(encoded.size() + whole.pending() == in.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto in = std::as_bytes(std::span(data, size));
    info_body(in);
    frames(in);
    return 0;
}
