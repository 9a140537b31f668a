#include "program.h"

#include <algorithm>
#include <csignal>
#include <iostream>

#include "command_line.h"
#include "problem.h"

namespace sealcall::cli {
namespace {

Runner runner_of(const std::vector<std::string>& words, std::span<const Command> commands) {
    std::string name;
    for (const auto& word : words) name += (name.empty() ? "" : " ") + word;
    for (const auto& [known, run] : commands)
        if (known == name) return run;
    return nullptr;
}

void report(bool json, const std::string& what, const std::string& next, int status) {
    if (json)
        print_json({{"ok", false}, {"error", what}, {"next", next}, {"status", status}});
    else
        std::cerr << "sealcall: " << what << "\n" << (next.empty() ? "" : "  " + next + "\n");
}

int run(CommandLine& line, std::span<const Command> commands, char** arguments) {
    const Options& options = line.options();
    const auto words = line.command();
    const Runner runner = runner_of(words, commands);
    if (!runner) throw Problem("This command is not known.", "See `sealcall --help`.", exit_status::kUsage);
    // What is generated from the command line or from named files alone needs no home directory: packages are built
    // without one.
    const bool from_files =
        (words.front() == "evidence" && words.back() != "collect") || words.back() == "verify-proof";
    const bool needs_profile = words.front() != "man" && !from_files && words.front() != "completion" &&
                               words.front() != "guard" && words.front() != "version";
    const Context context{
        .line = line,
        .options = options,
        .store = ProfileStore(needs_profile ? profile_paths(options.global.profile, Environment::current())
                                            : ProfilePaths{}),
        .arguments = arguments};
    const int status = runner(context);
    std::cout.flush();
    if (!std::cout)
        throw Problem("The output could not be written.", "Check where it goes: a full disk, or a closed pipe.");
    return status;
}

}  // namespace

int run_program(int argc, char** argv, std::span<const Command> commands) {
    std::signal(SIGPIPE, SIG_IGN);
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
        return run(line, commands, argv);
    } catch (const Problem& problem) {
        report(line.options().global.json, problem.what(), problem.next(), problem.status());
        return problem.status();
    } catch (const std::exception& error) {
        report(line.options().global.json, std::string("Something went wrong inside of sealcall: ") + error.what(),
               "Please report this with the command that you gave.", exit_status::kFailed);
        return exit_status::kFailed;
    }
}

}  // namespace sealcall::cli
