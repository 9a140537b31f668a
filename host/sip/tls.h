// The TLS context of the SIP transport: certificates from memory, peers verified both ways, no Nagle. A hop's
// protection only: what the phone trusts of a peer is decided in the enclave, over its own channel.
#pragma once

#include <map>
#include <set>

#include "host/sip/re.h"

struct ssl_st;
struct x509_store_ctx_st;

namespace sealcall::host {

/// As client: the chain must end in `ca` and the certificate must carry the name expected for that address. As server:
/// a certificate is asked for; one that is shown must verify. Ordinary phones have none, so it is not demanded.
class HopTls {
  public:
    /// PEM bytes. Errors: bad_certificate, bad_key, bad_config.
    static Result<std::unique_ptr<HopTls>> create(ByteSpan certificate, ByteSpan key, ByteSpan ca);

    [[nodiscard]] tls* get() const { return tls_.get(); }
    /// Connections that come to this port are a server's.
    void set_listen_port(uint16_t port) { listen_port_ = port; }
    /// The certificate at `address` must name `name`. Without such an entry a numeric address must stand in the
    /// certificate itself, or one of `names_by_dns`.
    void expect(const sa& address, const std::string& name);
    void expect_dns_name(const std::string& name);
    /// A socket that has nothing to do with this context: it is not looked at when connections are told apart.
    void exclude(int fd);
    [[nodiscard]] uint32_t refused() const { return refused_; }

  private:
    HopTls() = default;
    static void handshake_event(const ssl_st* ssl, int where, int ret);
    static int verify(x509_store_ctx_st* store, void* self);
    void new_connection(const ssl_st* ssl, bool client);
    [[nodiscard]] bool name_matches(x509_store_ctx_st* store, const ssl_st* ssl) const;

    ReRef<tls> tls_;
    uint16_t listen_port_ = 0;
    std::map<std::string, std::string> expected_;  ///< "192.0.2.1:5061" -> name
    std::set<std::string> dns_names_;
    std::set<uint64_t> begun_;     ///< socket cookies of outgoing connections whose handshake has begun
    std::set<uint64_t> excluded_;  ///< socket cookies, newest at the end
    size_t begun_in_group_ = 0;
    std::map<const ssl_st*, std::set<std::string>> peers_;  ///< addresses that a client handshake may be with
    uint32_t refused_ = 0;
};

}  // namespace sealcall::host
