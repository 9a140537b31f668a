#include "attestation/logs/device_path.h"

#include "attestation/logs/event_data.h"
#include "attestation/logs/little_reader.h"

namespace sealcall::logs {
namespace {

template <class... T>
std::string print(const char* format, T... values) {
    char text[128];
    std::snprintf(text, sizeof text, format, values...);
    return text;
}

/// (type, subtype) as one number.
constexpr uint32_t node(uint32_t type, uint32_t subtype) { return type << 8 | subtype; }

std::string unknown(uint32_t kind, ByteSpan body) {
    return print("Path(%u,%u,%zu bytes)", kind >> 8, kind & 0xff, body.size());
}

Result<std::string> acpi(LittleReader r) {
    TRY(const uint32_t hid, r.u32());
    TRY(const uint32_t uid, r.u32());
    constexpr uint32_t kPnp0a03 = 0x0a0341d0, kPnp0a08 = 0x0a0841d0;
    if (hid == kPnp0a03) return print("PciRoot(0x%x)", uid);
    if (hid == kPnp0a08) return print("PcieRoot(0x%x)", uid);
    return print("Acpi(0x%x,0x%x)", hid, uid);
}

Result<std::string> hard_drive(LittleReader r) {
    TRY(const uint32_t partition, r.u32());
    TRY(const uint64_t start, r.u64());
    TRY(const uint64_t size, r.u64());
    TRY(const ByteSpan signature, r.bytes(16));
    TRY(const uint8_t format, r.u8());
    TRY(const uint8_t kind, r.u8());
    const std::string where =
        print(",0x%llx,0x%llx)", static_cast<unsigned long long>(start), static_cast<unsigned long long>(size));
    const std::string head = print("HD(%u,", partition);
    if (kind == 2) return head + "GPT," + Guid::of(signature).text() + where;
    LittleReader mbr(signature);
    return head + print("%s,0x%08x", format == 1 ? "MBR" : "-", *mbr.u32()) + where;
}

Result<std::string> two_u16(const char* format, LittleReader r) {
    TRY(const uint16_t a, r.u16());
    TRY(const uint16_t b, r.u16());
    return print(format, a, b);
}

Result<std::string> sata(LittleReader r) {
    TRY(const uint16_t port, r.u16());
    TRY(const uint16_t multiplier, r.u16());
    TRY(const uint16_t lun, r.u16());
    return print("Sata(0x%x,0x%x,0x%x)", port, multiplier, lun);
}

Result<std::string> nvme(LittleReader r) {
    TRY(const uint32_t space, r.u32());
    TRY(const uint64_t eui, r.u64());
    return print("NVMe(0x%x,%016llx)", space, static_cast<unsigned long long>(eui));
}

Result<std::string> pair_u8(const char* format, LittleReader r) {
    TRY(const uint8_t first, r.u8());
    TRY(const uint8_t second, r.u8());
    return print(format, second, first);
}

Result<std::string> offset_range(LittleReader r) {
    TRY(const uint32_t reserved, r.u32());
    static_cast<void>(reserved);
    TRY(const uint64_t start, r.u64());
    TRY(const uint64_t end, r.u64());
    return print("Offset(0x%llx,0x%llx)", static_cast<unsigned long long>(start), static_cast<unsigned long long>(end));
}

Result<std::string> named_guid(const char* name, LittleReader r) {
    TRY(const ByteSpan guid, r.bytes(16));
    return std::string(name) + "(" + Guid::of(guid).text() + ")";
}

Result<std::string> node_text(uint32_t kind, ByteSpan body) {
    const LittleReader r(body);
    switch (kind) {
        case node(1, 1):
            return pair_u8("Pci(0x%x,0x%x)", r);
        case node(1, 4):
            return named_guid("VenHw", r);
        case node(2, 1):
            return acpi(r);
        case node(3, 2):
            return two_u16("Scsi(0x%x,0x%x)", r);
        case node(3, 5): {
            LittleReader usb = r;
            TRY(const uint8_t port, usb.u8());
            TRY(const uint8_t interface, usb.u8());
            return print("USB(0x%x,0x%x)", port, interface);
        }
        case node(3, 10):
            return named_guid("VenMsg", r);
        case node(3, 11):
            return std::string("MAC()");
        case node(3, 12):
            return std::string("IPv4()");
        case node(3, 13):
            return std::string("IPv6()");
        case node(3, 18):
            return sata(r);
        case node(3, 23):
            return nvme(r);
        case node(3, 24):
            return "Uri(" + ascii_text(body) + ")";
        case node(4, 1):
            return hard_drive(r);
        case node(4, 3):
            return named_guid("VenMedia", r);
        case node(4, 4):
            return utf16_text(body);
        case node(4, 6):
            return named_guid("FvFile", r);
        case node(4, 7):
            return named_guid("Fv", r);
        case node(4, 8):
            return offset_range(r);
        default:
            return unknown(kind, body);
    }
}

}  // namespace

Result<DevicePath> parse_device_path(ByteSpan in) {
    DevicePath out;
    LittleReader r(in);
    for (size_t nodes = 0; !r.done(); ++nodes) {
        if (nodes == kDevicePathNodesMax) return Error{Errc::too_large, "device path nodes", 0};
        TRY(const uint8_t type, r.u8());
        TRY(const uint8_t subtype, r.u8());
        TRY(const uint16_t length, r.u16());
        if (length < 4) return Error{Errc::bad_value, "device path node", static_cast<uint32_t>(r.offset())};
        TRY(const ByteSpan body, r.bytes(length - 4U));
        if (type == 0x7f) {
            if (subtype == 0xff) return out;
            continue;  // the end of one instance; another follows
        }
        TRY(const std::string text, node_text(node(type, subtype), body));
        if (!out.text.empty()) out.text += '/';
        out.text += text;
        if (node(type, subtype) == node(4, 4)) out.file += text;
        if (out.text.size() > 4 * kTextMax) return Error{Errc::too_large, "device path text", 0};
    }
    return out;
}

Result<ImageLoad> parse_image_load(ByteSpan in) {
    LittleReader r(in);
    ImageLoad out;
    TRY(const uint64_t location, r.u64());
    static_cast<void>(location);
    TRY(out.length, r.u64());
    TRY(const uint64_t link_address, r.u64());
    static_cast<void>(link_address);
    TRY(const uint64_t path_length, r.u64());
    TRY(const ByteSpan path, r.bytes(path_length));
    TRY(out.path, parse_device_path(path));
    return out;
}

}  // namespace sealcall::logs
