#include "enclave/guard/approved.h"

#include <gtest/gtest.h>

namespace sealcall::guard {
namespace {

const std::string kDigest(64, 'a');
const std::string kGuard = "role guard\nfile " + kDigest + " /sealcall-guard /usr/libexec/sealcall/sealcall-guard\n";
const std::string kEnclave =
    "role enclave\nfile " + kDigest + " /sealcall-enclave /usr/libexec/sealcall/sealcall-enclave\n";

TEST(Approved, ReadsRolesInOrder) {
    const auto roles = parse_approved("# made by sealcall\n\n" + kGuard + "role host # network\nfile " + kDigest +
                                      "   /lib/x.so.1  /lib/x.so.1\n" + kEnclave);
    ASSERT_TRUE(roles);
    ASSERT_EQ(roles->size(), 3U);
    EXPECT_EQ((*roles)[1].role, "host");
    EXPECT_EQ((*roles)[1].files[0].source, "/lib/x.so.1");
    const auto measured = (*roles)[2].measured();
    EXPECT_EQ(measured.role, "enclave");
    EXPECT_EQ(measured.files[0].name, "sealcall-enclave");
    EXPECT_EQ(measured.files[0].digest[5], std::byte{0xaa});
}

TEST(Approved, RefusesWhatItDoesNotUnderstand) {
    for (const std::string& bad : {std::string(),
                                   kGuard,
                                   kEnclave,
                                   kEnclave + kGuard,
                                   kGuard + kGuard + kEnclave,
                                   kGuard + kEnclave + "x\n",
                                   kGuard + kEnclave + "role\n",
                                   kGuard + kEnclave + "role cap\n",
                                   kGuard + "role host\n" + kEnclave,
                                   kGuard + "role a b\n" + kEnclave,
                                   "file " + kDigest + " /a /b\n" + kGuard + kEnclave,
                                   kGuard + kEnclave + "file " + kDigest.substr(1) + " /a /b\n",
                                   kGuard + kEnclave + "file " + std::string(64, 'A') + " /a /b\n",
                                   kGuard + kEnclave + "file " + kDigest + " a /b\n",
                                   kGuard + kEnclave + "file " + kDigest + " /../a /b\n",
                                   kGuard + kEnclave + "file " + kDigest + " /a/.. /b\n",
                                   kGuard + kEnclave + "file " + kDigest + " /a /b/\n",
                                   kGuard + kEnclave + "file " + kDigest + " /a //b\n",
                                   kGuard + kEnclave + "file " + kDigest + " /a /b /c\n",
                                   kGuard + kEnclave + "file " + kDigest + " /" + std::string(256, 'a') + " /b\n",
                                   kGuard + "role enclave\n"})
        EXPECT_FALSE(parse_approved(bad)) << bad;
    EXPECT_FALSE(parse_approved(std::string(kApprovedMax + 1, '\n')));
}

}  // namespace
}  // namespace sealcall::guard
