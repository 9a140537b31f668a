#include "enclave/sandbox/seccomp.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstddef>

#include "enclave/sandbox/arch.h"

namespace sealcall::sandbox {
namespace {

constexpr uint32_t kNumberAt = offsetof(seccomp_data, nr);
constexpr uint32_t kArchAt = offsetof(seccomp_data, arch);

sock_filter load_word(uint32_t offset) { return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset); }
sock_filter give_back(uint32_t action) { return BPF_STMT(BPF_RET | BPF_K, action); }
sock_filter unless_equal_skip(uint32_t value, uint8_t skip) {
    return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip);
}

uint32_t low_half_of_argument(uint8_t index) {
    const uint32_t at = static_cast<uint32_t>(offsetof(seccomp_data, args)) + 8U * index;
    return std::endian::native == std::endian::little ? at : at + 4;
}

uint32_t action_of(const Rule& rule) {
    return rule.errno_value == 0 ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | rule.errno_value;
}

// One row:  number?  [load, mask, compare]...  return.  A failed comparison goes on with the next row, which needs the
// number in the accumulator again.
void append_rule(std::vector<sock_filter>& out, const Rule& rule, uint32_t own_pid) {
    const ArgCheck* checks[] = {&rule.first, &rule.second};
    uint8_t used = 0;
    for (const auto* c : checks) used = static_cast<uint8_t>(used + (c->index != ArgCheck::kNone ? 1 : 0));
    const auto number = static_cast<uint32_t>(rule.number);
    if (used == 0) {
        out.push_back(unless_equal_skip(number, 1));
        out.push_back(give_back(action_of(rule)));
        return;
    }
    out.push_back(unless_equal_skip(number, static_cast<uint8_t>(3 * used + 2)));
    uint8_t left = used;
    for (const auto* c : checks) {
        if (c->index == ArgCheck::kNone) continue;
        --left;
        out.push_back(load_word(low_half_of_argument(c->index)));
        out.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, c->mask));
        const uint32_t value = c->value == ArgCheck::kOwnPid ? own_pid : c->value;
        out.push_back(unless_equal_skip(value, static_cast<uint8_t>(3 * left + 1)));
    }
    out.push_back(give_back(action_of(rule)));
    out.push_back(load_word(kNumberAt));
}

}  // namespace

std::vector<sock_filter> compile(std::span<const Table> tables, Otherwise otherwise, uint32_t own_pid) {
    std::vector<sock_filter> out;
    out.push_back(load_word(kArchAt));
    out.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kAuditArch, 1, 0));
    out.push_back(give_back(SECCOMP_RET_KILL_PROCESS));
    out.push_back(load_word(kNumberAt));
    // Numbers of another calling convention of the same architecture (x32) would slip past the rows below.
    out.push_back(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kForeignNumbers, 0, 1));
    out.push_back(give_back(SECCOMP_RET_KILL_PROCESS));
    for (const Table& table : tables)
        for (const Rule& rule : table) append_rule(out, rule, own_pid);
    out.push_back(give_back(otherwise == Otherwise::kill ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ALLOW));
    CHECK(out.size() <= BPF_MAXINSNS);
    return out;
}

Status load(std::span<const sock_filter> program) {
    const sock_fprog p{.len = static_cast<unsigned short>(program.size()),
                       .filter = const_cast<sock_filter*>(program.data())};  // the kernel only reads it
    const long r = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &p);
    // TSYNC answers with the id of a thread that could not be brought along.
    if (r != 0) return Error{Errc::not_permitted, "seccomp", static_cast<uint32_t>(r < 0 ? errno : EBUSY)};
    return {};
}

}  // namespace sealcall::sandbox
