// Files of a profile or an authority: read whole and bounded, written whole or not at all. Throws Problem.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "sealcall/base/bytes.h"
#include "sealcall/base/unique_fd.h"

namespace sealcall::cli {

inline constexpr size_t kFileMax = 1024 * 1024;  ///< bytes

/// Nothing if there is no such file; Problem if it cannot be read or is larger than `most` bytes.
std::optional<std::string> read_file(const std::filesystem::path& file, size_t most = kFileMax);
/// Replaces the file in one step (temporary file, fsync, rename).
void write_file(const std::filesystem::path& file, std::string_view content, mode_t mode);
inline void write_file(const std::filesystem::path& file, ByteSpan content, mode_t mode) {
    write_file(file, as_chars(content), mode);
}
/// Makes the file whole if there is none of that name; one that is there stays as it is, and the answer is false.
bool write_new_file(const std::filesystem::path& file, std::string_view content, mode_t mode);
/// For a person who named the file: one that is there stays unless `replace`, and what is no file (a device, a
/// directory, a link) is never replaced. Throws Problem.
void export_file(const std::filesystem::path& file, std::string_view content, mode_t mode, bool replace);
/// Appends one line with fsync; the file is made with `mode`.
void append_line(const std::filesystem::path& file, std::string_view line, mode_t mode);

/// Holds a lock file until it ends; Problem with `busy` as its sentence if another process holds it.
UniqueFd lock_file(const std::filesystem::path& file, const std::string& busy, const std::string& next);
/// True if another process holds the lock now.
bool is_locked(const std::filesystem::path& file);

std::string to_hex(ByteSpan bytes);
std::optional<Bytes> from_hex(std::string_view hex);
/// SHA-256.
Digest digest_of(ByteSpan bytes);
/// "2026-11-20 23:10:11 +0000" in the local zone, from milliseconds since 1970 UTC.
std::string local_time(uint64_t wall_ms);

}  // namespace sealcall::cli
