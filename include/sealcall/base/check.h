// Broken invariants of our own end the process: never continue in a state nobody reasoned about.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace sealcall {

[[noreturn]] inline void check_failed(const char* what, const char* file, int line) {
    std::fprintf(stderr, "event=check_failed what=\"%s\" at=%s:%d\n", what, file, line);
    std::abort();
}

}  // namespace sealcall

/// Ends the process when a condition that our own code guarantees does not hold.
#define CHECK(cond)                                                            \
    do {                                                                       \
        if (!(cond)) ::sealcall::check_failed(#cond, __FILE_NAME__, __LINE__); \
    } while (0)
