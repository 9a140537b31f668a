#include "describe.h"

#include <algorithm>
#include <map>

#include "compile.h"
#include "values.h"

namespace sealcall::policy_language {

using policy::Document;
using policy::DocumentRule;

std::string say_level(rats::Level level) {
    return level == rats::Level::failed ? "X" : std::to_string(static_cast<int>(level) - 1);
}

std::string say_group(const Document& document, uint16_t group) {
    const policy::Group& g = document.groups.items()[group];
    if (!g.name.empty()) return g.name.str();
    std::string out;
    for (const auto& name : document.names)
        if (std::ranges::count(name.groups.items(), group) != 0)
            out += (out.empty() ? "" : ", ") + say_address(name.text.view());
    return out;
}

std::string say_labels(const Document& document, uint16_t labels) {
    if (labels == (1U << document.labels.size()) - 1) return "any label";
    std::string out;
    for (size_t l = 0; l < document.labels.size(); ++l)
        if ((labels >> l & 1) != 0) out += (out.empty() ? "" : ", ") + document.labels.items()[l].str();
    return "label " + out;
}

std::string describe_rule(const Document& document, const DocumentRule& r) {
    constexpr const char* kCalls[] = {"calls from ", "calls to ", "calls with "};
    std::string out = kCalls[static_cast<size_t>(r.toward)];
    if (r.groups.empty()) out += "anybody";
    for (size_t i = 0; i < r.groups.size(); ++i) out += (i == 0 ? "" : ", ") + say_group(document, r.groups.items()[i]);
    out += ", " + say_labels(document, r.labels);
    for (size_t i = 0; i < r.when.size(); ++i) out += (i == 0 ? ", " : " or ") + say_window(r.when.items()[i]);
    if (r.least == rats::Level::unverified) {
        out += ", ordinary phones as well";
    } else {
        out += ", level " + say_level(r.least) + " or better";
        if (r.lab) out += " (LAB counts)";
        if (r.oldest_s != 0) out += ", checked within " + say_duration(r.oldest_s);
    }
    out += ": " + action_words()[static_cast<size_t>(r.answer)];
    return out + "; if it falls: " + on_fall_words()[static_cast<size_t>(r.on_worse)];
}

namespace {

class Differences {
  public:
    Differences(const Document& before, const Document& after) : a_(before), b_(after) {}

    std::vector<std::string> all() {
        compare("name", a_.name.str(), b_.name.str());
        for (size_t i = 0; i < 4; ++i)
            compare("requirements of level " + std::to_string(i + 1), say(a_.levels.items()[i]),
                    say(b_.levels.items()[i]));
        compare("labels", say_order(a_), say_order(b_));
        compare("default label", a_.labels.items()[a_.default_label].str(), b_.labels.items()[b_.default_label].str());
        compare_groups();
        compare("blocked", say_list(a_, a_.blocked.items()), say_list(b_, b_.blocked.items()));
        compare("welcome", say_list(a_, a_.welcome.items()), say_list(b_, b_.welcome.items()));
        constexpr const char* kUnknown[] = {"refuse", "silent", "ask"};
        compare("unknown callers", kUnknown[static_cast<size_t>(a_.unknown_callers)],
                kUnknown[static_cast<size_t>(b_.unknown_callers)]);
        compare("a downgrade", action_words()[static_cast<size_t>(a_.downgrade)],
                action_words()[static_cast<size_t>(b_.downgrade)]);
        compare("limit for a caller", say(a_.per_caller), say(b_.per_caller));
        compare("limit for an organisation", say(a_.per_organisation), say(b_.per_organisation));
        compare("limit for an origin", say(a_.per_origin), say(b_.per_origin));
        compare("offset of time", say_offset(a_.utc_offset), say_offset(b_.utc_offset));
        compare("time between checks", say_duration(a_.recheck_seconds), say_duration(b_.recheck_seconds));
        compare("time between new keys", say_duration(a_.rekey_seconds), say_duration(b_.rekey_seconds));
        compare("records are kept", say_days(a_.keep_days), say_days(b_.keep_days));
        compare_rules();
        return std::move(out_);
    }

  private:
    static std::string say_days(uint16_t days) {
        return days == 0 ? "as each phone has it" : std::to_string(days) + "d or longer";
    }
    static std::string say(const policy::Limit& l) {
        return l.calls == 0 ? "none" : std::to_string(l.calls) + " per " + say_duration(l.seconds);
    }
    static std::string say(const policy::Requirements& r) {
        std::string out;
        for (size_t bit = 0; bit < fact_words().size(); ++bit)
            if ((r.facts >> bit & 1) != 0) out += (out.empty() ? "" : ", ") + fact_words()[bit];
        if (r.oldest_s != 0) out += (out.empty() ? "" : ", ") + ("checked within " + say_duration(r.oldest_s));
        return out.empty() ? "none" : out;
    }
    static std::string say_order(const Document& d) {
        std::string out;
        for (const auto& l : d.labels) out += (out.empty() ? "" : " < ") + l.str();
        return out;
    }
    static std::string say_list(const Document& d, const std::vector<uint16_t>& groups) {
        std::string out;
        for (uint16_t g : groups) out += (out.empty() ? "" : ", ") + say_group(d, g);
        return out.empty() ? "nobody" : out;
    }
    static std::string say_members(const Document& d, uint16_t group) {
        std::string out;
        for (const auto& n : d.names)
            if (std::ranges::count(n.groups.items(), group) != 0)
                out += (out.empty() ? "" : ", ") + say_address(n.text.view());
        const policy::Group& g = d.groups.items()[group];
        if (!g.authority.empty()) out += "; certified by " + g.authority.str();
        for (const auto& v : g.verifiers) out += "; checked by " + (v.empty() ? std::string("own") : v.str());
        return out;
    }
    static std::map<std::string, std::string> named_groups(const Document& d) {
        std::map<std::string, std::string> out;
        for (uint16_t i = 0; i < d.groups.size(); ++i)
            if (!d.groups.items()[i].name.empty()) out[d.groups.items()[i].name.str()] = say_members(d, i);
        return out;
    }

    void compare(const std::string& what, const std::string& before, const std::string& after) {
        if (before != after) out_.push_back(what + ": was " + before + ", is " + after);
    }

    void compare_groups() {
        const auto before = named_groups(a_), after = named_groups(b_);
        for (const auto& [name, members] : before)
            if (after.count(name) == 0) out_.push_back("group " + name + ": is gone");
        for (const auto& [name, members] : after) {
            const auto old = before.find(name);
            if (old == before.end())
                out_.push_back("group " + name + ": is new: " + members);
            else
                compare("group " + name, old->second, members);
        }
    }

    /// Rules are told apart by their names; of several with one name the order counts.
    void compare_rules() {
        struct Entry {
            std::string text;
            size_t at = 0;
        };
        std::map<std::string, Entry> before;
        for (size_t i = 0; i < a_.rules.size(); ++i)
            before[key(before, a_, i)] = {describe_rule(a_, a_.rules.items()[i]), i};
        std::map<std::string, Entry> after;
        for (size_t i = 0; i < b_.rules.size(); ++i)
            after[key(after, b_, i)] = {describe_rule(b_, b_.rules.items()[i]), i};
        std::vector<size_t> kept;
        for (size_t i = 0; i < b_.rules.size(); ++i)
            for (const auto& [name, e] : after)
                if (e.at == i && before.count(name) != 0) kept.push_back(before[name].at);
        for (const auto& [name, e] : before)
            if (after.count(name) == 0) out_.push_back("rule \"" + name + "\": is gone (" + e.text + ")");
        for (const auto& [name, e] : after)
            if (before.count(name) == 0)
                out_.push_back("rule \"" + name + "\": is new, as number " + std::to_string(e.at + 1) + " (" + e.text +
                               ")");
            else
                compare("rule \"" + name + "\"", before[name].text, e.text);
        if (!std::ranges::is_sorted(kept)) out_.push_back("the order of the rules is another one");
    }

    template <class Map>
    static std::string key(const Map& taken, const Document& d, size_t i) {
        std::string name = d.rules.items()[i].name.str();
        for (int n = 2; taken.count(name) != 0; ++n)
            name = d.rules.items()[i].name.str() + " (" + std::to_string(n) + ")";
        return name;
    }

    const Document &a_, &b_;
    std::vector<std::string> out_;
};

}  // namespace

std::vector<std::string> differences(const Document& before, const Document& after) {
    return Differences(before, after).all();
}

}  // namespace sealcall::policy_language
