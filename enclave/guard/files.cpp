#include "enclave/guard/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "enclave/tpm/policy_digest.h"

namespace sealcall::guard {
namespace {

constexpr size_t kProgramMax = 128UL << 20;  // libcrypto, the largest, has 5 MB; a sanitizer's enclave 84

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

/// Until the end, `max` bytes at most.
Status read_all(int fd, size_t max, Bytes& out) {
    constexpr size_t kStep = 64 * 1024;
    size_t got = 0;
    out.reserve(2 * kStep);  // what is small, secrets for one, is never moved
    for (;;) {
        out.resize(got + kStep);
        const ssize_t n = ::read(fd, out.data() + got, kStep);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return system_error("read");
        got += static_cast<size_t>(n);
        out.resize(got);
        if (n == 0) return {};
        if (got > max) return Error{Errc::too_large, "file", 0};
    }
}

}  // namespace

Result<Bytes> read_own_file(const std::filesystem::path& path, size_t max) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!fd.valid()) return system_error("open");
    struct stat st {};
    if (::fstat(fd.get(), &st) != 0) return system_error("stat");
    if (!S_ISREG(st.st_mode) || st.st_uid != ::geteuid() || (st.st_mode & 022) != 0)
        return Error{Errc::not_permitted, "a file of the guard that others can write", st.st_mode};
    Bytes out;
    TRY_STATUS(read_all(fd.get(), max, out));
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
    Bytes all;
    TRY_STATUS(read_all(from, kProgramMax, all));
    if (to >= 0) TRY_STATUS(write_all(to, all));
    return tpm::sha256(all);
}

}  // namespace sealcall::guard
