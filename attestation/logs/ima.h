// The kernel's list of files that it measured (IMA), in both of its forms. Foreign bytes: an entry is what its line
// says only if its template hash is the hash of its fields, and it was measured only if the list replays to a quoted
// PCR 10.
//
//   ascii    10 91a1...(40 digits) ima-ng sha256:4f... /usr/bin/bash
//   binary   pcr u32, template hash 20 bytes, name length u32, name, data length u32, data; for the template "ima"
//   there is
//            no data length: file hash 20 bytes, name length u32, name. Little-endian (the kernel's own order on our
//            machines, or ima_canonical_fmt).
//   data     fields, each length u32 and bytes. d-ng: "sha256:" NUL digest; d-ngv2: "ima:sha256:" NUL digest; n-ng:
//   name NUL
//
// The template hash that stands in the lists is SHA-1. It extends the SHA-1 bank. Other banks: kernels before 5.8
// extend it padded with zeros, later ones the bank's own hash of the data. A violation (all-zero hash) extends 0xff
// instead.
//
// Limits: kImaListMax bytes, kImaEntriesMax entries, kImaFieldsMax bytes of one entry. Streaming: an entry is read into
// memory that is used again, so memory does not grow with the list.
#pragma once

#include <functional>
#include <span>

#include "attestation/logs/algorithms.h"

namespace sealcall::logs {

inline constexpr size_t kImaListMax = size_t{128} * 1024 * 1024;  ///< bytes
inline constexpr size_t kImaEntriesMax = 1'000'000;
inline constexpr size_t kImaFieldsMax = 64 * 1024;  ///< bytes of template data
inline constexpr size_t kImaNameMax = 4096;         ///< bytes of a file name: PATH_MAX

enum class ImaTemplate : uint8_t { ima, ima_ng, ima_sig, ima_buf, ima_ngv2, ima_sigv2 };

/// "ima-ng".
const char* template_name(ImaTemplate t);

/// One entry. The spans live until the next entry is read, or are part of the list.
struct ImaEntry {
    uint32_t index = 0;
    uint32_t pcr = 10;
    ImaTemplate form = ImaTemplate::ima_ng;
    std::array<std::byte, 20> template_hash{};  ///< as it stands in the list
    ByteSpan data;                              ///< what the template hash must be the hash of
    uint16_t file_algorithm = kSha1;            ///< 0: one that is not known here
    ByteSpan file_hash;                         ///< empty for a violation in the binary form
    std::string_view name;                      ///< path, or what the kernel measured; not safe for screens
    ByteSpan extra;                             ///< signature (ima-sig) or buffer (ima-buf); may be empty
    bool verity = false;                        ///< file_hash is of fs-verity's Merkle tree (ima-ngv2, "verity:")
    /// A file that was open for writing while it was measured: the list cannot say what was run.
    [[nodiscard]] bool violation() const {
        return std::ranges::all_of(template_hash, [](std::byte b) { return b == std::byte{0}; });
    }
};

/// Called for each entry in order; returns false to stop.
using ImaVisitor = std::function<bool(const ImaEntry&)>;

/// Reads a list of either form (the first byte tells: ascii begins with a blank or a digit). An empty list has no
/// entries. Errors: too_large, truncated, bad_value (with the number of the entry in `detail`).
Status visit_ima_list(ByteSpan list, const ImaVisitor& visit);
Status visit_ima_ascii(ByteSpan list, const ImaVisitor& visit);
Status visit_ima_binary(ByteSpan list, const ImaVisitor& visit);

/// What a bank gets extended for an entry that is no violation.
enum class ImaRule : uint8_t {
    padded_sha1,  ///< SHA-1 template hash, then zeros (kernels before 5.8)
    bank_hash,    ///< the bank's hash of the template data (5.8 and later)
};

/// Replays PCR 10 of one bank by one rule, entry by entry. The last entry's digest waits: it is extended together with
/// the hash of the next entry (sha256_pair.h).
class ImaReplay {
  public:
    /// `bank` must be replayable. SHA-1 knows one rule: both are the same there.
    ImaReplay(uint16_t bank, ImaRule rule);
    void add(const ImaEntry& entry);
    [[nodiscard]] AnyDigest value() const;
    /// The value before the last entry was added: costs nothing.
    [[nodiscard]] ByteSpan value_before_last() const { return value_.view(); }
    /// What the last entry extends: the bank's size, all of one algorithm.
    [[nodiscard]] ByteSpan last_extended() const { return ByteSpan(waiting_).first(hasher_.size()); }
    [[nodiscard]] uint16_t bank() const { return hasher_.algorithm(); }
    [[nodiscard]] ImaRule rule() const { return rule_; }

  private:
    Hasher hasher_;
    ImaRule rule_;
    bool pairs_;
    bool waits_ = false;
    AnyDigest value_;
    std::array<std::byte, kDigestMax> waiting_{};
};

/// Says whether template hashes are those of the data. Violations are never honest: they say nothing.
class ImaHashCheck {
  public:
    [[nodiscard]] bool is_honest(const ImaEntry& entry);

  private:
    Hasher sha1_{kSha1};
};

/// What a whole list comes to.
struct ImaSummary {
    size_t entries = 0;
    size_t violations = 0;
    size_t dishonest = 0;  ///< entries whose template hash is not the hash of their data
    uint32_t first_dishonest = UINT32_MAX;
    AnyDigest sha1;                           ///< PCR 10 after the list, SHA-1 bank
    AnyDigest sha256_padded;                  ///< SHA-256 bank by the old rule
    AnyDigest sha256;                         ///< SHA-256 bank by the new rule
    std::optional<AnyDigest> boot_aggregate;  ///< file hash of the first entry, if that is "boot_aggregate"
    uint16_t boot_aggregate_algorithm = 0;
};

/// Errors: those of visit_ima_list.
Result<ImaSummary> summarize_ima(ByteSpan list);

/// The shortest prefix of a list that gives a PCR 10 value: the list grows while the TPM quotes.
struct ImaPrefix {
    size_t entries = 0;
    ImaRule rule = ImaRule::bank_hash;
};
/// Tries the rule of today, then that of old kernels; nothing if no prefix gives it. An empty prefix gives the reset
/// value. Errors: those of visit_ima_list, for entries before the prefix ends.
Result<std::optional<ImaPrefix>> find_ima_prefix(ByteSpan list, uint16_t bank, ByteSpan pcr10);

/// The two rules of the first entry: PCR 0 to 7, or 0 to 9 (kernel 5.8 and later for banks other than SHA-1).
enum class BootAggregateRule : uint8_t { pcr_0_to_7, pcr_0_to_9 };
/// Hash of the PCRs of one bank, one after the other; `pcrs` holds at least PCR 0 to 9 of `bank`.
AnyDigest boot_aggregate(uint16_t bank, std::span<const AnyDigest> pcrs, BootAggregateRule rule);

/// Template data of an ima-ng entry, for tests and laboratories. `algorithm` must be replayable.
Bytes encode_ima_ng(uint16_t algorithm, ByteSpan file_hash, std::string_view name);
/// One binary entry of it in PCR 10, with an honest template hash.
Bytes encode_ima_binary(ImaTemplate form, ByteSpan data);

}  // namespace sealcall::logs
