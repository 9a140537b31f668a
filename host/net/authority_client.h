// HTTPS to the organisation's own authority, for passports: posts what the enclave gives and hands back what comes. TLS
// 1.3; the server's certificate must chain to the root of the enrolment, name the configured host and be an authority's
// service. What an answer is worth is the enclave's affair, and in the end the peer's: it is signed.
#pragma once

#include <list>

#include "host/sip/re.h"
#include "sealcall/ipc/schema.h"

struct x509_store_ctx_st;

namespace sealcall::host {

class AuthorityClient {
  public:
    static constexpr uint64_t kDeadlineMs = 3000;    ///< from the request to the whole answer
    static constexpr size_t kAnswerMax = 16 * 1024;  ///< bytes with head
    static constexpr size_t kAtOnce = 8;
    /// `status` of HTTP; 0: nobody answered, or nobody who is that authority. Called once, never from within `post`.
    using Answered = std::function<void(uint16_t status, ByteSpan body)>;
    using Connected = std::function<void(int fd)>;

    /// Null when none is configured. `connected` hears of each socket that is made. Errors: bad_certificate,
    /// out_of_memory.
    static Result<std::unique_ptr<AuthorityClient>> create(const ipc::ConfigureHost& config, dnsc* dns,
                                                           Connected connected);
    AuthorityClient(const AuthorityClient&) = delete;
    AuthorityClient& operator=(const AuthorityClient&) = delete;
    ~AuthorityClient();

    /// POST /v1/passports.
    void post(Bytes body, Answered done);

  private:
    struct Exchange;
    AuthorityClient() = default;
    static int verify(x509_store_ctx_st* store, void* self);
    void connect(Exchange& exchange, const sa& address);
    void look_up(Exchange& exchange);
    void finish(Exchange& exchange, uint16_t status, ByteSpan body);

    ReRef<tls> tls_;
    dnsc* dns_ = nullptr;
    Connected connected_;
    std::string host_;
    uint16_t port_ = 443;
    std::list<std::unique_ptr<Exchange>> exchanges_;
};

}  // namespace sealcall::host
