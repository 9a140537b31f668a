// One table of a TOML file: hands out its values by name, in the form that is asked for, and in the end complains about
// what nobody asked for. Every problem has a place and says what was meant.
#pragma once

#include <functional>
#include <optional>

#include "safe_toml.h"

namespace sealcall::policy_language {

using cli::ConfigProblem;
using Problems = std::vector<ConfigProblem>;

void add_problem(Problems& problems, const toml::source_region& at, std::string text);

class Fields {
  public:
    /// `where` as it stands in a message: "[labels]", "rule \"board\"".
    Fields(const toml::table& table, std::string where, Problems& problems)
        : table_(table), where_(std::move(where)), problems_(problems) {}

    /// The value, or null when it is not set.
    const toml::node* find(const std::string& name);
    std::optional<std::string> text(const std::string& name, size_t most);
    std::optional<bool> flag(const std::string& name);
    std::optional<int64_t> number(const std::string& name, int64_t least, int64_t most);
    /// Index of the word that is set.
    std::optional<size_t> word(const std::string& name, const std::vector<std::string>& words);
    /// What `read` makes of a text; `expected` completes "must be ...".
    template <class T>
    std::optional<T> read(const std::string& name, const std::string& expected,
                          const std::function<std::optional<T>(const std::string&)>& read) {
        const toml::node* node = find(name);
        if (node == nullptr) return {};
        const auto value = node->value_exact<std::string>();
        auto out = value ? read(*value) : std::optional<T>();
        if (!out) must_be(name, *node, expected);
        return out;
    }
    struct Item {
        std::string text;
        toml::source_region at;
    };
    /// One text, or a list of them; nothing when it is not set or not that (then it has been said).
    std::optional<std::vector<Item>> texts(const std::string& name, const std::string& expected);
    const toml::table* table(const std::string& name);

    void must_be(const std::string& name, const toml::node& node, const std::string& expected);
    void problem(const toml::source_region& at, std::string text) { add_problem(problems_, at, std::move(text)); }
    [[nodiscard]] bool has(const std::string& name) const { return table_.contains(name); }
    /// Where `name` is set, else where the table begins.
    [[nodiscard]] toml::source_region place(const std::string& name) const;
    [[nodiscard]] const std::string& where() const { return where_; }
    [[nodiscard]] Problems& problems() { return problems_; }
    /// A problem for each name that was never asked for.
    void finish();

  private:
    const toml::table& table_;
    std::string where_;
    Problems& problems_;
    std::vector<std::string> asked_;
};

}  // namespace sealcall::policy_language
