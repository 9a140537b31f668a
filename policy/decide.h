// The decision: pure, total, default deny. Trusted base.
#pragma once

#include <optional>

#include "policy/document.h"

namespace sealcall::policy {

/// What this policy says to a peer with this result in this context. X is always refused; a downgrade
/// is refused, or takes the PIN.
Decision decide(const rats::AttestationResult& result, const CallContext& context, const Policy& policy);

/// The administrator's policy. X, a blocked name, a label that it does not know and level 0 inside a channel are
/// refused before any rule; then the first rule that matches answers; none: refused.
///
/// To prove less never gives more: a rule that is about this call but asks for better evidence bounds what later rules
/// may answer. So whatever lowers a level, removes a fact or strips the attestation altogether can only make an answer
/// stricter, however the rules are written (docs/adr/0015).
Decision decide(const rats::AttestationResult& result, const CallContext& context, const Document& document);

/// Both: the administrator's, if there is one, and the person's wishes. The stricter one answers.
struct Policies {
    const Document* document = nullptr;
    const Policy* own = nullptr;  ///< never null. Beside a document: wishes, else the whole policy
    bool lost = false;            ///< there must be a document, and it cannot be believed: everything is refused
};
Decision decide(const rats::AttestationResult& result, const CallContext& context, const Policies& policies);

/// The person's wish, or more often, as the administrator's policy has it; seconds.
struct Intervals {
    uint16_t recheck = 0, rekey = 0;
};
Intervals intervals(const Policies& policies);

/// The label that this side judges a call by when `given` was said of it; empty: nobody has labels.
std::string label_or_default(std::string_view given, const Policies& policies);

/// What is refused whatever the other side proves: before anybody is called. Nothing: it depends.
std::optional<Rule> refused_outright(std::string_view peer, std::string_view label, const Policies& policies);

/// Why one rule does not match, first what the call is about, then what proof it asks for.
enum class Mismatch : uint8_t {
    none,
    direction,
    peer,
    label,
    time,
    level,  ///< from here on: the rule is about this call, but asks for better evidence
    lab,
    age,
    authority,
    verifier,
};

/// Everything about a call that the rules look at, found once.
class Subject {
  public:
    Subject(const rats::AttestationResult& result, const CallContext& context, const Document& document);
    [[nodiscard]] Mismatch match(const DocumentRule& rule) const;
    /// The level less what the document's own requirements take.
    [[nodiscard]] rats::Level level() const { return level_; }
    [[nodiscard]] int label() const { return label_; }  ///< index; -1: not known
    [[nodiscard]] bool in(const BoundedList<uint16_t, 16>& groups) const;
    [[nodiscard]] bool named() const { return named_; }  ///< in any group at all

  private:
    [[nodiscard]] rats::Level own_level() const;
    [[nodiscard]] bool meets(const Requirements& more) const;
    [[nodiscard]] Mismatch vouched(const DocumentRule& rule) const;
    [[nodiscard]] bool now(const DocumentRule& rule) const;

    const rats::AttestationResult& result_;
    const CallContext& context_;
    const Document& document_;
    std::array<bool, kGroupsMax> member_{};
    bool named_ = false;
    rats::Level level_{};
    int label_ = -1;
    uint8_t day_ = 0;  ///< 0: Monday
    uint16_t minute_ = 0;
};

/// Groups that hold `peer`, by its address, its domain or a domain above; true if there is any.
bool memberships(std::string_view peer, const Document& document, std::array<bool, kGroupsMax>& member);

/// A lower level, or the same one that only a laboratory still vouches for.
constexpr bool worse(const rats::AttestationResult& now, const rats::AttestationResult& before) {
    return now.level < before.level || (now.level == before.level && now.lab && !before.lab);
}

}  // namespace sealcall::policy
