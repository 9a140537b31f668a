#include "policy/decide.h"

#include <algorithm>

#include "policy/sip_name.h"

namespace sealcall::policy {

namespace {

using rats::Level;

Decision refuse(Rule rule) { return {.action = Action::refuse, .rule = rule}; }

/// What the policy says of less than it asked for: at best a warning, since nothing weaker passes in silence.
Decision weaker(Action wish, Rule refused, Rule warned) {
    if (wish == Action::refuse) return refuse(refused);
    if (wish == Action::pin) return {.action = wish, .rule = Rule::takes_pin};
    return {.action = Action::warn, .rule = warned};
}

bool is_downgrade(const CallContext& context) {
    return context.downgrade || (context.ordinary && context.known_to_attest);
}

/// A phone that does not attest at all.
Decision decide_ordinary(const rats::AttestationResult& result, const Policy& policy) {
    if (result.level != Level::unverified) return refuse(Rule::default_deny);  // evidence of a phone without evidence
    return weaker(policy.ordinary_phones, Rule::ordinary_refused, Rule::ordinary_warned);
}

Decision decide_attested(const rats::AttestationResult& result, const Policy& policy) {
    // Level 0 inside the channel: the check could not be made. No policy can wave that through.
    if (result.level == Level::unverified) return refuse(Rule::below_minimum_refused);
    if (result.level < policy.minimum)
        return weaker(policy.below_minimum, Rule::below_minimum_refused, Rule::below_minimum_warned);
    if (result.lab && !policy.lab_counts)
        return weaker(policy.below_minimum, Rule::lab_does_not_count, Rule::lab_does_not_count);
    return {.action = Action::allow, .rule = Rule::meets_minimum};
}

bool built_in(std::string_view label) { return label.empty() || std::ranges::count(kBuiltInLabels, label) != 0; }

constexpr uint64_t kMinuteMs = 60 * 1000;
constexpr uint64_t kEpochDay = 3;  ///< 1970-01-01 was a Thursday

int label_index(std::string_view label, const Document& d) {
    if (label.empty()) return d.default_label;
    for (size_t i = 0; i < d.labels.size(); ++i)
        if (d.labels.items()[i].view() == label) return static_cast<int>(i);
    return -1;
}

void add_groups(std::string_view text, const Document& d, std::array<bool, kGroupsMax>& member, bool& any) {
    const auto& names = d.names.items();
    const auto found = std::ranges::lower_bound(names, text, {}, [](const Name& n) { return n.text.view(); });
    if (found == names.end() || found->text.view() != text) return;
    for (uint16_t g : found->groups) member[g] = true;
    any = true;
}

bool has(const rats::AttestationResult& result, rats::Reason reason) {
    return std::ranges::count(result.reasons.items(), reason) != 0;
}

bool old(uint64_t age_ms, uint32_t oldest_s) { return oldest_s != 0 && age_ms > uint64_t{1000} * oldest_s; }

}  // namespace

Decision decide(const rats::AttestationResult& result, const CallContext& context, const Policy& policy) {
    if (result.level == Level::failed) return refuse(Rule::failed_is_refused);
    if (result.level > Level::trusted_runtime) return refuse(Rule::default_deny);
    if (!built_in(context.label)) return refuse(Rule::label_unknown);
    if (is_downgrade(context) && policy.downgrade != Action::pin) return refuse(Rule::downgrade_is_refused);
    Decision d = context.ordinary ? decide_ordinary(result, policy) : decide_attested(result, policy);
    if (is_downgrade(context) && d.action > Action::pin) d = {.action = Action::pin, .rule = Rule::downgrade_takes_pin};
    d.on_worse = policy.on_worse;
    return d;
}

bool memberships(std::string_view peer, const Document& document, std::array<bool, kGroupsMax>& member) {
    bool any = false;
    const std::string uri = canonical_uri(peer);
    add_groups(uri, document, member, any);
    std::string_view host = sip_name(uri).host;
    add_groups(host, document, member, any);
    for (size_t dot = host.find('.'); dot != std::string_view::npos; dot = host.find('.')) {
        host.remove_prefix(dot);
        add_groups(host, document, member, any);
        host.remove_prefix(1);
    }
    return any;
}

Subject::Subject(const rats::AttestationResult& result, const CallContext& context, const Document& document)
    : result_(result), context_(context), document_(document) {
    named_ = memberships(context.peer, document, member_);
    level_ = own_level();
    label_ = label_index(context.label, document);
    const uint64_t minutes = context.wall_ms / kMinuteMs + document.utc_offset - kOffsetZero;
    day_ = static_cast<uint8_t>((minutes / kDayMinutes + kEpochDay) % 7);
    minute_ = static_cast<uint16_t>(minutes % kDayMinutes);
}

rats::Level Subject::own_level() const {
    for (size_t i = 0; i < document_.levels.size(); ++i) {
        const auto level = static_cast<Level>(static_cast<size_t>(Level::known_device) + i);
        if (result_.level < level) break;
        if (!meets(document_.levels.items()[i])) return static_cast<Level>(static_cast<size_t>(level) - 1);
    }
    return result_.level;
}

bool Subject::meets(const Requirements& more) const {
    using rats::Reason;
    const bool lacks[] = {result_.software_tpm,
                          result_.lab,
                          !has(result_, Reason::secure_boot_on),
                          !has(result_, Reason::boot_approved),
                          !has(result_, Reason::measurement_approved),
                          !has(result_, Reason::runtime_approved),
                          !context_.result_by.empty()};
    for (size_t bit = 0; bit < std::size(lacks); ++bit)
        if (lacks[bit] && (more.facts >> bit & 1) != 0) return false;
    return !old(context_.evidence_age_ms, more.oldest_s);
}

bool Subject::in(const BoundedList<uint16_t, 16>& groups) const {
    return std::ranges::any_of(groups, [this](uint16_t g) { return member_[g]; });
}

bool Subject::now(const DocumentRule& rule) const {
    return rule.when.empty() || std::ranges::any_of(rule.when, [this](const Window& w) {
               return (w.days >> day_ & 1) != 0 && minute_ >= w.from && minute_ < w.until;
           });
}

/// One of the groups that name the peer has its conditions met; else what the last of them misses.
Mismatch Subject::vouched(const DocumentRule& rule) const {
    Mismatch missing = Mismatch::none;
    for (uint16_t g : rule.groups) {
        if (!member_[g]) continue;
        const Group& group = document_.groups.items()[g];
        const auto& from = group.verifiers.items();
        if (!group.authority.empty() && group.authority.view() != context_.authority)
            missing = Mismatch::authority;
        else if (!from.empty() && (context_.ordinary || std::ranges::none_of(from, [&](const auto& v) {
                                       return v.view() == context_.result_by;
                                   })))
            missing = Mismatch::verifier;
        else
            return Mismatch::none;
    }
    return missing;
}

Mismatch Subject::match(const DocumentRule& rule) const {
    if (rule.toward != Toward::both && static_cast<int>(rule.toward) != static_cast<int>(context_.direction))
        return Mismatch::direction;
    if (!rule.groups.empty() && !in(rule.groups)) return Mismatch::peer;
    if (label_ < 0 || (rule.labels >> label_ & 1) == 0) return Mismatch::label;
    if (!now(rule)) return Mismatch::time;
    if (level_ < rule.least) return Mismatch::level;
    if (rule.least > Level::unverified) {  // whoever takes an ordinary phone asks nothing of the evidence of others
        if (result_.lab && !rule.lab) return Mismatch::lab;
        if (old(context_.evidence_age_ms, rule.oldest_s)) return Mismatch::age;
    }
    return vouched(rule);
}

Decision decide(const rats::AttestationResult& result, const CallContext& context, const Document& document) {
    if (result.level == Level::failed) return refuse(Rule::failed_is_refused);
    if (result.level > Level::trusted_runtime || (context.ordinary && result.level != Level::unverified))
        return refuse(Rule::default_deny);
    const Subject subject(result, context, document);
    if (subject.in(document.blocked)) return refuse(Rule::blocked);
    if (subject.label() < 0) return refuse(Rule::label_unknown);
    const bool incoming = context.direction == Direction::incoming;
    const bool unknown = incoming && !context.known_person && !subject.named();
    if (unknown && document.unknown_callers == UnknownCallers::refuse) return refuse(Rule::unknown_caller_refused);
    if (!context.ordinary && subject.level() == Level::unverified) return refuse(Rule::below_minimum_refused);
    Decision bound{.action = Action::allow};  // what the rules so far leave room for
    bool listen_only = false;                 // and what none of them gives with a PIN either
    if (is_downgrade(context)) {
        if (document.downgrade == Action::refuse) return refuse(Rule::downgrade_is_refused);
        bound = {.action = document.downgrade, .rule = Rule::downgrade_takes_pin};
    }
    const auto& rules = document.rules.items();
    for (size_t i = 0; i < rules.size(); ++i) {
        const Mismatch how = subject.match(rules[i]);
        if (how != Mismatch::none && how < Mismatch::level) continue;
        const Rule why = how == Mismatch::none ? Rule::document_rule : Rule::document_bound;
        listen_only = listen_only || rules[i].answer == Action::receive_only;
        if (rules[i].answer < bound.action || (how == Mismatch::none && rules[i].answer == bound.action))
            bound = {
                .action = rules[i].answer, .rule = why, .number = static_cast<uint16_t>(i + 1), .name = rules[i].name};
        if (how != Mismatch::none) continue;
        bound.on_worse = rules[i].on_worse;
        bound.listen_only = listen_only && bound.action == Action::pin;
        bound.silent = unknown && document.unknown_callers == UnknownCallers::silent;
        return bound;
    }
    return refuse(Rule::default_deny);
}

Intervals intervals(const Policies& policies) {
    Intervals out{policies.own->recheck_seconds, policies.own->rekey_seconds};
    if (policies.document != nullptr) {
        out.recheck = std::min(out.recheck, policies.document->recheck_seconds);
        out.rekey = std::min(out.rekey, policies.document->rekey_seconds);
    }
    return out;
}

std::string label_or_default(std::string_view given, const Policies& policies) {
    if (!given.empty() || policies.document == nullptr) return std::string(given);
    return policies.document->labels.items()[policies.document->default_label].str();
}

std::optional<Rule> refused_outright(std::string_view peer, std::string_view label, const Policies& policies) {
    if (policies.lost) return Rule::policy_missing;
    if (!names_one(peer)) return Rule::address_unclear;
    if (policies.document == nullptr) return built_in(label) ? std::optional<Rule>() : Rule::label_unknown;
    std::array<bool, kGroupsMax> member{};
    (void)memberships(peer, *policies.document, member);
    for (uint16_t g : policies.document->blocked)
        if (member[g]) return Rule::blocked;
    return label_index(label, *policies.document) < 0 ? std::optional(Rule::label_unknown) : std::nullopt;
}

Decision decide(const rats::AttestationResult& result, const CallContext& context, const Policies& policies) {
    if (policies.lost) return refuse(Rule::policy_missing);
    CallContext for_wishes = context;
    if (policies.document != nullptr) {  // its labels and its word on downgrades
        for_wishes.label = {};
        for_wishes.downgrade = for_wishes.known_to_attest = false;
    }
    Decision own = decide(result, for_wishes, *policies.own);
    if (policies.document == nullptr) return own;
    Decision theirs = decide(result, context, *policies.document);
    Decision& stricter = own.action < theirs.action ? own : theirs;
    if (stricter.action == Action::pin)
        stricter.listen_only = theirs.listen_only || theirs.action == Action::receive_only;
    stricter.on_worse = std::max(own.on_worse, theirs.on_worse);
    stricter.silent = theirs.silent;
    return stricter;
}

}  // namespace sealcall::policy
