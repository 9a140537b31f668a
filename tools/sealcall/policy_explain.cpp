// `sealcall policy explain`: which rule decides, for an imagined call or for one of the running phone.
#include <algorithm>
#include <ctime>
#include <iostream>

#include "control_client.h"
#include "files.h"
#include "policy_file.h"
#include "problem.h"
#include "sealcall/base/time.h"
#include "sealcall/policy/reason_text.h"
#include "text_hints.h"
#include "tools/policy/describe.h"
#include "tools/policy/explain.h"
#include "tools/policy/values.h"

namespace sealcall::cli {
namespace {

namespace pl = policy_language;
using rats::Level;
using Json = nlohmann::json;

uint64_t time_from(const std::string& text) {
    std::tm tm{};
    const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (end == nullptr || *end != '\0')
        throw Problem("\"" + printable(text, 40) + "\" is no time.", "Write it in UTC, like 2026-11-23T08:30:00Z.",
                      exit_status::kUsage);
    return static_cast<uint64_t>(::timegm(&tm)) * 1000;
}

pl::Imagined imagined(const PolicyOptions& o) {
    if (!o.peer.starts_with("sip:"))
        throw Problem("Say with whom the call is.", "Give an address sip:NAME@DOMAIN, or --call.", exit_status::kUsage);
    pl::Imagined call;
    call.peer = o.peer;
    call.direction = o.direction == "incoming" ? policy::Direction::incoming : policy::Direction::outgoing;
    call.label = o.label;
    call.authority = o.vouched_by;
    call.verifier = o.verifier == "own" ? "" : o.verifier;
    call.level = static_cast<Level>(o.level + 1);
    call.lab = o.lab;
    call.software_tpm = o.software_tpm;
    call.ordinary = o.ordinary;
    call.downgrade = o.downgrade;
    call.known = o.known;
    call.wall_ms = o.at.empty() ? wall_ms() : time_from(o.at);
    if (!o.age.empty()) {
        const auto seconds = pl::read_duration(o.age);
        if (!seconds)
            throw Problem("\"" + printable(o.age, 40) + "\" is no age.",
                          std::string("Write ") + pl::kDurationForm + ".", exit_status::kUsage);
        call.age_s = *seconds;
    }
    for (const auto& fact : o.lacks) {
        const auto found = std::ranges::find(pl::fact_words(), fact);
        if (found == pl::fact_words().end()) {
            const std::string meant = nearest(fact, pl::fact_words());
            throw Problem("There is no fact \"" + printable(fact, 40) + "\".",
                          meant.empty() ? "docs/policy.md lists them." : "Did you mean \"" + meant + "\"?",
                          exit_status::kUsage);
        }
        call.lacks.push_back(static_cast<size_t>(found - pl::fact_words().begin()));
    }
    return call;
}

/// What the running phone knows of one of its calls; `reasons` become facts that are there or lack. `decided`: what it
/// decided itself, both policies and the person's wishes together.
pl::Imagined real_call(const Context& context, Json& decided) {
    auto phone = ControlClient::connect(context.paths().control_socket);
    if (!phone) throw Problem("No phone of this profile runs.", "Describe the call instead.", exit_status::kNoPhone);
    const Json calls = phone->request("calls", Json::object());
    const std::string& wanted = context.options.policy.call;
    for (const Json& c : calls) {
        if (!c.is_object() || !c.contains("call") || c["call"].dump() != wanted) continue;
        const Json card = c.contains("card") && c["card"].is_object() ? c["card"] : Json::object();
        if (!card.contains("level"))
            throw Problem("Nothing is known of the other side of that call yet.", "Wait until it is checked.");
        pl::Imagined call;
        call.peer = card.value("peer_uri", "");
        call.direction =
            card.value("direction", "") == "incoming" ? policy::Direction::incoming : policy::Direction::outgoing;
        call.label = card.value("label", "");
        call.authority = card.value("vouched_by", "");
        call.verifier = card.value("result_by", "");
        const std::string level = card.value("level", "0");
        call.level = level == "X" ? Level::failed : static_cast<Level>(level[0] - '0' + 1);
        call.lab = card.value("lab", false);
        call.software_tpm = card.value("software_tpm", false);
        call.ordinary = card.value("ordinary", false);
        call.wall_ms = wall_ms();
        const uint64_t checked = card.value("checked_at_ms", call.wall_ms);
        call.age_s = static_cast<uint32_t>((call.wall_ms - std::min(call.wall_ms, checked)) / 1000);
        std::vector<std::string> said;
        for (const Json& r : card.value("reasons", Json::array()))
            said.push_back(r.is_object() ? r.value("code", "") : "");
        call.downgrade = std::ranges::count(said, "downgrade") != 0;
        decided = card.value("decision", Json::object());
        call.known = !decided.value("silent", false) && decided.value("rule", "") != "unknown_caller_refused";
        constexpr std::pair<size_t, const char*> kFacts[] = {
            {2, "secure_boot_on"}, {3, "boot_approved"}, {4, "measurement_approved"}, {5, "runtime_approved"}};
        for (const auto& [bit, reason] : kFacts)
            if (std::ranges::count(said, reason) == 0) call.lacks.push_back(bit);
        return call;
    }
    throw Problem("The phone has no call " + printable(wanted, 20) + ".", "`sealcall status` shows its calls.",
                  exit_status::kUsage);
}

Json json_of(const policy::Document& document, const pl::Explanation& e) {
    auto rules = Json::array();
    for (const auto& r : e.rules)
        rules.push_back({{"rule", r.index + 1},
                         {"name", document.rules.items()[r.index].name.str()},
                         {"matches", r.mismatch == policy::Mismatch::none},
                         {"asks_for_more", r.mismatch >= policy::Mismatch::level},
                         {"why", r.why}});
    return {{"ok", true},
            {"answer", policy::word(e.decision.action)},
            {"rule", e.decision.number},
            {"name", e.decision.name.str()},
            {"sentence", e.sentence},
            {"during", pl::on_fall_words()[static_cast<size_t>(e.decision.on_worse)]},
            {"silent", e.decision.silent},
            {"level", pl::say_level(e.level)},
            {"rules", rules}};
}

void print(const policy::Document& document, const pl::Explanation& e, const pl::Imagined& call) {
    std::cout << "Answer: " << policy::word(e.decision.action);
    if (e.decision.number != 0) std::cout << ", by " << rule_title(document, e.decision.number - 1U);
    std::cout << ".\n  " << e.sentence << "\n";
    if (e.decision.silent) std::cout << "  The caller is unknown: shown, but nobody is roused.\n";
    if (e.level != call.result().level)
        std::cout << "  By the policy's own requirements this is level " << pl::say_level(e.level) << ", not "
                  << pl::say_level(call.result().level) << ".\n";
    for (const auto& r : e.rules) {
        std::cout << "  " << rule_title(document, r.index) << ": ";
        if (r.mismatch == policy::Mismatch::none)
            std::cout << "matches, and answers " << policy::word(document.rules.items()[r.index].answer) << "\n";
        else
            std::cout << (r.mismatch >= policy::Mismatch::level
                              ? "asks for more proof, so nobody gets more than its " +
                                    std::string(policy::word(document.rules.items()[r.index].answer)) + ": "
                              : std::string("no: "))
                      << r.why << "\n";
    }
    if (e.decision.action != policy::Action::refuse)
        std::cout << "  If the other side's level falls during the call: "
                  << pl::on_fall_words()[static_cast<size_t>(e.decision.on_worse)] << ".\n";
}

}  // namespace

int run_policy_explain(const Context& context) {
    const PolicyOptions& o = context.options.policy;
    std::optional<policy::Document> document;
    if (!o.file.empty()) {
        document = load_policy(o.file).document;
    } else {
        const InstalledPolicy installed = installed_policy(context);
        if (!installed.document)
            throw Problem(installed.trouble.empty()
                              ? "The authority of this phone gives no policy; config.toml decides."
                              : "There is no policy to ask: " + installed.trouble + ".",
                          "Name one with --policy FILE.", exit_status::kNotSetUp);
        document = installed.document;
    }
    Json decided;
    const pl::Imagined call = o.call.empty() ? imagined(o) : real_call(context, decided);
    const auto explanation = pl::explain(*document, call);
    if (context.json()) {
        Json out = json_of(*document, explanation);
        out["phone_decided"] = decided;
        print_json(out);
    } else {
        if (!decided.is_null())
            std::cout << "The phone decided: " << printable(decided.value("action", ""), 20) << ". "
                      << printable(decided.value("sentence", ""), 200) << "\n";
        print(*document, explanation, call);
    }
    return explanation.decision.action == policy::Action::refuse ? exit_status::kRefused : exit_status::kOk;
}

}  // namespace sealcall::cli
