// THE command line: every command, option and example of `sealcall`, once. --help, the man pages (man_page.h) and the
// shell completion (completion.h) are all made from it. Values only; nothing runs here.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>

#include "options.h"

namespace sealcall::cli {

/// What a man page says beyond the options.
struct CommandDoc {
    std::string text;                                           ///< paragraphs, separated by empty lines
    std::vector<std::pair<std::string, std::string>> examples;  ///< command line, what it does
    std::vector<std::pair<int, std::string>> exits;             ///< in addition to the common ones
};

class CommandLine {
  public:
    CommandLine();
    CommandLine(const CommandLine&) = delete;
    CommandLine& operator=(const CommandLine&) = delete;

    [[nodiscard]] CLI::App& app() { return *app_; }
    [[nodiscard]] const CLI::App& app() const { return *app_; }
    [[nodiscard]] const Options& options() const { return options_; }

    /// Parses; throws CLI::ParseError, help and version included.
    void parse(int argc, const char* const* argv);
    /// Words of the command that was given: {"authority", "init"}. Empty before parse.
    [[nodiscard]] std::vector<std::string> command() const;

    /// Words of every command, in the order of definition; {} is `sealcall` itself.
    [[nodiscard]] std::vector<std::vector<std::string>> all_commands() const;
    /// The definition of one command; nullptr if there is none of that name.
    [[nodiscard]] const CLI::App* find(const std::vector<std::string>& words) const;
    [[nodiscard]] const CommandDoc& doc(const std::vector<std::string>& words) const;
    /// Frees all but the options: half a megabyte that a program which stays needs no more. Nothing else may be asked
    /// for afterwards.
    void forget_definition();

  private:
    CLI::App* add(CLI::App& parent, const std::string& name, const std::string& description, CommandDoc doc);
    void add_common(CLI::App& app);
    void define_set_up();
    void define_authority();
    void define_authority_admin(CLI::App& authority);
    void define_calls();
    void define_control();
    void define_reports();
    void define_audit();                               ///< audit_command_line.cpp
    void define_references();                          ///< reference_command_line.cpp
    void define_policy();                              ///< policy_command_line.cpp
    void define_evidence();                            ///< evidence_command_line.cpp
    void define_evidence_boot(CLI::App& evidence);     ///< evidence_file_lines.cpp
    void define_evidence_files(CLI::App& evidence);    ///< evidence_file_lines.cpp
    void define_evidence_attest(CLI::App& evidence);   ///< evidence_question_lines.cpp
    void define_evidence_results(CLI::App& evidence);  ///< evidence_question_lines.cpp
    void define_vault();                               ///< vault_command_line.cpp
    void define_vault_content(const std::pair<int, std::string>& refused, const std::string& lost);
    void define_generators();

    Options options_;
    std::unique_ptr<CLI::App> app_;
    std::vector<std::pair<const CLI::App*, CommandDoc>> docs_;
};

/// A direct subcommand by name; nullptr if there is none.
const CLI::App* child(const CLI::App& app, const std::string& name);

/// How a value completes: the type name of an option says it. "a|b|c" are choices.
inline constexpr const char* kTypeFile = "FILE";
inline constexpr const char* kTypeDir = "DIR";
inline constexpr const char* kTypeProfile = "NAME";
/// The choices of a type name like "auto|device|swtpm"; empty if it is no list of choices.
std::vector<std::string> choices_of(const std::string& type_name);

}  // namespace sealcall::cli
