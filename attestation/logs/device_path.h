// Device paths of UEFI as text (UEFI 2.10, 10.3 and 10.6.1.6), and the image load events that hold them. Foreign bytes;
// what they say is a claim: the digest of an image event is a hash of the image, not of its path.
#pragma once

#include "attestation/logs/uefi_variable.h"

namespace sealcall::logs {

inline constexpr size_t kDevicePathNodesMax = 64;

struct DevicePath {
    std::string text;  ///< "PciRoot(0x0)/Pci(0x3,0x0)/HD(1,GPT,...)/\EFI\BOOT\BOOTX64.EFI"
    std::string file;  ///< the file alone, if a file is named; nodes of one file are joined
    bool operator==(const DevicePath&) const = default;
};

/// Ends at the end node or with the bytes. Errors: truncated, bad_value (a node shorter than its header), too_large.
Result<DevicePath> parse_device_path(ByteSpan in);

/// UEFI_IMAGE_LOAD_EVENT (PFP 1.05, 10.2.3): where the image lay in memory, its length, its path. Errors: as above.
struct ImageLoad {
    uint64_t length = 0;  ///< bytes of the image in memory
    DevicePath path;
};
Result<ImageLoad> parse_image_load(ByteSpan in);

}  // namespace sealcall::logs
