#include "fields.h"

#include <algorithm>

#include "text_hints.h"

namespace sealcall::policy_language {

using cli::nearest;
using cli::shown;

void add_problem(Problems& problems, const toml::source_region& at, std::string text) {
    problems.push_back(
        {.line = std::max(at.begin.line, 1U), .column = std::max(at.begin.column, 1U), .text = std::move(text)});
}

const toml::node* Fields::find(const std::string& name) {
    asked_.push_back(name);
    return table_.get(name);
}

void Fields::must_be(const std::string& name, const toml::node& node, const std::string& expected) {
    problem(node.source(), where_ + ": " + name + " must be " + expected + ".");
}

toml::source_region Fields::place(const std::string& name) const {
    const toml::node* node = table_.get(name);
    return node != nullptr ? node->source() : table_.source();
}

std::optional<std::string> Fields::text(const std::string& name, size_t most) {
    return read<std::string>(name, "text in quotes, of at most " + std::to_string(most) + " characters",
                             [most](const std::string& s) -> std::optional<std::string> {
                                 if (s.empty() || s.size() > most || cli::harmless(s) != s) return {};
                                 return s;
                             });
}

std::optional<bool> Fields::flag(const std::string& name) {
    const toml::node* node = find(name);
    if (node == nullptr) return {};
    const auto value = node->value_exact<bool>();
    if (!value) must_be(name, *node, "true or false");
    return value;
}

std::optional<int64_t> Fields::number(const std::string& name, int64_t least, int64_t most) {
    const toml::node* node = find(name);
    if (node == nullptr) return {};
    const auto value = node->value_exact<int64_t>();
    if (value && *value >= least && *value <= most) return value;
    must_be(name, *node, "a number from " + std::to_string(least) + " to " + std::to_string(most));
    return {};
}

std::optional<size_t> Fields::word(const std::string& name, const std::vector<std::string>& words) {
    const toml::node* node = find(name);
    if (node == nullptr) return {};
    const auto value = node->value_exact<std::string>();
    std::string all;
    for (size_t i = 0; i < words.size(); ++i) {
        if (value && *value == words[i]) return i;
        all += (i == 0 ? "\"" : i + 1 == words.size() ? " or \"" : ", \"") + words[i] + "\"";
    }
    const std::string meant = value ? nearest(*value, words) : "";
    must_be(name, *node, all + (value ? ", not " + shown(*value) : ""));
    if (!meant.empty()) problems_.back().text += " Did you mean \"" + meant + "\"?";
    return {};
}

std::optional<std::vector<Fields::Item>> Fields::texts(const std::string& name, const std::string& expected) {
    const toml::node* node = find(name);
    if (node == nullptr) return {};
    std::vector<Item> out;
    if (const auto one = node->value_exact<std::string>()) out.push_back({*one, node->source()});
    if (const toml::array* list = node->as_array()) {
        for (const auto& item : *list) {
            const auto value = item.value_exact<std::string>();
            if (!value) {
                must_be(name, item, expected);
                return {};
            }
            out.push_back({*value, item.source()});
        }
        if (out.empty()) {
            must_be(name, *node, expected + ", and not empty");
            return {};
        }
    }
    if (!out.empty()) return out;
    must_be(name, *node, expected);
    return {};
}

const toml::table* Fields::table(const std::string& name) {
    const toml::node* node = find(name);
    if (node == nullptr) return nullptr;
    if (!node->is_table()) must_be(name, *node, "a table, like [" + name + "]");
    return node->as_table();
}

void Fields::finish() {
    for (const auto& [key, node] : table_) {
        const std::string name(key.str());
        if (std::ranges::count(asked_, name) != 0) continue;
        std::string text = "There is no setting " + shown(name) + " in " + where_ + ".";
        const std::string meant = nearest(name, asked_);
        if (!meant.empty()) {
            text += " Did you mean \"" + meant + "\"?";
        } else {
            text += " These are known:";
            for (size_t i = 0; i < asked_.size(); ++i) text += (i == 0 ? " " : ", ") + asked_[i];
            text += ".";
        }
        problem(key.source(), std::move(text));
    }
}

}  // namespace sealcall::policy_language
