// Any text where a list of programs should be: a state, the same one twice, or a Problem.
#include "program_list.h"

#include "problem.h"
#include "tests/fuzz/seeded.h"

using namespace sealcall;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Bytes seed = [] {
        const std::string digest(64, 'a');
        return to_bytes(as_bytes("# list\nrole guard\nfile " + digest + " /g /usr/g\nrole enclave\nfile " + digest +
                                 " /e /usr/e # one\nfile " + digest + " /lib/c.so /lib/c.so\n"));
    }();
    const Bytes list = fuzz::own_or_patched(fuzz::input(data, size), seed);
    try {
        const auto entries = reference::from_program_list(as_chars(list), "input");
        CHECK(entries.size() >= 3 && entries.front().value.kind == rats::ReferenceKind::measurer);
        CHECK(reference::measured_state(as_chars(list)) == reference::measured_state(as_chars(list)));
    } catch (const cli::Problem&) {
    }
    return 0;
}
