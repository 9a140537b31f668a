#include "attestation/logs/event_data.h"

#include "attestation/logs/uefi_variable.h"

namespace sealcall::logs {
namespace {

constexpr std::string_view kPrefixes[] = {
    "grub_cmd: ", "kernel_cmdline: ", "module_cmdline: ", "grub_cmd ", "grub_kernel_cmdline ", "grub_module_cmdline "};

void append_unit(std::string& out, uint32_t unit, int digits) {
    if (unit >= 0x20 && unit < 0x7f) {
        out += static_cast<char>(unit);
        return;
    }
    char text[8];
    std::snprintf(text, sizeof text, digits == 2 ? "\\x%02x" : "\\u%04x", unit);
    out += text;
}

uint32_t unit_at(ByteSpan data, size_t at) {
    return static_cast<uint32_t>(data[at]) | static_cast<uint32_t>(data[at + 1]) << 8;
}

ByteSpan without_nul(ByteSpan data) {
    return !data.empty() && data.back() == std::byte{0} ? data.first(data.size() - 1) : data;
}

/// UTF-16 text that is ASCII throughout, as ASCII with its NUL; empty if it is anything else.
Bytes as_ascii(ByteSpan data) {
    Bytes out;
    if (data.size() < 4 || data.size() % 2 != 0 || data.size() > 2 * kTextMax) return out;
    for (size_t at = 0; at + 1 < data.size(); at += 2) {
        if (data[at + 1] != std::byte{0} || static_cast<unsigned>(data[at]) >= 0x80) return {};
        out.push_back(data[at]);
    }
    if (out.back() != std::byte{0}) out.push_back(std::byte{0});
    return out;
}

bool is_variable(uint32_t type) {
    return type == event_type::kEfiVariableDriverConfig || type == event_type::kEfiVariableBoot ||
           type == event_type::kEfiVariableBoot2 || type == event_type::kEfiVariableAuthority;
}

Proof prove_variable(const LogEvent& event, ByteSpan digest, Hasher& hasher) {
    const auto fits = [&](ByteSpan image) { return equal_bytes(hasher.hash(image).view(), digest); };
    const auto variable = parse_uefi_variable(event.data);
    if (!variable) return Proof::none;
    // The last byte is then behind the variable's contents: what is left out says nothing.
    if (event.type == event_type::kEfiVariableAuthority && variable->trailing > 0 &&
        fits(event.data.first(event.data.size() - 1)))
        return Proof::all_but_last;
    // Only where the profile hashes the contents alone: a name that is not hashed must not be believed elsewhere.
    if (event.type == event_type::kEfiVariableBoot && fits(variable->data)) return Proof::variable;
    return Proof::none;
}

}  // namespace

std::string_view loader_prefix(ByteSpan data) {
    for (std::string_view prefix : kPrefixes)
        if (as_chars(data).starts_with(prefix)) return prefix;
    return {};
}

Proof prove(const EventLog& log, const LogEvent& event, Hasher& hasher) {
    const ByteSpan digest = log.digest_of(event, hasher.algorithm());
    if (!event.extends() || digest.size() != hasher.size()) return Proof::none;
    const auto fits = [&](ByteSpan image) { return equal_bytes(hasher.hash(image).view(), digest); };
    if (fits(event.data)) return Proof::data;
    if (is_variable(event.type)) return prove_variable(event, digest, hasher);
    if (event.type != event_type::kIpl) return Proof::none;
    const std::string_view prefix = loader_prefix(event.data);
    if (!prefix.empty()) {
        const ByteSpan text = event.data.subspan(prefix.size());
        return fits(without_nul(text)) || fits(text) ? Proof::text : Proof::none;
    }
    if (const Bytes name = as_ascii(event.data); !name.empty() && fits(name)) return Proof::name;
    return Proof::none;
}

bool should_prove(const LogEvent& event) {
    switch (event.type) {
        case event_type::kSeparator:
        case event_type::kAction:
        case event_type::kSCrtmVersion:
        case event_type::kEfiVariableDriverConfig:
        case event_type::kEfiVariableBoot:
        case event_type::kEfiVariableBoot2:
        case event_type::kEfiVariableAuthority:
        case event_type::kEfiAction:
        case event_type::kEfiGptEvent:
            return true;
        case event_type::kIpl:
            return event.pcr == 8 || event.pcr == 12;
        default:
            return false;
    }
}

std::string ascii_text(ByteSpan data) {
    std::string out;
    for (std::byte b : data) {
        if (b == std::byte{0}) break;
        if (out.size() >= kTextMax) return out + "...";
        append_unit(out, static_cast<uint32_t>(b), 2);
    }
    return out;
}

std::string utf16_text(ByteSpan data) {
    std::string out;
    for (size_t at = 0; at + 1 < data.size(); at += 2) {
        const uint32_t unit = unit_at(data, at);
        if (unit == 0) break;
        if (out.size() >= kTextMax) return out + "...";
        append_unit(out, unit, 4);
    }
    return out;
}

std::string any_text(ByteSpan data) {
    const bool wide = data.size() >= 4 && data.size() % 2 == 0 && data[1] == std::byte{0} && data[0] != std::byte{0} &&
                      data[3] == std::byte{0};
    return wide ? utf16_text(data) : ascii_text(data);
}

}  // namespace sealcall::logs
