// The audit log as a file that others may have written: any bytes are read to the first line that breaks the chain.
#include <cstdint>

#include "audit_log.h"
#include "sealcall/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto report = sealcall::cli::read_audit({reinterpret_cast<const char*>(data), size});
    CHECK(report.head.size() == 64);
    CHECK(report.holds() == report.problem.empty());
    return 0;
}
