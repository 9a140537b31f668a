// The command `sealcall`: reads the command line, runs one command, and turns every failure into words, a next step and
// an exit status.
#include <algorithm>
#include <csignal>
#include <iostream>

#include "commands.h"
#include "database.h"
#include "problem.h"

namespace sealcall::cli {
namespace {

using Runner = int (*)(const Context&);

Runner runner_of(const std::vector<std::string>& words) {
    std::string name;
    for (const auto& word : words) name += (name.empty() ? "" : " ") + word;
    static const std::vector<std::pair<std::string, Runner>> all = {
        {"init", run_init},
        {"enroll", run_enroll},
        {"authority init", run_authority_init},
        {"phone", run_phone},
        {"call", run_call},
        {"authority list", run_authority_list},
        {"answer", run_answer},
        {"refuse", run_refuse},
        {"hangup", run_hangup},
        {"hold", run_hold},
        {"recheck", run_recheck},
        {"ctl", run_ctl},
        {"status", run_status},
        {"devices", run_devices},
        {"doctor", run_doctor},
        {"audit show", run_audit_show},
        {"evidence replay", run_evidence_replay},
        {"evidence show", run_evidence_show},
        {"evidence explain", run_evidence_explain},
        {"evidence quote", run_evidence_quote},
        {"evidence certify", run_evidence_certify},
        {"evidence ek", run_evidence_ek},
        {"evidence ear", run_evidence_ear},
        {"evidence corim", run_evidence_corim},
        {"authority serve", run_authority_serve},
        {"authority token create", run_authority_token_create},
        {"authority token list", run_authority_token_list},
        {"authority token revoke", run_authority_token_revoke},
        {"authority admin create", run_authority_admin_create},
        {"authority admin list", run_authority_admin_list},
        {"authority admin revoke", run_authority_admin_revoke},
        {"authority revoke", run_authority_revoke},
        {"authority audit", run_authority_audit},
        {"authority escrow", run_authority_escrow},
        {"authority bundle", run_authority_bundle},
        {"reference import", run_reference_import},
        {"reference export", run_reference_export},
        {"reference approve", run_reference_approve},
        {"reference diff", run_reference_diff},
        {"bundle show", run_bundle_show},
        {"bundle install", run_bundle_install},
        {"version", run_version},
        {"man", run_man},
        {"completion", run_completion}};
    for (const auto& [known, run] : all)
        if (known == name) return run;
    return nullptr;
}

void report(bool json, const std::string& what, const std::string& next, int status) {
    if (json)
        print_json({{"ok", false}, {"error", what}, {"next", next}, {"status", status}});
    else
        std::cerr << "sealcall: " << what << "\n" << (next.empty() ? "" : "  " + next + "\n");
}

int run(CommandLine& line) {
    const Options& options = line.options();
    const auto words = line.command();
    const Runner runner = runner_of(words);
    if (!runner) throw Problem("This command is not known.", "See `sealcall --help`.", exit_status::kUsage);
    // What is generated from the command line or from named files alone needs no home directory: packages are built
    // without one.
    const bool needs_profile = words.front() != "man" && words.front() != "evidence" && words.front() != "completion" &&
                               words.front() != "version";
    const Context context{
        line, options,
        ProfileStore(needs_profile ? profile_paths(options.global.profile, Environment::current()) : ProfilePaths{})};
    const int status = runner(context);
    std::cout.flush();
    if (!std::cout)
        throw Problem("The output could not be written.", "Check where it goes: a full disk, or a closed pipe.");
    return status;
}

int main_with_errors(int argc, char** argv) {
    CommandLine line;
    try {
        line.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return line.app().exit(error);
        std::string next = "See `sealcall";
        for (const auto& word : line.command()) next += " " + word;
        // The options were not taken over: the line as a whole was refused.
        const bool json = std::find(argv + 1, argv + argc, std::string_view("--json")) != argv + argc;
        report(json, error.what(), next + " --help`.", exit_status::kUsage);
        return exit_status::kUsage;
    }
    try {
        return run(line);
    } catch (const Problem& problem) {
        report(line.options().global.json, problem.what(), problem.next(), problem.status());
        return problem.status();
    } catch (const authority::DatabaseError& error) {
        report(line.options().global.json, std::string("The authority's database cannot be used. ") + error.what(),
               "Check that it runs and that you may use it; authority.json names it.", exit_status::kFailed);
        return exit_status::kFailed;
    } catch (const std::exception& error) {
        report(line.options().global.json, std::string("Something went wrong inside of sealcall: ") + error.what(),
               "Please report this with the command that you gave.", exit_status::kFailed);
        return exit_status::kFailed;
    }
}

}  // namespace
}  // namespace sealcall::cli

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    return sealcall::cli::main_with_errors(argc, argv);
}
