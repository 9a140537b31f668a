// Entries from a golden machine's evidence: what its logs say was extended. Nothing is approved by being collected.
// The caller has seen to it that the logs are that machine's (`sealcall evidence replay --pcrs`). Throws Problem.
#pragma once

#include "reference_store.h"
#include "sealcall/base/bytes.h"

namespace sealcall::reference {

/// Events of the firmware's log in `pcrs` (bit n: PCR n), SHA-256 bank.
std::vector<Entry> from_boot_log(ByteSpan log, uint32_t pcrs, const std::string& source);
/// The kernel's list: PCR 10, the SHA-256 template hash of each entry. Violations and entries that are not what their
/// hash says are left out and counted in `left_out`. The first one, boot_aggregate, is no program and is left out too:
/// each machine has another, and a phone computes it from what was quoted.
std::vector<Entry> from_ima_list(ByteSpan list, const std::string& source, size_t& left_out);
/// sealcall's own log (CEL): one role each. The guard is what measured the others.
std::vector<Entry> from_sealcall_log(ByteSpan log, const std::string& source);
/// Reference values of a CoRIM whose measurement key is the number of a PCR and whose digests are what is extended
/// into it. A signed one needs `key_file` (JWK or PEM), and holds by it or is refused. Profiles whose digests are whole
/// PCR values (Parsec's) are refused: a value that a PCR ends in approves no event.
std::vector<Entry> from_corim(ByteSpan file, ByteSpan key_file, const std::string& source, size_t& left_out);
/// A file that a package will install, as the kernel will measure it (template ima-ng).
Entry from_file(ByteSpan content, const std::string& path);
/// A boot loader or kernel that the firmware will start: PCR 4.
Entry from_boot_image(ByteSpan image, const std::string& name);

}  // namespace sealcall::reference
