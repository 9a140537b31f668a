#include "enclave/tls/frame.h"

namespace sealcall::tls {

namespace {
constexpr size_t kFrameHeader = 4;
}

Result<InfoBody> parse_info_body(ByteSpan in) {
    if (in.size() > rats::kInfoBodyMax) return Error{Errc::too_large, "INFO body", static_cast<uint32_t>(in.size())};
    ByteReader r(in);
    InfoBody out;
    TRY(out.sequence, r.u32());
    if (r.done()) return Error{Errc::truncated, "INFO body without TLS bytes", out.sequence};
    TRY(out.tls, r.bytes(r.left()));
    return out;
}

Bytes encode_info_body(uint32_t sequence, ByteSpan tls) {
    CHECK(!tls.empty() && tls.size() <= kTlsBytesPerBody);
    ByteWriter w;
    w.u32(sequence).bytes(tls);
    return w.take();
}

Bytes encode_frame(rats::FrameType type, ByteSpan body) {
    CHECK(body.size() <= rats::kFrameMax);
    ByteWriter w;
    w.u32(static_cast<uint32_t>(type) << 24 | static_cast<uint32_t>(body.size())).bytes(body);
    return w.take();
}

Status FrameAssembler::push(ByteSpan plaintext, std::vector<Channel::Frame>& out) {
    buffer_.insert(buffer_.end(), plaintext.begin(), plaintext.end());
    ByteReader r(buffer_);
    size_t consumed = 0;
    while (r.left() >= kFrameHeader) {
        TRY(const uint32_t header, r.u32());
        const uint32_t type = header >> 24, length = header & 0xffffff;
        if (type > static_cast<uint32_t>(ipc::EnumRange<rats::FrameType>::last))
            return Error{Errc::bad_value, "frame type", type};
        if (length > rats::kFrameMax) return Error{Errc::too_large, "frame", length};
        if (r.left() < length) break;
        TRY(const ByteSpan body, r.bytes(length));
        out.push_back({static_cast<rats::FrameType>(type), to_bytes(body)});
        consumed = r.offset();
    }
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(consumed));
    return {};
}

}  // namespace sealcall::tls
