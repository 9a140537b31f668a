#include "tests/unit/guard/machine.h"

#include <fcntl.h>
#include <openssl/cms.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "enclave/tpm/policy_digest.h"
#include "sealcall/base/tpm_extend.h"

namespace sealcall::guard::test {
namespace {

namespace fs = std::filesystem;

std::string hex(ByteSpan bytes) {
    std::string out;
    for (const std::byte b : bytes) {
        char two[3];
        std::snprintf(two, sizeof two, "%02x", static_cast<unsigned>(b));
        out += two;
    }
    return out;
}

}  // namespace

Machine::Machine(gid_t tpm_group) : tpm_group_(tpm_group) {
    CHECK(::chmod(dir_.path().c_str(), 0755) == 0);
    paths_ = {.tpm = file("tpm"), .approved = file("approved"), .approvals = file("approvals"), .state = file("state")};
    fs::create_directory(paths_.state);
    fs::create_directory(file("swtpm"));
    start();
}

Machine::~Machine() { stop(); }

void Machine::start() {
    const std::string server =
                          "type=unixio,path=" + paths_.tpm.string() + ",mode=0660,gid=" + std::to_string(tpm_group_),
                      control = "type=unixio,path=" + file("control").string(), state = "dir=" + file("swtpm").string();
    const pid_t parent = ::getpid();
    swtpm_ = ::fork();
    if (swtpm_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(126);
        const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
        for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
        ::execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", state.c_str(), "--server", server.c_str(),
                 "--ctrl", control.c_str(), "--flags", "not-need-init,startup-clear", nullptr);
        ::_exit(127);
    }
    const BootInstant until = BootClock::now() + kPatient;
    while (!connect_tpm(paths_.tpm) && BootClock::now() < until) std::this_thread::sleep_for(Millis{5});
}

void Machine::stop() {
    if (swtpm_ > 0) {
        ::kill(swtpm_, SIGTERM);
        while (::waitpid(swtpm_, nullptr, 0) < 0 && errno == EINTR) {
        }
    }
    swtpm_ = -1;
    std::error_code ignored;
    fs::remove(paths_.tpm, ignored);
}

void Machine::reboot() {
    stop();
    start();
}

UniqueFd Machine::connect() const {
    auto fd = connect_tpm(paths_.tpm);
    return fd ? *std::move(fd) : UniqueFd();
}

Digest Machine::pcr() const {
    const UniqueFd fd = connect();
    return tpm_raw::read_pcr(fd.get(), tpm_raw::Wire::stream, kMeasurementPcr, kPatient).value();
}

Digest Machine::pcr_of_log(ByteSpan log) {
    Digest value{};
    const auto records = attestation::parse_cel(log);
    CHECK(records.has_value());
    for (const auto& record : *records) value = tpm::sha256(value, record.digest);
    return value;
}

void Machine::extend(std::string_view text) const {
    const UniqueFd fd = connect();
    CHECK(
        tpm_raw::extend_pcr(fd.get(), tpm_raw::Wire::stream, kMeasurementPcr, tpm::test::digest_of_text(text), kPatient)
            .has_value());
}

void Machine::write(const std::string& name, std::string_view content) const {
    std::ofstream(file(name), std::ios::binary) << content;
    CHECK(::chmod(file(name).c_str(), 0644) == 0);
}

void Machine::approve_samples() {
    std::string list;
    for (const char* role : {"guard", "host", "enclave"}) {
        write(role, std::string("program ") + role);
        list += std::string("role ") + role + "\nfile " +
                hex(tpm::test::digest_of_text(std::string("program ") + role)) + " /sealcall-" + role + " " +
                file(role).string() + "\n";
    }
    write("approved", list);
}

Status Machine::provision() {
    const uint64_t now = static_cast<uint64_t>(::time(nullptr)) * 1000;
    const Bytes root = attestation::make_authority_root(authority_.get(), "Example Corp",
                                                        {.not_before_ms = now - 1000, .not_after_ms = now + 3'600'000})
                           .value();
    const Bytes pem = attestation::certificate_to_pem(root).value();
    write("authority.pem", as_chars(pem));
    std::string problem;
    const Status s = guard::provision({.paths = paths_, .previous = {}, .escrow_to = file("authority.pem")}, problem);
    if (!s) std::fprintf(stderr, "provision: %s\n", problem.c_str());
    return s;
}

std::string Machine::escrowed() const {
    std::ifstream in(paths_.escrow(), std::ios::binary);
    const std::string der((std::istreambuf_iterator<char>(in)), {});
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    CMS_ContentInfo* cms = d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(der.size()));
    BIO* out = BIO_new(BIO_s_mem());
    std::string text;
    if (cms != nullptr && CMS_decrypt(cms, authority_.get(), nullptr, nullptr, out, 0) == 1) {
        char* data = nullptr;
        const long n = BIO_get_mem_data(out, &data);
        text.assign(data, static_cast<size_t>(n));
    }
    BIO_free(out);
    CMS_ContentInfo_free(cms);
    return text;
}

Result<std::unique_ptr<tpm::Tpm>> open_phone(const Machine& machine, ByteSpan auth_value) {
    return tpm::Tpm::open(machine.connect(), {.kind = ipc::TpmKind::swtpm_socket,
                                              .auth_value = to_bytes(auth_value),
                                              .measurement_pcr = kMeasurementPcr,
                                              .deadline = kPatient,
                                              .srk_name = {}});
}

}  // namespace sealcall::guard::test
