// `sealcall doctor`: prints the findings of doctor.h.
#include <iostream>

#include "commands.h"
#include "doctor.h"
#include "problem.h"

namespace sealcall::cli {
namespace {

const char* word_of(Health health) {
    switch (health) {
        case Health::ok:
            return "ok";
        case Health::warning:
            return "warning";
        case Health::problem:
            return "problem";
    }
    return "?";
}

std::filesystem::path roles_or_nothing(const GlobalOptions& options) {
    try {
        return roles_directory(options);
    } catch (const Problem&) {
        return {};
    }
}

TpmChoice configured_tpm(const ProfileStore& store) {
    try {
        return load_config(store.paths().config_file).tpm;
    } catch (const Problem&) {
        return TpmChoice::automatic;  // the mistake itself is found by check_profile
    }
}

}  // namespace

int run_doctor(const Context& context) {
    std::vector<Finding> findings = check_kernel();
    for (auto& more : {check_tpm(context.store, configured_tpm(context.store)), check_profile(context.store),
                       check_installation(roles_or_nothing(context.options.global))})
        findings.insert(findings.end(), more.begin(), more.end());
    size_t problems = 0, warnings = 0;
    auto list = nlohmann::json::array();
    for (const Finding& f : findings) {
        problems += f.health == Health::problem;
        warnings += f.health == Health::warning;
        list.push_back({{"name", f.name}, {"health", word_of(f.health)}, {"what", f.what}, {"next", f.next}});
        if (context.json()) continue;
        std::string word = word_of(f.health);
        word.resize(9, ' ');
        std::cout << word << f.what << "\n";
        if (!f.next.empty()) std::cout << "         -> " << f.next << "\n";
    }
    if (context.json())
        print_json({{"ok", problems == 0}, {"problems", problems}, {"warnings", warnings}, {"findings", list}});
    else if (problems + warnings == 0)
        std::cout << "Everything is in order.\n";
    else
        std::cout << problems << " problems, " << warnings << " warnings\n";
    return problems == 0 ? exit_status::kOk : exit_status::kFailed;
}

}  // namespace sealcall::cli
