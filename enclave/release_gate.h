// The only place where a Decision becomes media. A MediaGrant cannot be made anywhere else, and no media session
// without one.
#pragma once

#include "sealcall/policy/types.h"

namespace sealcall::enclave {

/// Proof that this session may have media keys; move-only, made by the gate.
class MediaGrant {
  public:
    MediaGrant(MediaGrant&&) = default;
    MediaGrant& operator=(MediaGrant&&) = default;
    MediaGrant(const MediaGrant&) = delete;
    MediaGrant& operator=(const MediaGrant&) = delete;
    /// The session that was decided on; the media session refuses to serve another.
    [[nodiscard]] SessionId session() const { return session_; }

  private:
    friend class ReleaseGate;
    explicit MediaGrant(SessionId session) : session_(session) {}
    SessionId session_;
};

/// What must hold before keys may exist.
struct ReleaseConditions {
    SessionId session;
    bool ordinary = false;
    rats::Level level = rats::Level::failed;
    policy::Decision decision;
    bool peer_agreed = false;  ///< attested: the peer's Verdict over the same channel was "accepted"
    bool is_winner = false;    ///< no other leg of the same call was answered
    bool answered = false;     ///< here by the person or policy, or there by 200
};

class ReleaseGate {
  public:
    /// Errors: refused_by_policy. Default deny.
    static Result<MediaGrant> release(const ReleaseConditions& c) {
        if (c.level == rats::Level::failed) return Error{Errc::refused_by_policy, "level X", 0};
        if (c.decision.action <= policy::Action::pin) return Error{Errc::refused_by_policy, "decision", 0};
        if (!c.is_winner) return Error{Errc::refused_by_policy, "another leg was answered", 0};
        if (!c.answered) return Error{Errc::refused_by_policy, "not answered", 0};
        if (!c.ordinary && !c.peer_agreed) return Error{Errc::refused_by_policy, "peer did not agree", 0};
        if (c.ordinary && c.level != rats::Level::unverified) return Error{Errc::refused_by_policy, "ordinary", 0};
        return MediaGrant(c.session);
    }
};

}  // namespace sealcall::enclave
