#include "compile.h"

#include <algorithm>

#include "names.h"
#include "text_hints.h"
#include "values.h"

namespace sealcall::policy_language {

using cli::nearest;
using cli::shown;
using policy::Document;
using policy::Group;
using policy::kGroupsMax;
using policy::kNamesMax;

const std::vector<std::string>& fact_words() {
    static const std::vector<std::string> words{
        "hardware-tpm",      "no-lab",      "secure-boot", "approved-boot", "approved-sealcall",
        "approved-programs", "own-verifier"};
    return words;
}

const std::vector<std::string>& action_words() {
    static const std::vector<std::string> words{"refuse", "pin", "receive-only", "warn", "allow"};
    return words;
}

const std::vector<std::string>& on_fall_words() {
    static const std::vector<std::string> words{"mute", "hold", "end"};
    return words;
}

namespace {

bool simple_word(const std::string& s) {
    return !s.empty() && s.size() <= 64 && std::ranges::all_of(s, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    });
}

constexpr const char* kSimpleWord = "small letters, digits, \"-\" and \"_\", at most 64";

}  // namespace

uint16_t Names::new_group(Group group) {
    groups_.push_back(std::move(group));
    return static_cast<uint16_t>(groups_.size() - 1);
}

void Names::join(const Fields::Item& item, uint16_t group) {
    const auto address = read_address(item.text);
    if (!address)
        return add_problem(problems_, item.at, shown(item.text) + " is no address. It must be " + kAddressForm + ".");
    members_[*address].insert(group);
}

void Names::add_group(const std::string& name, Group group, const std::vector<Fields::Item>& members,
                      const toml::source_region& at) {
    if (!simple_word(name))
        return add_problem(problems_, at, "The name " + shown(name) + " must consist of " + kSimpleWord + ".");
    if (by_name_.count(name) != 0)
        return add_problem(problems_, at, "There are an organisation and a group named " + shown(name) + ".");
    group.name = BoundedString<64>(name);
    const uint16_t index = new_group(std::move(group));
    by_name_[name] = index;
    for (const auto& item : members) join(item, index);
}

std::vector<uint16_t> Names::resolve(const std::vector<Fields::Item>& items) {
    std::set<uint16_t> out;
    std::set<std::string> addresses;
    for (const auto& item : items) {
        if (!looks_like_address(item.text)) {
            const auto found = by_name_.find(item.text);
            if (found != by_name_.end()) {
                out.insert(found->second);
                continue;
            }
            std::vector<std::string> known;
            for (const auto& [name, index] : by_name_) known.push_back(name);
            const std::string meant = nearest(item.text, known);
            add_problem(
                problems_, item.at,
                "There is no group or organisation " + shown(item.text) + "." +
                    (meant.empty() ? " Make one with [groups], or write an address: " + std::string(kAddressForm) + "."
                                   : " Did you mean \"" + meant + "\"?"));
            continue;
        }
        if (const auto address = read_address(item.text))
            addresses.insert(*address);
        else
            add_problem(problems_, item.at, shown(item.text) + " is no address. It must be " + kAddressForm + ".");
    }
    if (!addresses.empty()) {
        auto [at, fresh] = written_out_.try_emplace(addresses, uint16_t{0});
        if (fresh) at->second = new_group({});
        for (const auto& address : addresses) members_[address].insert(at->second);
        out.insert(at->second);
    }
    return {out.begin(), out.end()};
}

bool Names::write(Document& document) {
    if (groups_.size() > kGroupsMax || members_.size() > kNamesMax) {
        problems_.push_back({1, 1,
                             "A policy has at most " + std::to_string(kNamesMax) + " addresses in " +
                                 std::to_string(kGroupsMax) + " groups; this one has " +
                                 std::to_string(members_.size()) + " in " + std::to_string(groups_.size()) + "."});
        return false;
    }
    CHECK(fill(document.groups, groups_));
    for (const auto& [address, groups] : members_) {
        policy::Name name;
        name.text = BoundedString<256>(address);
        if (!fill(name.groups, std::vector<uint16_t>(groups.begin(), groups.end()))) {
            problems_.push_back({1, 1,
                                 "The address " + shown(say_address(address)) +
                                     " stands in more than 64 groups and rules. Put it into a group, and name "
                                     "that in the rules."});
            return false;
        }
        CHECK(document.names.push(std::move(name)));
    }
    return true;
}

namespace {

class Compiler {
  public:
    CompileOutcome compile(const toml::table& root) {
        Fields top(root, "the policy", problems_);
        read_general(top);
        read_levels(top);
        read_labels(top);
        read_organisations(top);
        read_groups(top);
        read_lists(top);
        read_limits(top);
        compile_rules(top, names_, on_fall_, out_);
        top.finish();
        if (problems_.empty()) (void)names_.write(out_.document);
        if (problems_.empty()) check_whole();
        std::ranges::stable_sort(problems_, {}, [](const ConfigProblem& p) { return std::pair(p.line, p.column); });
        if (!problems_.empty()) return std::move(problems_);
        return std::move(out_);
    }

  private:
    Document& doc() { return out_.document; }

    void read_general(Fields& top) {
        doc().unknown_callers = policy::UnknownCallers::ask;
        const toml::table* table = top.table("policy");
        if (table == nullptr) {
            if (top.problems().empty())
                top.problem({}, "The policy has no name. Begin with [policy] and name = \"...\".");
            return;
        }
        Fields f(*table, "[policy]", problems_);
        if (auto name = f.text("name", 128))
            doc().name = BoundedString<128>(*name);
        else if (table->get("name") == nullptr)
            f.problem(table->source(), "[policy] has no name. People see it on their phones: name = \"Example Corp\".");
        if (auto w = f.word("unknown_callers", {"refuse", "silent", "ask"}))
            doc().unknown_callers = static_cast<policy::UnknownCallers>(*w);
        if (auto w = f.word("downgrade", {"refuse", "pin"})) doc().downgrade = static_cast<policy::Action>(*w);
        if (auto w = f.word("on_fall", on_fall_words())) on_fall_ = static_cast<policy::OnWorse>(*w);
        if (auto offset = f.read<uint16_t>("utc_offset", kOffsetForm, read_offset)) doc().utc_offset = *offset;
        const auto recheck = [](const std::string& s) -> std::optional<uint32_t> {
            const auto seconds = read_duration(s);
            return seconds && *seconds >= 30 && *seconds <= policy::kRecheckSecondsMax ? seconds : std::nullopt;
        };
        if (auto seconds = f.read<uint32_t>("recheck", "a time from \"30s\" to \"1h\"", recheck))
            doc().recheck_seconds = static_cast<uint16_t>(*seconds);
        const auto rekey = [](const std::string& s) -> std::optional<uint32_t> {
            const auto seconds = read_duration(s);
            return seconds && *seconds >= policy::kRekeySecondsMin && *seconds <= policy::kRekeySecondsMax
                       ? seconds
                       : std::nullopt;
        };
        if (auto seconds = f.read<uint32_t>("rekey", "a time from \"1m\" to \"1h\"", rekey))
            doc().rekey_seconds = static_cast<uint16_t>(*seconds);
        if (auto days = f.read<uint16_t>("keep_records", "days from \"1d\" to \"36500d\"", read_days))
            doc().keep_days = *days;
        f.finish();
    }

    void read_levels(Fields& top) {
        std::vector<policy::Requirements> levels(4);
        if (const toml::table* table = top.table("levels")) {
            Fields f(*table, "[levels]", problems_);
            for (size_t i = 0; i < levels.size(); ++i) {
                const std::string number = std::to_string(i + 1);
                if (const toml::table* one = f.table(number)) levels[i] = read_requirements(*one, number);
            }
            f.finish();
        }
        CHECK(fill(doc().levels, levels));
    }

    policy::Requirements read_requirements(const toml::table& table, const std::string& number) {
        policy::Requirements out;
        Fields f(table, "[levels." + number + "]", problems_);
        std::string all;
        for (const auto& w : fact_words()) all += (all.empty() ? "\"" : ", \"") + w + "\"";
        const auto facts = f.texts("require", "a list of facts, out of " + all);
        for (const auto& fact : facts.value_or(std::vector<Fields::Item>())) {
            const auto found = std::ranges::find(fact_words(), fact.text);
            if (found != fact_words().end()) {
                out.facts |= static_cast<uint16_t>(1U << (found - fact_words().begin()));
                continue;
            }
            const std::string meant = nearest(fact.text, fact_words());
            f.problem(fact.at,
                      "There is no fact " + shown(fact.text) + "." +
                          (meant.empty() ? " These are known: " + all + "." : " Did you mean \"" + meant + "\"?"));
        }
        if (auto oldest = f.read<uint32_t>("oldest", kDurationForm, read_duration)) out.oldest_s = *oldest;
        f.finish();
        return out;
    }

    void read_labels(Fields& top) {
        std::vector<Fields::Item> labels;
        for (std::string_view l : policy::kBuiltInLabels) labels.push_back({std::string(l), {}});
        const toml::table* table = top.table("labels");
        Fields f(table != nullptr ? *table : empty_, "[labels]", problems_);
        if (auto order = f.texts("order", "a list of labels, least sensitive first")) labels = *order;
        for (size_t i = 0; i < labels.size(); ++i) {
            const auto same = [&](const Fields::Item& other) { return other.text == labels[i].text; };
            if (!simple_word(labels[i].text))
                f.problem(labels[i].at, "The label " + shown(labels[i].text) + " must consist of " + kSimpleWord + ".");
            else if (std::any_of(labels.begin(), labels.begin() + static_cast<ptrdiff_t>(i), same))
                f.problem(labels[i].at, "The label " + shown(labels[i].text) + " stands there twice.");
            else if (!doc().labels.push(BoundedString<64>(labels[i].text)))
                f.problem(labels[i].at, "A policy has at most " + std::to_string(policy::kLabelsMax) + " labels.");
        }
        std::vector<std::string> words;
        for (const auto& l : doc().labels) words.push_back(l.str());
        if (auto index = f.word("default", words)) doc().default_label = static_cast<uint8_t>(*index);
        f.finish();
    }

    void read_organisations(Fields& top) {
        const toml::table* table = top.table("organisations");
        if (table == nullptr) return;
        for (const auto& [key, node] : *table) {
            const std::string name(key.str());
            const toml::table* one = node.as_table();
            if (one == nullptr) {
                top.problem(node.source(), "[organisations] holds tables: [organisations." + name + "].");
                continue;
            }
            Fields f(*one, "[organisations." + name + "]", problems_);
            Group group;
            group.organisation = true;
            const auto domains = f.texts("domains", "a list of domains, like [\"example.com\", \"*.example.com\"]");
            if (!domains && one->get("domains") == nullptr)
                f.problem(key.source(), f.where() + " has no domains: domains = [\"example.com\"].");
            if (auto authority = f.text("authority", 128)) group.authority = BoundedString<128>(*authority);
            read_verifiers(f, group);
            f.finish();
            names_.add_group(name, std::move(group), domains.value_or(std::vector<Fields::Item>()), key.source());
        }
    }

    void read_verifiers(Fields& f, Group& group) {
        const auto verifiers = f.texts("verifiers", "a list of issuers of passports; \"own\" is this phone itself");
        for (const auto& v : verifiers.value_or(std::vector<Fields::Item>())) {
            if (v.text.empty() || v.text.size() > 128 || cli::harmless(v.text) != v.text)
                f.problem(v.at, "An issuer has 1 to 128 printable characters.");
            else if (!group.verifiers.push(BoundedString<128>(v.text == "own" ? "" : v.text)))
                f.problem(v.at, "An organisation has at most 8 verifiers.");
        }
    }

    void read_groups(Fields& top) {
        const toml::table* table = top.table("groups");
        if (table == nullptr) return;
        for (const auto& [key, node] : *table) {
            Fields f(*table, "[groups]", problems_);
            const std::string name(key.str());
            if (auto members = f.texts(name, "a list of addresses and domains"))
                names_.add_group(name, {}, *members, key.source());
        }
    }

    void read_lists(Fields& top) {
        const toml::table* table = top.table("lists");
        if (table == nullptr) return;
        Fields f(*table, "[lists]", problems_);
        const auto read = [&](const char* name, auto& list) {
            const auto items = f.texts(name, "a list of groups and addresses");
            if (items && !fill(list, names_.resolve(*items)))
                f.problem(f.place(name), std::string(name) + " names more than 16 groups. Put them into one.");
        };
        read("block", doc().blocked);
        read("welcome", doc().welcome);
        f.finish();
    }

    void read_limits(Fields& top) {
        const toml::table* table = top.table("limits");
        if (table == nullptr) return;
        Fields f(*table, "[limits]", problems_);
        for (auto [name, limit] :
             {std::pair("per_caller", &doc().per_caller), std::pair("per_organisation", &doc().per_organisation),
              std::pair("per_origin", &doc().per_origin)})
            if (auto read = f.read<policy::Limit>(name, kLimitForm, read_limit)) *limit = *read;
        f.finish();
    }

    /// What the parts cannot see; and that nothing leaves here that a phone would refuse.
    void check_whole() {
        const size_t size = ipc::encode(doc()).size();
        if (size > rats::kPolicyMax)
            problems_.push_back({1, 1,
                                 "The compiled policy has " + std::to_string(size) + " bytes, and " +
                                     std::to_string(rats::kPolicyMax) + " are the limit. Use groups."});
        else if (Status s = check_document(doc()); !s)
            problems_.push_back({1, 1, std::string("The policy cannot be compiled: ") + s.error().what + "."});
    }

    Compiled out_;
    Problems problems_;
    Names names_{problems_};
    policy::OnWorse on_fall_ = policy::OnWorse::mute;
    const toml::table empty_;
};

}  // namespace

CompileOutcome compile_policy(std::string_view text) {
    if (text.size() > kSourceMax) return Problems{{1, 1, "The policy is larger than 1 MiB."}};
    auto parsed = cli::parse_toml(text);
    if (auto* problem = std::get_if<ConfigProblem>(&parsed)) return Problems{std::move(*problem)};
    return Compiler().compile(std::get<toml::table>(parsed));
}

}  // namespace sealcall::policy_language
