// What a check of somebody else's evidence found, as a list: every check that was made has a line, with a name that
// programs may rely on. For tools; not part of the trusted base.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace sealcall::attestation::foreign {

/// `note` informs; `warning` is something that the person must know but that leaves the answer standing; `unknown`
/// could not be checked and `failed` is wrong: either makes the answer no.
enum class Verdict : uint8_t { ok, note, warning, unknown, failed };

struct Finding {
    std::string name;  ///< stable, snake_case
    Verdict verdict = Verdict::ok;
    std::string text;  ///< one sentence for people
};

class Findings {
  public:
    void add(std::string name, Verdict verdict, std::string text) {
        list_.push_back({std::move(name), verdict, std::move(text)});
    }
    /// ok with `yes`, failed with `no`; returns `holds`.
    bool check(std::string name, bool holds, const std::string& yes, const std::string& no) {
        add(std::move(name), holds ? Verdict::ok : Verdict::failed, holds ? yes : no);
        return holds;
    }
    [[nodiscard]] const std::vector<Finding>& list() const { return list_; }
    [[nodiscard]] const Finding* find(std::string_view name) const {
        const auto at = std::ranges::find(list_, name, &Finding::name);
        return at == list_.end() ? nullptr : &*at;
    }
    /// False when nothing was checked at all: no finding is no proof.
    [[nodiscard]] bool holds() const {
        return std::ranges::any_of(list_, [](const Finding& f) { return f.verdict == Verdict::ok; }) &&
               std::ranges::none_of(list_, [](const Finding& f) { return f.verdict >= Verdict::unknown; });
    }

  private:
    std::vector<Finding> list_;
};

inline const char* verdict_name(Verdict v) {
    switch (v) {
        case Verdict::ok:
            return "ok";
        case Verdict::note:
            return "note";
        case Verdict::warning:
            return "warning";
        case Verdict::unknown:
            return "unknown";
        case Verdict::failed:
            break;
    }
    return "failed";
}

}  // namespace sealcall::attestation::foreign
