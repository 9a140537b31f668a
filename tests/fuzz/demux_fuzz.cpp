// Any datagram; the kind must follow from the first byte alone (RFC 7983), or be unknown.
#include "host/net/demux.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace sealcall::host;
    const PacketKind kind = classify_packet(std::as_bytes(std::span(data, size)));
    CHECK(kind != PacketKind::stun || data[0] <= 3);
    CHECK(kind != PacketKind::dtls || (data[0] >= 20 && data[0] <= 63));
    CHECK(kind != PacketKind::srtp || (data[0] >= 128 && data[0] <= 191));
    return 0;
}
