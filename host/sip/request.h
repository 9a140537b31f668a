// One SIP request of ours within a dialog of libre (registrations use a dialog of their own), its digest retry, and
// CANCEL.
#pragma once

#include <algorithm>
#include <list>

#include "host/sip/digest.h"
#include "host/sip/transport.h"

namespace sealcall::host {

struct RequestSpec {
    std::string method;
    std::string headers;  ///< whole lines, without Content-*
    std::string content_type;
    std::string body;
    bool contact = false;  ///< add our Contact
    std::string contact_parameters;
    bool repeat_refused = false;  ///< again after 408, 500 (overtaken, RFC 3261 12.2.2), 503, 504 and a broken hop
};

class Request {
  public:
    /// A connection that breaks takes what was under way on it along, and nobody says so. Hence a request other than
    /// INVITE that is not answered is sent again in a new transaction: after these times, and given up after the last.
    static constexpr uint64_t kPatienceMs[] = {1500, 3000, 10'000};

    /// err: errno of the transport, ETIMEDOUT for no answer (RFC 3261 17.1); msg is null then. Called for every
    /// provisional and once for the final response. The message has passed check_message.
    using Handler = std::function<void(int err, const sip_msg* msg)>;

    ~Request();
    /// Sends CANCEL once a provisional response is there (RFC 3261 9.1). `headers`: for example Reason.
    void cancel(const std::string& headers, const std::string& to_uri, const std::string& route);
    [[nodiscard]] uint32_t cseq() const { return cseq_; }
    [[nodiscard]] bool provisional() const { return provisional_; }
    [[nodiscard]] bool done() const { return done_; }

  private:
    friend class Requests;
    Request(Transport& transport, DigestBroker& digests, sip_dialog* dialog, RequestSpec spec, Handler handler);
    int transmit(const std::string& authorization);
    void unanswered();
    void repeat();
    [[nodiscard]] bool may_repeat(int err, const sip_msg* msg) const;
    void authenticate(const sip_msg& msg);
    void send_cancel(const sip_msg& provisional);
    void finish(int err, const sip_msg* msg);
    static int write_contact(sip_transp tp, const sa* src, const sa* dst, mbuf* mb, void* self);
    static void responded(int err, const sip_msg* msg, void* self);

    Transport& transport_;
    DigestBroker& digests_;
    ReRef<sip_dialog> dialog_;
    RequestSpec spec_;
    Handler handler_;
    Lifetime life_;
    struct sip_request* request_ = nullptr;  ///< libre's; its destruction detaches or cancels
    std::string uri_, via_;                  ///< as sent, for the digest and CANCEL
    sa destination_{};
    uint32_t cseq_ = 0;
    uint8_t tries_ = 0;   ///< with credentials
    size_t repeats_ = 0;  ///< transactions before this one
    Timer patience_;
    bool provisional_ = false, done_ = false, cancelled_ = false, cancel_sent_ = false;
    std::string cancel_headers_, cancel_to_, cancel_route_;
    ReRef<sip_msg> last_provisional_;
};

/// Owns requests until they are answered. Destroying it detaches all.
class Requests {
  public:
    Requests(Transport& transport, DigestBroker& digests) : transport_(transport), digests_(digests) {}
    /// Never null; a failure to send is told to `handler` before this returns, or later.
    Request* send(sip_dialog* dialog, RequestSpec spec, Request::Handler handler);
    /// ACK to a 2xx: no answer, CSeq of the INVITE (RFC 3261 13.2.2.4).
    void send_ack(sip_dialog* dialog, uint32_t cseq, const std::string& sdp);
    [[nodiscard]] Transport& transport() { return transport_; }
    [[nodiscard]] bool idle() const {
        return std::ranges::all_of(open_, [](const auto& r) { return r->done(); });
    }

  private:
    void sweep();
    Transport& transport_;
    DigestBroker& digests_;
    std::list<std::unique_ptr<Request>> open_;
    Timer sweep_;
};

}  // namespace sealcall::host
