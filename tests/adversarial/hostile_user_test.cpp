// Managed mode against programs beside the phone: another one of the same user, a member of the group that may open the
// TPM, a second and a tampered enclave in the same boot, a guard that was killed.
#include <tss2/tss2_mu.h>

#include "attestation/checks.h"
#include "enclave/guard/sealed_boot.h"
#include "enclave/tpm/templates.h"
#include "tests/adversarial/guarded_computer.h"
#include "tools/sealcall/launcher/provisioner.h"

namespace sealcall::guard::test {
namespace {

using HostileUser = GuardedComputer;

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
                           .identity_private = made->identity_private,
                           .partner = {}};
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

}  // namespace
}  // namespace sealcall::guard::test
