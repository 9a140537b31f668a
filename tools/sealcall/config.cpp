#include "config.h"
#include "https_url.h"
#include "safe_toml.h"
#include "text_hints.h"

#include <arpa/inet.h>

#include <algorithm>
#include <functional>

namespace sealcall::cli {
namespace {

/// Takes a value; gives back what was expected instead when it does not fit.
using Setter = std::function<std::string(const toml::node&, PhoneConfig&)>;
struct Key {
    std::string_view section, name;
    Setter set;
};

Setter text(std::function<std::string&(PhoneConfig&)> field, size_t most) {
    return [=](const toml::node& node, PhoneConfig& config) -> std::string {
        const auto value = node.value_exact<std::string>();
        if (!value) return "text in quotes";
        if (value->size() > most) return "at most " + std::to_string(most) + " characters";
        if (value->find('\0') != std::string::npos) return "text without a NUL character";
        field(config) = *value;
        return {};
    };
}

Setter flag(std::function<bool&(PhoneConfig&)> field) {
    return [=](const toml::node& node, PhoneConfig& config) -> std::string {
        const auto value = node.value_exact<bool>();
        if (!value) return "true or false";
        field(config) = *value;
        return {};
    };
}

template <class T>
Setter number(std::function<T&(PhoneConfig&)> field, int64_t least, int64_t most) {
    return [=](const toml::node& node, PhoneConfig& config) -> std::string {
        const auto value = node.value_exact<int64_t>();
        if (!value || *value < least || *value > most)
            return "a number from " + std::to_string(least) + " to " + std::to_string(most);
        field(config) = static_cast<T>(*value);
        return {};
    };
}

template <class E>
Setter word(std::function<E&(PhoneConfig&)> field, std::vector<std::pair<std::string, E>> words) {
    return [=](const toml::node& node, PhoneConfig& config) -> std::string {
        const auto value = node.value_exact<std::string>();
        std::string all;
        for (const auto& [name, meaning] : words) {
            if (value && *value == name) {
                field(config) = meaning;
                return {};
            }
            all += (all.empty() ? "\"" : name == words.back().first ? " or \"" : ", \"") + name + "\"";
        }
        return all;
    };
}

bool numeric_address(const std::string& value) {
    in6_addr any{};
    return inet_pton(AF_INET, value.c_str(), &any) == 1 || inet_pton(AF_INET6, value.c_str(), &any) == 1;
}

Setter address(std::function<std::string&(PhoneConfig&)> field) {
    return [=](const toml::node& node, PhoneConfig& config) -> std::string {
        const auto value = node.value_exact<std::string>();
        if (!value || !numeric_address(*value)) return "a numeric address in quotes, like \"127.0.0.1\"";
        field(config) = *value;
        return {};
    };
}

std::string set_dns(const toml::node& node, PhoneConfig& config) {
    const std::string wanted = "a list of at most 3 numeric addresses, like [\"192.0.2.1\"]";
    const toml::array* list = node.as_array();
    if (!list || list->size() > 3) return wanted;
    std::vector<std::string> out;
    for (const auto& item : *list) {
        const auto value = item.value_exact<std::string>();
        if (!value || !numeric_address(*value)) return wanted;
        out.push_back(*value);
    }
    config.dns_servers = std::move(out);
    return {};
}

/// The places themselves are looked at when the phone starts (audit_sink.h).
std::string set_send_to(const toml::node& node, PhoneConfig& config) {
    const std::string wanted =
        "a list of at most 4 places, like [\"journald\", \"udp://log.example.com:514\", \"unix:/dev/log\"]";
    const toml::array* list = node.as_array();
    if (!list || list->size() > 4) return wanted;
    std::vector<std::string> out;
    for (const auto& item : *list) {
        const auto value = item.value_exact<std::string>();
        const bool known = value && (*value == "journald" || value->starts_with("udp://") ||
                                     value->starts_with("tcp://") || value->starts_with("unix:/"));
        if (!known || value->size() > 300 || value->find('\0') != std::string::npos) return wanted;
        out.push_back(*value);
    }
    config.audit.send_to = std::move(out);
    return {};
}

Setter domains(std::function<std::vector<std::string>&(PhoneConfig&)> field, bool everybody) {
    return [=](const toml::node& node, PhoneConfig& config) -> std::string {
        const std::string wanted = std::string("a list of at most 16 domains, like [\"example.com\"]") +
                                   (everybody ? ", or [\"*\"] for everybody else's" : "");
        const toml::array* list = node.as_array();
        if (!list || list->size() > 16) return wanted;
        std::vector<std::string> out;
        for (const auto& item : *list) {
            const auto value = item.value_exact<std::string>();
            if (!value || value->empty() || value->size() > 128 ||
                value->find_first_of("@:/ \t") != std::string::npos ||
                (value->find('*') != std::string::npos && !(everybody && *value == "*")))
                return wanted;
            out.push_back(*value);
        }
        field(config) = std::move(out);
        return {};
    };
}

std::string set_passport_authority(const toml::node& node, PhoneConfig& config) {
    const auto value = node.value_exact<std::string>();
    std::string host;
    int port = 0;
    if (!value || (!value->empty() && (!parse_https_url(*value, host, port) || host.size() > 128)))
        return "an address like \"https://enrol.example.com:7443\"";
    config.passport.authority = *value;
    return {};
}

/// "sip:" and no characters that end a header: for addresses and the proxy.
Setter sip_uri(std::function<std::string&(PhoneConfig&)> field, const std::string& example, bool user) {
    return [=](const toml::node& node, PhoneConfig& config) -> std::string {
        const auto value = node.value_exact<std::string>();
        const std::string wanted = "an address like \"" + example + "\"";
        if (!value || value->size() > 256 || !value->starts_with("sip:") || value->size() < 6) return wanted;
        for (char c : *value)
            if (static_cast<unsigned char>(c) <= ' ' || c == 127 || c == '<' || c == '>' || c == '"') return wanted;
        const size_t at = value->find('@');
        if (user && (at == std::string::npos || at == 4 || at + 1 == value->size())) return wanted;
        field(config) = *value;
        return {};
    };
}

Setter level(std::function<rats::Level&(PhoneConfig&)> field) {
    return [=](const toml::node& node, PhoneConfig& config) -> std::string {
        const auto value = node.value_exact<int64_t>();
        if (!value || *value < 0 || *value > 4) return "an integrity level from 0 to 4";
        field(config) = static_cast<rats::Level>(*value + 1);  // X has no number: it never meets a rule
        return {};
    };
}

/// An NV-backed PCR that cannot be reset within a boot (16 and 23 can; 17-22 belong to DRTM) and that firmware leaves
/// alone.
std::string set_measurement_pcr(const toml::node& node, PhoneConfig& config) {
    const auto value = node.value_exact<int64_t>();
    if (!value || *value < 8 || *value > 14 || *value == 10)
        return "a PCR from 8 to 14, but not 10: the others can be reset or belong to the firmware, to IMA or to DRTM";
    config.measurement_pcr = static_cast<uint8_t>(*value);
    return {};
}

std::string set_bitrate(const toml::node& node, PhoneConfig& config) {
    const auto value = node.value_exact<int64_t>();
    if (!value || *value < 6000 || *value > 128000) return "a number of bits per second from 6000 to 128000";
    config.audio.bitrate = static_cast<uint32_t>(*value);
    return {};
}

/// Nothing secret lies in plain files.
std::string moved(const toml::node&, PhoneConfig&) {
    return "taken out: the account at the proxy is in the vault now. Delete this line and the password file, then: "
           "sealcall vault login";
}

const std::vector<Key>& keys() {
    using C = PhoneConfig;
    const std::vector<std::pair<std::string, policy::Action>> actions = {{"refuse", policy::Action::refuse},
                                                                         {"pin", policy::Action::pin},
                                                                         {"warn", policy::Action::warn},
                                                                         {"allow", policy::Action::allow}};
    const std::vector<std::pair<std::string, Switch>> switches = {
        {"auto", Switch::automatic}, {"on", Switch::on}, {"off", Switch::off}};
    static const std::vector<Key> all = {
        {"", "uri",
         sip_uri(
             [](C & c) -> auto& { return c.uri; }, "sip:alice@example.com", true)},
        {"sip", "listen", address([](C & c) -> auto& { return c.sip.listen; })},
        {"sip", "port",
         number<uint16_t>(
             [](C & c) -> auto& { return c.sip.port; }, 0, 65535)},
        {"sip", "proxy",
         sip_uri(
             [](C & c) -> auto& { return c.sip.proxy; }, "sip:proxy.example.com:5061;transport=tls", false)},
        {"sip", "proxy_name",
         text(
             [](C & c) -> auto& { return c.sip.proxy_name; }, 128)},
        {"sip", "register", flag([](C & c) -> auto& { return c.sip.register_; })},
        {"sip", "username", moved},
        {"sip", "password", moved},
        {"sip", "password_file", moved},
        {"sip", "realm", moved},
        {"sip", "tls_certificate",
         text(
             [](C & c) -> auto& { return c.sip.tls_certificate; }, 4096)},
        {"sip", "tls_key",
         text(
             [](C & c) -> auto& { return c.sip.tls_key; }, 4096)},
        {"sip", "tls_ca",
         text(
             [](C & c) -> auto& { return c.sip.tls_ca; }, 4096)},
        {"media", "address", address([](C & c) -> auto& { return c.media_address; })},
        {"media", "dns_servers", set_dns},
        {"audio", "input",
         text(
             [](C & c) -> auto& { return c.audio.input; }, 128)},
        {"audio", "output",
         text(
             [](C & c) -> auto& { return c.audio.output; }, 128)},
        {"audio", "bitrate", set_bitrate},
        {"audio", "echo", flag([](C & c) -> auto& { return c.audio.echo_cancel; })},
        {"policy", "minimum", level([](C & c) -> auto& { return c.policy.minimum; })},
        {"policy", "lab", flag([](C & c) -> auto& { return c.policy.lab_counts; })},
        {"policy", "below_minimum",
         word<policy::Action>(
             [](C & c) -> auto& { return c.policy.below_minimum; }, actions)},
        {"policy", "ordinary_phones",
         word<policy::Action>(
             [](C & c) -> auto& { return c.policy.ordinary_phones; }, actions)},
        {"policy", "downgrade",
         word<policy::Action>([](C & c) -> auto& { return c.policy.downgrade; },
                              {{"refuse", policy::Action::refuse}, {"pin", policy::Action::pin}})},
        {"policy", "answer_automatically", flag([](C & c) -> auto& { return c.policy.answer_automatically; })},
        {"policy", "early_candidates", flag([](C & c) -> auto& { return c.policy.early_candidates; })},
        {"security", "lock_after_minutes",
         number<uint16_t>(
             [](C & c) -> auto& { return c.lock_after_minutes; }, 0, 1440)},
        {"logs", "boot",
         text(
             [](C & c) -> auto& { return c.logs.boot; }, 4096)},
        {"logs", "runtime",
         text(
             [](C & c) -> auto& { return c.logs.runtime; }, 4096)},
        {"logs", "show_to",
         domains(
             [](C & c) -> auto& { return c.logs.show_to; }, false)},
        {"audit", "send_to", set_send_to},
        {"audit", "keep_days",
         number<uint32_t>(
             [](C & c) -> auto& { return c.audit.keep_days; }, 0, 36500)},
        {"audit", "file_mib",
         number<uint32_t>(
             [](C & c) -> auto& { return c.audit.file_mib; }, 1, 200)},
        {"passport", "authority", set_passport_authority},
        {"passport", "to",
         domains(
             [](C & c) -> auto& { return c.passport.to; }, true)},
        {"policy", "on_worse",
         word<policy::OnWorse>(
             [](C & c) -> auto& { return c.policy.on_worse; },
             {{"mute", policy::OnWorse::mute}, {"hold", policy::OnWorse::hold}, {"end", policy::OnWorse::end}})},
        {"policy", "recheck_seconds",
         number<uint16_t>(
             [](C & c) -> auto& { return c.policy.recheck_seconds; }, 30, 3600)},
        {"policy", "rekey_seconds",
         number<uint16_t>(
             [](C & c) -> auto& { return c.policy.rekey_seconds; }, policy::kRekeySecondsMin,
             policy::kRekeySecondsMax)},
        {"tpm", "kind",
         word<TpmChoice>([](C & c) -> auto& { return c.tpm; },
                         {{"auto", TpmChoice::automatic}, {"device", TpmChoice::device}, {"swtpm", TpmChoice::swtpm}})},
        {"tpm", "measurement_pcr", set_measurement_pcr},
        {"ui", "colour",
         word<Switch>(
             [](C & c) -> auto& { return c.colour; }, switches)},
        {"ui", "unicode",
         word<Switch>(
             [](C & c) -> auto& { return c.unicode; }, switches)},
    };
    return all;
}

std::string place_of(std::string_view section, std::string_view name) {
    return section.empty() ? std::string(name) : "[" + std::string(section) + "] " + std::string(name);
}

class Reader {
  public:
    Reader() { wishes_.policy = policy::no_wishes(); }
    ConfigOutcome read(const toml::table& root) {
        for (const auto& [key, node] : root) {
            const toml::table* section = node.as_table();
            if (section && is_section(key.str())) {
                for (const auto& [name, value] : *section) take(key.str(), name, value);
            } else if (section) {
                unknown(key, sections(), "There is no section ", "");
            } else {
                take("", key, node);
            }
        }
        std::ranges::sort(problems_, {}, [](const ConfigProblem& p) { return std::pair(p.line, p.column); });
        if (!problems_.empty()) return std::move(problems_);
        config_.wishes = wishes_.policy;
        return std::move(config_);
    }

  private:
    static bool is_section(std::string_view name) {
        return !name.empty() && std::ranges::any_of(keys(), [&](const Key& k) { return k.section == name; });
    }
    static std::vector<std::string> sections() {
        std::vector<std::string> out;
        for (const Key& k : keys())
            if (!k.section.empty() && (out.empty() || out.back() != k.section)) out.emplace_back(k.section);
        return out;
    }

    void take(std::string_view section, const toml::key& name, const toml::node& value) {
        std::vector<std::string> names;
        for (const Key& k : keys()) {
            if (k.section != section) continue;
            if (k.name == name.str()) {
                const std::string expected = k.set(value, config_);
                if (section == "policy") (void)k.set(value, wishes_);
                if (!expected.empty()) add(value.source(), place_of(section, k.name) + " must be " + expected + ".");
                return;
            }
            names.emplace_back(k.name);
        }
        unknown(name, names, "There is no setting ", section.empty() ? "" : " in [" + std::string(section) + "]");
    }

    void unknown(const toml::key& name, const std::vector<std::string>& words, const char* what,
                 const std::string& where) {
        std::string text = what + shown(name.str()) + where + ".";
        const std::string meant = nearest(name.str(), words);
        if (!meant.empty()) {
            text += " Did you mean \"" + meant + "\"?";
        } else if (where.empty()) {
            for (const Key& k : keys())  // a setting that stands outside of its section
                if (k.name == name.str()) {
                    text += " It belongs in [" + std::string(k.section) + "].";
                    break;
                }
        }
        add(name.source(), std::move(text));
    }

    void add(const toml::source_region& at, std::string text) {
        problems_.push_back(
            {.line = std::max(at.begin.line, 1U), .column = std::max(at.begin.column, 1U), .text = std::move(text)});
    }

    PhoneConfig config_;
    PhoneConfig wishes_;  ///< of [policy], only what is set
    std::vector<ConfigProblem> problems_;
};

}  // namespace

ConfigOutcome parse_config(std::string_view text) {
    using Problems = std::vector<ConfigProblem>;
    if (text.size() > kConfigMax) return Problems{{1, 1, "The configuration is larger than 64 KiB."}};
    auto parsed = parse_toml(text);
    if (auto* problem = std::get_if<ConfigProblem>(&parsed)) return Problems{std::move(*problem)};
    return Reader().read(std::get<toml::table>(parsed));
}

}  // namespace sealcall::cli
