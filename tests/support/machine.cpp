#include "tests/support/machine.h"

#include <openssl/sha.h>

#include "attestation/binding.h"
#include "attestation/logs/tcg_event_log.h"

namespace sealcall::test {
namespace {

namespace type = logs::event_type;

void little(Bytes& out, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out.push_back(static_cast<std::byte>(value >> (8 * i)));
}

void append(Bytes& out, ByteSpan more) { out.insert(out.end(), more.begin(), more.end()); }

/// UEFI_VARIABLE_DATA of SecureBoot, a Boolean of EFI_GLOBAL_VARIABLE.
Bytes secure_boot_variable(bool on) {
    Bytes out;
    for (int b : {0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c})
        out.push_back(static_cast<std::byte>(b));
    constexpr std::string_view kName = "SecureBoot";
    little(out, kName.size(), 8);
    little(out, 1, 8);
    for (char c : kName) little(out, static_cast<uint8_t>(c), 2);
    little(out, on ? 1 : 0, 1);
    return out;
}

}  // namespace

Machine::Machine(bool secure_boot, std::string_view boot_loader) {
    event(0, type::kSCrtmVersion, to_bytes(as_bytes("firmware 1.2")), as_bytes("firmware 1.2"));
    event(2, type::kEfiBootServicesDriver, {}, as_bytes("option ROM"));
    const Bytes variable = secure_boot_variable(secure_boot);
    event(7, type::kEfiVariableDriverConfig, variable, variable);
    const Bytes separator(4);
    for (uint8_t pcr = 0; pcr < 8; ++pcr) event(pcr, type::kSeparator, separator, separator);
    event(4, type::kEfiBootServicesApplication, {}, as_bytes(boot_loader));
    // The kernel's list begins with the aggregate of the boot: SHA-256 over PCR 0 to 9.
    ByteWriter all;
    for (uint8_t pcr = 0; pcr < 10; ++pcr) {
        Digest value{};
        for (const auto& [p, digest] : extended_) {
            ByteWriter w;
            if (p == pcr) value = attestation::sha256(w.bytes(value).bytes(digest).view());
        }
        all.bytes(value);
    }
    measure("boot_aggregate", attestation::sha256(all.view()));
}

void Machine::event(uint8_t pcr, uint32_t event_type, Bytes data, ByteSpan measured) {
    const Digest digest = attestation::sha256(measured);
    events_.push_back({.pcr = pcr, .type = event_type, .digest = digest, .data = std::move(data)});
    extended_.emplace_back(pcr, digest);
}

Digest Machine::run(std::string_view path, std::string_view contents) {
    return measure(path, attestation::sha256(as_bytes(contents)));
}

Digest Machine::measure(std::string_view path, const Digest& file) {
    Bytes data;
    constexpr std::string_view kAlgorithm("sha256:\0", 8);
    little(data, kAlgorithm.size() + file.size(), 4);
    append(data, as_bytes(kAlgorithm));
    append(data, file);
    little(data, path.size() + 1, 4);
    append(data, as_bytes(path));
    data.push_back(std::byte{0});

    constexpr std::string_view kTemplate = "ima-ng";
    std::array<std::byte, SHA_DIGEST_LENGTH> sha1{};
    SHA1(as_u8(data.data()), data.size(), as_u8(sha1.data()));
    little(runtime_log_, 10, 4);
    append(runtime_log_, sha1);
    little(runtime_log_, kTemplate.size(), 4);
    append(runtime_log_, as_bytes(kTemplate));
    little(runtime_log_, data.size(), 4);
    append(runtime_log_, data);
    const Digest extended = attestation::sha256(data);
    extended_.emplace_back(uint8_t{10}, extended);
    return extended;
}

Bytes Machine::boot_log() const {
    const std::array algorithms{logs::LogAlgorithm{.number = logs::kSha256, .size = 32}};
    std::vector<logs::NewEvent> events;
    for (const Event& e : events_)
        events.push_back({.pcr = e.pcr, .type = e.type, .digests = {logs::AnyDigest::of(e.digest)}, .data = e.data});
    return logs::encode_event_log(algorithms, events).value();
}

}  // namespace sealcall::test
