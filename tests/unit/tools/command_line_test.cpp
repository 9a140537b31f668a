#include "command_line.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "call_outcome.h"
#include "completion.h"
#include "files.h"
#include "host/ui/exit_status.h"
#include "man_page.h"
#include "paths.h"
#include "problem.h"
#include "temporary_dir.h"

namespace sealcall::cli {
namespace {

std::string words_of(const std::vector<std::string>& words) {
    std::string out;
    for (const auto& w : words) out += w + " ";
    return out;
}

void parse(CommandLine& line, std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "sealcall");
    line.parse(static_cast<int>(arguments.size()), arguments.data());
}

/// Exit status of a shell command.
int shell(const std::string& command) {
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(CommandLineDefinition, EveryCommandTakesTheCommonOptionsAfterItsName) {
    const CommandLine definition;
    for (const auto& words : definition.all_commands()) {
        const CLI::App* app = definition.find(words);
        if (!app->get_subcommands([](const CLI::App*) { return true; }).empty()) continue;
        for (const char* option : {"--json", "--profile", "--help"})
            EXPECT_TRUE(app->get_option_no_throw(option)) << words_of(words) << option;
    }
}

TEST(CommandLineDefinition, EveryCommandAndOptionIsDescribed) {
    const CommandLine definition;
    for (const auto& words : definition.all_commands()) {
        const CLI::App* app = definition.find(words);
        EXPECT_FALSE(app->get_description().empty()) << words_of(words);
        for (const CLI::Option* o : app->get_options({}))
            EXPECT_FALSE(o->get_description().empty()) << words_of(words) << o->get_name();
    }
}

TEST(CommandLineDefinition, OptionsWorkBeforeAndAfterTheCommand) {
    CommandLine before, after;
    parse(before, {"--profile", "alice", "status", "--json"});
    parse(after, {"status", "--json", "--profile", "alice"});
    for (const CommandLine* line : {&before, &after}) {
        EXPECT_EQ(line->options().global.profile, "alice");
        EXPECT_TRUE(line->options().global.json);
        EXPECT_EQ(line->command(), std::vector<std::string>{"status"});
    }
}

TEST(CommandLineDefinition, RefusesWhatMakesNoSense) {
    const std::vector<std::vector<const char*>> bad = {
        {},
        {"dance"},
        {"call"},
        {"init", "--uri", "sip:alice@example.com;x=1"},
        {"init", "--uri", "sip:alice%40b@example.com"},
        {"call", ""},
        {"call", "b\nob"},
        {"call", "bob@"},
        {"call", "tel:bob@example.com"},
        {"call", "b ob@example.com"},
        {"call", "sip:bob"},
        {"call", "sip:b ob@example.com"},
        {"init", "--tpm", "abacus"},
        {"init", "--uri", "alice"},
        {"enroll", "--device-profile", "loose"},  // bare: command_test, it depends on --renew
        {"authority"},
        {"authority", "init", "d"},
        {"completion", "csh"},
        {"call", "sip:b@c", "--hang-up-after", "-1"},
        {"hangup", "one"}};
    for (const auto& arguments : bad) {
        CommandLine line;
        EXPECT_THROW(parse(line, arguments), CLI::ParseError) << (arguments.empty() ? "" : arguments[0]);
    }
}

TEST(ManPages, EveryCommandHasOneAndManFindsNothingToWarnOf) {
    if (shell("command -v man >/dev/null") != 0) GTEST_SKIP() << "man is not installed";
    const test::TemporaryDir dir;
    const CommandLine definition;
    std::set<std::string> names;
    for (const auto& words : definition.all_commands()) {
        const std::string page = man_page(definition, words), name = man_page_name(words);
        EXPECT_TRUE(names.insert(name).second);
        for (const char* section : {".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", ".SH EXIT STATUS"})
            EXPECT_NE(page.find(section), std::string::npos) << name;
        const auto file = dir / (name + ".1");
        test::put(file, page);
        EXPECT_EQ(shell("LC_ALL=C.UTF-8 MANROFFSEQ= MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z " + file.string() +
                        " >/dev/null 2>" + (dir / "warnings").string()),
                  0)
            << name;
        std::ifstream in(dir / "warnings");
        EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "") << name;
    }
    EXPECT_GT(names.size(), 15u);
}

TEST(ManPages, ControlLinesCannotBeginInText) {
    const CommandLine definition;
    for (const auto& words : definition.all_commands()) {
        std::istringstream in(man_page(definition, words));
        for (std::string line; std::getline(in, line);)
            if (line.starts_with('.')) {
                EXPECT_TRUE(line.starts_with(".SH") || line.starts_with(".T") || line.starts_with(".B") ||
                            line.starts_with(".PP"))
                    << line;
            }
    }
}

/// What bash offers for a line that ends at the cursor.
std::string bash_offers(const std::string& script, const std::vector<std::string>& words) {
    const test::TemporaryDir dir;
    test::put(dir / "s", script);
    std::string list;
    for (const auto& w : words) list += "'" + w + "' ";
    test::put(dir / "run", ". " + (dir / "s").string() + "\nCOMP_WORDS=(" + list +
                               ")\nCOMP_CWORD=" + std::to_string(words.size() - 1) +
                               "\n_sealcall\nprintf '%s\\n' \"${COMPREPLY[@]}\" >" + (dir / "out").string() + "\n");
    EXPECT_EQ(shell("bash --norc " + (dir / "run").string()), 0);
    std::ifstream in(dir / "out");
    return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Completion, BashLoadsAndOffersCommandsOptionsAndChoices) {
    const std::string script = completion_script(CommandLine(), "bash");
    EXPECT_NE(bash_offers(script, {"sealcall", "do"}).find("doctor\n"), std::string::npos);
    EXPECT_NE(bash_offers(script, {"sealcall", "authority", ""}).find("init\n"), std::string::npos);
    EXPECT_NE(bash_offers(script, {"sealcall", "init", "--tpm", ""}).find("swtpm\n"), std::string::npos);
    EXPECT_NE(bash_offers(script, {"sealcall", "call", "--ha"}).find("--hang-up-after\n"), std::string::npos);
    EXPECT_NE(bash_offers(script, {"sealcall", "completion", ""}).find("fish\n"), std::string::npos);
    EXPECT_EQ(bash_offers(script, {"sealcall", "init", "--ro"}).find("--roles"), std::string::npos)
        << "hidden options stay hidden";
}

TEST(Completion, EveryShellKnowsEveryCommand) {
    const CommandLine definition;
    for (const char* name : {"bash", "zsh", "fish"}) {
        const std::string script = completion_script(definition, name);
        for (const auto& words : definition.all_commands())
            if (!words.empty()) {
                EXPECT_NE(script.find(words.back()), std::string::npos) << name << " " << words_of(words);
            }
        const test::TemporaryDir dir;
        test::put(dir / "s", script);
        if (shell(std::string("command -v ") + name + " >/dev/null") == 0) {
            EXPECT_EQ(shell(std::string(name) + " -n " + (dir / "s").string()), 0) << name;
        }
    }
}

TEST(Paths, FollowXdgAndRefuseNamesThatLeaveTheDirectory) {
    const Environment e{.home = "/home/a", .config_home = "", .state_home = "", .runtime_dir = "/run/user/1"};
    const ProfilePaths p = profile_paths("alice", e);
    EXPECT_EQ(p.config_file, "/home/a/.config/sealcall/alice/config.toml");
    EXPECT_EQ(p.state_dir, "/home/a/.local/state/sealcall/alice");
    EXPECT_EQ(p.control_socket, "/run/user/1/sealcall/alice/control");
    EXPECT_EQ(profile_paths("alice", {.home = "/h", .config_home = "/c", .state_home = "/s", .runtime_dir = ""})
                  .control_socket,
              "/s/sealcall/alice/control");
    for (const char* name : {"", "..", ".", "a/b", "-x", "a b", "\x1b"})
        EXPECT_THROW(profile_paths(name, e), Problem) << name;
    EXPECT_THROW(profile_paths("a", {.home = "", .config_home = "", .state_home = "", .runtime_dir = ""}), Problem);
    EXPECT_THROW(
        profile_paths("a",
                      {.home = "/h", .config_home = "", .state_home = "", .runtime_dir = "/" + std::string(120, 'x')}),
        Problem);
}

TEST(CallOutcome, AgreesWithTheUiRoleForEveryReason) {
    // In the order of ipc::EndReason, as docs/control.md names them.
    const char* names[] = {"none",
                           "hung_up_here",
                           "hung_up_there",
                           "refused_here",
                           "refused_by_policy",
                           "refused_there",
                           "busy",
                           "no_answer",
                           "not_found",
                           "not_reachable",
                           "peer_failed_attestation",
                           "peer_not_acceptable",
                           "we_were_not_acceptable",
                           "peer_is_ordinary",
                           "channel_broken",
                           "certificate_refused",
                           "own_tpm_refused",
                           "own_tpm_failed",
                           "media_failed",
                           "fingerprint_mismatch",
                           "too_many_calls",
                           "not_enrolled",
                           "locked",
                           "downgrade",
                           "host_lost",
                           "internal"};
    ASSERT_EQ(std::size(names), static_cast<size_t>(ipc::EndReason::internal) + 1);
    for (size_t i = 0; i < std::size(names); ++i)
        for (bool media : {false, true})
            EXPECT_EQ(status_of_end(names[i], media),
                      static_cast<int>(ui::exit_status_of(static_cast<ipc::EndReason>(i), media)))
                << names[i];
    EXPECT_EQ(status_of_end("something new", true), 5);
}

}  // namespace
}  // namespace sealcall::cli
