// `sealcall policy sign`, `install` and `status`: a policy on its way from the authority to a phone.
#include <iostream>

#include "authority_bundle.h"
#include "control_client.h"
#include "files.h"
#include "policy_file.h"
#include "problem.h"
#include "sealcall/base/time.h"

namespace sealcall::cli {
namespace fs = std::filesystem;

int run_policy_sign(const Context& context) {
    const PolicyOptions& o = context.options.policy;
    // With --withdraw the directory is all that is named.
    const fs::path dir = o.withdraw && o.authority.empty() ? o.file : o.authority;
    if (dir.empty() || (o.withdraw && !o.authority.empty()))
        throw Problem("Name the policy and the directory of the authority; with --withdraw the directory only.",
                      "See `sealcall policy sign --help`.", exit_status::kUsage);
    BundleWish wish{.store = o.store, .revoke = {}, .policy = Bytes(), .decided = {}, .fewer = o.fewer, .days = o.days};
    if (!o.withdraw) {
        const PolicyFile policy = load_policy(o.file);
        if (!context.json())
            for (const auto& w : warnings_of(policy)) std::cout << "warning: " << w.text << "\n";
        wish.policy = ipc::encode(policy.document);
    }
    print_signed(sign_next_bundle(dir, wish), context.json());
    return exit_status::kOk;
}

int run_policy_install(const Context& context) { return run_bundle_install(context); }

namespace {

/// What the running phone has; nothing: none runs.
std::optional<nlohmann::json> running_phone(const Context& context) {
    auto phone = ControlClient::connect(context.paths().control_socket);
    if (!phone) return {};
    const auto status = phone->request("status", nlohmann::json::object());
    return status.contains("enclave") && status["enclave"].is_object() ? status["enclave"] : nlohmann::json::object();
}

std::string age_of(uint64_t since_ms) {
    const uint64_t minutes = (wall_ms() - std::min(wall_ms(), since_ms)) / 60000;
    if (minutes < 120) return std::to_string(minutes) + " minutes";
    return minutes < 2880 ? std::to_string(minutes / 60) + " hours" : std::to_string(minutes / 1440) + " days";
}

}  // namespace

int run_policy_status(const Context& context) {
    const InstalledPolicy installed = installed_policy(context);
    const auto phone = running_phone(context);
    const uint64_t in_force = phone ? phone->value("bundle_version", uint64_t{0}) : 0;
    if (context.json()) {
        nlohmann::json out{{"ok", installed.trouble.empty()},
                           {"policy", installed.document ? nlohmann::json(installed.document->name.str()) : nullptr},
                           {"sha256", installed.canonical.empty() ? "" : to_hex(digest_of(installed.canonical))},
                           {"bundle_version", installed.version},
                           {"issued_ms", installed.issued_ms},
                           {"next_update_ms", installed.next_update_ms},
                           {"trouble", installed.trouble},
                           {"phone_runs", phone.has_value()},
                           {"phone_bundle_version", in_force}};
        out["labels"] = nlohmann::json::array();
        if (installed.document)
            for (const auto& l : installed.document->labels) out["labels"].push_back(l.str());
        print_json(out);
        return installed.trouble.empty() ? exit_status::kOk : exit_status::kDoesNotHold;
    }
    if (installed.document) {
        std::cout << "\"" << printable(installed.document->name.view(), 128) << "\", "
                  << installed.document->rules.size() << " rules, in bundle " << installed.version << " of "
                  << printable(installed.authority, 128) << ", " << age_of(installed.issued_ms)
                  << " old; the next one is due before " << local_time(installed.next_update_ms)
                  << ".\n  Labels, least sensitive first:";
        for (const auto& l : installed.document->labels) std::cout << " " << l.str();
        std::cout << "\n";
    } else if (installed.trouble.empty()) {
        std::cout << "The authority gives no policy; [policy] in config.toml decides.\n";
    }
    if (!installed.trouble.empty())
        std::cout << "It does not count now: " << installed.trouble << ". Calls are refused.\n";
    if (phone && in_force != installed.version)
        std::cout << "The running phone still goes by bundle " << in_force << ".\n";
    else if (phone)
        std::cout << "The running phone goes by it.\n";
    return installed.trouble.empty() ? exit_status::kOk : exit_status::kDoesNotHold;
}

}  // namespace sealcall::cli
