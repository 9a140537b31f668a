// A role's closure: its executable, the loader and every library it is linked with. Copied once into the private store,
// hashed while copying, executed from there: what was hashed is what runs.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "attestation/cel.h"
#include "sealcall/base/unique_fd.h"

namespace sealcall::launcher {

/// One file of a closure as the dynamic loader found it.
struct ClosureFile {
    std::filesystem::path source;
    std::filesystem::path place;  ///< where it stands under the role's root, absolute
};

struct Closure {
    std::filesystem::path executable;   ///< under the role's root: "/sealcall-host"
    std::filesystem::path loader;       ///< under the role's root, as the executable's PT_INTERP names it
    std::filesystem::path library_dir;  ///< under the role's root; holds every library
    std::vector<ClosureFile> files;     ///< executable first
};

/// What `ld.so --list` printed. Lines are "name => /path (0x...)" or "/path (0x...)"; the kernel's own object has no
/// path. Errors: not_found (a library is missing), bad_value (not the loader's form), too_large.
Result<std::vector<std::filesystem::path>> parse_loader_list(std::string_view text);

/// Asks the dynamic loader, in an empty environment, what `executable` is linked with. Runs none of its code.
/// Errors: not_found, io, bad_value, timeout.
Result<Closure> find_closure(const std::filesystem::path& executable);

/// The loader of this very program (PT_INTERP); roles are built for the same one. Errors: not_found (static program).
Result<std::filesystem::path> own_loader();

/// Copies files into one directory and remembers what was copied, so that a library of several roles lies there once.
class FileStore {
  public:
    /// `root`: a directory that nobody else can write.
    explicit FileStore(std::filesystem::path root);

    /// Copies the closure below `role_root` (made here, inside the store) and measures the copies. Errors: io,
    /// not_found.
    Result<attestation::MeasuredRole> place(const Closure& closure, std::string_view role,
                                            const std::filesystem::path& role_root);

  private:
    struct Copied {
        std::filesystem::path file;
        Digest digest{};
    };
    Result<Copied> copy(const std::filesystem::path& source);

    std::filesystem::path files_;
    std::map<std::filesystem::path, Copied> copied_;
};

}  // namespace sealcall::launcher
