#include "doctor.h"

#include <fcntl.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "attestation/binding.h"
#include "attestation/bundle.h"
#include "attestation/certificates.h"
#include "audit_log.h"
#include "audit_trail.h"
#include "authority_bundle.h"
#include "files.h"
#include "policy/document.h"
#include "problem.h"
#include "sealcall/base/time.h"
#include "set_up.h"
#include "software_tpm.h"
#include "store.h"
#include "tools/sealcall/launcher/guard_client.h"

namespace sealcall::cli {
namespace fs = std::filesystem;

std::optional<int> days_left(ByteSpan certificate_der) {
    const unsigned char* at = as_u8(certificate_der.data());
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(
        d2i_X509(nullptr, &at, static_cast<long>(certificate_der.size())), &X509_free);
    int days = 0, seconds = 0;
    if (!certificate || ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate.get())) != 1)
        return std::nullopt;
    return seconds < 0 ? days - 1 : days;
}

std::vector<Finding> check_tpm(const ProfileStore& store, TpmChoice choice) {
    std::vector<Finding> out;
    const char* device = "/dev/tpmrm0";
    if (::access(device, F_OK) != 0) {
        const bool wanted = choice == TpmChoice::device;
        out.push_back({"tpm.device", wanted ? Health::problem : Health::warning,
                       "This machine shows no TPM (/dev/tpmrm0 is not there).",
                       "Turn the TPM on in the firmware set-up (often called fTPM or PTT). Until then a software TPM "
                       "serves, which proves less."});
    } else {
        const UniqueFd fd(::open(device, O_RDWR | O_CLOEXEC));
        if (fd.valid())
            out.push_back({"tpm.device", Health::ok, "The TPM of this machine may be used.", ""});
        else if (errno == EBUSY)
            out.push_back(
                {"tpm.device", Health::warning, "The TPM is in use by another program at the moment.", "Try again."});
        else
            out.push_back(
                {"tpm.device", choice == TpmChoice::device ? Health::problem : Health::warning,
                 std::string("There is a TPM, but you may not use it: ") + std::strerror(errno) + ".",
                 "Ask your administrator to add you to the group tss: usermod -aG tss NAME; then log in again."});
    }
    const bool installed = !find_program("swtpm").empty() && !find_program("swtpm_setup").empty() &&
                           !find_program("swtpm_localca").empty();
    const bool needed = software_tpm_exists(store.paths().tpm_dir()) || choice == TpmChoice::swtpm ||
                        (choice == TpmChoice::automatic && ::access(device, R_OK | W_OK) != 0);
    if (installed)
        out.push_back({"tpm.software", Health::ok, "The software TPM (swtpm) is installed.", ""});
    else
        out.push_back({"tpm.software", needed ? Health::problem : Health::ok,
                       "The software TPM (swtpm) is not installed.", needed ? "apt install swtpm swtpm-tools" : ""});
    return out;
}

namespace {

Finding check_config(const ProfileStore& store, PhoneConfig& config) {
    try {
        config = load_config(store.paths().config_file);
        if (!fs::exists(store.paths().config_file))
            return {"profile.config", Health::warning, "There is no configuration; the defaults are used.",
                    "sealcall init"};
        return {"profile.config", Health::ok, "The configuration is in order.", ""};
    } catch (const Problem& problem) {
        return {"profile.config", Health::problem, problem.what(), problem.next()};
    }
}

/// Managed or embedded (docs/operations.md), and whether the guard is fit.
Finding check_guard(const ProfileFacts& facts) {
    const auto status = launcher::ask_guard(facts.managed() ? facts.guard : ipc::kGuardSocket);
    if (!facts.managed())
        return {"guard", Health::warning,
                "Embedded mode: the TPM is not kept from your other programs; others see level 1 at most (2 LAB).",
                status ? "A guard runs here: sealcall init --renew-identity in a new profile uses it"
                       : "The administrator can install sealcall-guard (docs/operations.md, managed installation)."};
    if (!status)
        return {"guard", Health::problem, "This profile needs sealcall-guard, which does not answer.",
                "Ask your administrator: systemctl status sealcall-guard, and the group sealcall."};
    if (status->keys != ipc::GuardKeys::ready)
        return {"guard", Health::problem, status->problem.str(), "Ask your administrator."};
    return {"guard", Health::ok, "Managed: sealcall-guard keeps the TPM, and its keys are ready.", ""};
}

void check_certificates(const Enrolment& enrolment, std::vector<Finding>& out) {
    out.push_back(
        {"profile.enrolment", Health::ok, enrolment.authority + " certifies this phone as " + enrolment.uri + ".", ""});
    const std::pair<const char*, ByteSpan> all[] = {{"identity", enrolment.identity_certificate.view()},
                                                    {"attestation", enrolment.ak_certificate.view()}};
    for (const auto& [name, der] : all) {
        const auto days = days_left(der);
        const std::string key = std::string("certificate.") + name,
                          who = std::string("The certificate of the ") + name + " key ";
        if (!days)
            out.push_back({key, Health::problem, who + "cannot be read.", "sealcall enroll"});
        else if (*days < 0)
            out.push_back({key, Health::problem, who + "has expired; other phones refuse it.", "sealcall enroll"});
        else if (*days < 14)
            out.push_back(
                {key, Health::warning, who + "expires in " + std::to_string(*days) + " days.", "sealcall enroll"});
        else
            out.push_back({key, Health::ok, who + "is valid for " + std::to_string(*days) + " days.", ""});
    }
}

/// The newest bundle of the authority of now that the phone had in force, from its log; 0: none.
uint64_t newest_bundle(const ProfileStore& store, const Enrolment& enrolment) {
    uint64_t newest = 0;
    for (const fs::path& file : audit_files(store.paths())) {
        const auto log = read_audit_file(file);
        if (!log) continue;
        for (const AuditRecord& r : log->records)
            if (r.event == "bundle" && r.wall_ms >= enrolment.enrolled_ms)
                newest = std::max(newest, r.number("version"));
    }
    return newest;
}

/// The authority's own bundle, as far as this computer has it: does it count, and does it strike this phone off?
void check_bundle(const ProfileStore& store, const Enrolment& enrolment, std::vector<Finding>& out) {
    const uint64_t newest = newest_bundle(store, enrolment);
    const auto say = [&](Health health, const std::string& what) {
        out.push_back({"profile.bundle", health, what, "sealcall bundle install"});
    };
    const auto content = read_file(store.paths().bundle(), authority::kSignedBundleMax);
    if (enrolment.bundle_signer.empty()) {
        if (content) say(Health::warning, "The bundle that lies here was not taken yet.");
        return;
    }
    if (!content && newest != 0)
        return say(Health::problem, "The bundle that this phone had is gone: it shows everybody at level 0.");
    if (!content)
        return say(Health::warning, "This phone has no bundle of its authority: nobody is better than level 2.");
    const auto set = attestation::ReferenceSet::open(as_bytes(*content), enrolment.bundle_signer.view(), 0);
    if (!set)
        return say(Health::problem,
                   std::string("The bundle of this phone does not count: ") + bundle_sentence(set.error()) + ".");
    if (!set->policy().empty() && !policy::read_document(set->policy()))
        return say(Health::problem, "The bundle of this phone has a policy that this version does not read.");
    for (const ByteSpan der : {enrolment.identity_certificate.view(), enrolment.ak_certificate.view()})
        if (const auto key = attestation::certificate_key(der); key && set->revoked(digest_of(*key)))
            return out.push_back(
                {"profile.revoked", Health::problem,
                 enrolment.authority + " has struck this phone off: other phones refuse it.",
                 "Ask your administrator why. A new device starts with sealcall init and sealcall enroll."});
    if (set->head().version < newest)
        return say(Health::problem, "The bundle of this phone is number " + std::to_string(set->head().version) +
                                        ", and it had number " + std::to_string(newest) +
                                        " before: it shows everybody at level 0.");
    if (const Status in_time = set->in_time(wall_ms()); !in_time)
        return say(Health::problem, std::string("The bundle of this phone does not count now: ") +
                                        bundle_sentence(in_time.error()) + ".");
    out.push_back({"profile.bundle", Health::ok,
                   "Bundle " + std::to_string(set->head().version) + " of " + set->head().authority.str() +
                       " counts; the next one is due before " + local_time(set->head().next_update_ms) + ".",
                   ""});
}

/// The newest time that this profile has seen: the clock must not be before it.
uint64_t newest_seen(const ProfileStore& store, const std::optional<AuditReport>& log) {
    uint64_t newest = 0;
    if (const auto facts = store.facts()) newest = std::max(newest, facts->made_ms);
    if (const auto enrolment = store.enrolment()) newest = std::max(newest, enrolment->enrolled_ms);
    if (log && !log->records.empty()) newest = std::max(newest, log->records.back().wall_ms);
    return newest;
}

Finding check_audit(const std::optional<AuditReport>& log) {
    if (!log) return {"profile.audit", Health::ok, "There is no audit log yet.", ""};
    if (log->holds())
        return {"profile.audit", Health::ok,
                "The audit log holds " + std::to_string(log->records.size()) + " records, its chain is whole.", ""};
    return {"profile.audit", Health::problem, "The chain of the audit log is broken. " + log->problem,
            "sealcall audit show; keep the file as evidence"};
}

bool only_here(std::string_view address) {
    return address.starts_with("127.") || address.starts_with("::1") || address.starts_with("[::1]") ||
           address.starts_with("[::ffff:127.") || address.starts_with("::ffff:127.");
}

}  // namespace

std::vector<Finding> check_profile(const ProfileStore& store) {
    std::vector<Finding> out;
    PhoneConfig config;
    out.push_back(check_config(store, config));
    const bool read = out.back().health != Health::problem;
    if (read && (only_here(config.sip.listen) || only_here(config.media_address)))
        out.push_back({"profile.network", Health::warning,
                       "This phone talks to phones of this computer only, as it is set up first.",
                       "For calls with others set [sip] listen and [media] address in " +
                           store.paths().config_file.string() + " to an address of this computer."});
    try {
        const auto facts = store.facts();
        const auto keys = store.keys();
        const auto log = read_audit_file(store.paths().audit_log());
        if (!facts || !keys) {
            out.push_back({"profile.keys", Health::problem, "This profile has no keys yet.", "sealcall init"});
            return out;
        }
        out.push_back({"profile.keys", Health::ok,
                       "The keys are in " + std::string(facts->software_tpm ? "a software TPM" : "the TPM") + " (" +
                           facts->tpm_name + ").",
                       ""});
        out.push_back(check_guard(*facts));
        if (facts->software_tpm && !software_tpm_exists(store.paths().tpm_dir()))
            out.push_back({"profile.tpm_state", Health::problem,
                           "The software TPM of this profile is gone, and its keys with it.",
                           "sealcall init --renew-identity"});
        if (const auto enrolment = store.enrolment()) {
            check_certificates(*enrolment, out);
            check_bundle(store, *enrolment, out);
        } else {
            out.push_back({"profile.enrolment", Health::problem,
                           "No authority certifies this phone, so others see it as unverified.",
                           "sealcall enroll --authority DIR"});
        }
        const uint64_t newest = newest_seen(store, log), now = wall_ms();
        if (now + 60'000 < newest)
            out.push_back({"clock", Health::problem,
                           "The clock is wrong: it says " + local_time(now) + ", but this profile was used at " +
                               local_time(newest) + ".",
                           "Set the clock: timedatectl set-ntp true"});
        else
            out.push_back({"clock", Health::ok, "The clock agrees with what this profile has seen.", ""});
        out.push_back(check_audit(log));
    } catch (const Problem& problem) {
        out.push_back({"profile.files", Health::problem, problem.what(), problem.next()});
    }
    return out;
}

namespace {

/// Exit status of `sealcall-devices`, or -1; its output goes nowhere.
int devices_status(const fs::path& program) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
        ::dup2(null, 1);
        ::dup2(null, 2);
        ::alarm(10);
        ::execl(program.c_str(), "sealcall-devices", static_cast<char*>(nullptr));
        ::_exit(127);
    }
    int status = 0;
    while (pid > 0 && ::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

std::vector<Finding> check_installation(const fs::path& directory) {
    std::string missing;
    for (const char* role : {"sealcall-launcher", "sealcall-ui", "sealcall-host", "sealcall-enclave",
                             "sealcall-verifier", "sealcall-audio"})
        if (directory.empty() || ::access((directory / role).c_str(), X_OK) != 0)
            missing += std::string(missing.empty() ? "" : ", ") + role;
    std::vector<Finding> out;
    if (missing.empty())
        out.push_back({"programs", Health::ok, "All programs of the phone are in " + directory.string() + ".", ""});
    else
        out.push_back({"programs", Health::problem, "Programs of the phone are missing: " + missing + ".",
                       "Install sealcall as a whole, or build all of it."});
    const fs::path devices = directory / "sealcall-devices";
    if (directory.empty() || ::access(devices.c_str(), X_OK) != 0) {
        out.push_back({"sound", Health::warning, "Sound devices could not be looked at: sealcall-devices is missing.",
                       "Install sealcall as a whole."});
    } else if (devices_status(devices) == 0) {
        out.push_back({"sound", Health::ok, "There are sound devices; `sealcall devices` shows them.", ""});
    } else {
        out.push_back({"sound", Health::warning, "There is no sound device that can be used.",
                       "Connect a headset, or use --in and --out with WAV files; `sealcall devices` says more."});
    }
    return out;
}

}  // namespace sealcall::cli
