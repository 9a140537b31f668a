// SIP over TLS for one account: the listening socket, libre's stack, and where the first hop is. Everything that
// arrives is foreign; the certificate rules are HopTls's.
#pragma once

#include "host/sip/tls.h"
#include "sealcall/ipc/schema.h"

namespace sealcall::host {

class Transport {
  public:
    using Handler = std::function<bool(const sip_msg&)>;

    /// Listens. Errors: bad_config, bad_certificate, bad_key, io (address in use).
    static Result<std::unique_ptr<Transport>> create(const ipc::ConfigureHost& config);
    ~Transport();

    /// Both return true when the message was theirs. Set once.
    void on_message(Handler request, Handler response);

    [[nodiscard]] struct sip* stack() const { return sip_.get(); }
    [[nodiscard]] const sa& local() const { return local_; }
    [[nodiscard]] dnsc* dns() const { return dns_.get(); }  ///< null: no server is configured
    /// A connection of ours to somebody who is no SIP peer.
    void not_sip(int fd) { tls_->exclude(fd); }
    [[nodiscard]] uint32_t tls_refused() const { return tls_->refused(); }
    /// Route of the outbound proxy with a numeric host where that is known; empty: direct calls.
    [[nodiscard]] const std::string& route() const { return route_; }
    /// Prepares for a call to `uri` without a proxy: its name is expected in the certificate. Returns the URI to send
    /// to. Errors: bad_sip.
    Result<std::string> direct_target(const std::string& uri);
    /// "<sip:token@address;transport=tls>" with a token that says nothing about the user.
    [[nodiscard]] std::string contact() const;

  private:
    Transport() = default;
    Status set_proxy(const std::string& proxy, const std::string& name);
    static bool request_arrived(const sip_msg* msg, void* self);
    static bool response_arrived(const sip_msg* msg, void* self);

    std::unique_ptr<HopTls> tls_;
    ReRef<dnsc> dns_;
    ReRef<struct sip> sip_;
    ReRef<sip_lsnr> requests_, responses_;
    Handler on_request_, on_response_;
    sa local_{};
    std::string route_, token_;
};

/// "sip:a@b;transport=tls" -> "sip:a@b": what stands in To and From. Errors: bad_sip.
Result<std::string> bare_uri(const std::string& uri);

std::string random_token();  ///< 16 hex digits

}  // namespace sealcall::host
