// The administrator's policy as the enclave reads it: canonical bytes (ipc/codec.h) inside the authority's signed
// bundle (rats/bundle.h). People write TOML; `sealcall policy compile` makes this of it. Until the bundle's signature
// has held the bytes are foreign. Trusted base.
#pragma once

#include "sealcall/policy/types.h"
#include "sealcall/rats/bundle.h"

namespace sealcall::policy {

inline constexpr size_t kRulesMax = 1024, kGroupsMax = 1280, kNamesMax = 2048, kLabelsMax = 16;

/// Facts that a level can require beyond what it always means (docs/policy.md, "Levels").
enum Fact : uint16_t {
    kHardwareTpm = 1 << 0,
    kNoLab = 1 << 1,
    kSecureBoot = 1 << 2,
    kBootApproved = 1 << 3,
    kSealcallApproved = 1 << 4,
    kProgramsApproved = 1 << 5,
    kOwnVerifier = 1 << 6,  ///< appraised by this phone, not by a partner's verifier
};
inline constexpr uint16_t kAllFacts = (1 << 7) - 1;

/// Added to a built-in level; what is not met leaves the peer at the level below.
struct Requirements {
    uint16_t facts = 0;     ///< bits of Fact
    uint32_t oldest_s = 0;  ///< age of the evidence; 0: any
    static constexpr auto fields = std::tuple{&Requirements::facts, &Requirements::oldest_s};
    bool operator==(const Requirements&) const = default;
};

/// People and domains by name. An organisation may say who must have certified its people and whose word on their
/// devices counts: part of the proof, not of the name.
struct Group {
    BoundedString<64> name;                        ///< empty: written out in one rule
    BoundedString<128> authority;                  ///< common name; empty: any that the bundle trusts
    BoundedList<BoundedString<128>, 8> verifiers;  ///< issuers; an empty one is this phone itself. No entry: any
    bool organisation = false;                     ///< its callers share a limit
    static constexpr auto fields = std::tuple{&Group::name, &Group::authority, &Group::verifiers, &Group::organisation};
    bool operator==(const Group&) const = default;
};

/// "sip:user@host", "host", or ".host" for all hosts below it; hosts in lower case.
struct Name {
    BoundedString<256> text;
    BoundedList<uint16_t, 64> groups;  ///< indices, ascending, at least one
    static constexpr auto fields = std::tuple{&Name::text, &Name::groups};
    bool operator==(const Name&) const = default;
};

/// Days of the week, and minutes of the day from `from` up to, not including, `until`; both in the document's time.
struct Window {
    uint8_t days = 0;  ///< bit 0: Monday
    uint16_t from = 0, until = 0;
    static constexpr auto fields = std::tuple{&Window::days, &Window::from, &Window::until};
    bool operator==(const Window&) const = default;
};
inline constexpr uint16_t kDayMinutes = 24 * 60;
inline constexpr uint16_t kOffsetZero = 14 * 60;  ///< Document::utc_offset of UTC itself

enum class Toward : uint8_t { incoming, outgoing, both };

struct DocumentRule {
    BoundedString<96> name;
    // which calls it is about
    Toward toward = Toward::both;
    BoundedList<uint16_t, 16> groups;  ///< any of these, ascending; none: everybody
    uint16_t labels = 0;               ///< bit n: label n
    BoundedList<Window, 16> when;      ///< none: always
    // what proof it asks for
    rats::Level least = rats::Level::known_device;  ///< unverified: keys need not be agreed end to end, so ordinary
                                                    ///< phones are meant as well
    bool lab = false;
    uint32_t oldest_s = 0;
    // what it says
    Action answer = Action::refuse;
    OnWorse on_worse = OnWorse::mute;
    static constexpr auto fields =
        std::tuple{&DocumentRule::name,   &DocumentRule::toward,  &DocumentRule::groups, &DocumentRule::labels,
                   &DocumentRule::when,   &DocumentRule::least,   &DocumentRule::lab,    &DocumentRule::oldest_s,
                   &DocumentRule::answer, &DocumentRule::on_worse};
    bool operator==(const DocumentRule&) const = default;
};

/// At most so many attempts in so long a time; 0: no limit.
struct Limit {
    uint16_t calls = 0;
    uint32_t seconds = 0;
    static constexpr auto fields = std::tuple{&Limit::calls, &Limit::seconds};
    bool operator==(const Limit&) const = default;
};
inline constexpr uint32_t kLimitSecondsMax = 24 * 3600;

enum class UnknownCallers : uint8_t { refuse, silent, ask };

inline constexpr uint8_t kPolicyFormat = 2;  ///< the first byte of every one
inline constexpr uint16_t kKeepDaysMax = 36500;

struct Document {
    uint8_t format = kPolicyFormat;
    BoundedString<128> name;
    BoundedList<Requirements, 4> levels;                ///< of levels 1 to 4
    BoundedList<BoundedString<64>, kLabelsMax> labels;  ///< least sensitive first
    uint8_t default_label = 0;                          ///< of a call that has none
    BoundedList<Group, kGroupsMax> groups;
    BoundedList<Name, kNamesMax> names;          ///< ascending by text, none twice
    BoundedList<uint16_t, 16> blocked, welcome;  ///< groups, ascending. Welcome: never unknown, no limits
    UnknownCallers unknown_callers = UnknownCallers::refuse;
    Action downgrade = Action::refuse;  ///< or pin
    Limit per_caller, per_organisation, per_origin;
    uint16_t utc_offset = kOffsetZero;  ///< minutes east of UTC, plus kOffsetZero
    uint16_t recheck_seconds = 300;
    uint16_t rekey_seconds = kRekeySecondsMax;
    uint16_t keep_days = 0;  ///< for which audit records are kept at least; 0: the policy says nothing
    BoundedList<DocumentRule, kRulesMax> rules;
    static constexpr auto fields = std::tuple{&Document::format,
                                              &Document::name,
                                              &Document::levels,
                                              &Document::labels,
                                              &Document::default_label,
                                              &Document::groups,
                                              &Document::names,
                                              &Document::blocked,
                                              &Document::welcome,
                                              &Document::unknown_callers,
                                              &Document::downgrade,
                                              &Document::per_caller,
                                              &Document::per_organisation,
                                              &Document::per_origin,
                                              &Document::utc_offset,
                                              &Document::recheck_seconds,
                                              &Document::rekey_seconds,
                                              &Document::keep_days,
                                              &Document::rules};
    bool operator==(const Document&) const = default;
};

/// All of `in`, in the one form that it has. Errors: too_large (more than rats::kPolicyMax bytes, or a list),
/// truncated, trailing_bytes, bad_value, not_canonical; the detail is an index where there is one.
Result<Document> read_document(ByteSpan in);
/// What read_document asks beyond the codec: for whoever makes a document.
Status check_document(const Document& document);

}  // namespace sealcall::policy

SEALCALL_ENUM_LAST(sealcall::policy::Toward, both);
SEALCALL_ENUM_LAST(sealcall::policy::UnknownCallers, ask);
