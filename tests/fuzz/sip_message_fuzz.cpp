// Any bytes through libre's SIP parser and then through every check and reader of ours.
#include "host/sip/digest.h"
#include "host/sip/message.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace sealcall;
    using namespace sealcall::host;
    if (size > 65536) return 0;
    ReRef<mbuf> mb(mbuf_alloc(size + 1));
    (void)mbuf_write_mem(mb.get(), data, size);
    mbuf_set_pos(mb.get(), 0);
    ReRef<sip_msg> m;
    if (sip_msg_decode(m.out(), mb.get())) return 0;
    if (!check_message(*m.get())) return 0;
    CHECK(m->callid.l > 0 && m->from.tag.l > 0 && mbuf_get_left(m->mb) <= kBodyMax);
    CHECK(tokens_of(*m.get(), "Require").size() <= 32);
    CHECK(display_name(*m.get()).size() <= 256);
    (void)unknown_required(*m.get());
    (void)parse_rack(*m.get());
    (void)sdp_body(*m.get());
    (void)parse_session_expires(header_value(*m.get(), "Session-Expires"));
    auto challenge = choose_challenge(*m.get());
    if (challenge) (void)authorization_header(*challenge, "sip:x", {});
    return 0;
}
