#include "enclave/sandbox/landlock.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "enclave/sandbox/capabilities.h"
#include "tests/unit/sandbox/child.h"

namespace sealcall::sandbox {
namespace {

using test::As;
using test::exited_with;
using test::in_child;

bool can_open(const char* path, int flags) {
    const int fd = ::open(path, flags);
    if (fd >= 0) ::close(fd);
    return fd >= 0;
}

class Landlock : public testing::TestWithParam<As> {
  protected:
    void SetUp() override {
        if (landlock_abi() == 0) GTEST_SKIP() << "this kernel has no Landlock";
    }
};
INSTANTIATE_TEST_SUITE_P(Users, Landlock, testing::Values(As::self, As::nobody));

TEST_P(Landlock, DeniesAllFilesWithoutRules) {
    const int status = in_child(GetParam(), [] {
        ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (!can_open("/etc/passwd", O_RDONLY)) return 1;
        if (!landlock_restrict({}, TcpUse::none)) return 2;
        return !can_open("/etc/passwd", O_RDONLY) && errno == EACCES && !can_open("/", O_RDONLY | O_DIRECTORY) ? 0 : 3;
    });
    EXPECT_TRUE(exited_with(status, 0)) << status;
}

TEST_P(Landlock, AllowsReadingWhereARuleSaysSoAndNoMore) {
    const int status = in_child(GetParam(), [] {
        ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        const FileRule rules[] = {
            {"/etc", FileUse::read}, {"/does/not/exist", FileUse::read}, {"/dev/null", FileUse::device}};
        if (!landlock_restrict(rules, TcpUse::none)) return 1;
        if (!can_open("/etc/passwd", O_RDONLY)) return 2;
        if (can_open("/usr/bin/env", O_RDONLY)) return 3;
        if (!can_open("/dev/null", O_RDWR)) return 4;
        char name[] = "/etc/passwd";
        char* const argv[] = {name, nullptr};
        ::execve(name, argv, nullptr);
        return errno == EACCES ? 0 : 5;
    });
    EXPECT_TRUE(exited_with(status, 0)) << status;
}

TEST(Capabilities, AreAllGoneAndCannotComeBack) {
    const int status = in_child(As::self, [] {
        if (!limit_capabilities(0)) return 1;
        __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
        __user_cap_data_struct data[2] = {};
        if (::syscall(SYS_capget, &header, data) != 0) return 2;
        if ((data[0].effective | data[0].permitted | data[0].inheritable | data[1].permitted) != 0) return 3;
        const bool was_root = ::getuid() == 0;
        if (was_root && ::prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN) != 0) return 4;
        data[0].permitted = data[0].effective = 1U << CAP_SYS_ADMIN;
        return ::syscall(SYS_capset, &header, data) == 0 ? 5 : 0;
    });
    EXPECT_TRUE(exited_with(status, 0)) << status;
}

TEST(Capabilities, KeepsWhatItIsTold) {
    if (::geteuid() != 0) GTEST_SKIP() << "a plain user has none";
    const int status = in_child(As::self, [] {
        if (!limit_capabilities(1ULL << CAP_SETUID)) return 1;
        __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
        __user_cap_data_struct data[2] = {};
        if (::syscall(SYS_capget, &header, data) != 0) return 2;
        return data[0].effective == 1U << CAP_SETUID && data[1].effective == 0 ? 0 : 3;
    });
    EXPECT_TRUE(exited_with(status, 0)) << status;
}

}  // namespace
}  // namespace sealcall::sandbox
