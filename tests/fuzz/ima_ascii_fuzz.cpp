// Any list in the ascii form: bounded, and nobody changes a list without changing its replay or its honesty.
#include "tests/fuzz/ima_checks.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    sealcall::fuzz::check_ima(sealcall::fuzz::input(data, size), sealcall::fuzz::ima_seed_ascii(),
                              sealcall::logs::visit_ima_ascii);
    return 0;
}
