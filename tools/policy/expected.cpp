#include "expected.h"

#include <algorithm>

#include "compile.h"
#include "describe.h"
#include "fields.h"
#include "text_hints.h"
#include "values.h"

namespace sealcall::policy_language {
namespace {

constexpr const char* kTimeForm = "a time in UTC like 2026-11-23T08:30:00Z, without quotes";

/// Milliseconds since 1970 UTC.
std::optional<uint64_t> read_time(const toml::node& node) {
    const auto value = node.value_exact<toml::date_time>();
    if (!value || value->date.year < 1970) return {};
    // Days from civil (Gregorian), counted from March so that the leap day is the last.
    const int y = value->date.year - (value->date.month <= 2 ? 1 : 0);
    const int m = (value->date.month + 9) % 12;
    const int64_t days = 365LL * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + value->date.day - 1 - 719468;
    const int64_t minutes =
        days * 1440 + value->time.hour * 60 + value->time.minute - (value->offset ? value->offset->minutes : 0);
    if (minutes < 0) return {};
    return static_cast<uint64_t>(minutes * 60 + value->time.second) * 1000;
}

void read_call(Fields& f, Imagined& call) {
    if (auto peer = f.text("peer", 256)) {
        call.peer = *peer;
        if (!peer->starts_with("sip:")) f.problem(f.place("peer"), f.where() + ": peer must be \"sip:NAME@DOMAIN\".");
    } else if (!f.has("peer")) {
        f.problem(f.place(""), f.where() + " has no peer: peer = \"sip:bob@example.com\".");
    }
    if (auto w = f.word("direction", {"incoming", "outgoing"})) call.direction = static_cast<policy::Direction>(*w);
    if (auto label = f.text("label", 64)) call.label = *label;
    if (auto authority = f.text("authority", 128)) call.authority = *authority;
    if (auto verifier = f.text("verifier", 128)) call.verifier = *verifier == "own" ? "" : *verifier;
    call.ordinary = f.flag("ordinary").value_or(false);
    if (const auto level = f.number("level", -1, 4)) {
        call.level = static_cast<rats::Level>(*level + 1);
        if (call.ordinary)
            f.problem(f.place("level"), f.where() + ": an ordinary phone has no level but 0; leave it out.");
    }
    call.lab = f.flag("lab").value_or(false);
    call.software_tpm = f.flag("software_tpm").value_or(false);
    call.downgrade = f.flag("downgrade").value_or(false);
    call.known = f.flag("known").value_or(false);
    call.age_s = f.read<uint32_t>("age", kDurationForm, read_duration).value_or(0);
    if (const toml::node* at = f.find("at")) {
        if (const auto ms = read_time(*at))
            call.wall_ms = *ms;
        else
            f.must_be("at", *at, kTimeForm);
    }
    const auto lacks = f.texts("lacks", "a list of facts");
    for (const auto& item : lacks.value_or(std::vector<Fields::Item>())) {
        const auto found = std::ranges::find(fact_words(), item.text);
        if (found == fact_words().end())
            f.problem(item.at, "There is no fact " + cli::shown(item.text) + ".");
        else
            call.lacks.push_back(static_cast<size_t>(found - fact_words().begin()));
    }
}

Expected read_case(Fields& f, const toml::source_region& at) {
    Expected out;
    out.line = at.begin.line;
    out.name = f.text("name", 128).value_or("");
    read_call(f, out.call);
    if (auto answer = f.word("expect", action_words()))
        out.answer = static_cast<policy::Action>(*answer);
    else if (!f.has("expect"))
        f.problem(at, f.where() + " expects nothing: expect = \"warn\", for example.");
    out.rule = f.text("rule", 96);
    if (auto w = f.word("during", on_fall_words())) out.during = static_cast<policy::OnWorse>(*w);
    out.silent = f.flag("silent");
    return out;
}

}  // namespace

ExpectedOutcome parse_expected(std::string_view text) {
    if (text.size() > kSourceMax) return Problems{{1, 1, "The file is larger than 1 MiB."}};
    auto parsed = cli::parse_toml(text);
    if (auto* problem = std::get_if<ConfigProblem>(&parsed)) return Problems{std::move(*problem)};
    const auto& root = std::get<toml::table>(parsed);
    Problems problems;
    Fields top(root, "the file", problems);
    ExpectedFile out;
    out.policy = top.text("policy", 4096).value_or("");
    if (const toml::node* node = top.find("case")) {
        const toml::array* list = node->as_array();
        if (list == nullptr) top.must_be("case", *node, "a list of tables, each under [[case]]");
        for (size_t i = 0; list != nullptr && i < list->size(); ++i) {
            const toml::table* table = list->get(i)->as_table();
            if (table == nullptr) {
                top.problem(list->get(i)->source(), "Each case is a table under [[case]].");
                continue;
            }
            const auto name = (*table)["name"].value<std::string>();
            Fields f(*table, "case " + std::to_string(i + 1) + (name ? " " + cli::shown(*name) : ""), problems);
            out.cases.push_back(read_case(f, list->get(i)->source()));
            f.finish();
        }
    }
    top.finish();
    if (problems.empty() && out.cases.empty()) problems.push_back({1, 1, "There is no [[case]] in the file."});
    std::ranges::stable_sort(problems, {}, [](const ConfigProblem& p) { return std::pair(p.line, p.column); });
    if (!problems.empty()) return problems;
    return out;
}

std::string run_case(const policy::Document& document, const Expected& expected) {
    const Explanation got = explain(document, expected.call);
    std::string out;
    const auto differs = [&](const std::string& what, const std::string& wanted, const std::string& is) {
        if (wanted != is) out += (out.empty() ? "" : "; ") + what + " is " + is + ", not " + wanted;
    };
    differs("the answer", action_words()[static_cast<size_t>(expected.answer)],
            action_words()[static_cast<size_t>(got.decision.action)]);
    if (expected.rule)
        differs("the rule", "\"" + *expected.rule + "\"", "\"" + cli::harmless(got.decision.name.view()) + "\"");
    if (expected.during)
        differs("what happens when it falls", on_fall_words()[static_cast<size_t>(*expected.during)],
                on_fall_words()[static_cast<size_t>(got.decision.on_worse)]);
    if (expected.silent) differs("silent", *expected.silent ? "true" : "false", got.decision.silent ? "true" : "false");
    if (!out.empty() && !got.sentence.empty()) out += " (" + got.sentence + ")";
    return out;
}

}  // namespace sealcall::policy_language
