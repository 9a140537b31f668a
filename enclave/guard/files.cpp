#include "enclave/guard/files.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

namespace sealcall::guard {
namespace {

Error system_error(const char* what) {
    const Errc code = errno == ENOENT ? Errc::not_found : Errc::io;
    return Error{code, what, static_cast<uint32_t>(errno)};
}

Status write_all(int fd, ByteSpan bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return system_error("write");
        bytes = bytes.subspan(static_cast<size_t>(n));
    }
    return {};
}

struct FreeDigest {
    void operator()(EVP_MD_CTX* p) const { EVP_MD_CTX_free(p); }
};

}  // namespace

Result<Bytes> read_own_file(const std::filesystem::path& path, size_t max) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!fd.valid()) return system_error("open");
    struct stat st {};
    if (::fstat(fd.get(), &st) != 0) return system_error("stat");
    if (!S_ISREG(st.st_mode) || st.st_uid != ::geteuid() || (st.st_mode & 022) != 0)
        return Error{Errc::not_permitted, "a file of the guard that others can write", st.st_mode};
    if (st.st_size < 0 || static_cast<uint64_t>(st.st_size) > max) return Error{Errc::too_large, "file", 0};
    Bytes out(static_cast<size_t>(st.st_size));
    size_t got = 0;
    while (got < out.size()) {
        const ssize_t n = ::read(fd.get(), out.data() + got, out.size() - got);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return Error{Errc::io, "read", n < 0 ? static_cast<uint32_t>(errno) : 0};
        got += static_cast<size_t>(n);
    }
    return out;
}

Status write_own_file(const std::filesystem::path& path, ByteSpan content) {
    const std::string fresh = path.string() + ".new";
    UniqueFd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd.valid()) return system_error("create");
    TRY_STATUS(write_all(fd.get(), content));
    if (::fsync(fd.get()) != 0) return system_error("fsync");
    fd.reset();
    if (::rename(fresh.c_str(), path.c_str()) != 0) return system_error("rename");
    const UniqueFd dir(::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!dir.valid() || ::fsync(dir.get()) != 0) return system_error("fsync");
    return {};
}

Result<Digest> hash_file(int from, int to) {
    const std::unique_ptr<EVP_MD_CTX, FreeDigest> hash(EVP_MD_CTX_new());
    if (!hash || EVP_DigestInit_ex(hash.get(), EVP_sha256(), nullptr) != 1)
        return Error{Errc::crypto_failed, "SHA-256", 0};
    std::array<std::byte, 64 * 1024> block;
    for (;;) {
        const ssize_t n = ::read(from, block.data(), block.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return system_error("read");
        if (n == 0) break;
        const ByteSpan part = ByteSpan(block).first(static_cast<size_t>(n));
        if (EVP_DigestUpdate(hash.get(), part.data(), part.size()) != 1) return Error{Errc::crypto_failed, "SHA-256"};
        if (to >= 0) TRY_STATUS(write_all(to, part));
    }
    Digest out{};
    if (EVP_DigestFinal_ex(hash.get(), as_u8(out.data()), nullptr) != 1) return Error{Errc::crypto_failed, "SHA-256"};
    return out;
}

}  // namespace sealcall::guard
