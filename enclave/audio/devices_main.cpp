// sealcall-devices: prints what the sound system offers, one JSON object a line. For `sealcall devices`; no role of a
// phone.
#include <cstdio>
#include <cstring>

#include "enclave/audio/device.h"

namespace {

// Names come from drivers and configuration: everything but printable ASCII and UTF-8 bytes is escaped.
void print_string(const std::string& s) {
    std::putchar('"');
    for (char c : s) {
        const auto u = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\')
            std::printf("\\%c", c);
        else if (u < 0x20 || u == 0x7f)
            std::printf("\\u%04x", u);
        else
            std::putchar(c);
    }
    std::putchar('"');
}

const char* yes_no(bool b) { return b ? "true" : "false"; }

void print_device(const sealcall::audio::DeviceInfo& d) {
    std::printf("{\"index\":%d,\"name\":", d.index);
    print_string(d.name);
    std::printf(",\"host_api\":");
    print_string(d.host_api);
    std::printf(
        ",\"inputs\":%d,\"outputs\":%d,\"default_input\":%s,\"default_output\":%s,\"default_rate\":%.0f,\"rates\":[",
        d.inputs, d.outputs, yes_no(d.default_input), yes_no(d.default_output), d.default_rate);
    for (size_t i = 0; i < d.rates.size(); ++i) std::printf("%s%u", i == 0 ? "" : ",", d.rates[i]);
    std::puts("]}");
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 1 && std::strcmp(argv[1], "--help") == 0) {
        std::puts(
            "usage: sealcall-devices [--json]\n"
            "Prints sound devices as JSON, one a line. Exit status: 0 done, 1 no sound system.");
        return 0;
    }
    if (argc > 2 || (argc == 2 && std::strcmp(argv[1], "--json") != 0)) {  // it is JSON anyway
        std::fputs("usage: sealcall-devices [--json]\n", stderr);
        return 2;
    }
    auto devices = sealcall::audio::list_devices();
    if (!devices) {
        std::fprintf(stderr, "sealcall-devices: %s\n", devices.error().what);
        return 1;
    }
    for (const auto& d : *devices) print_device(d);
    return 0;
}
