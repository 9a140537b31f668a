#include "enclave/srtp/rtp.h"

namespace sealcall::srtp {

namespace {

constexpr uint8_t kVersion = 2;
constexpr uint8_t kSenderReport = 200, kReceiverReport = 201, kSourceDescription = 202, kBye = 203;
constexpr uint8_t kCname = 1;

/// The last byte says how many bytes of padding there are, itself included (RFC 3550, 5.1).
Result<ByteSpan> cut_padding(ByteSpan in) {
    if (in.empty()) return Error{Errc::truncated, "padding", 0};
    const auto count = static_cast<size_t>(in.back());
    if (count == 0 || count > in.size()) return Error{Errc::bad_value, "padding", static_cast<uint32_t>(count)};
    return in.first(in.size() - count);
}

Result<ReportBlock> parse_block(ByteReader& r) {
    ReportBlock b;
    TRY(b.ssrc, r.u32());
    TRY(const uint32_t loss, r.u32());
    b.fraction_lost = static_cast<uint8_t>(loss >> 24);
    b.lost = static_cast<int32_t>(loss << 8) >> 8;  // extends the sign (C++20: arithmetic)
    TRY(b.highest_sequence, r.u32());
    TRY(b.jitter, r.u32());
    TRY(b.last_sr, r.u32());
    TRY(b.delay_since_sr, r.u32());
    return b;
}

struct RtcpHeader {
    bool padding = false;
    uint8_t count = 0, type = 0;
    size_t body = 0;  ///< bytes after the header
};

Result<RtcpHeader> parse_rtcp_header(ByteReader& r) {
    TRY(const uint8_t first, r.u8());
    RtcpHeader h;
    TRY(h.type, r.u8());
    TRY(const uint16_t words, r.u16());
    if (first >> 6 != kVersion) return Error{Errc::bad_value, "RTCP version", first};
    h.padding = (first & 0x20) != 0;
    h.count = first & 0x1f;
    h.body = size_t{words} * 4;
    return h;
}

Status parse_report(const RtcpHeader& header, ByteSpan body, RtcpCompound& out) {
    ByteReader r(body);
    TRY(out.ssrc, r.u32());
    if (header.type == kSenderReport) {
        SenderInfo s;
        TRY(s.ntp, r.u64());
        TRY(s.rtp_timestamp, r.u32());
        TRY(s.packets, r.u32());
        TRY(s.octets, r.u32());
        out.sender = s;
    }
    for (unsigned i = 0; i < header.count; ++i) {
        TRY(ReportBlock block, parse_block(r));
        out.blocks.push_back(block);
    }
    return {};  // what follows is a profile's own extension
}

void write_block(ByteWriter& w, const ReportBlock& b) {
    w.u32(b.ssrc);
    w.u32(uint32_t{b.fraction_lost} << 24 | (static_cast<uint32_t>(b.lost) & 0xffffff));
    w.u32(b.highest_sequence).u32(b.jitter).u32(b.last_sr).u32(b.delay_since_sr);
}

}  // namespace

Result<RtpPacket> parse_rtp(ByteSpan in) {
    ByteReader r(in);
    TRY(const uint8_t first, r.u8());
    TRY(const uint8_t second, r.u8());
    RtpPacket p;
    TRY(p.sequence, r.u16());
    TRY(p.timestamp, r.u32());
    TRY(p.ssrc, r.u32());
    if (first >> 6 != kVersion) return Error{Errc::bad_value, "RTP version", first};
    p.marker = (second & 0x80) != 0;
    p.payload_type = second & 0x7f;
    TRY_STATUS([&]() -> Status {
        TRY(const ByteSpan sources, r.bytes(size_t{first & 0x0fu} * 4));
        (void)sources;
        return {};
    }());
    if ((first & 0x10) != 0) {  // extension: profile u16, length in words u16 (RFC 3550, 5.3.1)
        TRY(const uint32_t header, r.u32());
        TRY(const ByteSpan extension, r.bytes(size_t{header & 0xffff} * 4));
        (void)extension;
    }
    TRY(p.payload, r.bytes(r.left()));
    if ((first & 0x20) != 0) {
        TRY(p.payload, cut_padding(p.payload));
    }
    return p;
}

Bytes encode_rtp(const RtpPacket& p) {
    ByteWriter w;
    w.u8(kVersion << 6).u8(static_cast<uint8_t>((p.marker ? 0x80 : 0) | (p.payload_type & 0x7f)));
    w.u16(p.sequence).u32(p.timestamp).u32(p.ssrc).bytes(p.payload);
    return w.take();
}

Result<RtcpCompound> parse_rtcp(ByteSpan in) {
    ByteReader r(in);
    RtcpCompound out;
    for (bool first = true; first || !r.done(); first = false) {
        TRY(const RtcpHeader header, parse_rtcp_header(r));
        TRY(ByteSpan body, r.bytes(header.body));
        if (header.padding) {
            if (first || !r.done()) return Error{Errc::bad_value, "RTCP padding before the end", header.type};
            TRY(body, cut_padding(body));
        }
        const bool report = header.type == kSenderReport || header.type == kReceiverReport;
        if (first && !report) return Error{Errc::bad_value, "RTCP does not start with a report", header.type};
        if (first) TRY_STATUS(parse_report(header, body, out));
        if (header.type == kBye) out.bye = true;
    }
    return out;
}

Bytes encode_rtcp(uint32_t ssrc, const std::optional<SenderInfo>& sender, const std::optional<ReportBlock>& block,
                  std::string_view cname) {
    CHECK(!cname.empty() && cname.size() <= 255);
    const unsigned blocks = block ? 1 : 0;
    ByteWriter w;
    w.u8(static_cast<uint8_t>(kVersion << 6 | blocks)).u8(sender ? kSenderReport : kReceiverReport);
    w.u16(static_cast<uint16_t>(1 + (sender ? 5 : 0) + 6 * blocks)).u32(ssrc);
    if (sender) w.u64(sender->ntp).u32(sender->rtp_timestamp).u32(sender->packets).u32(sender->octets);
    if (block) write_block(w, *block);
    // SDES: one chunk, its items end with at least one zero byte at a word boundary (RFC 3550, 6.5).
    const size_t items = 2 + cname.size(), padded = (items / 4 + 1) * 4;
    w.u8(kVersion << 6 | 1).u8(kSourceDescription).u16(static_cast<uint16_t>(1 + padded / 4)).u32(ssrc);
    w.u8(kCname).u8(static_cast<uint8_t>(cname.size())).bytes(as_bytes(cname));
    for (size_t i = items; i < padded; ++i) w.u8(0);
    return w.take();
}

}  // namespace sealcall::srtp
