// `sealcall authority card` and `authority partner`: whose verifiers the phones of an authority believe.
#include <iostream>

#include "audit_trail.h"
#include "authority_access.h"
#include "commands.h"
#include "files.h"
#include "partners.h"
#include "problem.h"

namespace sealcall::cli {
namespace {

void audit(LocalAuthority& local, const char* action, const std::string& issuer, const std::string& detail) {
    local.registry.write([&](authority::Database& db) {
        authority::append_audit(db, local.actor, wall_ms(), action, issuer, detail);
        return true;
    });
}

std::string level_of(const rats::PartnerVerifier& v) {
    return std::to_string(static_cast<int>(v.at_most) - 1) + (v.lab ? " LAB" : "");
}

}  // namespace

int run_authority_card(const Context& context) {
    const AuthorityOptions& o = context.options.authority;
    const std::string card = authority::card_json(authority::own_card(authority::Store::open(o.dir))).dump(2) + "\n";
    if (o.out.empty()) {
        std::cout << card;
        return exit_status::kOk;
    }
    export_file(o.out, card, 0644, o.force);
    if (context.json())
        print_json({{"ok", true}, {"file", o.out}});
    else
        std::cout << "Wrote " << o.out << ". Give it to the partner's administrator in a way that both of you trust.\n";
    return exit_status::kOk;
}

int run_authority_partner_add(const Context& context) {
    const AuthorityOptions& o = context.options.authority;
    LocalAuthority local(authority::Store::open(o.dir));
    authority::Partner partner = authority::read_card(read_file(o.card).value_or(""));
    partner.verifier.at_most = static_cast<rats::Level>(o.at_most + 1);
    partner.verifier.lab = o.lab;
    authority::add_partner(local.store, partner);
    const std::string issuer = partner.verifier.issuer.str(), level = level_of(partner.verifier);
    audit(local, "partner.pinned", issuer, partner.verifier.domain.str() + " level " + level);
    if (context.json())
        print_json({{"ok", true}, {"issuer", issuer}, {"domain", partner.verifier.domain.str()}});
    else
        std::cout << printable(issuer, 128) << " may vouch for phones of "
                  << printable(partner.verifier.domain.str(), 128) << ", up to level " << level
                  << ".\nIt counts with the next bundle: sealcall authority bundle " << o.dir << "\n";
    return exit_status::kOk;
}

int run_authority_partner_list(const Context& context) {
    const auto partners = authority::read_partners(authority::Store::open(context.options.authority.dir));
    auto list = nlohmann::json::array();
    for (const auto& p : partners) {
        const rats::PartnerVerifier& v = p.verifier;
        list.push_back({{"issuer", v.issuer.str()},
                        {"domain", v.domain.str()},
                        {"at_most", static_cast<int>(v.at_most) - 1},
                        {"lab", v.lab}});
        if (!context.json())
            std::cout << "  " << printable(v.issuer.str(), 128) << "  " << printable(v.domain.str(), 128)
                      << "  up to level " << level_of(v) << "\n";
    }
    if (context.json()) print_json({{"ok", true}, {"partners", list}});
    return exit_status::kOk;
}

int run_authority_partner_remove(const Context& context) {
    const AuthorityOptions& o = context.options.authority;
    LocalAuthority local(authority::Store::open(o.dir));
    if (!authority::remove_partner(local.store, o.id))
        throw Problem("There is no partner " + printable(o.id, 128) + ".",
                      "`sealcall authority partner list DIR` shows them.", exit_status::kUsage);
    audit(local, "partner.removed", o.id, "");
    if (context.json())
        print_json({{"ok", true}});
    else
        std::cout << "Removed. It counts with the next bundle: sealcall authority bundle " << o.dir << "\n";
    return exit_status::kOk;
}

}  // namespace sealcall::cli
