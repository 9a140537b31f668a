// Any variable, signature database and image load event: bounded, and text that is safe for a screen.
#include "attestation/logs/device_path.h"
#include "attestation/logs/event_data.h"
#include "tests/fuzz/seeded.h"
#include "tests/unit/logs/new_log.h"

using namespace sealcall;
using namespace sealcall::logs;

namespace {

void check_text(const std::string& text) {
    for (char c : text) CHECK(c >= 0x20 && c < 0x7f);
}

Bytes database() {
    std::string list(28 + 2 * 48, '\0');
    const unsigned char sha256[] = {0x26, 0x16, 0xc4, 0xc1, 0x4c, 0x50, 0x92, 0x40,
                                    0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28};
    for (size_t i = 0; i < 16; ++i) list[i] = static_cast<char>(sha256[i]);
    list[16] = 28 + 2 * 48;
    list[24] = 48;
    return test::variable(kEfiImageSecurity, "db", list);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Bytes seed = database();
    const Bytes in = fuzz::own_or_patched(fuzz::input(data, size), seed);
    if (const auto v = parse_uefi_variable(in)) {
        check_text(v->name);
        CHECK(v->data.size() + v->trailing <= in.size());
        if (const auto db = parse_signature_database(v->data)) CHECK(db->certificates.size() <= kCertificatesMax);
        if (const auto cert = authority_certificate(v->data)) check_text(cert->subject);
    }
    static_cast<void>(parse_signature_database(in));
    if (const auto path = parse_device_path(in)) {
        check_text(path->text);
        check_text(path->file);
    }
    if (const auto image = parse_image_load(in)) check_text(image->path.text);
    check_text(any_text(in));
    return 0;
}
