// `sealcall settings`: the configuration to another computer and back.
#include <iostream>

#include "commands.h"
#include "files.h"
#include "problem.h"
#include "vault_access.h"

namespace sealcall::cli {
namespace fs = std::filesystem;

int run_settings_export(const Context& context) {
    const auto text = read_file(context.paths().config_file, kConfigMax);
    if (!text)
        throw Problem("The profile " + context.paths().profile + " has no configuration yet.", "sealcall init",
                      exit_status::kNotSetUp);
    (void)checked_config(*text, context.paths().config_file);  // what is exported can be imported
    put_out(context, *text);
    return exit_status::kOk;
}

int run_settings_import(const Context& context) {
    const std::string& file = context.options.vault.file;
    const auto text = read_file(file, kConfigMax);
    if (!text) throw Problem("There is no file " + printable(file) + ".", "Check its name.", exit_status::kUsage);
    PhoneConfig wanted = checked_config(*text, file);
    const auto& target = context.paths().config_file;
    const auto enrolment = context.store.enrolment();
    if (enrolment && !wanted.uri.empty() && wanted.uri != enrolment->uri)
        throw Problem("These settings are those of " + printable(wanted.uri) + ", and this phone is certified as " +
                          printable(enrolment->uri) + ".",
                      "Correct uri in the file first.", exit_status::kUsage);
    refuse_other_address(context.store, enrolment ? enrolment->uri : wanted.uri);
    make_private(target.parent_path());
    const auto before = read_file(target, kConfigMax);
    if (before) write_file(target.string() + ".before", *before, 0600);
    write_file(target, *text, 0600);
    nlohmann::json relative = nlohmann::json::array();
    for (const std::string* name : file_names(wanted))
        if (fs::path(*name).is_relative()) relative.push_back(*name);
    if (context.json()) {
        print_json({{"ok", true},
                    {"config", target.string()},
                    {"replaced", before.has_value()},
                    {"relative_file_names", relative}});
        return exit_status::kOk;
    }
    std::cout << "The settings are in force from the next start on."
              << (before ? " The ones before: " + target.string() + ".before" : "") << "\n";
    for (const auto& name : relative)
        std::cout << "They name the file " << printable(name.get<std::string>()) << ", which is looked for in "
                  << target.parent_path().string() << ": put it there.\n";
    return exit_status::kOk;
}

}  // namespace sealcall::cli
