// Groups, organisations and addresses in the making, for compile.cpp and compile_rules.cpp.
#pragma once

#include <map>
#include <set>

#include "compile.h"
#include "fields.h"

namespace sealcall::policy_language {

class Names {
  public:
    explicit Names(Problems& problems) : problems_(problems) {}

    /// A named group or organisation. A name that is there already is a problem.
    void add_group(const std::string& name, policy::Group group, const std::vector<Fields::Item>& members,
                   const toml::source_region& at);
    /// What a list of names and addresses means: indices of groups, ascending. Addresses make a group without a name.
    std::vector<uint16_t> resolve(const std::vector<Fields::Item>& items);
    /// Into the document; false when it holds more than a document can (then it has been said).
    bool write(policy::Document& document);

  private:
    void join(const Fields::Item& item, uint16_t group);
    uint16_t new_group(policy::Group group);

    Problems& problems_;
    std::vector<policy::Group> groups_;
    std::map<std::string, uint16_t> by_name_;
    std::map<std::set<std::string>, uint16_t> written_out_;  ///< groups without a name, by their members
    std::map<std::string, std::set<uint16_t>> members_;
};

/// [[rules]]: `labels` are the document's.
void compile_rules(Fields& top, Names& names, policy::OnWorse on_fall, Compiled& out);

template <class List, class T>
bool fill(List& list, const std::vector<T>& items) {
    for (const T& item : items)
        if (!list.push(item)) return false;
    return true;
}

}  // namespace sealcall::policy_language
