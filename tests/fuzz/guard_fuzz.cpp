// What sealcall-guard reads: requests of any member of its group, and two files of root's, which are read with care all
// the same: what is accepted names plain paths, begins with the guard and ends with the enclave.
#include "enclave/guard/approved.h"
#include "enclave/guard/boot.h"
#include "enclave/guard/sealed_boot.h"
#include "tests/fuzz/seeded.h"

using namespace sealcall;

namespace {

template <class T>
void try_message(ByteSpan in) {
    if (const auto m = ipc::decode_message<T>(in)) CHECK(equal_bytes(ipc::encode_message(*m), in));
}

void try_list(std::string_view text) {
    const auto roles = guard::parse_approved(text);
    if (!roles) return;
    CHECK(roles->front().role == "guard" && roles->back().role == "enclave");
    for (const auto& role : *roles) {
        CHECK(role.role != "cap" && !role.files.empty());
        for (const auto& f : role.files)
            CHECK(f.place.starts_with('/') && f.source.starts_with('/') && f.place.find("/../") == std::string::npos);
    }
    (void)guard::capped_value(*roles);
}

std::string list() {
    const std::string file = "file " + std::string(64, 'a') + " /lib/x.so /lib/x.so # library\n";
    return "role guard\n" + file + "role host\n" + file + "role enclave\n" + file + file;
}

std::string escrow() {
    std::string out;
    for (const char* name : {"device", "owner", "endorsement", "lockout"})
        out += std::string(name) + " " + std::string(64, '5') + "\n";
    return out;
}

}  // namespace

/// The first byte chooses what is tried, the second as in own_or_patched.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const ByteSpan in = fuzz::input(data, size);
    if (in.empty()) return 0;
    const ByteSpan rest = in.subspan(1);
    switch (static_cast<unsigned>(in[0]) % 3) {
        case 0: {
            const Bytes seed = ipc::encode_message(ipc::GuardStart{.build = BoundedString<64>(SEALCALL_BUILD_ID)});
            const Bytes message = fuzz::own_or_patched(rest, seed);
            try_message<ipc::GuardStart>(message);
            try_message<ipc::GuardAsk>(message);
            try_message<guard::SealedBoot>(message);
            return 0;
        }
        case 1:
            try_list(as_chars(fuzz::own_or_patched(rest, as_bytes(list()))));
            return 0;
        default: {
            const Bytes text = fuzz::own_or_patched(rest, as_bytes(escrow()));
            if (const auto escrow = guard::parse_escrow(as_chars(text)))
                CHECK(guard::print_escrow(*escrow) == as_chars(text));
            return 0;
        }
    }
}
