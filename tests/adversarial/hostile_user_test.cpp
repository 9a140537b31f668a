// Managed mode against programs beside the phone: another one of the same user, a member of the group that may open the
// TPM, a second and a tampered enclave in the same boot, a guard that was killed. Real processes under real users: root
// only, else skipped aloud.
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <tss2/tss2_mu.h>
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <thread>

#include "attestation/checks.h"
#include "enclave/guard/sealed_boot.h"
#include "enclave/tpm/templates.h"
#include "sealcall/ipc/link.h"
#include "tests/unit/guard/machine.h"
#include "tools/sealcall/launcher/guard_client.h"
#include "tools/sealcall/launcher/id_map.h"
#include "tools/sealcall/launcher/provisioner.h"

namespace sealcall::guard::test {
namespace {

namespace fs = std::filesystem;
using ipc::GuardKeys;
using tpm::test::digest_of_text;

constexpr uid_t kUser = 61210, kEnclaveUser = 61203;
constexpr gid_t kPhoneGroup = 61298, kTpmGroup = 61299;

/// Runs `f` in a process of `kUser` in these groups; true when it says so.
bool as_user(std::vector<gid_t> groups, const std::function<bool()>& f) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        const bool became = ::setgroups(groups.size(), groups.data()) == 0 && ::setresgid(kUser, kUser, kUser) == 0 &&
                            ::setresuid(kUser, kUser, kUser) == 0;
        ::_exit(became && f() ? 0 : 1);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

Result<ByteSpan> next_message(ipc::Link& link, Bytes& buffer) {
    const BootInstant until = BootClock::now() + kPatient;
    for (;;) {
        auto message = link.receive(buffer);
        if (message || message.error().code != Errc::would_block) return message;
        if (BootClock::now() >= until) return Error{Errc::timeout, "enclave", 0};
        pollfd p{.fd = link.fd(), .events = POLLIN, .revents = 0};
        (void)::poll(&p, 1, 100);
    }
}

/// Speaks to an enclave as `sealcall init` does.
Result<ipc::Provisioned> ask_for_keys(ipc::Link& link, const ipc::Provision& request) {
    Bytes buffer(ipc::kMessageMax + 1);
    TRY_STATUS(link.hello(ipc::ProcessRole::launcher));
    TRY_STATUS([&]() -> Status {
        auto hello = next_message(link, buffer);
        return hello ? Status() : Status(hello.error());
    }());
    TRY_STATUS(link.send(request));
    TRY(const ByteSpan answer, next_message(link, buffer));
    return ipc::decode_message<ipc::Provisioned>(answer);
}

struct Pair {
    UniqueFd ours, theirs;
};
Pair link_pair() {
    int ends[2];
    CHECK(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

class HostileUser : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0 || !launcher::user_exists_here(kUser))
            GTEST_SKIP() << "needs root and users of its own: run as root to see managed mode hold";
        ASSERT_EQ(::chmod(machine_.paths().state.c_str(), 0700), 0);
        fs::create_directory(bin());
        const fs::path built = fs::path(ENCLAVE_PROGRAM).parent_path();
        for (const char* role : {"guard", "verifier", "host", "ui", "audio", "enclave"})
            fs::copy_file(built / (std::string("sealcall-") + role), bin() / (std::string("sealcall-") + role));
        approve();
        ASSERT_OK(machine_.provision());
        start_guard();
    }
    void TearDown() override {
        stop_guard(SIGTERM);
        if (HasFailure()) std::cerr << std::ifstream(machine_.file("guard.log")).rdbuf();
    }

    fs::path bin() const { return machine_.file("bin"); }
    fs::path enclave_program() const { return bin() / "sealcall-enclave"; }
    fs::path socket() const { return machine_.file("guard.sock"); }

    /// As an administrator does: what is there now is approved.
    void approve() const {
        const std::string command =
            std::string(APPROVE_PROGRAM) + " " + bin().string() + " > " + machine_.paths().approved.string();
        ASSERT_EQ(std::system(command.c_str()), 0);
        ASSERT_EQ(::chmod(machine_.paths().approved.c_str(), 0644), 0);
    }

    void start_guard() {
        fs::create_directories(machine_.file("copies"));
        const std::vector<std::string> words{bin() / "sealcall-guard",
                                             "serve",
                                             "--tpm",
                                             machine_.paths().tpm,
                                             "--approved",
                                             machine_.paths().approved,
                                             "--state",
                                             machine_.paths().state,
                                             "--socket",
                                             socket(),
                                             "--copies",
                                             machine_.file("copies"),
                                             "--user",
                                             std::to_string(kEnclaveUser),
                                             "--group",
                                             std::to_string(kPhoneGroup)};
        std::vector<char*> argv;
        for (const auto& w : words) argv.push_back(const_cast<char*>(w.c_str()));
        argv.push_back(nullptr);
        guard_ = ::fork();
        if (guard_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            const int log = ::open(machine_.file("guard.log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
            ::dup2(log, 2);
            ::execv(argv[0], argv.data());
            ::_exit(127);
        }
        const BootInstant until = BootClock::now() + kPatient;
        while (!launcher::guard_answers(socket()) && BootClock::now() < until) std::this_thread::sleep_for(Millis{10});
    }
    void stop_guard(int signal) {
        if (guard_ <= 0) return;
        ::kill(guard_, signal);
        ::waitpid(guard_, nullptr, 0);
        guard_ = -1;
        fs::remove(socket());
    }
    GuardKeys keys() const { return launcher::ask_guard(socket()).value().keys; }

    /// As `sealcall init` does; `existing`: keys made before, to be taken into use.
    Result<ipc::Provisioned> init(const ipc::Provisioned* existing = nullptr) {
        Pair control = link_pair();
        const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
        std::array<int, ipc::kGuardDescriptors> fds{};
        fds.fill(null.get());
        fds[1] = control.theirs.get();
        TRY(running_, launcher::start_guarded(socket(), fds, problem_));
        control.theirs.reset();
        ipc::Provision request;
        if (existing != nullptr) {
            request.identity_public = existing->identity_public;
            request.identity_private = existing->identity_private;
        }
        link_ = ipc::Link(std::move(control.ours));
        return ask_for_keys(link_, request);
    }
    /// Ends the enclave in order, and waits until the guard says that it ended.
    void finish() {
        (void)link_.send(ipc::Shutdown{});
        Bytes buffer(64);
        EXPECT_GE(::recv(running_.connection.get(), buffer.data(), buffer.size(), 0), 0);
        running_ = {};
    }

    Machine machine_{kTpmGroup};
    pid_t guard_ = -1;
    launcher::GuardedEnclave running_;
    ipc::Link link_;
    std::string problem_;
};

std::string line_of(pid_t pid, const std::string& name) {
    std::ifstream in("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(in, line);)
        if (line.starts_with(name + ":")) return line;
    return {};
}

TEST_F(HostileUser, TheGuardsEnclaveHasAUserOfItsOwnAndKeysBoundToTheCap) {
    auto made = init();
    ASSERT_OK(made);
    ASSERT_TRUE(made->ok) << made->problem.view();
    const auto pub = attestation::parse_tpmt_public(made->identity_public.view().subspan(2)).value();
    EXPECT_TRUE(equal_bytes(pub.auth_policy, attestation::identity_auth_policy(
                                                 kMeasurementPcr, machine_.pcr_of_log(running_.started.log.view()))));
    finish();
    auto again = init(&*made);
    ASSERT_OK(again);
    EXPECT_TRUE(again->ok) << again->problem.view();
    finish();
    EXPECT_EQ(keys(), GuardKeys::ready);
}

TEST_F(HostileUser, TheEnclaveRunsWithoutPrivilegesAndEndsWithItsPhone) {
    Pair control = link_pair();
    const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    std::array<int, ipc::kGuardDescriptors> fds{};
    fds.fill(null.get());
    fds[1] = control.theirs.get();
    auto running = launcher::start_guarded(socket(), fds, problem_);
    ASSERT_OK(running);
    const auto pid = static_cast<pid_t>(running->started.pid);
    EXPECT_NE(line_of(pid, "Uid").find(std::to_string(kEnclaveUser)), std::string::npos) << line_of(pid, "Uid");
    EXPECT_NE(line_of(pid, "CapBnd").find("0000000000000000"), std::string::npos) << line_of(pid, "CapBnd");
    EXPECT_NE(line_of(pid, "NoNewPrivs").find('1'), std::string::npos);
    std::string second;
    EXPECT_ERROR(launcher::start_guarded(socket(), fds, second), Errc::unavailable);
    EXPECT_NE(launcher::ask_guard(socket())->pid, 0u);
    running->connection.reset();
    const BootInstant until = BootClock::now() + kPatient;
    while (::kill(pid, 0) == 0 && BootClock::now() < until) std::this_thread::sleep_for(Millis{5});
    EXPECT_NE(::kill(pid, 0), 0) << "it outlives its launcher";
    EXPECT_EQ(launcher::ask_guard(socket())->pid, 0u);
}

TEST_F(HostileUser, APhoneOfAMemberIsServedThroughTheLauncher) {
    const fs::path profile = machine_.file("profile");
    fs::create_directory(profile);
    ASSERT_EQ(::chown(profile.c_str(), kUser, kUser), 0);
    const auto init_by_launcher = [&](const std::string& expected_problem) {
        return as_user({kPhoneGroup}, [&] {
            const UniqueFd log(::open((profile / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
            launcher::GroundPlan plan;
            plan.executables = bin();
            plan.profile_dir = profile;
            plan.tpm = launcher::GuardedTpm{.socket = socket()};
            plan.log_fd = log.get();
            std::string problem;
            auto started = launcher::Provisioner::start(plan, problem);
            if (!started) {
                std::cerr << problem << "\n";
                return !expected_problem.empty() && problem.find(expected_problem) != std::string::npos;
            }
            auto made = (*started)->provision({}, kPatient);
            return expected_problem.empty() && made && made->ok && (*started)->software_tpm() &&
                   !(*started)->measurement_log().empty();
        });
    };
    EXPECT_TRUE(init_by_launcher(""));
    EXPECT_TRUE(init_by_launcher("")) << "and again: the first one ended in order";
    std::ofstream(bin() / "sealcall-host", std::ios::app | std::ios::binary) << 'x';
    EXPECT_TRUE(init_by_launcher("not those that the administrator approved"));
    EXPECT_EQ(keys(), GuardKeys::ready) << "the guard was not asked to run it";
}

TEST_F(HostileUser, AnotherProgramOfTheSameUserReachesNeitherTpmNorGuardsFilesNorMemory) {
    auto made = init();
    ASSERT_OK(made);
    const pid_t enclave = static_cast<pid_t>(running_.started.pid);
    EXPECT_FALSE(as_user({}, [&] { return connect_tpm(machine_.paths().tpm).has_value(); }));
    EXPECT_FALSE(as_user({kPhoneGroup}, [&] { return connect_tpm(machine_.paths().tpm).has_value(); }));
    EXPECT_FALSE(as_user({kPhoneGroup}, [&] { return ::access(machine_.paths().sealed().c_str(), R_OK) == 0; }));
    for (const pid_t pid : {guard_, enclave})
        EXPECT_FALSE(as_user({kPhoneGroup},
                             [&] { return ::open(("/proc/" + std::to_string(pid) + "/mem").c_str(), O_RDONLY) >= 0; }));
    EXPECT_FALSE(as_user({}, [&] { return launcher::guard_answers(socket()); }));
    EXPECT_TRUE(as_user({kPhoneGroup}, [&] { return launcher::guard_answers(socket()); }));
}

/// TPM_RC of TPM2_Sign with the policy of the key, the state that it is bound to, and no authValue; 0 is a signature.
TSS2_RC sign_with_blobs(const Machine& machine, const tpm::IdentityBlobs& identity) {
    constexpr ESYS_TR kNone = ESYS_TR_NONE;
    auto esys = tpm::Esys::open(machine.connect(), tpm_raw::Wire::stream, kPatient);
    if (!esys) return 1;
    ESYS_CONTEXT* e = (*esys)->context();
    TPM2B_PUBLIC pub{};
    TPM2B_PRIVATE priv{};
    size_t at = 0;
    Tss2_MU_TPM2B_PUBLIC_Unmarshal(as_u8(identity.public_area.data()), identity.public_area.size(), &at, &pub);
    at = 0;
    Tss2_MU_TPM2B_PRIVATE_Unmarshal(as_u8(identity.private_area.data()), identity.private_area.size(), &at, &priv);
    ESYS_TR srk = kNone, key = kNone, session = kNone;
    TPMT_SYM_DEF no_cipher{};
    no_cipher.algorithm = TPM2_ALG_NULL;
    TPML_PCR_SELECTION pcr{};
    pcr.count = 1;
    pcr.pcrSelections[0].hash = TPM2_ALG_SHA256;
    pcr.pcrSelections[0].sizeofSelect = 3;
    pcr.pcrSelections[0].pcrSelect[kMeasurementPcr / 8] = 1U << (kMeasurementPcr % 8);
    TPM2B_DIGEST any{}, digest{};
    digest.size = 32;
    TPMT_SIG_SCHEME scheme{};
    scheme.scheme = TPM2_ALG_NULL;
    TPMT_TK_HASHCHECK ticket{};
    ticket.tag = TPM2_ST_HASHCHECK;
    ticket.hierarchy = TPM2_RH_NULL;
    if (Esys_TR_FromTPMPublic(e, tpm::kSrkHandle, kNone, kNone, kNone, &srk) != 0 ||
        Esys_Load(e, srk, ESYS_TR_PASSWORD, kNone, kNone, &priv, &pub, &key) != 0 ||
        Esys_StartAuthSession(e, kNone, kNone, kNone, kNone, kNone, nullptr, TPM2_SE_POLICY, &no_cipher,
                              TPM2_ALG_SHA256, &session) != 0 ||
        Esys_PolicyPCR(e, session, kNone, kNone, kNone, &any, &pcr) != 0 ||
        Esys_PolicyAuthValue(e, session, kNone, kNone, kNone) != 0)
        return 2;
    tpm::EsysPtr<TPMT_SIGNATURE> signature;
    return Esys_Sign(e, key, session, kNone, kNone, &digest, &scheme, &ticket, signature.out());
}

TEST_F(HostileUser, AMemberOfTheTpmGroupCannotSignQuoteOrUnseal) {
    auto made = init();
    ASSERT_OK(made);
    ASSERT_TRUE(made->ok) << made->problem.view();
    finish();
    const SealedBoot sealed = read_sealed(machine_.paths().sealed()).value();
    // The best that this person can have: the TPM, the key blobs, the sealed boot secret, our own code.
    const auto attempt = [&](const std::function<bool(tpm::Tpm&)>& f) {
        return as_user({kTpmGroup, kPhoneGroup}, [&] {
            for (const Bytes& guess : {Bytes{}, to_bytes(as_bytes("guess"))}) {
                auto tpm = open_phone(machine_, guess);
                if (tpm && f(**tpm)) return true;
            }
            return false;
        });
    };
    EXPECT_TRUE(attempt([](tpm::Tpm& t) { return t.read_pcr(kMeasurementPcr).has_value(); })) << "reaches the TPM";
    const tpm::IdentityBlobs identity{.public_area = to_bytes(made->identity_public.view()),
                                      .private_area = to_bytes(made->identity_private.view())};
    EXPECT_FALSE(attempt([&](tpm::Tpm& t) { return t.load(identity).has_value(); }));
    EXPECT_FALSE(attempt([&](tpm::Tpm& t) {
        (void)t.load(identity);
        return t.sign_identity(digest_of_text("x")).has_value();
    }));
    EXPECT_FALSE(attempt([&](tpm::Tpm& t) {
        (void)t.load(identity);
        return t.quote(digest_of_text("x")).has_value();
    }));
    EXPECT_FALSE(attempt([&](tpm::Tpm& t) {
        return t
            .unseal_boot({.public_area = to_bytes(sealed.public_area.view()),
                          .private_area = to_bytes(sealed.private_area.view())})
            .has_value();
    }));
    EXPECT_FALSE(attempt([](tpm::Tpm& t) { return t.set_hierarchy_auths({}).has_value(); }));
    // The key itself can be loaded by anybody who has its blobs; what it lacks is the authValue.
    EXPECT_TRUE(as_user({kTpmGroup},
                        [&] { return tpm::errc_of(sign_with_blobs(machine_, identity)) == Errc::tpm_auth_refused; }));
}

TEST_F(HostileUser, ASecondEnclaveOfTheUsersOwnGetsNoKeysFromTheTpm) {
    auto made = init();
    ASSERT_OK(made);
    finish();
    // The genuine program, started by somebody else than the guard, with the TPM and the key blobs.
    Pair control = link_pair();
    const UniqueFd tpm = machine_.connect();
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        const int theirs = ::fcntl(control.theirs.get(), F_DUPFD, 100), their_tpm = ::fcntl(tpm.get(), F_DUPFD, 100);
        const int null = ::open("/dev/null", O_RDWR);
        for (int fd = 0; fd <= ipc::fd::kEnclaveLast; ++fd) ::dup2(null, fd);
        ::dup2(theirs, ipc::fd::kControl);
        ::dup2(their_tpm, ipc::fd::kEnclaveTpm);
        ::close_range(ipc::fd::kEnclaveLast + 1, ~0U, 0);
        const bool became = ::setgroups(0, nullptr) == 0 && ::setresgid(kUser, kUser, kUser) == 0 &&
                            ::setresuid(kUser, kUser, kUser) == 0;
        if (became) ::execl(enclave_program().c_str(), "sealcall-enclave", nullptr);
        ::_exit(127);
    }
    control.theirs.reset();
    ipc::Provision request{.tpm = ipc::TpmKind::swtpm_socket,
                           .auth_value = {},
                           .measurement_pcr = kMeasurementPcr,
                           .identity_public = made->identity_public,
                           .identity_private = made->identity_private};
    ipc::Link link(std::move(control.ours));
    auto answer = ask_for_keys(link, request);
    ASSERT_OK(answer);
    EXPECT_FALSE(answer->ok);
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
}

TEST_F(HostileUser, ATamperedEnclaveEndsTheKeysUntilTheNextBoot) {
    auto made = init();
    ASSERT_OK(made);
    finish();
    const Digest capped = machine_.pcr();
    std::ofstream(enclave_program(), std::ios::app | std::ios::binary) << 'x';
    EXPECT_ERROR(init(), Errc::unavailable);
    EXPECT_NE(problem_.find("nobody approved"), std::string::npos) << problem_;
    EXPECT_EQ(keys(), GuardKeys::ended);
    EXPECT_NE(machine_.pcr(), capped);
    fs::copy_file(ENCLAVE_PROGRAM, enclave_program(), fs::copy_options::overwrite_existing);
    EXPECT_ERROR(init(&*made), Errc::unavailable);  // the genuine one comes too late in this boot
    stop_guard(SIGTERM);
    machine_.reboot();
    start_guard();
    auto again = init(&*made);
    ASSERT_OK(again);
    EXPECT_TRUE(again->ok) << again->problem.view();
}

TEST_F(HostileUser, AGuardThatWasKilledTakesTheKeysWithItUntilTheNextBoot) {
    auto made = init();
    ASSERT_OK(made);
    const auto enclave = static_cast<pid_t>(running_.started.pid);
    stop_guard(SIGKILL);
    const BootInstant until = BootClock::now() + kPatient;
    while (::kill(enclave, 0) == 0 && BootClock::now() < until) std::this_thread::sleep_for(Millis{5});
    EXPECT_NE(::kill(enclave, 0), 0);
    start_guard();
    EXPECT_EQ(keys(), GuardKeys::already_capped);
    EXPECT_ERROR(init(&*made), Errc::unavailable);
    EXPECT_NE(problem_.find("restart the computer"), std::string::npos) << problem_;
    stop_guard(SIGTERM);
    machine_.reboot();
    start_guard();
    auto again = init(&*made);
    ASSERT_OK(again);
    EXPECT_TRUE(again->ok) << again->problem.view();
}

/// One packet with copies of descriptor 0, as any member of the group may send it.
void send_packet(int socket, ByteSpan bytes, size_t descriptors) {
    const std::vector<int> fds(descriptors, 0);
    iovec part{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
    Bytes control(CMSG_SPACE(descriptors * sizeof(int)));
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (descriptors != 0) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(descriptors * sizeof(int));
        std::memcpy(CMSG_DATA(c), fds.data(), descriptors * sizeof(int));
    }
    (void)::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

UniqueFd connected(const fs::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.native().size() + 1);
    UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fd.reset();
    return fd;
}

size_t open_files(pid_t pid) {
    const fs::directory_iterator all("/proc/" + std::to_string(pid) + "/fd");
    return static_cast<size_t>(std::distance(begin(all), end(all)));
}

TEST_F(HostileUser, RequestsThatAreNoneAreAnsweredByNothingAndLeaveNothing) {
    const size_t before = open_files(guard_);
    const Bytes genuine = ipc::encode_message(ipc::GuardStart{.build = BoundedString<64>(SEALCALL_BUILD_ID)});
    const Bytes other = ipc::encode_message(ipc::GuardStart{.build = BoundedString<64>("another build")});
    const Bytes ask = ipc::encode_message(ipc::GuardAsk{});
    const auto with_more = [](Bytes message, size_t more) {
        message.resize(message.size() + more);
        return message;
    };
    struct Packet {
        Bytes bytes;
        size_t descriptors;
    };
    const std::vector<Packet> packets{{{}, 0},
                                      {Bytes(1), 0},
                                      {Bytes(100'000), 0},
                                      {with_more(genuine, 1), ipc::kGuardDescriptors},
                                      {with_more(genuine, 1000), ipc::kGuardDescriptors},
                                      {with_more(ask, 1), 0},
                                      {Bytes(genuine.begin(), genuine.end() - 1), ipc::kGuardDescriptors},
                                      {genuine, 0},
                                      {genuine, ipc::kGuardDescriptors - 1},
                                      {genuine, ipc::kGuardDescriptors + 1},
                                      {genuine, 253},
                                      {ask, 253},
                                      {other, ipc::kGuardDescriptors},
                                      {ipc::encode_message(ipc::GuardStatus{}), 0},
                                      {ipc::encode_message(ipc::GuardHandover{}), 0}};
    EXPECT_TRUE(as_user({kPhoneGroup}, [&] {
        for (const Packet& p : packets) {
            const UniqueFd fd = connected(socket());
            if (!fd.valid()) return false;
            send_packet(fd.get(), p.bytes, p.descriptors);
            // Whatever it says to that, it starts nothing: an answer names no process.
            pollfd wait{.fd = fd.get(), .events = POLLIN, .revents = 0};
            (void)::poll(&wait, 1, 2000);
            std::array<std::byte, 16384> buffer;
            const ssize_t n = ::recv(fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
            const auto said =
                n > 0 ? ipc::decode_message<ipc::GuardStatus>(ByteSpan(buffer).first(static_cast<size_t>(n)))
                      : Result<ipc::GuardStatus>(ipc::GuardStatus{});
            if (!said || said->pid != 0) return false;
        }
        return true;
    }));
    EXPECT_EQ(keys(), GuardKeys::ready);
    EXPECT_EQ(open_files(guard_), before) << "descriptors that were handed over stay open";
    EXPECT_TRUE(init().has_value()) << problem_;
}

TEST_F(HostileUser, AFloodOfItsSocketKeepsTheGuardAliveAndItsMemorySmall) {
    const Bytes ask = ipc::encode_message(ipc::GuardAsk{});
    EXPECT_TRUE(as_user({kPhoneGroup}, [&] {
        std::vector<UniqueFd> silent;
        for (int i = 0; i < 400; ++i) {
            silent.push_back(connected(socket()));
            if (silent.back().valid()) send_packet(silent.back().get(), ask, 0);
        }
        for (int i = 0; i < 2000; ++i)  // answers are never read
            for (const size_t which : {size_t{0}, silent.size() - 1})
                if (silent[which].valid()) send_packet(silent[which].get(), ask, static_cast<size_t>(i) % 3);
        return true;
    }));
    EXPECT_EQ(keys(), GuardKeys::ready);
    EXPECT_LT(open_files(guard_), 64u);
    EXPECT_TRUE(init().has_value()) << problem_;
}

TEST_F(HostileUser, ALauncherThatHandsOverOtherThingsHarmsItselfOnly) {
    const UniqueFd directory(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const UniqueFd memory(::memfd_create("launcher", MFD_CLOEXEC));
    const UniqueFd itself = connected(socket());
    int pipes[2];
    ASSERT_EQ(::pipe2(pipes, O_CLOEXEC), 0);
    const UniqueFd read_end(pipes[0]), write_end(pipes[1]);
    for (const int everywhere : {directory.get(), memory.get(), itself.get(), read_end.get(), write_end.get()}) {
        std::array<int, ipc::kGuardDescriptors> fds{};
        fds.fill(everywhere);
        auto running = launcher::start_guarded(socket(), fds, problem_);
        ASSERT_OK(running);
        pollfd ended{.fd = running->connection.get(), .events = POLLIN, .revents = 0};
        (void)::poll(&ended, 1, 500);
        running->connection.reset();
        const BootInstant until = BootClock::now() + kPatient;
        while (launcher::ask_guard(socket())->pid != 0 && BootClock::now() < until)
            std::this_thread::sleep_for(Millis{5});
        EXPECT_EQ(keys(), GuardKeys::ready);
    }
    // What the descriptors could have carried out: nothing.
    EXPECT_EQ(::lseek(memory.get(), 0, SEEK_END), 0) << "something was written into the launcher's memory";
    auto made = init();
    ASSERT_OK(made);
    EXPECT_TRUE(made->ok) << made->problem.view();
}

TEST_F(HostileUser, AMemberCannotPinAnotherAuthority) {
    const auto pin = [&](std::string_view who) -> Result<ipc::PinnedAuthority> {
        auto made = init();
        if (!made) return made.error();
        TRY_STATUS(link_.send(ipc::PinAuthority{.signer = digest_of_text(who), .version = 1}));
        Bytes buffer(ipc::kMessageMax + 1);
        TRY(const ByteSpan answer, next_message(link_, buffer));
        auto out = ipc::decode_message<ipc::PinnedAuthority>(answer);
        finish();
        return out;
    };
    auto first = pin("the enterprise");
    ASSERT_OK(first);
    EXPECT_TRUE(first->ok) << first->problem.view();
    auto second = pin("somebody else");
    ASSERT_OK(second);
    EXPECT_FALSE(second->ok);
    auto again = pin("the enterprise");
    ASSERT_OK(again);
    EXPECT_TRUE(again->ok) << again->problem.view();
}

}  // namespace
}  // namespace sealcall::guard::test
