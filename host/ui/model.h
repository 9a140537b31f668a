// What this phone's person needs to know, put together from the messages of the enclave (trusted) and the host (about
// the network only). Pure: no clock, no input or output. Also answers what may be done now; the enclave decides again
// anyway.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "host/ui/contacts.h"

namespace sealcall::ui {

inline constexpr size_t kPhases = static_cast<size_t>(ipc::Phase::ended) + 1;
inline constexpr size_t kKeyEventsMax = 64;  ///< per call, the newest
inline constexpr size_t kEndedCallsMax = 8;  ///< kept for `calls` and the screen
inline constexpr size_t kCallsMax = 16;      ///< at once; the enclave refuses a fifth, this is only a bound

/// One call as the screen knows it.
struct Call {
    CallId id;
    policy::Direction direction = policy::Direction::incoming;
    bool has_card = false;
    ipc::CallCard card{};
    ipc::CallState state = ipc::CallState::offered;
    ipc::EndReason reason{};
    std::string detail{};
    bool held_here = false;
    bool held_there = false;
    bool microphone = true;
    std::array<uint64_t, kPhases> phases{};  ///< boot µs; 0: not reached
    std::vector<ipc::KeyLife> keys{};
    bool has_media = false;
    ipc::MediaStats media{};
    std::optional<rats::AttestationResult> fell_from{};  ///< the result before the last one, when that was better
    bool reached_media = false;
    uint64_t media_since_us = 0;  ///< boot µs
    uint64_t ended_us = 0;
    std::string contact{};  ///< what the person calls whom the name was proven of, or who was dialled; empty: nothing

    [[nodiscard]] bool active() const { return state != ipc::CallState::ended; }
    /// The peer's name was proven by a certificate that somebody we trust vouches for.
    [[nodiscard]] bool name_proven() const { return has_card && !card.ordinary && !card.vouched_by.empty(); }
    /// Length of the talk so far, in seconds.
    [[nodiscard]] uint64_t talk_seconds(uint64_t now_us) const;
};

/// What a key or a control method may do with a call now.
struct Allowed {
    bool answer = false, refuse = false, hang_up = false, hold = false, resume = false, microphone = false,
         recheck = false;
};
Allowed allowed(const Call& call);

class Phone {
  public:
    // Messages as they come; `now_us` is CLOCK_BOOTTIME in microseconds.
    void apply(const ipc::CallCard& m);
    void apply(const ipc::CallPhase& m);
    void apply(const ipc::CallStateChanged& m, uint64_t now_us);
    void apply(const ipc::KeyLife& m);
    void apply(const ipc::MediaStats& m);
    void apply(const ipc::EnclaveStatus& m) {
        enclave_ = m;
        locked_ = m.locked;
    }
    void apply(const ipc::LockState& m);
    /// One page of the contacts (Contacts::add).
    Status add_contacts(ByteSpan page);
    void apply(const ipc::HostState& m) { host_ = m; }
    /// A dial of ours was accepted: the call exists from now on.
    void dialled(CallId call, std::string_view uri, std::string_view label);

    [[nodiscard]] const std::vector<Call>& calls() const { return calls_; }
    [[nodiscard]] const Call* find(CallId id) const;
    /// The oldest incoming call that waits for a word of the person.
    [[nodiscard]] const Call* ringing() const;
    /// The call that h, o, m and c mean: the chosen one, else the newest that is under way and not ringing for us.
    [[nodiscard]] const Call* current() const;
    /// Makes the next call under way the current one.
    void choose_next();
    [[nodiscard]] size_t active_calls() const;
    /// The call that ended last, while it is kept; null if none.
    [[nodiscard]] const Call* last_ended() const;

    [[nodiscard]] const std::optional<ipc::EnclaveStatus>& enclave() const { return enclave_; }
    [[nodiscard]] const std::optional<ipc::HostState>& host() const { return host_; }
    [[nodiscard]] bool locked() const { return locked_; }
    [[nodiscard]] const Contacts& contacts() const { return contacts_; }
    void host_gone() { host_lost_ = true; }
    [[nodiscard]] bool host_lost() const { return host_lost_; }

  private:
    Call* get(CallId id);
    Call& get_or_add(CallId id);
    void forget_old();
    void name(Call& call) const;

    Contacts contacts_;
    std::vector<Call> calls_;  ///< in the order in which they came up
    CallId chosen_{};
    std::optional<ipc::EnclaveStatus> enclave_;
    std::optional<ipc::HostState> host_;
    bool host_lost_ = false;
    bool locked_ = false;
};

}  // namespace sealcall::ui
