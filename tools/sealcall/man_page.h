// Manual pages (man(7) roff) from the definition of the command line. Pure text.
#pragma once

#include <string>
#include <vector>

namespace sealcall::cli {

class CommandLine;

/// "sealcall", "sealcall-call", "sealcall-authority-init".
std::string man_page_name(const std::vector<std::string>& words);
/// The whole page of one command. The words must name a command.
std::string man_page(const CommandLine& line, const std::vector<std::string>& words);

}  // namespace sealcall::cli
