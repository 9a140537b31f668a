#include "policy/document.h"

#include <algorithm>

#include "policy/sip_name.h"

namespace sealcall::policy {

namespace {

Error bad(const char* what, size_t index) { return Error{Errc::bad_value, what, static_cast<uint32_t>(index)}; }

/// Ascending, none twice, all below `end`.
template <class List>
bool in_order(const List& list, size_t end) {
    const auto& v = list.items();
    return std::ranges::adjacent_find(v, std::greater_equal<>()) == v.end() && (v.empty() || v.back() < end);
}

bool label_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; }

Status check_labels(const Document& d) {
    if (d.labels.empty() || d.default_label >= d.labels.size()) return bad("labels", d.default_label);
    const auto& all = d.labels.items();
    for (size_t i = 0; i < all.size(); ++i) {
        if (all[i].empty() || !std::ranges::all_of(all[i].view(), label_letter)) return bad("label", i);
        if (std::find(all.begin(), all.begin() + static_cast<ptrdiff_t>(i), all[i]) !=
            all.begin() + static_cast<ptrdiff_t>(i))
            return bad("label twice", i);
    }
    return {};
}

Status check_names(const Document& d) {
    std::string_view last;
    for (size_t i = 0; i < d.names.size(); ++i) {
        const Name& name = d.names.items()[i];
        const std::string_view text = name.text.view();
        if (text.empty() || name.groups.empty() || !in_order(name.groups, d.groups.size())) return bad("name", i);
        if (i > 0 && last >= text) return Error{Errc::not_canonical, "names in order", static_cast<uint32_t>(i)};
        const std::string uri = canonical_uri(text);
        // A host's canonical URI has no user; what is neither form could never match, so it is a mistake.
        if (text != uri && (text.find('@') != std::string_view::npos || "sip:" + std::string(text) != uri))
            return bad("name", i);
        last = text;
    }
    return {};
}

Status check_rule(const DocumentRule& r, const Document& d, size_t i) {
    if (r.name.empty() || !in_order(r.groups, d.groups.size())) return bad("rule", i);
    if (r.labels == 0 || (r.labels >> d.labels.size()) != 0) return bad("labels of a rule", i);
    if (r.least == rats::Level::failed) return bad("level of a rule", i);
    // What may be an ordinary phone is never let through in silence.
    if (r.least == rats::Level::unverified && r.answer == Action::allow) return bad("answer of a rule", i);
    for (const Window& w : r.when)
        if (w.days == 0 || w.days >= 1 << 7 || w.from >= w.until || w.until > kDayMinutes) return bad("time", i);
    return {};
}

Status check_limits(const Document& d) {
    for (const Limit& l : {d.per_caller, d.per_organisation, d.per_origin})
        if ((l.calls == 0) != (l.seconds == 0) || l.seconds > kLimitSecondsMax) return bad("limit", l.seconds);
    return {};
}

}  // namespace

Status check_document(const Document& d) {
    if (d.format != kPolicyFormat) return bad("format of the policy", d.format);
    if (d.name.empty() || d.levels.size() != 4) return bad("policy", 0);
    for (const Requirements& r : d.levels)
        if ((r.facts & ~kAllFacts) != 0) return bad("facts", r.facts);
    TRY_STATUS(check_labels(d));
    TRY_STATUS(check_names(d));
    if (!in_order(d.blocked, d.groups.size()) || !in_order(d.welcome, d.groups.size())) return bad("lists", 0);
    if (d.downgrade > Action::pin) return bad("downgrade", 0);
    TRY_STATUS(check_limits(d));
    if (d.utc_offset > 2 * kOffsetZero) return bad("offset of time", d.utc_offset);
    if (d.recheck_seconds < 30 || d.recheck_seconds > kRecheckSecondsMax) return bad("recheck", d.recheck_seconds);
    if (d.rekey_seconds < kRekeySecondsMin || d.rekey_seconds > kRekeySecondsMax) return bad("rekey", d.rekey_seconds);
    if (d.keep_days > kKeepDaysMax) return bad("days of records", d.keep_days);
    for (size_t i = 0; i < d.rules.size(); ++i) TRY_STATUS(check_rule(d.rules.items()[i], d, i));
    return {};
}

Result<Document> read_document(ByteSpan in) {
    if (in.size() > rats::kPolicyMax) return Error{Errc::too_large, "policy", static_cast<uint32_t>(in.size())};
    if (!in.empty() && in[0] != std::byte{kPolicyFormat})
        return bad("format of the policy", std::to_integer<uint32_t>(in[0]));  // said before another format's mistakes
    TRY(Document document, ipc::decode<Document>(in));
    TRY_STATUS(check_document(document));
    return document;
}

}  // namespace sealcall::policy
