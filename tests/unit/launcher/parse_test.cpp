#include <gtest/gtest.h>

#include <csignal>

#include "tools/sealcall/launcher/child.h"
#include "tools/sealcall/launcher/closure.h"
#include "tools/sealcall/launcher/command_output.h"
#include "tools/sealcall/launcher/process_report.h"

namespace sealcall::launcher {
namespace {

TEST(LoaderList, ReadsLibrariesAndLoaderButNotTheVdso) {
    const auto r = parse_loader_list(
        "\tlinux-vdso.so.1 (0x00007ffc)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f2f)\n"
        "\t/lib64/ld-linux-x86-64.so.2 (0x00007f30)\n");
    ASSERT_TRUE(r);
    ASSERT_EQ(r->size(), 2U);
    EXPECT_EQ((*r)[0], "/lib/x86_64-linux-gnu/libc.so.6");
    EXPECT_EQ((*r)[1], "/lib64/ld-linux-x86-64.so.2");
}

TEST(LoaderList, RefusesMissingLibrariesRelativePathsAndOtherText) {
    EXPECT_EQ(parse_loader_list("\tlibx.so => not found\n").error().code, Errc::not_found);
    EXPECT_EQ(parse_loader_list("\tlibx.so => ./libx.so (0x00001)\n").error().code, Errc::bad_value);
    EXPECT_EQ(parse_loader_list("hello\n").error().code, Errc::bad_value);
    EXPECT_EQ(parse_loader_list(std::string(100'000, 'x')).error().code, Errc::too_large);
    EXPECT_TRUE(parse_loader_list("")->empty());
    EXPECT_TRUE(parse_loader_list("\tstatically linked\n")->empty());
}

TEST(Closure, FindsLoaderAndLibcOfAProgram) {
    const auto c = find_closure(ECHO_ROLE);
    ASSERT_TRUE(c) << c.error().what;
    EXPECT_EQ(c->files[0].place, c->executable);
    EXPECT_EQ(c->files[1].place, c->loader);
    bool libc = false;
    for (const auto& f : c->files) libc |= f.place == c->library_dir / "libc.so.6";
    EXPECT_TRUE(libc);
}

TEST(Closure, RefusesWhatIsNotThereOrNoProgram) {
    EXPECT_EQ(find_closure("/does/not/exist").error().code, Errc::not_found);
    EXPECT_FALSE(find_closure("/etc/passwd"));
}

TEST(CommandOutput, StopsProgramsThatTakeTooLongOrSayTooMuch) {
    EXPECT_EQ(command_output({"/bin/sleep", "20"}, 100, Millis(50)).error().code, Errc::timeout);
    EXPECT_EQ(command_output({"/bin/cat", "/etc/services"}, 100, Millis(5000)).error().code, Errc::too_large);
    EXPECT_EQ(command_output({"/bin/false"}, 100, Millis(5000)).error().code, Errc::unavailable);
    EXPECT_EQ(*command_output({"/bin/echo", "hi"}, 100, Millis(5000)), "hi\n");
}

TEST(ProcStatus, ReadsProtectionsAndRefusesAnythingElse) {
    const auto s = parse_proc_status(
        "Name:\tx\nUid:\t61203\t61203\t61203\t61203\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"
        "NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t2\n");
    ASSERT_TRUE(s);
    EXPECT_EQ(s->uid, 61203U);
    EXPECT_EQ(s->seccomp_mode, 2);
    EXPECT_EQ(s->seccomp_filters, 2);
    EXPECT_TRUE(s->no_new_privs);
    EXPECT_TRUE(s->no_capabilities);
    const auto root = parse_proc_status("Uid:\t0\t0\nCapPrm:\t000001ffffffffff\nCapEff:\t0000000000000000\n");
    ASSERT_TRUE(root);
    EXPECT_FALSE(root->no_capabilities);
    EXPECT_FALSE(root->no_new_privs);
    EXPECT_FALSE(parse_proc_status(""));
}

TEST(ChildEnd, IsSaidInWords) {
    EXPECT_EQ(describe({.signal = SIGSYS}), "was stopped by its own sandbox (SIGSYS)");
    EXPECT_EQ(describe({.signal = SIGSEGV}), "crashed (SIGSEGV)");
    EXPECT_EQ(describe({.signal = 0, .exit_status = 4}), "ended with status 4");
}

}  // namespace
}  // namespace sealcall::launcher
