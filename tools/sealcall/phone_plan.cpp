#include "phone_plan.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "control_client.h"
#include "files.h"
#include "https_url.h"
#include "own_logs.h"
#include "problem.h"

namespace sealcall::cli {
namespace {

template <size_t N>
BoundedString<N> text(const std::string& value, const char* what) {
    if (value.size() > N || value.find('\0') != std::string::npos)
        throw Problem(std::string(what) + " is longer than " + std::to_string(N) + " characters.",
                      "Shorten it in the configuration.", exit_status::kUsage);
    return BoundedString<N>(value);
}

ipc::Pem pem(const std::string& from_file, const std::string& enrolled, const char* what) {
    std::string value = enrolled;
    if (!from_file.empty()) {
        const auto read = read_file(from_file);
        if (!read)
            throw Problem(std::string("The file with ") + what + " is missing: " + from_file + ".",
                          "Correct [sip] in the configuration.", exit_status::kUsage);
        value = *read;
    }
    if (value.empty())
        throw Problem(std::string("There is no ") + what + ".",
                      "Enrol with --host and a name that the authority certifies, or set the files in [sip] of the "
                      "configuration.",
                      exit_status::kNotSetUp);
    if (value.size() > ipc::Pem::kMax)
        throw Problem(std::string("The file with ") + what + " is too large.", "", exit_status::kUsage);
    return ipc::Pem(as_bytes(value));
}

/// Host of "sip:host:port;params": the name that the proxy's certificate must have.
std::string host_of(const std::string& uri) {
    std::string rest = uri.substr(uri.find(':') + 1);
    rest = rest.substr(0, rest.find(';'));
    if (const size_t at = rest.find('@'); at != std::string::npos) rest = rest.substr(at + 1);
    if (rest.starts_with('[')) return rest.substr(1, rest.find(']') - 1);
    return rest.substr(0, rest.find(':'));
}

void fill_enclave(ipc::ConfigureEnclave& out, const ProfileStore& store, const PhoneConfig& config) {
    const auto facts = store.facts();
    const auto keys = store.keys();
    if (!facts || !keys)
        throw Problem("The profile " + store.paths().profile + " has no keys yet.", "sealcall init",
                      exit_status::kNotSetUp);
    const auto enrolment = store.enrolment();
    out.own_uri = text<256>(enrolment ? enrolment->uri : config.uri, "Your own address");
    out.identity_public = keys->identity_public;
    out.identity_private = keys->identity_private;
    out.srk_name = keys->srk_name;
    if (enrolment) {
        out.identity_certificate = enrolment->identity_certificate;
        out.ak_certificate = enrolment->ak_certificate;
        for (const auto& key : store.partner_keys())
            if (!out.partner_keys.push(key))
                throw Problem("This profile has attestation keys for more than four partners.",
                              "Remove some from " + (store.paths().tls_dir() / "partners").string() + ".");
        for (const auto& anchor : enrolment->anchors) CHECK(out.anchors.push(anchor));
        out.bundle_signer = enrolment->bundle_signer;
    }
    out.policy = config.policy;
    out.wishes = config.wishes;
    out.lock_after_s = uint32_t{60} * config.lock_after_minutes;
    for (const auto& domain : config.logs.show_to) CHECK(out.show_logs_to.push(BoundedString<128>(domain)));
    for (const auto& domain : config.passport.to) CHECK(out.passport_to.push(BoundedString<128>(domain)));
}

/// Who vouches for this phone towards the domains of [passport].
void fill_authority(ipc::ConfigureHost& out, const Enrolment& enrolment, const PhoneConfig& config) {
    const std::string& url = config.passport.authority.empty() ? enrolment.authority_url : config.passport.authority;
    std::string host;
    int port = 0;
    if (url.empty() || enrolment.anchors.empty() || !parse_https_url(url, host, port))
        throw Problem("[passport] names domains, but no authority that could vouch for this phone.",
                      "Set [passport] authority = \"https://HOST:PORT\" in the configuration.", exit_status::kUsage);
    out.authority_host = text<128>(host, "[passport] authority");
    out.authority_port = static_cast<uint16_t>(port);
    out.authority_root = enrolment.anchors.front();
}

void fill_host(ipc::ConfigureHost& out, const ProfileStore& store, const PhoneConfig& config,
               const std::string& own_uri) {
    const auto enrolment = store.enrolment().value_or(Enrolment{});
    const SipConfig& sip = config.sip;
    out.listen_address = text<64>(sip.listen, "[sip] listen");
    out.listen_port = sip.port;
    out.own_uri = text<256>(own_uri, "Your own address");
    out.tls_certificate = pem(sip.tls_certificate, enrolment.tls_certificate_pem, "certificate for the SIP transport");
    out.tls_key = pem(sip.tls_key, enrolment.tls_key_pem, "key for the SIP transport");
    out.tls_ca = pem(sip.tls_ca, enrolment.tls_ca_pem, "certificate authority for the SIP transport");
    out.outbound_proxy = text<256>(sip.proxy, "[sip] proxy");
    out.proxy_name = text<128>(sip.proxy_name.empty() && !sip.proxy.empty() ? host_of(sip.proxy) : sip.proxy_name,
                               "[sip] proxy_name");
    out.register_ = sip.register_;
    out.media_address = text<64>(config.media_address, "[media] address");
    if (!config.passport.to.empty()) fill_authority(out, enrolment, config);
    for (const auto& server : config.dns_servers) CHECK(out.dns_servers.push(text<64>(server, "[media] dns_servers")));
}

UniqueFd open_wav(const std::string& name, int flags, const char* verb) {
    if (name.empty()) return {};
    UniqueFd fd(::open(name.c_str(), flags | O_CLOEXEC | O_NOCTTY, 0600));
    struct stat st {};
    if (!fd.valid() || ::fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode))
        throw Problem("The WAV file " + name + " could not be " + verb +
                          (fd.valid() ? ": it is no file." : std::string(": ") + std::strerror(errno) + "."),
                      "Check its name and rights.", exit_status::kUsage);
    return fd;
}

void fill_sound(launcher::PhonePlan& plan, const PhoneConfig& config, const std::string& in, const std::string& out) {
    plan.wav_in = open_wav(in, O_RDONLY, "read");
    plan.wav_out = open_wav(out, O_RDWR | O_CREAT | O_TRUNC, "written");
    plan.audio.input = plan.wav_in.valid() ? ipc::AudioSource::wav : ipc::AudioSource::device;
    plan.audio.output = plan.wav_out.valid() ? ipc::AudioSource::wav : ipc::AudioSource::device;
    plan.audio.input_device = text<128>(config.audio.input, "[audio] input");
    plan.audio.output_device = text<128>(config.audio.output, "[audio] output");
    plan.audio.bitrate = config.audio.bitrate;
    plan.audio.echo_cancel = config.audio.echo_cancel;
    if (!plan.wav_in.valid() || !plan.wav_out.valid()) plan.pulse_socket = launcher::find_pulse_socket();
}

uint32_t milliseconds(double seconds) { return static_cast<uint32_t>(seconds * 1000); }

void fill_ui(ipc::ConfigureUi& out, const PlanInput& input, const ProfilePaths& paths, const std::string& own_uri) {
    const auto on = [](Switch wish, bool automatic) {
        return wish == Switch::automatic ? automatic : wish == Switch::on;
    };
    const bool screen = input.screen.terminal && !input.phone.headless && !input.json;
    out.mode = input.json ? ipc::UiMode::json : screen ? ipc::UiMode::terminal : ipc::UiMode::lines;
    out.colour = on(input.config.colour, input.screen.colour);
    out.unicode = on(input.config.unicode, input.screen.unicode);
    out.profile = text<64>(paths.profile, "The name of the profile");
    out.own_uri = text<256>(own_uri, "Your own address");
    if (!input.call) return;
    out.dial = text<256>(input.call->uri, "The address to call");
    out.label = text<64>(input.call->label, "The label");
    out.hang_up_after_ms = milliseconds(input.call->hang_up_after);
    out.hold_after_ms = milliseconds(input.call->hold_after);
    out.hold_for_ms = milliseconds(input.call->hold_for);
}

}  // namespace

ScreenFacts ScreenFacts::current() {
    const auto variable = [](const char* name) {
        const char* value = std::getenv(name);
        return std::string(value ? value : "");
    };
    ScreenFacts out;
    out.terminal = ::isatty(0) == 1 && ::isatty(1) == 1;
    out.colour = ::isatty(1) == 1 && variable("NO_COLOR").empty() && variable("TERM") != "dumb";
    std::string locale;  // POSIX: the first that is set decides
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
        if (locale.empty()) locale = variable(name);
    out.unicode = locale.find("UTF-8") != std::string::npos || locale.find("utf8") != std::string::npos;
    return out;
}

launcher::PhonePlan make_plan(const ProfileStore& store, const PlanInput& input) {
    launcher::PhonePlan plan;
    const ProfilePaths& paths = store.paths();
    fill_enclave(plan.enclave, store, input.config);
    const auto facts = store.facts();
    const std::string own_uri = plan.enclave.own_uri.str();
    if (own_uri.empty())
        throw Problem("Your own address is not set.", "sealcall init --uri sip:NAME@DOMAIN", exit_status::kNotSetUp);
    if (plan.enclave.identity_certificate.empty())
        throw Problem("No authority certifies this phone yet, so it could prove nothing to anybody.",
                      "sealcall enroll --authority DIR", exit_status::kNotSetUp);
    if (!input.config.uri.empty() && input.config.uri != own_uri)
        throw Problem(
            "The configuration says " + input.config.uri + ", but this phone is certified as " + own_uri + ".",
            "Enrol again for the new address: sealcall enroll --authority DIR", exit_status::kNotSetUp);
    if (input.phone.answer == "policy") plan.enclave.policy.answer_automatically = true;
    if (input.phone.answer == "ask") plan.enclave.policy.answer_automatically = false;
    fill_host(plan.host, store, input.config, own_uri);
    fill_sound(plan, input.config, input.call ? input.call->in : input.phone.in,
               input.call ? input.call->out : input.phone.out);
    fill_ui(plan.ui, input, paths, own_uri);
    plan.ground.executables = input.roles;
    plan.ground.profile_dir = paths.state_dir;
    plan.ground.measurement_pcr = facts->measurement_pcr;
    if (facts->managed())
        plan.ground.tpm = launcher::GuardedTpm{.socket = facts->guard};
    else if (facts->software_tpm)
        plan.ground.tpm = launcher::SoftwareTpm{.state_dir = paths.tpm_dir()};
    else
        plan.ground.tpm = launcher::DeviceTpm{};
    OwnLogs logs = open_own_logs(input.config.logs, facts->software_tpm);
    plan.boot_log = std::move(logs.boot);
    plan.runtime_log = std::move(logs.runtime);
    plan.audit_log = store.open_audit();
    plan.bundle = store.open_bundle();
    plan.vault = store.open_vault();
    return plan;
}

UniqueFd listen_control(const std::filesystem::path& socket) {
    make_private(socket.parent_path());
    // The profile's lock is held: whatever lies there belongs to a phone that is no more.
    ::unlink(socket.c_str());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = socket.string();
    CHECK(path.size() < sizeof address.sun_path);  // profile_paths saw to it
    std::memcpy(address.sun_path, path.c_str(), path.size());
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const mode_t before = ::umask(0177);
    const bool bound = fd.valid() && ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::umask(before);
    if (!bound || ::listen(fd.get(), 8) != 0)
        throw Problem("The control socket " + path + " could not be made: " + std::strerror(errno) + ".",
                      "Check the rights of its directory.");
    return fd;
}

}  // namespace sealcall::cli
