// Documents for tests: small, valid, and each part at hand to be made wrong.
#pragma once

#include "policy/decide.h"

namespace sealcall::policy::test {

inline constexpr uint16_t kAllLabels = 7;

template <class T, size_t N>
BoundedList<T, N> list(const std::vector<T>& items) {
    BoundedList<T, N> out;
    for (const T& item : items) CHECK(out.push(item));
    return out;
}

inline DocumentRule rule(const char* name, Action answer, rats::Level least = rats::Level::known_device) {
    DocumentRule r;
    r.name = BoundedString<96>(name);
    r.labels = kAllLabels;
    r.least = least;
    r.answer = answer;
    return r;
}

inline Name name(std::string_view text, const std::vector<uint16_t>& groups) {
    return {.text = BoundedString<256>(text), .groups = list<uint16_t, 64>(groups)};
}

inline Group group(const char* called) {
    Group g;
    g.name = BoundedString<64>(called);
    return g;
}

/// Three labels, three groups (0 corp: everybody of corp.example; 1 board: alice and carol; 2 spam), no rules.
inline Document empty_document() {
    Document d;
    d.name = BoundedString<128>("Example Corp");
    d.levels = list<Requirements, 4>({{}, {}, {}, {}});
    for (std::string_view l : kBuiltInLabels) CHECK(d.labels.push(BoundedString<64>(l)));
    for (const char* g : {"corp", "board", "spam"}) CHECK(d.groups.push(group(g)));
    for (const Name& n : {name(".corp.example", {0}), name("corp.example", {0}), name("sip:alice@corp.example", {1}),
                          name("sip:carol@corp.example", {1}), name("spam.example", {2})})
        CHECK(d.names.push(n));
    d.blocked = list<uint16_t, 16>({2});
    d.unknown_callers = UnknownCallers::ask;
    return d;
}

inline Document document(const std::vector<DocumentRule>& rules) {
    Document d = empty_document();
    for (const DocumentRule& r : rules) CHECK(d.rules.push(r));
    return d;
}

inline rats::AttestationResult proven(rats::Level level, const std::vector<rats::Reason>& reasons = {}) {
    rats::AttestationResult r;
    r.level = level;
    for (rats::Reason reason : reasons) CHECK(r.reasons.push(reason));
    return r;
}

inline CallContext from(std::string_view peer, std::string_view label = {}) {
    return {.direction = Direction::incoming, .peer = peer, .authority = "Example Corp", .label = label};
}

}  // namespace sealcall::policy::test
