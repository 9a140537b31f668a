// version, man, completion, devices: commands that only read.
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>

#include "command_line.h"
#include "commands.h"
#include "completion.h"
#include "files.h"
#include "man_page.h"
#include "problem.h"
#include "sealcall/base/utf8.h"

namespace sealcall::cli {
namespace fs = std::filesystem;

void print_json(const nlohmann::json& value) {
    std::cout << value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
}

std::string printable(std::string_view text, size_t most) {
    std::string out;
    size_t at = 0;
    while (at < text.size() && at < most) {
        const size_t before = at;
        const char32_t c = next_code_point(text, at);
        if (acts_on_terminal(c) || (c == kReplacement && at - before == 1))
            out += '?';
        else
            out += text.substr(before, at - before);
    }
    return at < text.size() ? out + "..." : out;
}

fs::path roles_directory(const GlobalOptions& options) {
    const auto holds_roles = [](const fs::path& dir) {
        return ::access((dir / "sealcall-enclave").c_str(), X_OK) == 0;
    };
    if (!options.roles_dir.empty()) {
        if (holds_roles(options.roles_dir)) return fs::absolute(options.roles_dir);
        throw Problem("There is no sealcall-enclave in " + options.roles_dir + ".",
                      "Name the directory of the role executables.", exit_status::kUsage);
    }
    std::error_code error;
    const fs::path beside = fs::read_symlink("/proc/self/exe", error).parent_path();
    const fs::path installed = (beside / SEALCALL_INSTALLED_ROLES).lexically_normal();
    for (const fs::path& dir : {beside, installed})
        if (!beside.empty() && holds_roles(dir)) return dir;
    throw Problem("The programs of sealcall's processes are missing: there is no sealcall-enclave in " +
                      beside.string() + " or " + installed.string() + ".",
                  "Install sealcall as a whole, or build all of it.", exit_status::kNotSetUp);
}

int run_version(const Context& context) {
    if (context.json())
        print_json({{"ok", true}, {"version", SEALCALL_VERSION}, {"build", SEALCALL_BUILD_ID}});
    else
        std::cout << "sealcall " << SEALCALL_VERSION << "\n";
    return exit_status::kOk;
}

int run_man(const Context& context) {
    const CommandLine& line = context.line;
    if (!context.options.man_dir.empty()) {
        std::error_code error;
        fs::create_directories(context.options.man_dir, error);
        for (const auto& words : line.all_commands())
            write_file(fs::path(context.options.man_dir) / (man_page_name(words) + ".1"), man_page(line, words), 0644);
        return exit_status::kOk;
    }
    for (const auto& words : line.all_commands()) {
        const std::string& wanted = context.options.man_command;
        const std::string name = man_page_name(words);
        if (wanted.empty() ? words.empty() : name == wanted || name == "sealcall-" + wanted) {
            std::cout << man_page(line, words);
            return exit_status::kOk;
        }
    }
    throw Problem("There is no command \"" + printable(context.options.man_command, 40) + "\".",
                  "See `sealcall --help`.", exit_status::kUsage);
}

int run_completion(const Context& context) {
    std::cout << completion_script(context.line, context.options.shell);
    return exit_status::kOk;
}

int run_devices(const Context& context) {
    const fs::path program = roles_directory(context.options.global) / "sealcall-devices";
    std::cout.flush();
    const pid_t pid = ::fork();
    if (pid == 0) {
        const char* json = context.json() ? "--json" : nullptr;
        ::execl(program.c_str(), "sealcall-devices", json, static_cast<char*>(nullptr));
        ::_exit(127);
    }
    int status = 0;
    while (pid > 0 && ::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) == 127)
        throw Problem("The sound devices could not be listed: " + program.string() + " did not run.",
                      "Install sealcall as a whole.");
    return WEXITSTATUS(status);
}

}  // namespace sealcall::cli
