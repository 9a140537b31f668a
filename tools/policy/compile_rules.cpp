#include <algorithm>

#include "names.h"
#include "text_hints.h"
#include "values.h"

namespace sealcall::policy_language {

using cli::shown;
using policy::Action;
using policy::DocumentRule;
using rats::Level;

namespace {

constexpr const char* kPeers = "a list of groups, organisations and addresses";

class RuleReader {
  public:
    RuleReader(Names& names, const policy::Document& document, policy::OnWorse on_fall)
        : names_(names), on_fall_(on_fall) {
        for (const auto& l : document.labels) labels_.push_back(l.str());
    }

    DocumentRule read(Fields& f) {
        DocumentRule r;
        read_name(f, r);
        if (auto peers = f.texts("peer", kPeers); peers && !fill(r.groups, names_.resolve(*peers)))
            f.problem(f.place("peer"), "A rule names at most 16 groups. Put them into one.");
        if (auto w = f.word("direction", {"incoming", "outgoing", "both"})) r.toward = static_cast<policy::Toward>(*w);
        read_labels(f, r);
        read_when(f, r);
        const bool proof = read_proof(f, r);
        const auto answer = f.word("answer", action_words());
        if (answer) r.answer = static_cast<Action>(*answer);
        if (!f.has("answer")) f.problem(f.place(""), f.where() + " has no answer: answer = \"warn\", for example.");
        r.on_worse = on_fall_;
        if (auto w = f.word("during", on_fall_words())) r.on_worse = static_cast<policy::OnWorse>(*w);
        if (proof && r.least == Level::unverified && r.answer == Action::allow)
            f.problem(f.place("answer"), f.where() +
                                             " takes ordinary phones, and those are never let through in silence: "
                                             "answer \"warn\" at best.");
        return r;
    }

  private:
    static void read_name(Fields& f, DocumentRule& r) {
        if (auto name = f.text("name", 96))
            r.name = BoundedString<96>(*name);
        else if (!f.has("name"))
            f.problem(f.place(""), f.where() + " has no name. People see it when it decides: name = \"...\".");
    }

    void read_labels(Fields& f, DocumentRule& r) {
        const auto all = static_cast<uint16_t>((1U << labels_.size()) - 1);
        r.labels = all;
        if (auto given = f.texts("label", "a label, or a list of them")) {
            r.labels = 0;
            for (const auto& item : *given) {
                const auto found = std::ranges::find(labels_, item.text);
                if (found != labels_.end()) {
                    r.labels |= static_cast<uint16_t>(1U << (found - labels_.begin()));
                    continue;
                }
                const std::string meant = cli::nearest(item.text, labels_);
                f.problem(item.at,
                          "There is no label " + shown(item.text) + "." +
                              (meant.empty() ? " [labels] order lists them." : " Did you mean \"" + meant + "\"?"));
            }
        }
        const auto from = f.word("label_from", labels_), to = f.word("label_to", labels_);
        if (from) r.labels &= static_cast<uint16_t>(all << *from);
        if (to) r.labels &= static_cast<uint16_t>((2U << *to) - 1);
        if (r.labels == 0 && (from || to))
            f.problem(f.place(from ? "label_from" : "label_to"), f.where() + " is about no label at all.");
    }

    static void read_when(Fields& f, DocumentRule& r) {
        const auto when = f.texts("when", kWhenForm);
        for (const auto& item : when.value_or(std::vector<Fields::Item>())) {
            const auto windows = policy_language::read_when(item.text);
            if (!windows)
                f.problem(item.at, f.where() + ": when must be " + kWhenForm + ", not " + shown(item.text) + ".");
            else if (!fill(r.when, *windows))
                f.problem(item.at, "A rule has at most 16 times.");
        }
    }

    /// What the rule asks of the other side. False: it was said what is wrong with that.
    static bool read_proof(Fields& f, DocumentRule& r) {
        const auto keys = f.word("keys", {"end-to-end", "any"});
        const bool ordinary = keys && *keys == 1;
        const auto level = f.number("level", 0, 4);
        if (level) r.least = static_cast<Level>(*level + 1);
        if (!level && ordinary) r.least = Level::unverified;
        const auto lab = f.flag("lab");
        r.lab = lab.value_or(false);
        const auto oldest = f.read<uint32_t>("oldest", kDurationForm, read_duration);
        r.oldest_s = oldest.value_or(0);
        if (ordinary && level && *level > 0) {
            f.problem(f.place("level"), f.where() +
                                            " takes ordinary phones (keys = \"any\"), and those are level 0: "
                                            "leave out level, or keys.");
            return false;
        }
        if (level && *level == 0 && !ordinary) {
            f.problem(f.place("level"),
                      "Level 0 is an ordinary phone, whose keys are not agreed upon end to end: write "
                      "keys = \"any\" as well, or ask for level 1.");
            return false;
        }
        if (ordinary && (lab || oldest)) {
            f.problem(f.place(lab ? "lab" : "oldest"), f.where() +
                                                           " takes ordinary phones, so it can ask nothing of "
                                                           "the evidence of others.");
            return false;
        }
        return true;
    }

    Names& names_;
    policy::OnWorse on_fall_;
    std::vector<std::string> labels_;
};

}  // namespace

void compile_rules(Fields& top, Names& names, policy::OnWorse on_fall, Compiled& out) {
    const toml::node* node = top.find("rules");
    if (node == nullptr) return;
    const toml::array* list = node->as_array();
    if (list == nullptr) return top.must_be("rules", *node, "a list of tables, each under [[rules]]");
    RuleReader reader(names, out.document, on_fall);
    for (size_t i = 0; i < list->size(); ++i) {
        const toml::node& item = *list->get(i);
        const toml::table* table = item.as_table();
        if (table == nullptr) {
            top.problem(item.source(), "Each rule is a table under [[rules]].");
            continue;
        }
        const auto name = (*table)["name"].value<std::string>();
        Fields f(*table, "rule " + std::to_string(i + 1) + (name ? " " + shown(*name) : ""), top.problems());
        DocumentRule rule = reader.read(f);
        f.finish();
        out.rules.push_back({item.source().begin.line, item.source().begin.column});
        if (!out.document.rules.push(std::move(rule)))
            return top.problem(item.source(), "A policy has at most " + std::to_string(policy::kRulesMax) + " rules.");
    }
}

}  // namespace sealcall::policy_language
