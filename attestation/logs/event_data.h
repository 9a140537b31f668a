// What stands in event data, and whether it is proven: event data is free text by whoever wrote the log, and counts
// only where it hashes to the digest that was extended. Digests of code (applications, firmware blobs, files) are
// hashes of that code: their data is a claim and stays one.
#pragma once

#include "attestation/logs/tcg_event_log.h"

namespace sealcall::logs {

/// Which part of the data hashes to the event's digest. What different firmware and boot loaders really hash.
enum class Proof : uint8_t {
    none,          ///< nothing fits: the data is a claim
    data,          ///< all of it
    all_but_last,  ///< a variable authority without its last byte (older shim and firmware)
    variable,      ///< the contents of a UEFI variable, without its name
    text,          ///< the text behind the prefix "grub_cmd: ", "kernel_cmdline: ", ..., with or without its NUL
    name,          ///< the ASCII form of UTF-16 text, with its NUL: the section names of systemd-stub
};

/// Tries them in turn, for the bank of `hasher`. At most four hashes of the data.
Proof prove(const EventLog& log, const LogEvent& event, Hasher& hasher);

/// True for types whose digest is a hash of the data by the specification: no proof is then worth a warning.
bool should_prove(const LogEvent& event);

inline constexpr size_t kTextMax = 1024;  ///< characters; what is longer ends in "..."

/// ASCII up to the first NUL; everything that is not printable ASCII as \x1b. Safe for screens and JSON.
std::string ascii_text(ByteSpan data);
/// UTF-16LE up to the first NUL; what is not printable ASCII as \u00e4.
std::string utf16_text(ByteSpan data);
/// Whichever of the two the data looks like.
std::string any_text(ByteSpan data);

/// A prefix of boot loaders ("grub_cmd: ", "kernel_cmdline: ", "module_cmdline: ", "grub_kernel_cmdline ", "grub_cmd
/// "); empty if the data has none.
std::string_view loader_prefix(ByteSpan data);

}  // namespace sealcall::logs
