// Where a launcher puts the copies of the roles: in nobody else's hands, whatever the environment says.
#include "tools/sealcall/launcher/private_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "tests/unit/sandbox/child.h"

namespace sealcall::launcher {
namespace {

using test::As;

constexpr uid_t kSomebodyElse = 61998;

/// A directory of the calling user that XDG_RUNTIME_DIR names.
class RuntimeDir {
  public:
    RuntimeDir() {
        if (::mkdtemp(path_.data()) == nullptr) std::abort();
        ::setenv("XDG_RUNTIME_DIR", path_.c_str(), 1);
    }
    RuntimeDir(const RuntimeDir&) = delete;
    RuntimeDir& operator=(const RuntimeDir&) = delete;
    ~RuntimeDir() { ::rmdir(path_.c_str()); }
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_ = "/tmp/sealcall-runtime-XXXXXX";
};

std::string parent_of_store() {
    auto store = PrivateStore::create(Isolation::directory);
    return store ? store->root().parent_path().string() : std::string();
}

class Store : public testing::TestWithParam<As> {};
INSTANTIATE_TEST_SUITE_P(Users, Store, testing::Values(As::self, As::nobody));

TEST_P(Store, IsInTheUsersOwnRuntimeDirectory) {
    const int status = test::in_child(GetParam(), [] {
        const RuntimeDir dir;
        // 0700 is no place for root: the roles' users could not pass.
        if (::geteuid() == 0 && (parent_of_store() != "/tmp" || ::chmod(dir.path().c_str(), 0711) != 0)) return 2;
        return parent_of_store() == dir.path() ? 0 : 1;
    });
    EXPECT_TRUE(test::exited_with(status, 0)) << status;
}

TEST_P(Store, IsNotWhereOthersMayWrite) {
    for (const mode_t mode : {0770, 0707, 0777, 01777}) {
        const int status = test::in_child(GetParam(), [mode] {
            const RuntimeDir dir;
            if (::chmod(dir.path().c_str(), mode) != 0) return 2;
            return parent_of_store() == "/tmp" ? 0 : 1;
        });
        EXPECT_TRUE(test::exited_with(status, 0)) << status << ", mode " << std::oct << mode;
    }
}

TEST(StoreOfRoot, IsNotInAnotherUsersRuntimeDirectory) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
    const int status = test::in_child(As::self, [] {
        const RuntimeDir dir;
        if (::chown(dir.path().c_str(), kSomebodyElse, kSomebodyElse) != 0) return 2;
        return parent_of_store() == "/tmp" ? 0 : 1;
    });
    EXPECT_TRUE(test::exited_with(status, 0)) << status;
}

}  // namespace
}  // namespace sealcall::launcher
