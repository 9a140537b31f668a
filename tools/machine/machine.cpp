#include "tools/machine/machine.h"

#include "attestation/binding.h"
#include "attestation/logs/ima.h"
#include "attestation/logs/tcg_event_log.h"

namespace sealcall::lab {
namespace {

namespace type = logs::event_type;

void little(Bytes& out, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out.push_back(static_cast<std::byte>(value >> (8 * i)));
}

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

/// UEFI_IMAGE_LOAD_EVENT of a program in a file: no address, and a device path of the file and an end.
Bytes image_load(std::string_view path) {
    Bytes nodes;
    little(nodes, 0x0404, 2);
    little(nodes, 4 + 2 * (path.size() + 1), 2);
    for (char c : path) little(nodes, static_cast<uint8_t>(c), 2);
    little(nodes, 0, 2);
    little(nodes, 0x0004ff7f, 4);
    Bytes out;
    for (int i = 0; i < 3; ++i) little(out, 0, 8);
    little(out, nodes.size(), 8);
    out.insert(out.end(), nodes.begin(), nodes.end());
    return out;
}

Bytes text(std::string_view s) { return to_bytes(as_bytes(s)); }

}  // namespace

Digest ImaList::measure(std::string_view path, const Digest& file) {
    const Bytes data = logs::encode_ima_ng(logs::kSha256, file, path);
    const Bytes entry = logs::encode_ima_binary(logs::ImaTemplate::ima_ng, data);
    bytes_.insert(bytes_.end(), entry.begin(), entry.end());
    return attestation::sha256(data);
}

Machine::Machine(const BootParts& parts) {
    if (parts.hcrtm) event(0, type::kEfiHcrtmEvent, text("HCRTM"), as_bytes(*parts.hcrtm));
    event(0, type::kSCrtmVersion, text(parts.firmware), as_bytes(parts.firmware));
    event(2, type::kEfiBootServicesDriver, {}, as_bytes("option ROM"));
    const Bytes variable = secure_boot_variable(parts.secure_boot);
    event(7, type::kEfiVariableDriverConfig, variable, variable);
    const Bytes separator(4);
    for (uint8_t pcr = 0; pcr < 8; ++pcr) event(pcr, type::kSeparator, separator, separator);
    event(4, type::kEfiBootServicesApplication, image_load("\\EFI\\debian\\grubx64.efi"), as_bytes(parts.boot_loader));
    if (parts.launched) {
        event(17, type::kEventTag, text("launched"), as_bytes(*parts.launched));
        event(18, type::kEventTag, text("launch authority"), as_bytes("launch authority"));
    }
    const uint8_t begins = parts.hcrtm ? 4 : 0;
    extended_.emplace_back(uint8_t{10}, list_.begin(boot_aggregate(begins)));
}

Digest Machine::boot_aggregate(uint8_t pcr0_begins) const {
    ByteWriter all;
    for (uint8_t pcr = 0; pcr < 10; ++pcr) {
        Digest value{};
        if (pcr == 0) value.back() = std::byte{pcr0_begins};
        for (const auto& [p, digest] : extended_) {
            ByteWriter w;
            if (p == pcr) value = attestation::sha256(w.bytes(value).bytes(digest).view());
        }
        all.bytes(value);
    }
    return attestation::sha256(all.view());
}

void Machine::event(uint8_t pcr, uint32_t event_type, Bytes data, ByteSpan measured) {
    const Digest digest = attestation::sha256(measured);
    events_.push_back({.pcr = pcr, .type = event_type, .digest = digest, .data = std::move(data)});
    extended_.emplace_back(pcr, digest);
}

Digest Machine::run(std::string_view path, std::string_view contents) {
    const Digest digest = list_.measure(path, attestation::sha256(as_bytes(contents)));
    extended_.emplace_back(uint8_t{10}, digest);
    return digest;
}

Bytes Machine::boot_log() const {
    const std::array algorithms{logs::LogAlgorithm{.number = logs::kSha256, .size = 32}};
    std::vector<logs::NewEvent> events;
    for (const Event& e : events_)
        events.push_back({.pcr = e.pcr, .type = e.type, .digests = {logs::AnyDigest::of(e.digest)}, .data = e.data});
    return logs::encode_event_log(algorithms, events).value();
}

}  // namespace sealcall::lab
