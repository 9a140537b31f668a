// sealcall's own measurement log: one record per role, in TCG Canonical Event Log form (CEL 1.0, 5.1, CEL-TLV).
// Written by the launcher, read by the verifier. Foreign to the reader.
//
//   record   = recnum  0x00 len=8  u64       counts from 0
//              pcr     0x01 len=1  u8
//              digests 0x03 len=37 { 0x0b len=32 SHA-256 of the content, tag and length included }
//              content 0x53 len    { 0x00 role (UTF-8), 0x01 executable (32), 0x02 manifest (32), 0x03 files (u16) }
//   Tags are one byte, lengths u32, all big-endian. 0x53 is our own content type.
#pragma once

#include <span>

#include "sealcall/rats/types.h"

namespace sealcall::attestation {

inline constexpr size_t kCelMax = 8192;  ///< bytes
inline constexpr size_t kCelRecordsMax = 32;
inline constexpr size_t kMeasuredFilesMax = 1024;

/// One file of a role's closure as it was copied for execution.
struct MeasuredFile {
    std::string name;  ///< base name, at most 255 bytes
    Digest digest{};   ///< SHA-256 of the contents
};

/// A role and all files that its process executes: the executable first, then loader and libraries in any order.
struct MeasuredRole {
    std::string role;  ///< "enclave"; 1 to 32 bytes
    std::vector<MeasuredFile> files;
};

/// What a record says: the file list stays at home (it is a map of somebody's weaknesses), its digest goes out.
struct CelRecord {
    uint64_t number = 0;
    uint8_t pcr = 0;
    Digest digest{};
    std::string role;
    Digest executable{};
    Digest manifest{};
    uint16_t files = 0;
    Bytes content;  ///< the bytes that `digest` must be the hash of
};

/// SHA-256 over (u16 length, name, digest) of every file, sorted by name: the same files give the same manifest.
Digest manifest_digest(const MeasuredRole& role);

/// What is extended into the PCR for this role: SHA-256 of the record's content.
Digest cel_digest(const MeasuredRole& role);

/// The log of these roles, in the order in which they were extended into `pcr`. Errors: bad_value, too_large.
Result<Bytes> encode_cel(std::span<const MeasuredRole> roles, uint8_t pcr);

/// Reads a whole log; record numbers must count from 0. Does not compare `digest` with the content: is_honest does.
Result<std::vector<CelRecord>> parse_cel(ByteSpan in);

/// True when the record's digest is the hash of what the record says.
bool is_honest(const CelRecord& record);

}  // namespace sealcall::attestation
