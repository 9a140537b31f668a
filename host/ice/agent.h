// Full ICE (RFC 8445) over one component with rtcp-mux, by libre's icem. The first pair that works is taken: on the
// controlling side it is nominated at once. Peers and their candidates are foreign; STUN is checked by libre.
#pragma once

#include "host/ice/fragment.h"
#include "host/sip/re.h"

namespace sealcall::host {

class IceAgent {
  public:
    /// `socket` is shared; STUN packets are taken off it. `done(true)` comes once a pair is usable, `done(false)` when
    /// there is none after 10 s or all checks have failed. Errors: out_of_memory, io.
    static Result<std::unique_ptr<IceAgent>> create(udp_sock* socket, const sa& local, bool controlling,
                                                    std::function<void(bool)> done);
    ~IceAgent();

    /// Own credentials and candidates; complete, so it carries end-of-candidates.
    [[nodiscard]] IceDescription local() const;
    /// Begins the checks. Errors: bad_sdp (no usable candidate), wrong_state (started before).
    Status start(const IceDescription& remote);
    /// Where to send; null before a pair works.
    [[nodiscard]] const sa* selected() const;
    /// True for every address that the peer has proven or told to be its own.
    [[nodiscard]] bool knows(const sa& source) const;

  private:
    explicit IceAgent(std::function<void(bool)> done) : done_(std::move(done)) {}
    static void checks_done(int err, bool update, void* self);
    void poll();
    void finish(bool ok);

    ReRef<icem> ice_;
    std::string ufrag_, pwd_;
    std::function<void(bool)> done_;
    Timer poll_;
    uint64_t deadline_ = 0;  ///< ms of tmr_jiffies
    bool started_ = false, finished_ = false;
};

}  // namespace sealcall::host
