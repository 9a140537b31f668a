#include "enclave/tls/frame.h"

#include <gtest/gtest.h>

namespace sealcall::tls {
namespace {

TEST(InfoBody, RoundTrips) {
    const Bytes tls(7, std::byte{0x16});
    const Bytes body = encode_info_body(0x01020304, tls);
    EXPECT_EQ(body[0], std::byte{1});
    EXPECT_EQ(body[3], std::byte{4});
    const auto parsed = parse_info_body(body);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->sequence, 0x01020304u);
    EXPECT_TRUE(equal_bytes(parsed->tls, tls));
}

TEST(InfoBody, NeedsANumberAndAtLeastOneByte) {
    for (size_t n = 0; n <= 4; ++n) EXPECT_EQ(parse_info_body(Bytes(n)).error().code, Errc::truncated) << n;
    EXPECT_TRUE(parse_info_body(Bytes(5)));
    EXPECT_TRUE(parse_info_body(Bytes(rats::kInfoBodyMax)));
    EXPECT_EQ(parse_info_body(Bytes(rats::kInfoBodyMax + 1)).error().code, Errc::too_large);
}

TEST(FrameAssembler, PutsFramesTogetherFromAnyPieces) {
    Bytes stream;
    for (size_t size : {size_t{0}, size_t{3}, size_t{300}}) {
        const Bytes frame = encode_frame(rats::FrameType::verdict, Bytes(size, std::byte{7}));
        stream.insert(stream.end(), frame.begin(), frame.end());
    }
    for (size_t piece = 1; piece <= stream.size(); ++piece) {
        FrameAssembler a;
        std::vector<Channel::Frame> out;
        for (size_t at = 0; at < stream.size(); at += piece)
            ASSERT_TRUE(a.push(ByteSpan(stream).subspan(at, std::min(piece, stream.size() - at)), out));
        ASSERT_EQ(out.size(), 3u);
        EXPECT_EQ(out[1].body, Bytes(3, std::byte{7}));
        EXPECT_EQ(out[2].body.size(), 300u);
        EXPECT_EQ(a.pending(), 0u);
    }
}

TEST(FrameAssembler, RefusesUnknownTypesAndLongFramesAtTheHeader) {
    const auto push = [](std::array<uint8_t, 4> header) {
        FrameAssembler a;
        std::vector<Channel::Frame> out;
        return a.push(std::as_bytes(std::span(header)), out);
    };
    EXPECT_TRUE(push({9, 0, 0x80, 0}));
    EXPECT_EQ(push({9, 0, 0x80, 1}).error().code, Errc::too_large);
    EXPECT_EQ(push({0, 0xff, 0xff, 0xff}).error().code, Errc::too_large);
    EXPECT_EQ(push({13, 0, 0, 0}).error().code, Errc::bad_value);
    EXPECT_EQ(push({0xff, 0, 0, 0}).error().code, Errc::bad_value);
}

}  // namespace
}  // namespace sealcall::tls
