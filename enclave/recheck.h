// The rounds of attestation after the first, within one channel: who asks when, which round and nonce, what is open,
// what is late (docs/protocol.md, "Rounds"). Both directions, counted apart. Pure: no clock, no input or output; every
// question is new random bytes. Trusts nothing that the peer says: each of its frames is permitted here or ends the
// channel.
#pragma once

#include <algorithm>
#include <optional>

#include "attestation/checks.h"
#include "sealcall/base/time.h"

namespace sealcall::enclave {

/// When things happen; the policy chooses `every`, the rest is the design's (section 6). Tests make them short.
struct RecheckTimes {
    Millis every{300'000};   ///< from one round's end to the next question
    Millis gap{10'000};      ///< between two quotes for the peer, and between two questions of ours
    Millis overdue{30'000};  ///< a question this old is shown as "not rechecked"
    Millis silent{60'000};   ///< a question this old is level 0
    Millis quiet{30'000};    ///< nothing came on the media path, where RTCP comes each 5 s: asked at once
};

enum class Lateness : uint8_t { none, overdue, silent };

class Recheck {
  public:
    explicit Recheck(RecheckTimes times) : times_(times) {}

    /// Round 0 is over on both sides; nothing is permitted before.
    void start(BootInstant now);

    // ---- our questions
    /// As soon as permitted, not when it would be due: the person asks, or this machine slept.
    void soon(BootInstant now);
    /// What counts has changed (a newer bundle): another interval, and one more question, after the open one if there
    /// is one.
    void renew(Millis every, BootInstant now);
    /// The next question, when one is due and none is open.
    std::optional<rats::Reattest> ask(BootInstant now);
    /// Evidence came. The round that it must be for. Errors: wrong_state (nobody asked, or it came already).
    Result<uint16_t> answered();
    /// Our result for the round is known. Ends the round.
    void concluded(BootInstant now);
    /// How late the open question is; each degree is told once.
    Lateness newly_late(BootInstant now);
    /// This machine slept: time does not run against a peer whose answer could not come.
    void slept(BootInstant now);
    /// What was told of the open question.
    [[nodiscard]] Lateness told() const { return open() ? told_ : Lateness::none; }
    [[nodiscard]] bool open() const { return our_state_ != Ours::idle; }
    [[nodiscard]] uint16_t asked_round() const { return asked_.round; }
    [[nodiscard]] const Digest& asked_nonce() const { return asked_.nonce; }
    [[nodiscard]] BootInstant asked_at() const { return asked_at_; }

    // ---- the peer's questions
    /// Errors: wrong_state (not started, or an earlier question is not over), bad_value (round not the next one, no
    /// nonce), reflected (our own open question).
    Status on_reattest(const rats::Reattest& question);
    /// The question to quote for now: not sooner than `gap` after the last quote, one at a time.
    std::optional<rats::Reattest> quote(BootInstant now);
    [[nodiscard]] uint16_t their_round() const { return theirs_.round; }
    [[nodiscard]] const Digest& their_nonce() const { return theirs_.nonce; }
    /// The quote went out; or the TPM gave none, and the question waits for another try.
    void quoted(BootInstant now);
    void not_quoted(BootInstant now);
    /// The peer's Verdict. Errors: wrong_state (not for the round that we answered last, or said twice).
    Status on_verdict(uint16_t round);

    [[nodiscard]] BootInstant next_deadline() const;

  private:
    enum class Theirs : uint8_t { idle, asked, quoting, answered };

    RecheckTimes times_;
    enum class Ours : uint8_t { idle, asked, judging };

    bool started_ = false;
    bool renewed_ = false;  ///< the next question does not wait for its interval
    rats::Reattest asked_;  ///< our last question
    Ours our_state_ = Ours::idle;
    Lateness told_ = Lateness::none;
    BootInstant asked_at_{}, late_from_{}, next_ask_ = BootInstant::max();
    rats::Reattest theirs_;  ///< the peer's last question
    Theirs their_state_ = Theirs::idle;
    BootInstant next_quote_{};
};

/// What a phone showed of itself in one round, for comparison with the next.
struct Shown {
    Digest attestation_key{};  ///< SHA-256 of its public area
    attestation::ClockInfo clock;
    BootInstant at{};  ///< when the answer was here
};

/// What must not change within one channel: the attestation key, and a TPM that neither reset nor restarted (else level
/// X). And its clock must have moved on at least half as far as ours between `before.at` and `asked`, when the question
/// of `now` went out: a TPM runs within a third of true time (Part 1, 36.3), so less means that it stood still (level
/// 0).
void lower_unless_continuous(rats::AttestationResult& result, const Shown& before, const Shown& now, BootInstant asked);

}  // namespace sealcall::enclave
