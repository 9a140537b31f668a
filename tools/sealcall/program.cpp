#include "program.h"

#include <algorithm>
#include <csignal>
#include <iostream>
#include <utility>

#include "command_line.h"
#include "problem.h"
#include "text_hints.h"

namespace sealcall::cli {
namespace {

constexpr size_t kSentenceMax = 4096;  ///< characters of a line

Runner runner_of(const std::vector<std::string>& words, std::span<const Command> commands) {
    std::string name;
    for (const auto& word : words) name += (name.empty() ? "" : " ") + word;
    for (const auto& [known, run] : commands)
        if (known == name) return run;
    return nullptr;
}

/// What stands in a sentence may be named by somebody else: nothing of it but its lines moves the terminal.
std::string printable_lines(std::string_view text) {
    std::string out;
    for (size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
        out += printable(text.substr(0, end), kSentenceMax) + "\n";
        text.remove_prefix(end + 1);
    }
    return out + printable(text, kSentenceMax);
}

void report(bool json, const std::string& what, const std::string& next, int status) {
    if (json)
        print_json({{"ok", false}, {"error", what}, {"next", next}, {"status", status}});
    else
        std::cerr << "sealcall: " << printable_lines(what) << "\n"
                  << (next.empty() ? "" : "  " + printable_lines(next) + "\n");
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

/// The first word that is no command where one is needed; empty: there is none.
std::string unknown_command(const CommandLine& line, std::span<char* const> arguments,
                            std::vector<std::string>& known) {
    const CLI::App* app = &line.app();
    bool value = false;
    for (const std::string_view word : arguments) {
        if (std::exchange(value, false)) continue;
        if (word.starts_with('-')) {
            const CLI::Option* option = app->get_option_no_throw(std::string(word));
            value = option != nullptr && option->get_expected_max() > 0 && option->get_type_size() > 0;
            continue;
        }
        const auto all = app->get_subcommands([](const CLI::App*) { return true; });
        if (all.empty()) return {};
        const auto found = std::ranges::find(all, word, &CLI::App::get_name);
        if (found == all.end()) {
            for (const CLI::App* one : all) known.push_back(one->get_name());
            return std::string(word);
        }
        app = *found;
    }
    return {};
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
        const bool json = std::any_of(argv + 1, argv + argc, [](std::string_view word) {
            return word == "--json" || word == "--json=true" || word == "--json=1";
        });
        std::string what = error.what();
        std::vector<std::string> known;
        if (const std::string word = unknown_command(line, std::span(argv + 1, argv + argc), known); !word.empty()) {
            what = "There is no command \"" + printable(word, 40) + "\".";
            if (const std::string meant = nearest(word, known); !meant.empty()) what += " Did you mean " + meant + "?";
        }
        report(json, what, next + " --help`.", exit_status::kUsage);
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
