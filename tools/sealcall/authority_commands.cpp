// `sealcall authority ...`: keeps an authority in a directory.
#include <iostream>

#include "commands.h"
#include "files.h"
#include "problem.h"
#include "sealcall/base/time.h"
#include "store.h"

namespace sealcall::cli {

int run_authority_init(const Context& context) {
    const AuthorityOptions& o = context.options.authority;
    const bool made = !authority::Store::exists(o.dir);
    const authority::Settings wanted{.name = o.name, .domain = o.domain, .accept_unproven_ek = o.accept_unproven_ek};
    const authority::Store store =
        made ? authority::Store::create(o.dir, wanted, wall_ms()) : authority::Store::open(o.dir);
    if (!made && store.settings() != wanted)
        throw Problem("There is an authority in " + o.dir + " already, with other settings (" +
                          printable(store.settings().name, 64) + ").",
                      "Use another directory. To add endorsement roots, repeat the settings that it has.",
                      exit_status::kUsage);
    size_t vendor = 0, lab = 0;
    for (const auto& file : o.ek_roots) vendor += store.add_ek_roots(file, false);
    for (const auto& file : o.lab_ek_roots) lab += store.add_ek_roots(file, true);
    if (context.json()) {
        print_json({{"ok", true},
                    {"made", made},
                    {"dir", o.dir},
                    {"name", o.name},
                    {"domain", o.domain},
                    {"root_sha256", to_hex(digest_of(store.root_certificate()))},
                    {"vendor_roots_added", vendor},
                    {"lab_roots_added", lab}});
        return exit_status::kOk;
    }
    std::cout << (made ? "Made the authority " : "There is already the authority ") << o.name << " in " << o.dir
              << (o.domain.empty() ? "" : " for addresses of " + o.domain) << ".\n"
              << "Root certificate " << to_hex(digest_of(store.root_certificate())) << "\n";
    if (vendor) std::cout << "Endorsement certificates of TPM makers added: " << vendor << "\n";
    if (lab)
        std::cout << "Endorsement certificates of laboratories added: " << lab
                  << " (LAB: never the same as a genuine TPM)\n";
    std::cout << "Keep " << o.dir << "/root.key.pem secret: whoever reads it can name phones.\n"
              << "Next: sealcall enroll --authority " << o.dir << "\n";
    return exit_status::kOk;
}

int run_authority_list(const Context& context) {
    const authority::Store store = authority::Store::open(context.options.authority.dir);
    const auto devices = store.devices();
    const auto issued = store.issued();
    if (context.json()) {
        auto list = nlohmann::json::array(), log = nlohmann::json::array();
        for (const auto& d : devices)
            list.push_back({{"uri", d.uri},
                            {"ek", d.ek},
                            {"serial", d.serial},
                            {"endorsement", d.endorsement},
                            {"first_ms", d.first_ms},
                            {"last_ms", d.last_ms}});
        for (const auto& i : issued)
            log.push_back({{"wall_ms", i.wall_ms},
                           {"uri", i.device.uri},
                           {"serial", i.device.serial},
                           {"ak_certificate", i.ak_certificate},
                           {"identity_certificate", i.identity_certificate},
                           {"host_certificate", i.host_certificate},
                           {"host_names", i.host_names},
                           {"replaced", i.replaced}});
        print_json({{"ok", true},
                    {"name", store.settings().name},
                    {"domain", store.settings().domain},
                    {"devices", list},
                    {"issued", log}});
        return exit_status::kOk;
    }
    std::cout << printable(store.settings().name, 64) << ": " << devices.size() << " devices, " << issued.size()
              << " enrolments\n";
    size_t widest = 0;
    for (const auto& d : devices) widest = std::max(widest, d.uri.size());
    for (const auto& d : devices) {
        std::string uri = printable(d.uri), endorsement = d.endorsement == "lab" ? "LAB" : printable(d.endorsement, 16);
        uri.resize(widest, ' ');
        endorsement.resize(10, ' ');
        std::cout << "  " << uri << "  " << printable(d.serial, 16) << "  " << endorsement << "  since "
                  << local_time(d.first_ms) << ", last " << local_time(d.last_ms) << "\n";
    }
    for (const auto& i : issued)
        if (i.replaced)
            std::cout << "  " << local_time(i.wall_ms) << "  " << printable(i.device.uri) << " moved to device "
                      << printable(i.device.serial, 16) << "\n";
    return exit_status::kOk;
}

}  // namespace sealcall::cli
