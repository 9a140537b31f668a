#include "host/ice/agent.h"

namespace sealcall::host {
namespace {

constexpr uint64_t kGiveUpMs = 10'000;
constexpr uint64_t kPollMs = 2;  // libre reports only when all pairs are through; a dead candidate would cost seconds

std::string random_ice_chars(size_t n) {
    static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (size_t i = 0; i < n; ++i) out += kAlphabet[rand_u32() % 64];
    return out;
}

}  // namespace

Result<std::unique_ptr<IceAgent>> IceAgent::create(udp_sock* socket, const sa& local, bool controlling,
                                                   std::function<void(bool)> done) {
    std::unique_ptr<IceAgent> a(new IceAgent(std::move(done)));
    a->ufrag_ = random_ice_chars(8);
    a->pwd_ = random_ice_chars(24);
    const uint64_t tie_break = rand_u64() | 1;
    int err =
        icem_alloc(a->ice_.out(), ICE_MODE_FULL, controlling ? ICE_ROLE_CONTROLLING : ICE_ROLE_CONTROLLED, IPPROTO_UDP,
                   0, tie_break, a->ufrag_.c_str(), a->pwd_.c_str(), &IceAgent::checks_done, a.get());
    if (err) return Error{Errc::out_of_memory, "icem_alloc", static_cast<uint32_t>(err)};
    icem_set_name(a->ice_.get(), "audio");
    err = icem_comp_add(a->ice_.get(), ICE_COMPID_RTP, socket);
    if (!err) err = icem_cand_add(a->ice_.get(), ICE_COMPID_RTP, 0, "media", &local);
    if (!err) err = icem_comps_set_default_cand(a->ice_.get());
    if (err) return Error{Errc::io, "ice candidate", static_cast<uint32_t>(err)};
    return a;
}

IceAgent::~IceAgent() { poll_.cancel(); }

IceDescription IceAgent::local() const {
    IceDescription d;
    d.ufrag = ufrag_;
    d.pwd = pwd_;
    d.end_of_candidates = true;
    for (le* e = list_head(icem_lcandl(ice_.get())); e && d.candidates.size() < kCandidatesMax; e = e->next) {
        char buffer[256];
        if (re_snprintf(buffer, sizeof buffer, "%H", ice_cand_encode, static_cast<ice_cand*>(e->data)) > 0)
            d.candidates.emplace_back(buffer);
    }
    return d;
}

Status IceAgent::start(const IceDescription& remote) {
    if (started_) return Error{Errc::wrong_state, "ice started", 0};
    if (remote.lite) (void)ice_sdp_decode(ice_.get(), ice_attr_lite, "");
    (void)ice_sdp_decode(ice_.get(), ice_attr_ufrag, remote.ufrag.c_str());
    (void)ice_sdp_decode(ice_.get(), ice_attr_pwd, remote.pwd.c_str());
    for (const auto& c : remote.candidates) {
        auto facts = parse_candidate(c);
        if (facts && facts->component == ICE_COMPID_RTP) (void)icem_sdp_decode(ice_.get(), ice_attr_cand, c.c_str());
    }
    icem_update(ice_.get());
    if (int err = icem_conncheck_start(ice_.get()))
        return Error{Errc::bad_sdp, "no candidate pair", static_cast<uint32_t>(err)};
    started_ = true;
    deadline_ = tmr_jiffies() + kGiveUpMs;
    poll_.start(kPollMs, [this] { poll(); });
    return {};
}

const sa* IceAgent::selected() const {
    const ice_cand* c = icem_selected_rcand(ice_.get(), ICE_COMPID_RTP);
    return c ? icem_lcand_addr(c) : nullptr;
}

bool IceAgent::knows(const sa& source) const {
    return icem_cand_find(icem_rcandl(ice_.get()), ICE_COMPID_RTP, &source) != nullptr;
}

void IceAgent::poll() {
    if (finished_) return;
    if (selected()) {
        // Ends the other checks and, when controlling, sends USE-CANDIDATE; calls checks_done.
        icem_conncheck_stop(ice_.get(), 0);
        return finish(true);
    }
    if (tmr_jiffies() > deadline_) return finish(false);
    poll_.start(kPollMs, [this] { poll(); });
}

void IceAgent::checks_done(int err, bool, void* self) {
    auto* a = static_cast<IceAgent*>(self);
    if (a->selected()) return a->finish(true);
    // With a peer behind a NAT our first checks may all fail before its own ones reach us: keep waiting.
    (void)err;
}

void IceAgent::finish(bool ok) {
    if (std::exchange(finished_, true)) return;
    poll_.cancel();
    // Not from inside libre's walk over its lists: the owner may destroy this agent.
    poll_.start(0, [this, ok] {
        if (done_) done_(ok);
    });
}

}  // namespace sealcall::host
