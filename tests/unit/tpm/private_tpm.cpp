#include "tests/unit/tpm/private_tpm.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "enclave/tpm/policy_digest.h"
#include "enclave/tpm/templates.h"

namespace sealcall::tpm::test {

namespace {

/// Runs a program with its output thrown away; ends with us.
pid_t spawn(const std::vector<std::string>& words, int data_fd, int control_fd) {
    std::vector<char*> argv;
    for (const auto& w : words) argv.push_back(const_cast<char*>(w.c_str()));
    argv.push_back(nullptr);
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(126);
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
    // Out of the way first: either may already stand where the other one goes.
    if (data_fd >= 0) data_fd = ::fcntl(data_fd, F_DUPFD_CLOEXEC, 64);
    if (control_fd >= 0) control_fd = ::fcntl(control_fd, F_DUPFD_CLOEXEC, 64);
    if (data_fd >= 0) ::dup2(data_fd, 10);
    if (control_fd >= 0) ::dup2(control_fd, 11);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
}

int wait_for_exit(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

}  // namespace

TempDir::TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "sealcall-tpm-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
}

TempDir::~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

Swtpm::Swtpm(const std::string& state_dir) {
    int data[2], control[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, data) != 0 ||
        ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) != 0)
        std::abort();
    data_ = UniqueFd(data[0]);
    control_ = UniqueFd(control[0]);
    const UniqueFd theirs(data[1]), their_control(control[1]);
    pid_ = spawn({"swtpm", "socket", "--tpm2", "--tpmstate", "dir=" + state_dir, "--fd", "10", "--ctrl",
                  "type=unixio,clientfd=11", "--flags", "not-need-init,startup-clear"},
                 theirs.get(), their_control.get());
}

Swtpm::~Swtpm() {
    if (pid_ <= 0) return;
    send_signal(SIGCONT);
    send_signal(SIGTERM);
    wait_for_exit(pid_);
}

UniqueFd Swtpm::connect() const { return UniqueFd(::fcntl(data_.get(), F_DUPFD_CLOEXEC, 0)); }

void Swtpm::send_signal(int signal) const {
    if (pid_ > 0) ::kill(pid_, signal);
}

void Swtpm::kill9() {
    send_signal(SIGKILL);
    wait_for_exit(pid_);
    pid_ = -1;
}

bool make_certified_state(const std::string& state_dir, const std::string& work_dir) {
    const std::string setup = work_dir + "/setup.conf", ca = work_dir + "/ca.conf",
                      ca_options = work_dir + "/ca.options";
    std::ofstream(setup) << "create_certs_tool = /usr/bin/swtpm_localca\ncreate_certs_tool_config = " << ca
                         << "\ncreate_certs_tool_options = " << ca_options << "\nactive_pcr_banks = sha256\n";
    std::ofstream(ca) << "statedir = " << work_dir << "\nsigningkey = " << work_dir
                      << "/signkey.pem\nissuercert = " << work_dir << "/issuercert.pem\ncertserial = " << work_dir
                      << "/certserial\n";
    std::ofstream(ca_options) << "--platform-manufacturer Test\n--platform-version 1\n--platform-model Test\n";
    const pid_t pid = spawn({"swtpm_setup", "--tpm2", "--config", setup, "--tpmstate", state_dir, "--createek",
                             "--create-ek-cert", "--ecc", "--pcr-banks", "sha256"},
                            -1, -1);
    return wait_for_exit(pid) == 0;
}

Digest digest_of_text(std::string_view text) { return sha256(as_bytes(text)); }

Options PhoneTest::options() const {
    return {.kind = ipc::TpmKind::swtpm_socket, .auth_value = auth_, .measurement_pcr = 13, .deadline = kPatient};
}

void PhoneTest::SetUp() {
    swtpm_ = std::make_unique<Swtpm>(dir_.path());
    auto tpm = Tpm::open(swtpm_->connect(), options());
    ASSERT_OK(tpm);
    tpm_ = std::move(*tpm);
    ASSERT_OK(tpm_->provision());
    auto identity = tpm_->create_identity();
    ASSERT_OK(identity);
    identity_ = *identity;
    ASSERT_OK(tpm_->load(identity_));
}

void PhoneTest::open_loaded() {
    tpm_.reset();
    auto tpm = Tpm::open(swtpm_->connect(), options());
    ASSERT_OK(tpm);
    tpm_ = std::move(*tpm);
    ASSERT_OK(tpm_->load(identity_));
}

std::unique_ptr<Esys> PhoneTest::stranger() const {
    auto esys = Esys::open(swtpm_->connect(), tpm_raw::Wire::stream, kPatient);
    return esys ? std::move(*esys) : nullptr;
}

void PhoneTest::extend(uint8_t pcr, std::string_view text) const {
    ASSERT_OK(tpm_raw::extend_pcr(swtpm_->fd(), tpm_raw::Wire::stream, pcr, digest_of_text(text), kPatient));
}

void PhoneTest::lock_out() const {
    auto other = stranger();
    TPM2B_NV_PUBLIC pub{};
    pub.nvPublic.nvIndex = 0x01800200;
    pub.nvPublic.nameAlg = TPM2_ALG_SHA256;
    pub.nvPublic.attributes = TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE;
    pub.nvPublic.dataSize = 8;
    TPM2B_AUTH right{}, wrong{};
    right.size = 1;
    right.buffer[0] = 1;
    wrong.size = 1;
    wrong.buffer[0] = 2;
    ESYS_CONTEXT* e = other->context();
    ESYS_TR nv = ESYS_TR_NONE;
    ASSERT_EQ(Esys_NV_DefineSpace(e, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &right, &pub, &nv),
              0U);
    ASSERT_EQ(Esys_TR_SetAuth(e, nv, &wrong), 0U);
    TPM2B_MAX_NV_BUFFER data{};
    data.size = 8;
    const auto guess = [&] { return Esys_NV_Write(e, nv, nv, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &data, 0); };
    // As often as provisioned: swtpm's own limit would be 3.
    for (uint32_t i = 0; i < kDaMaxTries; ++i) ASSERT_EQ(guess(), 0x98eU) << i;
    ASSERT_EQ(guess(), 0x921U);
}

void PhoneTest::crash_and_restart() {
    swtpm_->kill9();
    tpm_.reset();
    swtpm_ = std::make_unique<Swtpm>(dir_.path());
    open_loaded();
}

}  // namespace sealcall::tpm::test
