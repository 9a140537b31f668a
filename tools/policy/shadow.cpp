#include "shadow.h"

#include <algorithm>
#include <set>

#include "policy/sip_name.h"

namespace sealcall::policy_language {
namespace {

using policy::Document;
using policy::DocumentRule;
using policy::Toward;
using rats::Level;

/// A part of a rule that is about one direction, one label and one group (-1: everybody).
struct Part {
    Toward toward{};
    uint16_t label = 0;
    int group = -1;
};

class Finder {
  public:
    explicit Finder(const Document& d) : d_(d) {
        names_of_.resize(d.groups.size());
        for (const auto& name : d.names)
            for (uint16_t g : name.groups) names_of_[g].insert(name.text.str());
    }

    std::optional<Shadow> judge(size_t index) const {
        const DocumentRule& rule = d_.rules.items()[index];
        if (!rule.groups.empty() &&
            std::ranges::all_of(rule.groups, [&](uint16_t g) { return among(g, d_.blocked.items()); }))
            return Shadow{.kind = Shadow::Kind::blocked, .rule = index, .by = {}};
        std::set<size_t> taken_by, bounded_by;
        bool all_taken = true, all_bounded = true;
        for (const Part& part : parts(rule)) {
            const auto by = earlier(part, rule, index, &Finder::takes);
            const auto bound = earlier(part, rule, index, &Finder::bounds);
            if (by) taken_by.insert(*by);
            if (by || bound) bounded_by.insert(by ? *by : *bound);
            all_taken = all_taken && by;
            all_bounded = all_bounded && (by || bound);
        }
        if (all_taken)
            return Shadow{.kind = Shadow::Kind::unreachable, .rule = index, .by = {taken_by.begin(), taken_by.end()}};
        if (all_bounded)
            return Shadow{.kind = Shadow::Kind::bounded, .rule = index, .by = {bounded_by.begin(), bounded_by.end()}};
        return {};
    }

  private:
    std::vector<Part> parts(const DocumentRule& rule) const {
        std::vector<int> groups(rule.groups.begin(), rule.groups.end());
        if (groups.empty()) groups.push_back(-1);
        std::vector<Part> out;
        for (Toward t : {Toward::incoming, Toward::outgoing}) {
            if (rule.toward != Toward::both && rule.toward != t) continue;
            for (size_t l = 0; l < d_.labels.size(); ++l)
                for (int g : groups)
                    if ((rule.labels >> l & 1) != 0)
                        out.push_back({.toward = t, .label = static_cast<uint16_t>(1U << l), .group = g});
        }
        return out;
    }

    std::optional<size_t> earlier(const Part& part, const DocumentRule& rule, size_t index,
                                  bool (Finder::*how)(const DocumentRule&, const DocumentRule&, int) const) const {
        for (size_t i = 0; i < index; ++i) {
            const DocumentRule& other = d_.rules.items()[i];
            if ((other.toward == Toward::both || other.toward == part.toward) && (other.labels & part.label) != 0 &&
                covers_times(other, rule) && (this->*how)(other, rule, part.group))
                return i;
        }
        return {};
    }

    /// Whatever `rule` would match of this group, `other` matches before it.
    bool takes(const DocumentRule& other, const DocumentRule& rule, int group) const {
        if (!holds(other, group, true)) return false;
        if (other.least > rule.least) return false;
        if (other.least == Level::unverified) return true;
        if (rule.lab && !other.lab) return false;
        return other.oldest_s == 0 || (rule.oldest_s != 0 && rule.oldest_s <= other.oldest_s);
    }

    /// `other` is about every call of this group that `rule` is about, and its answer is stricter.
    bool bounds(const DocumentRule& other, const DocumentRule& rule, int group) const {
        return other.answer < rule.answer && holds(other, group, false);
    }

    /// `other` names everybody in `group`. With `vouched`: and asks for no other certificate or verifier.
    bool holds(const DocumentRule& other, int group, bool vouched) const {
        if (other.groups.empty()) return true;
        if (group < 0) return false;
        return std::ranges::any_of(other.groups, [&](uint16_t g) {
            if (static_cast<int>(g) == group) return true;
            const policy::Group& theirs = d_.groups.items()[g];
            if (vouched && (!theirs.authority.empty() || !theirs.verifiers.empty())) return false;
            const auto& members = names_of_[static_cast<size_t>(group)];
            return !members.empty() &&
                   std::ranges::all_of(members, [&](const auto& n) { return named(n, names_of_[g]); });
        });
    }

    static bool among(uint16_t g, const std::vector<uint16_t>& list) { return std::ranges::count(list, g) != 0; }

    /// A person, domain or ".domain" lies in a set of such.
    static bool named(const std::string& name, const std::set<std::string>& in) {
        if (in.count(name) != 0) return true;
        std::string_view host = name.starts_with("sip:") ? policy::sip_name(name).host : std::string_view(name);
        if (name.starts_with("sip:") && in.count(std::string(host)) != 0) return true;
        for (size_t dot = host.find('.', host.starts_with('.') ? 1 : 0); dot != std::string_view::npos;
             dot = host.find('.', 1)) {
            host.remove_prefix(dot);
            if (in.count(std::string(host)) != 0) return true;
        }
        return false;
    }

    static bool covers_times(const DocumentRule& other, const DocumentRule& rule) {
        if (other.when.empty()) return true;
        if (rule.when.empty()) return false;
        return std::ranges::all_of(rule.when, [&](const policy::Window& w) {
            for (unsigned day = 0; day < 7; ++day) {
                if ((w.days >> day & 1) == 0) continue;
                const bool inside = std::ranges::any_of(other.when, [&](const policy::Window& o) {
                    return (o.days >> day & 1) != 0 && o.from <= w.from && w.until <= o.until;
                });
                if (!inside) return false;
            }
            return true;
        });
    }

    const Document& d_;
    std::vector<std::set<std::string>> names_of_;
};

}  // namespace

std::vector<Shadow> find_shadows(const Document& document) {
    const Finder finder(document);
    std::vector<Shadow> out;
    for (size_t i = 0; i < document.rules.size(); ++i)
        if (auto shadow = finder.judge(i)) out.push_back(std::move(*shadow));
    return out;
}

}  // namespace sealcall::policy_language
