// What the programs of the command line have in common: reading the line, running one command, and turning every
// failure into words, a next step and an exit status.
#pragma once

#include <span>
#include <string_view>

#include "commands.h"

namespace sealcall::cli {

using Runner = int (*)(const Context&);
struct Command {
    std::string_view name;  ///< "authority token create"
    Runner run;
};

/// The whole of main(): the exit status. `commands`: those that this program has.
int run_program(int argc, char** argv, std::span<const Command> commands);

}  // namespace sealcall::cli
