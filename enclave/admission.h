// Who may call at all: the block list and the limits of the administrator's policy, applied before this phone's TPM
// does any work. By origin and claimed name when the INVITE comes in; by certified name inside the handshake, after the
// peer's certificate and before our own. Any thread.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "policy/document.h"
#include "sealcall/base/time.h"

namespace sealcall::enclave {

enum class Admission : uint8_t { yes, blocked, too_often };

/// Of what strangers can cause at will, what is told: the first ones of each minute. Beyond them they are counted, so
/// that they fill neither the disk nor the screen.
class Damper {
  public:
    static constexpr uint32_t kPerMinute = 20;
    [[nodiscard]] bool tell(BootInstant now) {
        if (over(now)) {
            since_ = now;
            told_ = 0;
        }
        if (told_ < kPerMinute) return ++told_, true;
        return ++untold_, false;
    }
    [[nodiscard]] bool over(BootInstant now) const { return now - since_ >= Millis{60000}; }
    [[nodiscard]] uint32_t take_untold() { return std::exchange(untold_, 0); }

  private:
    BootInstant since_{};
    uint32_t told_ = 0, untold_ = 0;
};

class CallerLimits {
  public:
    static constexpr size_t kKeysMax = 512;  ///< counters of one kind

    /// How sure the name is: what anybody can claim must not use up what is proven.
    enum class Name : uint8_t { claimed, proven };
    /// Counts an attempt of `peer`. A proven name that is welcome is never too often.
    Admission admit(const policy::Document& document, std::string_view peer, Name how, BootInstant now);
    /// The same for where an INVITE came from.
    Admission admit_origin(const policy::Document& document, std::string_view origin, BootInstant now);
    /// False when a refusal of this kind was told within a minute: a flood fills neither the disk nor the screen.
    bool tell(Admission why, BootInstant now);

  private:
    /// By key: when the caller will have nothing on its account any more. A burst of `calls` is free, then one each
    /// seconds/calls.
    using Accounts = std::map<std::string, BootInstant, std::less<>>;
    static bool spend(Accounts& accounts, std::string key, const policy::Limit& limit, BootInstant now);
    std::mutex mutex_;
    Accounts claimed_, proven_, organisations_, claimed_organisations_, origins_;
    std::array<BootInstant, 3> told_{};
};

const char* sentence(Admission why);

}  // namespace sealcall::enclave
