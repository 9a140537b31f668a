// The launcher with real processes, real namespaces and a real swtpm; the roles are echo_role. As this user and as
// nobody.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>

#include "attestation/binding.h"
#include "attestation/cel.h"
#include "sealcall/base/hex.h"
#include "tests/unit/sandbox/child.h"

namespace sealcall {
namespace {

namespace fs = std::filesystem;
using test::As;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kRoles[] = {"verifier", "host", "ui", "audio", "enclave"};

// A directory with programs and a profile that both users can use.
class Place {
  public:
    Place() {
        std::string name = "/tmp/sealcall-launcher-test-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) std::abort();
        dir_ = name;
        ::chmod(name.c_str(), 0777);
        fs::create_directories(dir_ / "bin");
        fs::copy_file(LAUNCHER_PROBE, probe());
        for (const char* role : kRoles) fs::copy_file(ECHO_ROLE, bin() / (std::string("sealcall-") + role));
        fs::create_directories(profile() / "tpm");
        for (const fs::path& p : {profile(), profile() / "tpm"}) ::chmod(p.c_str(), 0777);
    }
    ~Place() {
        std::error_code ignored;
        fs::remove_all(dir_, ignored);
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    [[nodiscard]] fs::path bin() const { return dir_ / "bin"; }
    [[nodiscard]] fs::path probe() const { return dir_ / "probe"; }
    [[nodiscard]] fs::path profile() const { return dir_ / "profile"; }

  private:
    fs::path dir_;
};

struct Outcome {
    int status = -1;
    std::string text;
    [[nodiscard]] std::string find(const std::string& pattern) const {
        std::smatch m;
        return std::regex_search(text, m, std::regex(pattern)) ? m[1].str() : std::string();
    }
};

void exec_probe(const Place& place, const char* mode, const std::vector<std::string>& options, int out) {
    ::dup2(out, 1);
    ::dup2(out, 2);
    const std::string probe = place.probe(), bin = place.bin(), profile = place.profile();
    std::vector<const char*> argv{probe.c_str(), mode, bin.c_str(), profile.c_str()};
    for (const std::string& o : options) argv.push_back(o.c_str());
    argv.push_back(nullptr);
    // What a killed launcher leaves behind goes with the place; and no role may see this variable.
    const fs::path own = place.profile().parent_path() / ("run-" + std::to_string(::geteuid()));
    ::mkdir(own.c_str(), 0711);
    std::string runtime = "XDG_RUNTIME_DIR=" + own.string();
    char* const environment[] = {runtime.data(), nullptr};
    ::execve(probe.c_str(), const_cast<char* const*>(argv.data()), environment);
}

std::string read_until(int fd, const std::string& end) {
    std::string text;
    char part[4096];
    while (end.empty() || text.find(end) == std::string::npos) {
        const ssize_t n = ::read(fd, part, sizeof part);
        if (n <= 0) break;
        text.append(part, static_cast<size_t>(n));
    }
    return text;
}

Outcome run(const Place& place, As as, const char* mode, const std::vector<std::string>& options) {
    // A file, not a pipe: the child is waited for first, and a pipe might fill.
    Outcome r;
    const int out = ::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    r.status = test::in_child(as, [&] {
        exec_probe(place, mode, options, out);
        return 127;
    });
    ::lseek(out, 0, SEEK_SET);
    r.text = read_until(out, "");
    ::close(out);
    return r;
}

Digest replay_of(const std::string& log_hex) {
    Bytes log;
    for (size_t i = 0; i + 1 < log_hex.size(); i += 2)
        log.push_back(static_cast<std::byte>(std::stoi(log_hex.substr(i, 2), nullptr, 16)));
    Digest value{};
    auto records = attestation::parse_cel(log);
    if (!records) return value;
    for (const auto& record : *records) {
        EXPECT_TRUE(attestation::is_honest(record));
        Bytes both = to_bytes(value);
        both.insert(both.end(), record.digest.begin(), record.digest.end());
        value = attestation::sha256(both);
    }
    return value;
}

class Launcher : public testing::TestWithParam<As> {
  protected:
    Place place_;
};
INSTANTIATE_TEST_SUITE_P(Users, Launcher, testing::Values(As::self, As::nobody));

TEST_P(Launcher, StartsEveryRoleAndEndsWhenUiSaysSo) {
    const Outcome r = run(place_, GetParam(), "phone", {"ui=quit:7"});
    EXPECT_TRUE(test::exited_with(r.status, 0)) << r.text;
    EXPECT_THAT(r.text, HasSubstr("probe ended status=7 sentence=\"\"")) << r.text;
    EXPECT_THAT(r.text, Not(HasSubstr("role_killed")));
    RecordProperty("start_ms", r.find("took_ms=([0-9]+)"));
}

TEST_P(Launcher, GivesEachRoleItsFilesAndNothingElse) {
    const Outcome r = run(place_, GetParam(), "phone", {"ui=quit:0"});
    EXPECT_EQ(r.find("role=ui fds=([0-9,]+)"), "0,1,2,3,4,5,6") << r.text;
    EXPECT_EQ(r.find("role=host fds=([0-9,]+)"), "0,1,2,3,4,5");
    EXPECT_EQ(r.find("role=enclave fds=([0-9,]+)"), "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14");
    EXPECT_EQ(r.find("role=audio fds=([0-9,]+)"), "0,1,2,3,4,5,6");
    EXPECT_EQ(r.find("role=verifier fds=([0-9,]+)"), "0,1,2,3");
    for (const char* role : kRoles) {
        const std::string name = std::string("role=") + role;
        EXPECT_EQ(r.find(name + " env=([0-9]+)"), "0") << role;
        EXPECT_EQ(r.find(name + " env=0 argc=([0-9]+)"), "1") << role;
        EXPECT_EQ(r.find(name + " .*hostname=([a-z]+)"), "sealcall") << role;
        EXPECT_EQ(r.find(name + " .* pid=([0-9]+)"), "1") << role;
        EXPECT_EQ(r.find(name + " root=(.*)\n"), "lib,lib64,sealcall-" + std::string(role)) << role;
        EXPECT_EQ(r.find(name + " passwd=([a-z]+)"), "hidden") << role;
        EXPECT_EQ(r.find(name + " root_writable=([a-z]+)"), "no") << role;
    }
}

TEST_P(Launcher, RunsNoRoleAsRoot) {
    const Outcome r = run(place_, GetParam(), "phone", {"ui=quit:0"});
    for (const char* role : kRoles) {
        const std::string uid = r.find(std::string("role=") + role + " .*uid=([0-9]+)");
        EXPECT_NE(uid, "0") << r.text;
        EXPECT_NE(uid, "") << r.text;
    }
}

TEST_P(Launcher, ReportsProtectionsFromProc) {
    const Outcome r = run(place_, GetParam(), "phone", {"ui=query"});
    EXPECT_TRUE(test::exited_with(r.status, 0)) << r.text;
    for (const char* role : {"1", "3", "4", "5"})
        EXPECT_THAT(r.text,
                    HasSubstr("report=" + std::string(role) +
                              " seccomp=1 nnp=1 landlock=1 undumpable=1 user_ns=1 mount_ns=1 net_ns=1 no_caps=1 pss=1 "
                              "digest=1"))
            << r.text;
    EXPECT_THAT(r.text, HasSubstr("report=2 seccomp=1 nnp=1 landlock=1 undumpable=1 user_ns=1 mount_ns=1 net_ns=0"));
    EXPECT_THAT(r.text, HasSubstr("report=0 seccomp=1 nnp=1 landlock=0"));
}

TEST_P(Launcher, FallsBackToADirectoryWhereNamespacesAreRefused) {
    const Outcome r = run(place_, GetParam(), "phone", {"ui=query", "isolation=directory"});
    EXPECT_TRUE(test::exited_with(r.status, 0)) << r.text;
    EXPECT_THAT(r.text, HasSubstr("probe started isolation=1"));
    EXPECT_THAT(r.text, HasSubstr("event=isolation kind=directory"));
    EXPECT_THAT(r.text, HasSubstr("report=3 seccomp=1 nnp=1 landlock=1"));
    EXPECT_THAT(r.text, Not(HasSubstr("mount_ns=1")));
    EXPECT_EQ(r.find("role=enclave passwd=([a-z]+)"), "hidden") << "Landlock alone must hide it";
    EXPECT_EQ(r.find("role=enclave env=([0-9]+)"), "0");
}

TEST_P(Launcher, ExtendsThePcrThatItsLogReplaysTo) {
    const Outcome r = run(place_, GetParam(), "phone", {"ui=quit:0"});
    const std::string pcr = r.find("pcr13=([0-9a-f]{64})");
    EXPECT_NE(pcr, std::string(64, '0')) << r.text;
    EXPECT_EQ(pcr, to_hex(replay_of(r.find("log=([0-9a-f]+)"))));
}

TEST_P(Launcher, MeasuresTheSameProgramsTheSameInAnotherDirectoryAndMode) {
    const Outcome first = run(place_, GetParam(), "phone", {"ui=quit:0"});
    Place elsewhere;
    const Outcome second = run(elsewhere, GetParam(), "provision", {"isolation=directory"});
    EXPECT_NE(first.find("log=([0-9a-f]+)"), "") << first.text;
    EXPECT_EQ(first.find("log=([0-9a-f]+)"), second.find("log=([0-9a-f]+)")) << second.text;
}

TEST_P(Launcher, GivesAnotherPcrWhenOneByteOfOneProgramDiffers) {
    const Outcome before = run(place_, GetParam(), "phone", {"ui=quit:0"});
    {
        std::fstream f(place_.bin() / "sealcall-enclave",
                       std::ios::in | std::ios::out | std::ios::binary | std::ios::ate);
        f.seekg(-1, std::ios::end);
        const char last = static_cast<char>(f.get());
        f.seekp(-1, std::ios::end);
        f.put(static_cast<char>(last ^ 1));
    }
    const Outcome after = run(place_, GetParam(), "phone", {"ui=quit:0"});
    EXPECT_TRUE(test::exited_with(after.status, 0)) << after.text;
    const std::string a = before.find("pcr13=([0-9a-f]{64})"), b = after.find("pcr13=([0-9a-f]{64})");
    EXPECT_NE(a, "");
    EXPECT_NE(b, "");
    EXPECT_NE(a, b);
    EXPECT_EQ(b, to_hex(replay_of(after.find("log=([0-9a-f]+)"))));
}

TEST_P(Launcher, SaysWhichRoleWasStoppedByItsSandbox) {
    const Outcome r = run(place_, GetParam(), "phone", {"host=forbidden"});
    EXPECT_THAT(r.text, HasSubstr("\"This phone ended: its part 'host' was stopped by its own sandbox (SIGSYS).\""))
        << r.text;
}

TEST_P(Launcher, SaysWhichRoleCrashedAndWhichGaveUp) {
    const Outcome crash = run(place_, GetParam(), "phone", {"enclave=crash"});
    EXPECT_THAT(crash.text, HasSubstr("its part 'enclave' crashed (SIG")) << crash.text;
    const Outcome gave_up = run(place_, GetParam(), "phone", {"host=exit3"});
    EXPECT_THAT(gave_up.text, HasSubstr("its part 'host' ended with status 3")) << gave_up.text;
}

TEST_P(Launcher, EndsARoleThatSendsWhatItMustNot) {
    const Outcome r = run(place_, GetParam(), "phone", {"host=bad message"});
    EXPECT_THAT(r.text, HasSubstr("its part 'host' sent a message that it must not send (number 126)")) << r.text;
}

TEST_P(Launcher, PassesOnWhyARoleIsNotReady) {
    const Outcome r = run(place_, GetParam(), "phone", {"host=unready"});
    EXPECT_TRUE(test::exited_with(r.status, 40)) << r.status;
    EXPECT_THAT(r.text, HasSubstr("problem=\"The microphone is on fire.\"")) << r.text;
}

TEST_P(Launcher, KillsARoleThatDoesNotEnd) {
    const Outcome r = run(place_, GetParam(), "phone", {"host=deaf", "ui=quit:0"});
    EXPECT_THAT(r.text, HasSubstr("event=role_killed role=host")) << r.text;
    EXPECT_THAT(r.text, HasSubstr("probe ended status=0"));
}

TEST_P(Launcher, StartsAFreshVerifierForEveryRequest) {
    const Outcome r = run(place_, GetParam(), "phone", {"enclave=verify:one,stay,two,three"});
    EXPECT_THAT(r.text, HasSubstr("asked=one got=\"answer to one\"")) << r.text;
    EXPECT_THAT(r.text, HasSubstr("asked=stay got=\"stayed\""));
    EXPECT_THAT(r.text, HasSubstr("asked=two got=\"answer to two\"")) << "a verifier lived to see a second request";
    EXPECT_THAT(r.text, HasSubstr("asked=three got=\"answer to three\""));
}

TEST_P(Launcher, SurvivesVerifiersThatCrashHangOrSayNothing) {
    const Outcome r = run(place_, GetParam(), "phone", {"enclave=verify:crash,hang,one"});
    EXPECT_THAT(r.text, HasSubstr("asked=crash got=\"nothing\"")) << r.text;
    EXPECT_THAT(r.text, HasSubstr("asked=hang got=\"nothing\""));
    EXPECT_THAT(r.text, HasSubstr("why=\"took too long\""));
    EXPECT_THAT(r.text, HasSubstr("asked=one got=\"answer to one\""));
}

TEST_P(Launcher, ProvisionsWithTheEnclaveAloneAndTheSameMeasurement) {
    const Outcome r = run(place_, GetParam(), "provision", {});
    EXPECT_THAT(r.text, HasSubstr("probe provisioned=made here")) << r.text;
    EXPECT_THAT(r.text, HasSubstr("probe seccomp=1"));
    EXPECT_THAT(r.text, HasSubstr("activated=no how=\"The enclave ended with status 9.\""));
    EXPECT_EQ(r.find("role=enclave fds=([0-9,]+)"), "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14");
    EXPECT_EQ(r.find("role=host (fds)"), "");
}

TEST_P(Launcher, RefusesWhatItCannotDoInASentence) {
    EXPECT_THAT(run(place_, GetParam(), "phone", {"managed=/does/not/exist"}).text,
                HasSubstr("The service sealcall-guard does not run"));
    EXPECT_THAT(run(place_, GetParam(), "phone", {"device=/does/not/exist"}).text,
                HasSubstr("There is no TPM at /does/not/exist"));
    fs::remove(place_.bin() / "sealcall-audio");
    EXPECT_THAT(run(place_, GetParam(), "phone", {}).text, HasSubstr("The program sealcall-audio cannot be prepared"));
}

// A phone that is still running, started in the background.
class Background {
  public:
    Background(const Place& place, As as, std::vector<std::string> options) {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) return;
        out_ = ends[0];
        pid_ = ::fork();
        if (pid_ == 0)
            ::_exit(test::in_child(as, [&] {
                // in_child forks once more; the number of the launcher itself is what the test needs.
                const std::string me = "launcher=" + std::to_string(::getpid()) + "\n";
                (void)!::write(ends[1], me.data(), me.size());
                exec_probe(place, "phone", options, ends[1]);
                return 127;
            }));
        ::close(ends[1]);
        text_ = read_until(out_, "took_ms=");
    }
    ~Background() {
        if (launcher() > 0) (void)::kill(launcher(), SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        ::close(out_);
    }
    Background(const Background&) = delete;
    Background& operator=(const Background&) = delete;
    [[nodiscard]] pid_t launcher() const {
        std::smatch m;
        return std::regex_search(text_, m, std::regex("launcher=([0-9]+)")) ? std::stoi(m[1]) : -1;
    }
    [[nodiscard]] const std::string& text() const { return text_; }
    /// Everything until the last process that holds the log is gone.
    std::string rest() { return read_until(out_, ""); }
    [[nodiscard]] std::vector<pid_t> roles() const {
        std::vector<pid_t> out;
        const std::regex started("event=role_started role=[a-z]+ pid=([0-9]+)");
        for (std::sregex_iterator it(text_.begin(), text_.end(), started), end; it != end; ++it)
            out.push_back(std::stoi((*it)[1]));
        return out;
    }

  private:
    pid_t pid_ = -1;
    int out_ = -1;
    std::string text_;
};

// A zombie that its new parent has not taken yet is dead.
bool is_alive(pid_t pid) {
    std::ifstream f("/proc/" + std::to_string(pid) + "/stat");
    const std::string text((std::istreambuf_iterator<char>(f)), std::istreambuf_iterator<char>());
    const size_t at = text.rfind(") ");
    return at != std::string::npos && text[at + 2] != 'Z' && text[at + 2] != 'X';
}

TEST_P(Launcher, RefusesASecondPhoneOfTheSameProfile) {
    Background first(place_, GetParam(), {});
    ASSERT_THAT(first.text(), HasSubstr("probe started"));
    const Outcome second = run(place_, GetParam(), "phone", {});
    EXPECT_THAT(second.text, HasSubstr("A phone with this profile is already running.")) << second.text;
}

TEST_P(Launcher, EndsInOrderOnASignal) {
    Background phone(place_, GetParam(), {});
    ASSERT_THAT(phone.text(), HasSubstr("probe started"));
    ASSERT_EQ(::kill(phone.launcher(), SIGINT), 0);
    const std::string rest = phone.rest();
    EXPECT_THAT(rest, HasSubstr("role=enclave how=\"ended with status 0\""));
    EXPECT_THAT(rest, HasSubstr("probe ended status=130 sentence=\"\""));
    EXPECT_LT(rest.find("event=role_ended role=enclave"), rest.find("event=role_ended role=host"));
}

TEST_P(Launcher, LeavesNoProcessBehindWhenItIsKilled) {
    Background phone(place_, GetParam(), {});
    const std::vector<pid_t> roles = phone.roles();
    ASSERT_EQ(roles.size(), 4U) << phone.text();
    ASSERT_EQ(::kill(phone.launcher(), SIGKILL), 0);
    // Every process of the phone holds the log, swtpm and the waiting verifier too: its end means that all are gone.
    (void)phone.rest();
    for (pid_t pid : roles) {
        // A process closes its files a moment before it is gone.
        for (int i = 0; i < 200 && is_alive(pid); ++i) ::usleep(10'000);
        EXPECT_FALSE(is_alive(pid)) << pid;
    }
}

}  // namespace
}  // namespace sealcall
