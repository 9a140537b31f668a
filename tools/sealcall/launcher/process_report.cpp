#include "tools/sealcall/launcher/process_report.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <optional>
#include <string>

namespace sealcall::launcher {
namespace {

constexpr size_t kProcFileMax = 64 * 1024;

std::string read_proc(pid_t pid, const char* name) {
    const std::string path = "/proc/" + std::to_string(pid) + "/" + name;
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::string text;
    char part[4096];
    while (fd.valid() && text.size() < kProcFileMax) {
        const ssize_t n = ::read(fd.get(), part, sizeof part);
        if (n <= 0) break;
        text.append(part, static_cast<size_t>(n));
    }
    return text;
}

std::optional<uint64_t> number(std::string_view text, int base) {
    const size_t start = text.find_first_not_of(" \t");
    if (start == std::string_view::npos) return {};
    text.remove_prefix(start);
    uint64_t v = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), v, base).ec != std::errc{}) return {};
    return v;
}

// The rest of the line that begins with `name`.
std::optional<std::string_view> field(std::string_view text, std::string_view name) {
    size_t at = 0;
    while (at < text.size()) {
        const size_t end = std::min(text.find('\n', at), text.size());
        const std::string_view line = text.substr(at, end - at);
        if (line.starts_with(name)) return line.substr(name.size());
        at = end + 1;
    }
    return {};
}

uint64_t field_number(std::string_view text, std::string_view name, int base = 10) {
    const auto rest = field(text, name);
    return rest ? number(*rest, base).value_or(0) : 0;
}

ino_t namespace_of(pid_t pid, const char* kind) {
    struct stat st {};
    const std::string path = "/proc/" + std::to_string(pid) + "/ns/" + kind;
    return ::stat(path.c_str(), &st) == 0 ? st.st_ino : 0;
}

bool own_namespace(pid_t pid, const char* kind) {
    const ino_t theirs = namespace_of(pid, kind);
    return theirs != 0 && theirs != namespace_of(::getpid(), kind);
}

// Files of an undumpable process belong to root, whoever it runs as; of a root process they do anyway.
bool seen_undumpable(pid_t pid, uint32_t uid, bool its_word) {
    struct stat st {};
    const std::string path = "/proc/" + std::to_string(pid) + "/status";
    if (::stat(path.c_str(), &st) != 0) return false;
    return uid == 0 ? its_word : st.st_uid != uid;
}

// utime and stime, fields 14 and 15; the second field is in parentheses and may hold blanks.
uint32_t cpu_ms(pid_t pid) {
    const std::string text = read_proc(pid, "stat");
    size_t at = text.rfind(')');
    uint64_t ticks = 0;
    for (int f = 3; at != std::string::npos && f <= 15; ++f) {
        at = text.find(' ', at);
        if (at == std::string::npos) break;
        ++at;
        if (f >= 14) ticks += number(std::string_view(text).substr(at), 10).value_or(0);
    }
    const long per_second = ::sysconf(_SC_CLK_TCK);
    return per_second > 0 ? static_cast<uint32_t>(ticks * 1000 / static_cast<uint64_t>(per_second)) : 0;
}

}  // namespace

Result<ProcStatus> parse_proc_status(std::string_view text) {
    const auto uid = field(text, "Uid:");
    const auto effective = field(text, "CapEff:");
    const auto permitted = field(text, "CapPrm:");
    if (!uid || !effective || !permitted) return Error{Errc::bad_value, "/proc/PID/status", 0};
    ProcStatus s;
    s.uid = static_cast<uint32_t>(number(*uid, 10).value_or(0));
    s.seccomp_mode = static_cast<int>(field_number(text, "Seccomp:"));
    s.seccomp_filters = static_cast<int>(field_number(text, "Seccomp_filters:"));
    s.no_new_privs = field_number(text, "NoNewPrivs:") == 1;
    s.no_capabilities = number(*effective, 16) == uint64_t{0} && number(*permitted, 16) == uint64_t{0};
    return s;
}

ipc::ProcessReport read_process(const KnownOfRole& known, RequestId request) {
    ipc::ProcessReport out;
    out.request = request;
    out.role = known.role;
    out.pid = static_cast<uint32_t>(known.pid);
    out.executable = known.executable;
    const bool self = known.pid == ::getpid();
    const auto status = parse_proc_status(read_proc(known.pid, "status"));
    if (!status) return out;
    out.uid = status->uid;
    // Every role inherits the launcher's short list; only a filter of its own counts as its sandbox.
    const auto ours = parse_proc_status(read_proc(::getpid(), "status"));
    const int inherited = self || !ours ? 0 : ours->seccomp_filters;
    out.seccomp = status->seccomp_mode == 2 && (status->seccomp_filters == 0 || status->seccomp_filters > inherited);
    out.no_new_privs = status->no_new_privs;
    out.no_capabilities = status->no_capabilities;
    out.landlock = known.landlock;
    out.undumpable = seen_undumpable(known.pid, status->uid, known.ready);
    if (!self) {
        out.user_namespace = own_namespace(known.pid, "user");
        out.mount_namespace = own_namespace(known.pid, "mnt");
        out.network_namespace = own_namespace(known.pid, "net");
    }
    out.pss_kib = static_cast<uint32_t>(field_number(read_proc(known.pid, "smaps_rollup"), "Pss:"));
    out.cpu_ms = cpu_ms(known.pid);
    return out;
}

}  // namespace sealcall::launcher
