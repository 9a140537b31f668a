// Repeats a response of ours until its ACK or PRACK comes: the 2xx to an INVITE (RFC 3261 13.3.1.4) and reliable
// provisional responses (RFC 3262 3), over reliable transports as well, because a proxy may have another one behind it.
#pragma once

#include "host/sip/re.h"

namespace sealcall::host {

class OkRepeater {
  public:
    /// Gives up after 64*T1 = 32 s.
    void start(struct sip* stack, const sip_msg& request, ReRef<mbuf> response, std::function<void()> gave_up);
    void stop();
    [[nodiscard]] bool running() const { return timer_.running(); }

  private:
    void again();
    struct sip* stack_ = nullptr;
    ReRef<sip_msg> request_;
    ReRef<mbuf> response_;
    std::function<void()> gave_up_;
    Timer timer_;
    uint32_t interval_ms_ = 0, waited_ms_ = 0;
};

}  // namespace sealcall::host
