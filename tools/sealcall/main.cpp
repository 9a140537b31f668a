// The command `sealcall`: all commands. Those that start a phone go on as `sealcall-launcher`, which stays while the
// phone runs and so is a program of few libraries: no HTTP, no database.
#include <unistd.h>

#include "control_client.h"
#include "database.h"
#include "problem.h"
#include "program.h"
#include "running_phone.h"

namespace sealcall::cli {
namespace {

/// Does not return but with a Problem.
int become_launcher(const Context& context) {
    const std::string launcher = (roles_directory(GlobalOptions{}) / "sealcall-launcher").string();
    ::execv(launcher.c_str(), context.arguments);
    throw Problem("The program that starts phones is missing: " + launcher + ".",
                  "Install sealcall as a whole, or build all of it.", exit_status::kNotSetUp);
}

int run_call(const Context& context) {
    if (auto running = ControlClient::connect(context.paths().control_socket)) return call_through(context, *running);
    return become_launcher(context);
}

template <Runner run>
int with_database(const Context& context) {
    try {
        return run(context);
    } catch (const authority::DatabaseError& error) {
        throw Problem(std::string("The authority's database cannot be used. ") + error.what(),
                      "Check that it runs and that you may use it; authority.json names it.");
    }
}

constexpr Command kCommands[] = {{"init", run_init},
                                 {"enroll", with_database<run_enroll>},
                                 {"authority init", with_database<run_authority_init>},
                                 {"phone", become_launcher},
                                 {"call", run_call},
                                 {"authority list", with_database<run_authority_list>},
                                 {"answer", run_answer},
                                 {"refuse", run_refuse},
                                 {"hangup", run_hangup},
                                 {"hold", run_hold},
                                 {"recheck", run_recheck},
                                 {"ctl", run_ctl},
                                 {"status", run_status},
                                 {"devices", run_devices},
                                 {"doctor", run_doctor},
                                 {"guard", run_guard},
                                 {"audit show", run_audit_show},
                                 {"audit verify", run_audit_verify},
                                 {"audit timeline", run_audit_timeline},
                                 {"audit export", run_audit_export},
                                 {"keys proof", run_keys_proof},
                                 {"keys verify-proof", run_keys_verify_proof},
                                 {"evidence replay", run_evidence_replay},
                                 {"evidence collect", run_evidence_collect},
                                 {"evidence verify", run_evidence_verify},
                                 {"evidence show", run_evidence_show},
                                 {"evidence explain", run_evidence_explain},
                                 {"evidence quote", run_evidence_quote},
                                 {"evidence certify", run_evidence_certify},
                                 {"evidence ek", run_evidence_ek},
                                 {"evidence ear", run_evidence_ear},
                                 {"evidence corim", run_evidence_corim},
                                 {"authority serve", with_database<run_authority_serve>},
                                 {"authority token create", with_database<run_authority_token_create>},
                                 {"authority token list", with_database<run_authority_token_list>},
                                 {"authority token revoke", with_database<run_authority_token_revoke>},
                                 {"authority admin create", with_database<run_authority_admin_create>},
                                 {"authority admin list", with_database<run_authority_admin_list>},
                                 {"authority admin revoke", with_database<run_authority_admin_revoke>},
                                 {"authority revoke", with_database<run_authority_revoke>},
                                 {"authority audit", with_database<run_authority_audit>},
                                 {"authority escrow", with_database<run_authority_escrow>},
                                 {"authority card", run_authority_card},
                                 {"authority partner add", with_database<run_authority_partner_add>},
                                 {"authority partner list", run_authority_partner_list},
                                 {"authority partner remove", with_database<run_authority_partner_remove>},
                                 {"authority bundle", with_database<run_authority_bundle>},
                                 {"reference import", run_reference_import},
                                 {"reference export", run_reference_export},
                                 {"reference approve", with_database<run_reference_approve>},
                                 {"reference diff", run_reference_diff},
                                 {"bundle show", run_bundle_show},
                                 {"bundle install", run_bundle_install},
                                 {"policy check", run_policy_check},
                                 {"policy compile", run_policy_compile},
                                 {"policy sign", with_database<run_policy_sign>},
                                 {"policy explain", run_policy_explain},
                                 {"policy test", run_policy_test},
                                 {"policy diff", run_policy_diff},
                                 {"policy install", run_policy_install},
                                 {"policy status", run_policy_status},
                                 {"pin set", run_pin_set},
                                 {"pin change", run_pin_change},
                                 {"pin status", run_pin_status},
                                 {"pin reset", run_vault_reset},
                                 {"vault status", run_vault_status},
                                 {"vault login", run_vault_login},
                                 {"vault reset", run_vault_reset},
                                 {"contacts list", run_contacts_list},
                                 {"contacts add", run_contacts_add},
                                 {"contacts import", run_contacts_import},
                                 {"contacts export", run_contacts_export},
                                 {"contacts remove", run_contacts_remove},
                                 {"history export", run_history_export},
                                 {"history clear", run_history_clear},
                                 {"peers list", run_peers_list},
                                 {"peers forget", run_peers_forget},
                                 {"settings export", run_settings_export},
                                 {"settings import", run_settings_import},
                                 {"lock", run_lock},
                                 {"version", run_version},
                                 {"man", run_man},
                                 {"completion", run_completion}};

}  // namespace
}  // namespace sealcall::cli

int main(int argc, char** argv) { return sealcall::cli::run_program(argc, argv, sealcall::cli::kCommands); }
