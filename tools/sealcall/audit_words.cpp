#include "audit_words.h"

#include <algorithm>
#include <optional>

#include "commands.h"
#include "sealcall/policy/reason_text.h"

namespace sealcall::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kValueMax = 72, kValueShown = 68, kLineShown = 1024;

template <class E>
constexpr size_t kCount = static_cast<size_t>(ipc::EnumRange<E>::last) + 1;

/// One word for each enumerator, in their order.
constexpr std::string_view kCallStates[] = {"dialling", "offered", "attesting", "decided", "ringing",
                                            "answered", "media",   "held",      "ended"};
static_assert(std::size(kCallStates) == kCount<ipc::CallState>);
static_assert(static_cast<size_t>(ipc::CallState::decided) == 3 && static_cast<size_t>(ipc::CallState::held) == 7);

constexpr std::string_view kRoles[] = {"launcher", "ui", "host", "enclave", "verifier", "audio"};
static_assert(std::size(kRoles) == kCount<ipc::ProcessRole>);
static_assert(static_cast<size_t>(ipc::ProcessRole::enclave) == 3);

/// The log may be anybody's: a number beyond the last is none.
template <class E>
std::optional<E> known(const Json& value) {
    if (!value.is_number_unsigned() || value.get<uint64_t>() >= kCount<E>) return {};
    return static_cast<E>(value.get<uint64_t>());
}

bool is_bundle(const AuditRecord& r) { return r.event == "bundle" || r.event == "bundle_refused"; }

/// Empty: it has no words.
std::string word_of(const AuditRecord& r, const std::string& name, const Json& value) {
    if (name == "level" || name == "level_before") {
        const auto level = known<rats::Level>(value);
        return level ? policy::text(*level).digit + (" " + std::string(policy::text(*level).word)) : std::string();
    }
    if (name == "action" || name == "action_before" || name == "answer") {
        const auto action = known<policy::Action>(value);
        return action ? std::string(policy::word(*action)) : std::string();
    }
    if (name == "state" && !is_bundle(r)) {
        const auto state = known<ipc::CallState>(value);
        return state ? std::string(kCallStates[static_cast<size_t>(*state)]) : std::string();
    }
    if (name == "role") {
        const auto role = known<ipc::ProcessRole>(value);
        return role ? std::string(kRoles[static_cast<size_t>(*role)]) : std::string();
    }
    if (name == "code" && r.event == "pin") {
        if (value == static_cast<uint64_t>(Errc::tpm_auth_refused)) return "wrong PIN";
        if (value == static_cast<uint64_t>(Errc::tpm_locked_out)) return "locked out";
    }
    return {};
}

/// Empty: it has no sentence.
std::string sentence_of(const AuditRecord& r, const std::string& name, const Json& value) {
    const auto of = [](const auto& which) {
        return which ? std::string(policy::text(*which).sentence) : std::string();
    };
    if (name == "decided_by") return of(known<policy::Rule>(value));
    if (name == "reason") return of(known<ipc::EndReason>(value));
    if (name == "reasons") return of(known<rats::Reason>(value));
    if (name == "state" && is_bundle(r)) return of(known<ipc::BundleState>(value));
    return {};
}

bool is_told(const AuditRecord& r, const std::string& name, const Json& value) {
    if (!value.is_array()) return !sentence_of(r, name, value).empty();
    return std::ranges::any_of(value, [&](const Json& e) { return !sentence_of(r, name, e).empty(); });
}

/// A text that could be taken for several fields is in quotes.
std::string shown(const Json& value) {
    if (!value.is_string()) return value.dump();
    const auto& text = value.get_ref<const std::string&>();
    return text.find_first_of(" =\"") == std::string::npos ? text : value.dump();
}

}  // namespace

std::string fields_line(const AuditRecord& record) {
    std::string out;
    for (const auto& [name, value] : record.fields.items()) {
        if (is_told(record, name, value)) continue;
        std::string text = word_of(record, name, value);
        if (text.empty()) text = shown(value);
        if (text.empty()) continue;
        if (text.size() > kValueMax) text = text.substr(0, kValueShown) + "...";
        out += (out.empty() ? "" : "  ") + name + "=" + text;
    }
    return printable(out, kLineShown);
}

std::vector<std::string> record_sentences(const AuditRecord& record) {
    std::vector<std::string> out;
    for (const auto& [name, value] : record.fields.items()) {
        if (!is_told(record, name, value)) continue;
        for (const Json& one : value.is_array() ? value : Json::array({value})) {
            const std::string sentence = sentence_of(record, name, one);
            out.push_back(printable(name, 40) + ": " + (sentence.empty() ? one.dump() : sentence));
        }
    }
    return out;
}

}  // namespace sealcall::cli
