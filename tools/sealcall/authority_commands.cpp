// `sealcall authority init` and `list`: makes an authority, and shows what it certified.
#include <algorithm>
#include <iostream>

#include "attestation/x509_checks.h"
#include "authority_access.h"
#include "commands.h"
#include "files.h"
#include "problem.h"
#include "record_json.h"

namespace sealcall::cli {
namespace {

authority::Settings settings_of(const AuthorityOptions& o) {
    return {.name = o.name,
            .domain = o.domain,
            .accept_unproven_ek = o.accept_unproven_ek,
            .accept_expired_intermediates = o.expired_intermediates == "warn",
            .database = o.database};
}

/// The options whose values are not those of the authority that is there, with its values.
std::string differences(const authority::Settings& has, const authority::Settings& wanted) {
    std::string out;
    const auto compare = [&](bool same, const char* option, const std::string& value) {
        if (!same) out += (out.empty() ? "" : ", ") + std::string(option) + " " + value;
    };
    const auto shown = [](const std::string& text) { return text.empty() ? "(none)" : printable(text, 64); };
    compare(has.name == wanted.name, "--name", shown(has.name));
    compare(has.domain == wanted.domain, "--domain", shown(has.domain));
    compare(has.accept_unproven_ek == wanted.accept_unproven_ek, "--accept-unproven-ek",
            has.accept_unproven_ek ? "(given)" : "(not given)");
    compare(has.accept_expired_intermediates == wanted.accept_expired_intermediates, "--expired-intermediates",
            has.accept_expired_intermediates ? "warn" : "refuse");
    // Not its value: that may hold a password.
    compare(has.database == wanted.database, "--database", has.database.empty() ? "(none)" : "(another one)");
    return out;
}

/// What would only show when the first phone is enrolled, or when the directory is there already.
void check_new(const authority::Settings& wanted) {
    if (printable(wanted.name, wanted.name.size() * 8 + 1) != wanted.name)
        throw Problem("The name of an authority has no control characters.", "Give another one with --name.",
                      exit_status::kUsage);
    if (!wanted.domain.empty() && !attestation::is_sip_address("sip:a@" + wanted.domain))
        throw Problem("This is no domain: " + printable(wanted.domain, 200) + ".",
                      "Give the part of the addresses behind the @: --domain example.com", exit_status::kUsage);
    if (!wanted.database.empty()) (void)authority::open_database(wanted.database);
}

authority::Store open_or_make(const AuthorityOptions& o, bool made) {
    const authority::Settings wanted = settings_of(o);
    if (!o.database.empty() && !authority::is_database_url(o.database))
        throw Problem("This is not a database.", "Use sqlite:PATH, postgresql://... or postgres:KEY=VALUE.",
                      exit_status::kUsage);
    if (made) check_new(wanted);
    authority::Store store = made ? authority::Store::create(o.dir, wanted, wall_ms()) : authority::Store::open(o.dir);
    if (!made && store.settings() != wanted)
        throw Problem("There is an authority in " + o.dir +
                          " already, made with other settings: " + differences(store.settings(), wanted) + ".",
                      "Use another directory. To add endorsement roots, repeat the settings that it has.",
                      exit_status::kUsage);
    return store;
}

nlohmann::json device_json(const authority::DeviceView& view) {
    auto users = nlohmann::json::array(), keys = nlohmann::json::array();
    for (const auto& u : view.users)
        users.push_back({{"uri", u.uri}, {"bound_ms", u.bound_ms}, {"revoked_ms", u.revoked_ms}});
    for (const auto& k : view.keys)
        keys.push_back({{"spki", k.spki},
                        {"partner", k.partner},
                        {"device", k.label},
                        {"created_ms", k.created_ms},
                        {"revoked_ms", k.revoked_ms}});
    auto out = authority::record_json(view.device);
    out["users"] = users;
    out["attestation_keys"] = keys;
    return out;
}

std::string state_words(const authority::DeviceView& view) {
    if (view.device.revoked_ms)
        return "REVOKED " + local_time(view.device.revoked_ms) +
               (view.device.reason.empty() ? "" : " (" + printable(view.device.reason, 200) + ")");
    return "since " + local_time(view.device.first_ms) + ", last " + local_time(view.device.last_ms);
}

void print_device(const authority::DeviceView& view) {
    std::string endorsement = view.device.endorsement == "lab" ? "LAB" : printable(view.device.endorsement, 16);
    endorsement.resize(std::max<size_t>(10, endorsement.size()), ' ');
    std::cout << "  " << printable(view.device.id, 16) << "  " << endorsement << "  "
              << printable(view.device.profile, 16) << "  " << state_words(view) << "\n";
    for (const auto& u : view.users)
        std::cout << "      " << printable(u.uri) << (u.revoked_ms ? "  REVOKED " + local_time(u.revoked_ms) : "")
                  << "\n";
    for (const auto& k : view.keys)
        if (!k.partner.empty() || k.revoked_ms)
            std::cout << "      attestation key " << printable(k.spki, 16)
                      << (k.partner.empty() ? "" : " for " + printable(k.partner, 64))
                      << (k.revoked_ms ? "  REVOKED " + local_time(k.revoked_ms) : "") << "\n";
}

}  // namespace

int run_authority_init(const Context& context) {
    const AuthorityOptions& o = context.options.authority;
    for (const auto& paths : {o.ek_roots, o.lab_ek_roots})
        for (const auto& path : paths) authority::Store::check_ek_roots(path);
    const bool made = !authority::Store::exists(o.dir);
    const authority::Store store = open_or_make(o, made);
    size_t vendor = 0, lab = 0;
    for (const auto& path : o.ek_roots) vendor += store.add_ek_roots(path, false);
    for (const auto& path : o.lab_ek_roots) lab += store.add_ek_roots(path, true);
    LocalAuthority local(store);
    std::string token;
    if (local.administration.list_admins().empty())
        token = local.administration.create_admin(local.actor, "first", authority::Role::admin).text;
    const std::string root = to_hex(digest_of(store.root_certificate()));
    if (context.json()) {
        nlohmann::json out = {{"ok", true},
                              {"made", made},
                              {"dir", o.dir},
                              {"name", o.name},
                              {"domain", o.domain},
                              {"root_sha256", root},
                              {"vendor_roots_added", vendor},
                              {"lab_roots_added", lab}};
        if (!token.empty()) out["admin_token"] = token;
        print_json(out);
        return exit_status::kOk;
    }
    std::cout << (made ? "Made the authority " : "There is already the authority ") << o.name << " in " << o.dir
              << (o.domain.empty() ? "" : " for addresses of " + o.domain) << ".\n"
              << "Root certificate " << root << "\n";
    if (vendor) std::cout << "Endorsement certificates of TPM makers added: " << vendor << "\n";
    if (lab)
        std::cout << "Endorsement certificates of laboratories added: " << lab
                  << " (LAB: never the same as a genuine TPM)\n";
    if (!token.empty()) std::cout << "Token of the first administrator, shown this once:\n  " << token << "\n";
    std::cout << "Keep " << o.dir << "/root.key.pem secret: whoever reads it can name phones.\n"
              << "Next: sealcall authority serve " << o.dir << ", or here: sealcall enroll --authority " << o.dir
              << "\n";
    return exit_status::kOk;
}

int run_authority_list(const Context& context) {
    LocalAuthority local(authority::Store::open(context.options.authority.dir));
    const auto devices = local.administration.list_devices();
    const auto certificates = local.administration.list_certificates();
    if (context.json()) {
        auto list = nlohmann::json::array(), issued = nlohmann::json::array();
        for (const auto& view : devices) list.push_back(device_json(view));
        for (const auto& c : certificates)
            issued.push_back({{"sha256", c.sha256},
                              {"kind", c.kind},
                              {"device", c.device},
                              {"uri", c.uri},
                              {"issued_ms", c.issued_ms},
                              {"not_after_ms", c.not_after_ms}});
        print_json({{"ok", true},
                    {"name", local.store.settings().name},
                    {"domain", local.store.settings().domain},
                    {"devices", list},
                    {"certificates", issued}});
        return exit_status::kOk;
    }
    std::cout << printable(local.store.settings().name, 64) << ": " << devices.size() << " devices, "
              << certificates.size() << " certificates issued\n";
    for (const auto& view : devices) print_device(view);
    return exit_status::kOk;
}

}  // namespace sealcall::cli
