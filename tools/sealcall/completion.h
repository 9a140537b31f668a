// Completion scripts for bash, zsh and fish from the definition of the command line. Pure text.
#pragma once

#include <string>

namespace sealcall::cli {

class CommandLine;

/// `shell`: "bash", "zsh" or "fish"; anything else is an empty script.
std::string completion_script(const CommandLine& line, const std::string& shell);

}  // namespace sealcall::cli
