// Which rule decides a call, and why each one before it does not.
#pragma once

#include "policy/decide.h"

namespace sealcall::policy_language {

/// A call as somebody imagines it; what is not said is the best that the level can mean.
struct Imagined {
    std::string peer = "sip:somebody@example.com";
    policy::Direction direction = policy::Direction::outgoing;
    std::string label, authority, verifier;
    rats::Level level = rats::Level::measured;
    bool lab = false, software_tpm = false, ordinary = false, downgrade = false, known = false;
    uint32_t age_s = 0;
    uint64_t wall_ms = 0;
    std::vector<size_t> lacks;  ///< bits of policy::Fact that are not proven though the level is

    [[nodiscard]] rats::AttestationResult result() const;
    [[nodiscard]] policy::CallContext context() const;  ///< views into this
};

struct RuleReport {
    size_t index = 0;
    policy::Mismatch mismatch{};
    std::string why;  ///< why it does not match; empty: it matches
};

struct Explanation {
    policy::Decision decision;
    rats::Level level{};            ///< with the document's own requirements
    std::vector<RuleReport> rules;  ///< up to the one that ended the search
    std::string sentence;
};

Explanation explain(const policy::Document& document, const rats::AttestationResult& result,
                    const policy::CallContext& context);
Explanation explain(const policy::Document& document, const Imagined& call);

}  // namespace sealcall::policy_language
