#include "enclave/sandbox/secret_heap.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <map>
#include <string>

#include "tests/unit/sandbox/child.h"

namespace sealcall {
namespace {

using test::As;

struct Probe {
    int status = -1;
    std::map<std::string, std::string> said;
};

Probe run(const char* which, As as, rlim_t memlock_bytes) {
    Probe out;
    int pipe_fds[2];
    if (::pipe2(pipe_fds, O_CLOEXEC) != 0) return out;
    out.status = test::in_child(as, [&] {
        ::dup2(pipe_fds[1], 1);
        const rlimit limit{.rlim_cur = memlock_bytes, .rlim_max = memlock_bytes};
        ::setrlimit(RLIMIT_MEMLOCK, &limit);
        ::execl(SECRET_HEAP_PROBE, "secret_heap_probe", which, nullptr);
        return 127;
    });
    ::close(pipe_fds[1]);
    std::string text(4096, '\0');
    const ssize_t n = ::read(pipe_fds[0], text.data(), text.size());
    ::close(pipe_fds[0]);
    text.resize(n > 0 ? static_cast<size_t>(n) : 0);
    size_t at = 0;
    while (at < text.size()) {
        const size_t end = text.find('\n', at);
        const std::string line = text.substr(at, end - at);
        const size_t eq = line.find('=');
        if (eq != std::string::npos) out.said[line.substr(0, eq)] = line.substr(eq + 1);
        at = end == std::string::npos ? text.size() : end + 1;
    }
    return out;
}

constexpr rlim_t kUsual = 8 << 20;

bool kernel_has_secret_memory() {
    const int fd = static_cast<int>(::syscall(SYS_memfd_secret, O_CLOEXEC));
    if (fd >= 0) ::close(fd);
    return fd >= 0;
}

class SecretHeap : public testing::TestWithParam<As> {};
INSTANTIATE_TEST_SUITE_P(Users, SecretHeap, testing::Values(As::self, As::nobody));

TEST_P(SecretHeap, CannotBeReadFromOutsideWithTheUsualLimit) {
    if (!kernel_has_secret_memory()) GTEST_SKIP() << "this kernel has no memfd_secret";
    Probe p = run("kind", As::self, kUsual);
    EXPECT_TRUE(test::exited_with(p.status, 0)) << p.status;
    EXPECT_EQ(p.said["kind"], std::to_string(SEALCALL_HEAP_SECRET));
    EXPECT_EQ(p.said["proc_mem"], "unreadable");
}

TEST_P(SecretHeap, FallsBackAndSaysSoWhenLockedMemoryIsShort) {
    Probe p = run("kind", As::nobody, 64 << 10);
    EXPECT_TRUE(test::exited_with(p.status, 0)) << p.status;
    EXPECT_NE(p.said["kind"], std::to_string(SEALCALL_HEAP_SECRET));
}

TEST_P(SecretHeap, WipesWhatIsFreed) {
    Probe p = run("wipe", GetParam(), kUsual);
    EXPECT_TRUE(test::exited_with(p.status, 0)) << p.status;
    EXPECT_EQ(p.said["dirty"], "0");
}

TEST_P(SecretHeap, KeepsBlocksApartAcrossThreads) {
    Probe p = run("churn", GetParam(), kUsual);
    EXPECT_TRUE(test::exited_with(p.status, 0)) << p.status;
    EXPECT_EQ(p.said["broken"], "0");
    EXPECT_EQ(p.said["leaked"], "0");
}

TEST_P(SecretHeap, GrowsIntoWeakerMemoryRatherThanFail) {
    Probe p = run("grow", As::nobody, kUsual);
    EXPECT_TRUE(test::exited_with(p.status, 0)) << p.status;
    EXPECT_EQ(p.said["right"], "200");
    EXPECT_EQ(p.said["too_much"], "refused");
    EXPECT_LT(p.said["after"], std::to_string(SEALCALL_HEAP_SECRET));
}

TEST_P(SecretHeap, GrowsAfterLockDown) {
    Probe p = run("grow_locked_down", GetParam(), kUsual);
    EXPECT_TRUE(test::exited_with(p.status, 0)) << p.status;
    EXPECT_EQ(p.said["right"], "200");
    // The second arena just fits the usual limit; later ones are not locked, and the heap goes on all the same.
    EXPECT_EQ(p.said["second"], std::to_string(SEALCALL_HEAP_LOCKED)) << "locking is refused after lock-down";
    EXPECT_EQ(p.said["after"], std::to_string(SEALCALL_HEAP_ORDINARY));
}

TEST_P(SecretHeap, CarriesOpenSslAfterLockDownWithoutAnyFile) {
    Probe p = run("openssl", GetParam(), kUsual);
    EXPECT_TRUE(test::exited_with(p.status, 0)) << p.status;
    EXPECT_EQ(p.said["handshake"], "done");
    RecordProperty("live_kib", p.said["live_kib"]);
}

}  // namespace
}  // namespace sealcall
