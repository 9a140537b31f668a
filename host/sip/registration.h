// Keeps the account registered at its registrar (RFC 3261 10) through the outbound proxy, over the connection that
// stays open (RFC 5626 keep-alive by libre). Retries with growing pauses.
#pragma once

#include "host/sip/request.h"

namespace sealcall::host {

class Registration {
  public:
    using Changed = std::function<void(ipc::Registration state, uint16_t sip_status, const std::string& problem)>;

    Registration(Requests& requests, std::string own_uri, Changed changed)
        : requests_(requests), own_uri_(std::move(own_uri)), changed_(std::move(changed)) {}
    /// Errors: bad_config (own URI). Thereafter all is told to `changed`.
    Status start();
    /// Removes the binding; one try, not waited for.
    void stop();

  private:
    void send(uint32_t expires_s);
    void answered(int err, const sip_msg* msg);
    void retry_later();

    Requests& requests_;
    std::string own_uri_;
    Changed changed_;
    Lifetime life_;
    ReRef<sip_dialog> dialog_;
    ReRef<sip_keepalive> keepalive_;
    Timer timer_;
    uint32_t wait_s_ = 2;
    bool stopped_ = false;
};

}  // namespace sealcall::host
