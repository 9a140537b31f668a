// One function per command; each returns the exit status and throws Problem. `main.cpp` connects them to the command
// line.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>

#include "config.h"
#include "options.h"
#include "profile_store.h"

namespace sealcall::cli {

class CommandLine;

struct Context {
    CommandLine& line;
    const Options& options;
    ProfileStore store;
    char** arguments;  ///< argv
    [[nodiscard]] const ProfilePaths& paths() const { return store.paths(); }
    [[nodiscard]] bool json() const { return options.global.json; }
};

int run_init(const Context& context);
int run_enroll(const Context& context);
int run_authority_init(const Context& context);
int run_authority_list(const Context& context);
int run_authority_serve(const Context& context);
int run_authority_token_create(const Context& context);
int run_authority_token_list(const Context& context);
int run_authority_token_revoke(const Context& context);
int run_authority_admin_create(const Context& context);
int run_authority_admin_list(const Context& context);
int run_authority_admin_revoke(const Context& context);
int run_authority_revoke(const Context& context);
int run_authority_audit(const Context& context);
int run_authority_escrow(const Context& context);
int run_authority_card(const Context& context);
int run_authority_partner_add(const Context& context);
int run_authority_partner_list(const Context& context);
int run_authority_partner_remove(const Context& context);
int run_phone(const Context& context);
int run_call_with_own_phone(const Context& context);
int run_answer(const Context& context);
int run_refuse(const Context& context);
int run_hangup(const Context& context);
int run_hold(const Context& context);
int run_recheck(const Context& context);
int run_ctl(const Context& context);
int run_status(const Context& context);
int run_devices(const Context& context);
int run_doctor(const Context& context);
int run_audit_show(const Context& context);
int run_audit_verify(const Context& context);
int run_audit_timeline(const Context& context);
int run_audit_export(const Context& context);
int run_keys_proof(const Context& context);
int run_keys_verify_proof(const Context& context);
int run_authority_bundle(const Context& context);
int run_reference_import(const Context& context);
int run_reference_export(const Context& context);
int run_reference_approve(const Context& context);
int run_reference_diff(const Context& context);
int run_bundle_show(const Context& context);
int run_bundle_install(const Context& context);
int run_policy_check(const Context& context);
int run_policy_compile(const Context& context);
int run_policy_sign(const Context& context);
int run_policy_explain(const Context& context);
int run_policy_test(const Context& context);
int run_policy_diff(const Context& context);
int run_policy_install(const Context& context);
int run_policy_status(const Context& context);
int run_evidence_replay(const Context& context);
int run_evidence_collect(const Context& context);
int run_evidence_verify(const Context& context);
int run_evidence_show(const Context& context);
int run_evidence_explain(const Context& context);
int run_evidence_quote(const Context& context);
int run_evidence_certify(const Context& context);
int run_evidence_ek(const Context& context);
int run_evidence_ear(const Context& context);
int run_evidence_corim(const Context& context);
int run_guard(const Context& context);
int run_pin_set(const Context& context);
int run_pin_change(const Context& context);
int run_pin_status(const Context& context);
int run_vault_reset(const Context& context);
int run_vault_status(const Context& context);
int run_vault_login(const Context& context);
int run_contacts_list(const Context& context);
int run_contacts_add(const Context& context);
int run_contacts_import(const Context& context);
int run_contacts_export(const Context& context);
int run_contacts_remove(const Context& context);
int run_history_export(const Context& context);
int run_history_clear(const Context& context);
int run_peers_list(const Context& context);
int run_peers_forget(const Context& context);
int run_settings_export(const Context& context);
int run_settings_import(const Context& context);
int run_lock(const Context& context);
int run_version(const Context& context);
int run_man(const Context& context);
int run_completion(const Context& context);

/// One JSON object on standard output; never anything that is not UTF-8.
void print_json(const nlohmann::json& value);
/// What an export has to say: into its FILE, and a word about that; to standard output where none is named.
void put_out(const Context& context, const std::string& content);
/// Text of foreign origin for a terminal: what could act on it, and what is not UTF-8, becomes '?'; a tail beyond
/// `most` bytes "...".
std::string printable(std::string_view text, size_t most = 512);

/// The directory with the role executables: --roles, else where `sealcall` itself lies, else the installed place.
/// Throws Problem.
std::filesystem::path roles_directory(const GlobalOptions& options);

}  // namespace sealcall::cli
