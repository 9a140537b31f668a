// `sealcall evidence collect`: this device's Evidence into a file.
#include <openssl/rand.h>

#include <iostream>

#include "collect_evidence.h"
#include "commands.h"
#include "evidence_findings.h"
#include "files.h"
#include "problem.h"

namespace sealcall::cli {
namespace {

Digest nonce_for(const std::optional<std::string>& given) {
    Digest out{};
    if (given) return file_nonce(*given);
    if (RAND_bytes(as_u8(out.data()), static_cast<int>(out.size())) != 1)
        throw Problem("No random numbers could be had.", "Try again.");
    return out;
}

void tell(const attestation::EvidenceFile& file, const CollectOptions& o) {
    const auto log = [](size_t size, size_t offered) {
        if (size != 0) return std::to_string(size) + " bytes";
        return offered == 0 ? std::string("none that this user may read") : std::string("left out");
    };
    const auto body = ipc::decode<rats::EvidenceBody>(file.evidence.body.view());
    std::cout << "Evidence      " << printable(o.file, 200) << "\n"
              << "Nonce         " << to_hex(file.nonce) << (o.nonce ? "" : "  (random; give it to who verifies)")
              << "\n"
              << "Certificate   "
              << (body && !body->ak_certificate.empty() ? "of the enrolment" : "none: the phone is not enrolled")
              << "\n"
              << "Firmware log  " << log(file.boot_log.size(), body ? body->boot_log.size : 0) << "\n"
              << "Kernel's list " << log(file.runtime_log.size(), file.evidence.runtime_log.size) << "\n"
              << "Logs tell what runs here and how old it is: show the file to those who may know.\n"
              << "Next: sealcall evidence verify " << printable(o.file, 200) << " --nonce " << to_hex(file.nonce)
              << " --authority DIR\n";
}

}  // namespace

int run_evidence_collect(const Context& context) {
    const CollectOptions& o = context.options.collect;
    const ProfilePaths& paths = context.paths();
    const auto facts = context.store.facts();
    if (!facts)
        throw Problem("The profile " + paths.profile + " has no keys yet.", "sealcall init", exit_status::kNotSetUp);
    const Digest nonce = nonce_for(o.nonce);
    const UniqueFd lock = lock_file(paths.lock_file(), "The phone of this profile runs, or is being set up.",
                                    "End it first, then try again.");
    const OwnLogs logs = open_own_logs(load_config(paths.config_file).logs, facts->software_tpm);
    const TpmUse tpm{.software = facts->software_tpm,
                     .guard = facts->guard,
                     .measurement_pcr = facts->measurement_pcr,
                     .boot_log_fd = logs.boot.get(),
                     .runtime_log_fd = logs.runtime.get()};
    const auto provisioning = start_provisioning(paths, tpm, roles_directory(context.options.global));
    const auto file =
        collect_evidence(context.store, *provisioning, logs, nonce, o.without_logs ? ShowLogs::no : ShowLogs::yes);
    write_file(o.file, attestation::encode_evidence_file(file), 0600);
    if (!context.json()) {
        tell(file, o);
        return exit_status::kOk;
    }
    print_json({{"ok", true},
                {"file", o.file},
                {"nonce", to_hex(file.nonce)},
                {"enrolled", context.store.enrolment().has_value()},
                {"boot_log_bytes", file.boot_log.size()},
                {"runtime_log_bytes", file.runtime_log.size()}});
    return exit_status::kOk;
}

}  // namespace sealcall::cli
