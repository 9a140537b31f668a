// What other programs and the kernel print for the launcher: `ld.so --list` and /proc/PID/status.
#include <cstddef>
#include <cstdint>

#include "tools/sealcall/launcher/closure.h"
#include "tools/sealcall/launcher/process_report.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace sealcall;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (auto found = launcher::parse_loader_list(text))
        for (const auto& path : *found) CHECK(path.is_absolute());
    (void)launcher::parse_proc_status(text);
    return 0;
}
