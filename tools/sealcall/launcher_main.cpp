// The program `sealcall-launcher`: what `sealcall phone`, and `sealcall call` when no phone runs, become. It has the
// same command line, and stays as long as the phone runs.
#include "program.h"

int main(int argc, char** argv) {
    using namespace sealcall::cli;
    constexpr Command kCommands[] = {{"phone", run_phone},
                                     {"call", run_call_with_own_phone},
                                     {"audit export", run_audit_export}};  // of a phone that sends its records on
    return run_program(argc, argv, kCommands);
}
