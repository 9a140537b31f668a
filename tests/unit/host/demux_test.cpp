#include "host/net/demux.h"

#include <gtest/gtest.h>

#include "sealcall/ipc/schema.h"

namespace sealcall::host {
namespace {

PacketKind kind(unsigned first, size_t size, unsigned second = 0) {
    Bytes b(size);
    if (size > 0) b[0] = static_cast<std::byte>(first);
    if (size > 1) b[1] = static_cast<std::byte>(second);
    return classify_packet(b);
}

TEST(Demux, FollowsRfc7983ForEveryFirstByte) {
    for (unsigned b = 0; b < 256; ++b) {
        PacketKind wanted = PacketKind::unknown;
        if (b <= 3) wanted = PacketKind::stun;
        if (b >= 20 && b <= 63) wanted = PacketKind::dtls;
        if (b >= 128 && b <= 191) wanted = PacketKind::srtp;
        EXPECT_EQ(kind(b, 100), wanted) << b;
    }
}

TEST(Demux, DropsWhatIsTooShortOrTooLong) {
    EXPECT_EQ(kind(0, 0), PacketKind::unknown);
    EXPECT_EQ(kind(0, 19), PacketKind::unknown);
    EXPECT_EQ(kind(22, 12), PacketKind::unknown);
    EXPECT_EQ(kind(128, 11), PacketKind::unknown);
    EXPECT_EQ(kind(128, 8, 200), PacketKind::srtp) << "an RTCP header has 8 bytes";
    EXPECT_EQ(kind(128, 7, 200), PacketKind::unknown);
    EXPECT_EQ(kind(128, ipc::kDatagramMax), PacketKind::srtp);
    EXPECT_EQ(kind(128, ipc::kDatagramMax + 1), PacketKind::unknown);
}

}  // namespace
}  // namespace sealcall::host
