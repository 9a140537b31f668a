// Files of the guard: root's own, small, whole.
#pragma once

#include <filesystem>

#include "sealcall/base/bytes.h"
#include "sealcall/base/unique_fd.h"

namespace sealcall::guard {

/// The whole file, if it is ours and nobody else's to write. Errors: not_found; not_permitted (owner or mode);
/// too_large; io.
Result<Bytes> read_own_file(const std::filesystem::path& path, size_t max);

/// Writes beside it, syncs, renames: after a crash there is the old one or the new one. Mode 0600. Errors: io.
Status write_own_file(const std::filesystem::path& path, ByteSpan content);

/// SHA-256 of what `from` reads until its end; copied to `to` on the way unless that is -1. Errors: io.
Result<Digest> hash_file(int from, int to);

}  // namespace sealcall::guard
