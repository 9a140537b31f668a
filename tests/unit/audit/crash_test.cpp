// A process that writes is killed after every byte that it can have written, and at any moment. No record that was
// accepted is lost, and nothing looks like tampering afterwards.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <random>
#include <thread>

#include "tests/unit/audit/log_file.h"

namespace sealcall::audit::test {
namespace {

/// What the child tells before it dies: how many records were accepted.
struct Pipe {
    UniqueFd in, out;
    Pipe() {
        int ends[2];
        EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        in = UniqueFd(ends[0]);
        out = UniqueFd(ends[1]);
    }
};

uint64_t accepted_by(pid_t child, Pipe& pipe) {
    pipe.out.reset();
    uint64_t count = 0;
    for (char c = 0; ::read(pipe.in.get(), &c, 1) == 1;) ++count;
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
    return count;
}

/// The next life of the log: one more record, and the whole chain as a reader sees it.
void expect_whole(const LogFile& file, uint64_t accepted, const std::string& what) {
    {
        Log log = file.log();
        ASSERT_TRUE(log.append(Record("started")));
    }
    const auto report = file.report();
    ASSERT_TRUE(report.holds()) << what << ": " << report.problem;
    EXPECT_FALSE(report.cut_short) << what;
    uint64_t found = 0;
    for (const auto& r : report.records) {
        EXPECT_EQ(cli::beyond_purpose(r), "") << what;
        if (r.event != "open") continue;
        EXPECT_EQ(r.number("level"), found++) << what;
    }
    EXPECT_GE(found, accepted) << what;
    EXPECT_LE(found, accepted + 1) << what << ": at most the one that was being written";
}

TEST(Crash, KilledWithinEveryWriteNoAcceptedRecordIsLostAndNothingLooksChanged) {
    size_t line = 0;
    {
        const LogFile file;
        Log log = file.log();
        ASSERT_TRUE(log.append(some_record(0)));
        line = file.text().size();
    }
    // The kernel cuts a write off at any byte that we like: the file must not grow beyond it. Every byte of the second
    // record, with the ends of its neighbours, and some of the first.
    for (size_t bytes = 0; bytes <= 2 * line + 10; bytes += bytes < line - 10 ? 29 : 1) {
        const LogFile file;
        Pipe pipe;
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            std::signal(SIGXFSZ, SIG_IGN);
            const rlimit limit{.rlim_cur = bytes, .rlim_max = bytes};
            ::setrlimit(RLIMIT_FSIZE, &limit);
            Log log = file.log();
            for (uint64_t i = 0; log.append(some_record(i)); ++i)
                if (::write(pipe.out.get(), "+", 1) != 1) break;
            ::kill(::getpid(), SIGKILL);
        }
        const uint64_t accepted = accepted_by(child, pipe);
        EXPECT_LE(file.text().size(), bytes);
        expect_whole(file, accepted, std::to_string(bytes) + " bytes");
        if (HasFailure()) return;
    }
}

TEST(Crash, KilledAtAnyMomentNoAcceptedRecordIsLost) {
    std::mt19937 random(20261121);
    const LogFile file;
    uint64_t before = 0;
    for (int round = 0; round < 40; ++round) {
        Pipe pipe;
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            Log log = file.log();
            for (uint64_t i = before;; ++i) {
                if (!log.append(some_record(i))) ::_exit(1);
                if (::write(pipe.out.get(), "+", 1) != 1) ::_exit(2);
            }
        }
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
        ::kill(child, SIGKILL);
        expect_whole(file, before + accepted_by(child, pipe), "round " + std::to_string(round));
        if (HasFailure()) return;
        before = 0;
        for (const auto& r : file.report().records) before += r.event == "open";
    }
    EXPECT_GT(before, 40u) << "the child got to write at all";
}

TEST(Crash, KilledWhileItMendsTheTornRecordItMendsItTheNextTime) {
    const LogFile file;
    {
        Log log = file.log();
        ASSERT_TRUE(log.append(some_record(0)));
    }
    const std::string whole = file.text();
    for (size_t extra = 1; extra < 120; ++extra) {
        // What a half written record, and then a half written "torn" record, leave behind.
        file.replace(whole + std::string(R"({"seq":1,"wall_ms":17000000)").substr(0, extra % 27));
        expect_whole(file, 1, std::to_string(extra));
    }
}

}  // namespace
}  // namespace sealcall::audit::test
