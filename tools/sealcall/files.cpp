#include "files.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "problem.h"

namespace sealcall::cli {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void fail(const char* verb, const fs::path& file, int error) {
    throw Problem("The file " + file.string() + " could not be " + verb + ": " + std::strerror(error) + ".",
                  error == ENOSPC ? "Make room on the disk." : "Check the rights of the file and of its directory.");
}

void write_all(int fd, std::string_view content, const fs::path& file) {
    while (!content.empty()) {
        const ssize_t n = ::write(fd, content.data(), content.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) fail("written", file, errno);
        content.remove_prefix(static_cast<size_t>(n));
    }
}

}  // namespace

std::optional<std::string> read_file(const fs::path& file, size_t most) {
    UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!fd.valid()) {
        if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
        fail("read", file, errno);
    }
    std::string out;
    char buffer[16384];
    for (;;) {
        const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail("read", file, errno);
        if (n == 0) return out;
        out.append(buffer, static_cast<size_t>(n));
        if (out.size() > most) throw Problem("The file " + file.string() + " is larger than it can rightly be.", "");
    }
}

namespace {

/// Writes and syncs all of the new file `made`; without that there is none. `named` is what a person calls it.
void fill(const UniqueFd& fd, const std::string& made, std::string_view content, mode_t mode, const fs::path& named) {
    try {
        if (::fchmod(fd.get(), mode) != 0) fail("written", named, errno);
        write_all(fd.get(), content, named);
        if (::fsync(fd.get()) != 0) fail("written", named, errno);
    } catch (...) {
        ::unlink(made.c_str());
        throw;
    }
}

/// A whole, synced file under a name of its own beside `file`.
std::string write_beside(const fs::path& file, std::string_view content, mode_t mode) {
    std::string temporary = file.string() + ".XXXXXX";
    const UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
    if (!fd.valid()) fail("written", file, errno);
    fill(fd, temporary, content, mode, file);
    return temporary;
}

/// For file systems without hard links (FAT): a stop in the middle leaves a part of the file. False: there is one.
bool write_in_place(const fs::path& file, std::string_view content, mode_t mode) {
    const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd.valid() && errno == EEXIST) return false;
    if (!fd.valid()) fail("written", file, errno);
    fill(fd, file.string(), content, mode, file);
    return true;
}

}  // namespace

void write_file(const fs::path& file, std::string_view content, mode_t mode) {
    const std::string temporary = write_beside(file, content, mode);
    if (::rename(temporary.c_str(), file.c_str()) == 0) return;
    const int error = errno;
    ::unlink(temporary.c_str());
    fail("written", file, error);
}

bool write_new_file(const fs::path& file, std::string_view content, mode_t mode) {
    const std::string temporary = write_beside(file, content, mode);
    const int error = ::link(temporary.c_str(), file.c_str()) == 0 ? 0 : errno;
    ::unlink(temporary.c_str());
    if (error == EPERM || error == EOPNOTSUPP || error == ENOSYS) return write_in_place(file, content, mode);
    if (error != 0 && error != EEXIST) fail("written", file, error);
    return error == 0;
}

void export_file(const fs::path& file, std::string_view content, mode_t mode, bool replace) {
    std::error_code error;
    const fs::file_status there = fs::symlink_status(file, error);
    if (fs::exists(there) && !fs::is_regular_file(there))
        throw Problem(file.string() + " is no file that could be replaced.", "Give another name.", exit_status::kUsage);
    if (replace) return write_file(file, content, mode);
    if (!write_new_file(file, content, mode))
        throw Problem("There is a file " + file.string() + " already, and it stays as it is.",
                      "Give another name, or --force to replace it.", exit_status::kUsage);
}

void append_line(const fs::path& file, std::string_view line, mode_t mode) {
    UniqueFd fd(::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode));
    if (!fd.valid()) fail("written", file, errno);
    write_all(fd.get(), std::string(line) + "\n", file);
    if (::fsync(fd.get()) != 0) fail("written", file, errno);
}

UniqueFd lock_file(const fs::path& file, const std::string& busy, const std::string& next) {
    UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd.valid()) fail("opened", file, errno);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) throw Problem(busy, next);
        fail("locked", file, errno);
    }
    return fd;
}

bool is_locked(const fs::path& file) {
    UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd.valid()) return false;
    if (::flock(fd.get(), LOCK_SH | LOCK_NB) == 0) return false;
    return errno == EWOULDBLOCK;
}

std::string to_hex(ByteSpan bytes) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string out;
    for (std::byte b : bytes) {
        out += kDigits[static_cast<unsigned>(b) >> 4];
        out += kDigits[static_cast<unsigned>(b) & 15];
    }
    return out;
}

std::optional<Bytes> from_hex(std::string_view hex) {
    if (hex.size() % 2) return std::nullopt;
    const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
    Bytes out;
    for (size_t i = 0; i < hex.size(); i += 2) {
        const int high = digit(hex[i]), low = digit(hex[i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        out.push_back(static_cast<std::byte>(high << 4 | low));
    }
    return out;
}

Digest digest_of(ByteSpan bytes) {
    Digest out{};
    unsigned length = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), as_u8(out.data()), &length, EVP_sha256(), nullptr) != 1 ||
        length != out.size())
        throw Problem("SHA-256 is not available.", "Check the installation of OpenSSL.");
    return out;
}

std::string local_time(uint64_t wall_ms) {
    const auto seconds = static_cast<time_t>(wall_ms / 1000);
    tm local{};
    char text[64];
    if (!::localtime_r(&seconds, &local) || std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %z", &local) == 0)
        return "?";
    return text;
}

}  // namespace sealcall::cli
