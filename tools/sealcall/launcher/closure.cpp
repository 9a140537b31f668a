#include "tools/sealcall/launcher/closure.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <openssl/evp.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

#include "sealcall/base/hex.h"
#include "tools/sealcall/launcher/command_output.h"

namespace sealcall::launcher {
namespace {

namespace fs = std::filesystem;

constexpr size_t kListMax = 64 * 1024;  // bytes of `ld.so --list`
constexpr Millis kListDeadline{5000};
constexpr off_t kFileMax = 256 << 20;  // bytes; a role or library beyond this is a mistake

Error system_error(const char* what) {
    return {errno == ENOENT ? Errc::not_found : Errc::io, what, static_cast<uint32_t>(errno)};
}

using DigestContext = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

Status write_all(int fd, ByteSpan bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return system_error("write copy");
        bytes = bytes.subspan(static_cast<size_t>(n));
    }
    return {};
}

// The bytes that are hashed are the bytes that are written: the source is read once.
Result<Digest> copy_and_hash(int from, int to) {
    const DigestContext hash(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    if (!hash || EVP_DigestInit_ex(hash.get(), EVP_sha256(), nullptr) != 1)
        return Error{Errc::crypto_failed, "SHA-256", 0};
    std::vector<std::byte> buffer(1 << 20);
    off_t total = 0;
    for (;;) {
        const ssize_t n = ::read(from, buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return system_error("read original");
        if (n == 0) break;
        total += n;
        if (total > kFileMax) return Error{Errc::too_large, "file of a role", 0};
        const auto part = ByteSpan(buffer).first(static_cast<size_t>(n));
        if (EVP_DigestUpdate(hash.get(), part.data(), part.size()) != 1)
            return Error{Errc::crypto_failed, "SHA-256", 0};
        TRY_STATUS(write_all(to, part));
    }
    Digest digest{};
    if (EVP_DigestFinal_ex(hash.get(), as_u8(digest.data()), nullptr) != 1)
        return Error{Errc::crypto_failed, "SHA-256", 0};
    return digest;
}

class OpenUmask {
  public:
    OpenUmask() : before_(::umask(022)) {}
    ~OpenUmask() { ::umask(before_); }
    OpenUmask(const OpenUmask&) = delete;
    OpenUmask& operator=(const OpenUmask&) = delete;

  private:
    mode_t before_;
};

}  // namespace

Result<std::vector<fs::path>> parse_loader_list(std::string_view text) {
    if (text.size() > kListMax) return Error{Errc::too_large, "loader list", 0};
    std::vector<fs::path> out;
    while (!text.empty()) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        const size_t start = line.find_first_not_of(" \t");
        if (start == std::string_view::npos) continue;
        line.remove_prefix(start);
        if (line.ends_with("not found")) return Error{Errc::not_found, "library", 0};
        if (line == "statically linked") continue;
        if (const size_t arrow = line.find(" => "); arrow != std::string_view::npos) line.remove_prefix(arrow + 4);
        const size_t address = line.rfind(" (0x");
        if (address == std::string_view::npos || line.back() != ')') return Error{Errc::bad_value, "loader list", 0};
        line = line.substr(0, address);
        if (!line.starts_with('/')) {
            if (line.find('/') != std::string_view::npos) return Error{Errc::bad_value, "relative library", 0};
            continue;  // linux-vdso: mapped by the kernel, no file
        }
        if (out.size() >= attestation::kMeasuredFilesMax) return Error{Errc::too_large, "libraries", 0};
        out.emplace_back(line);
    }
    return out;
}

Result<fs::path> own_loader() {
    const auto* header = reinterpret_cast<const ElfW(Phdr)*>(::getauxval(AT_PHDR));
    const auto count = ::getauxval(AT_PHNUM);
    if (header == nullptr) return Error{Errc::not_found, "program headers", 0};
    const ElfW(Phdr)* self = nullptr;
    const ElfW(Phdr)* interpreter = nullptr;
    for (const auto& h : std::span(header, count)) {
        if (h.p_type == PT_PHDR) self = &h;
        if (h.p_type == PT_INTERP) interpreter = &h;
    }
    if (self == nullptr || interpreter == nullptr) return Error{Errc::not_found, "loader of this program", 0};
    const auto base = reinterpret_cast<uintptr_t>(header) - self->p_vaddr;
    return fs::path(reinterpret_cast<const char*>(base + interpreter->p_vaddr));
}

Result<Closure> find_closure(const fs::path& executable) {
    TRY(const fs::path loader, own_loader());
    std::error_code missing;
    if (!fs::is_regular_file(executable, missing)) return Error{Errc::not_found, "executable", 0};
    TRY(const std::string text,
        command_output({loader.string(), "--list", executable.string()}, kListMax, kListDeadline));
    TRY(const std::vector<fs::path> found, parse_loader_list(text));
    Closure c{.executable = fs::path("/") / executable.filename(), .loader = loader, .library_dir = {}, .files = {}};
    c.files.push_back({.source = executable, .place = c.executable});
    c.files.push_back({.source = loader, .place = loader});
    for (const fs::path& p : found)
        if (p.filename() == "libc.so.6") c.library_dir = p.parent_path();
    if (c.library_dir.empty()) return Error{Errc::not_found, "libc.so.6", 0};
    for (const fs::path& p : found)
        if (p != loader) c.files.push_back({.source = p, .place = c.library_dir / p.filename()});
    return c;
}

FileStore::FileStore(fs::path root) : files_(std::move(root) / "files") {}

Result<FileStore::Copied> FileStore::copy(const fs::path& source) {
    if (auto known = copied_.find(source); known != copied_.end()) return known->second;
    if (::mkdir(files_.c_str(), 0700) != 0 && errno != EEXIST) return system_error("store");
    UniqueFd from(::open(source.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!from.valid()) return system_error("open original");
    const fs::path fresh = files_ / "new";
    UniqueFd to(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!to.valid()) return system_error("create copy");
    TRY(const Digest digest, copy_and_hash(from.get(), to.get()));
    if (::fchmod(to.get(), 0555) != 0) return system_error("mode of copy");
    to.reset();  // a file open for writing cannot be executed
    Copied c{.file = files_ / to_hex(digest), .digest = digest};
    if (::rename(fresh.c_str(), c.file.c_str()) != 0) return system_error("name of copy");
    copied_.emplace(source, c);
    return c;
}

Result<attestation::MeasuredRole> FileStore::place(const Closure& closure, std::string_view role,
                                                   const fs::path& role_root) {
    attestation::MeasuredRole measured{.role = std::string(role), .files = {}};
    const OpenUmask directories_for_roles_of_other_users;
    for (const ClosureFile& f : closure.files) {
        TRY(const Copied copied, copy(f.source));
        const fs::path target = role_root / f.place.relative_path();
        std::error_code failed;
        fs::create_directories(target.parent_path(), failed);
        if (failed) return Error{Errc::io, "role root", static_cast<uint32_t>(failed.value())};
        if (::link(copied.file.c_str(), target.c_str()) != 0) return system_error("link copy");
        measured.files.push_back({.name = f.place.filename().string(), .digest = copied.digest});
    }
    return measured;
}

}  // namespace sealcall::launcher
