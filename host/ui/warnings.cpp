// What `status` must not keep silent about (json_events.h).
#include "host/ui/json_events.h"
#include "host/ui/names.h"
#include "host/ui/words.h"

namespace sealcall::ui {

std::vector<std::string> missing_protections(const ipc::ProcessReport& m) {
    const std::string who = std::string("sealcall-") + name_of(m.role);
    std::vector<std::string> out;
    const auto need = [&](bool there, const char* what) {
        if (!there) out.push_back(who + ": " + what);
    };
    if (m.role == ipc::ProcessRole::launcher)
        return out;  // it makes the namespaces and cannot give up what the others need
    need(m.seccomp, "its system calls are not restricted (seccomp)");
    need(m.no_new_privs, "it could gain privileges (no_new_privs is off)");
    need(m.landlock, "its file access is not restricted (Landlock; older kernels lack it)");
    need(m.undumpable, "other programs of this user could read its memory (dumpable)");
    need(m.user_namespace, "it runs in the user namespace of the system");
    need(m.mount_namespace, "it sees the file systems of the whole system (no mount namespace of its own)");
    if (m.role != ipc::ProcessRole::host) need(m.network_namespace, "it is in the network namespace of the system");
    need(m.no_capabilities, "it holds capabilities");
    return out;
}

std::vector<std::string> status_warnings(const std::optional<ipc::EnclaveStatus>& enclave, const Phone& phone,
                                         bool processes_known) {
    std::vector<std::string> out;
    if (!processes_known) out.emplace_back("The launcher did not say what protects the processes.");
    if (!enclave) {
        out.emplace_back("The protected part of the phone did not answer.");
    } else {
        if (!enclave->tpm_ready) out.emplace_back("The security chip is not ready: run sealcall doctor.");
        if (enclave->software_tpm)
            out.emplace_back("The TPM is a software TPM: whoever controls this computer could copy its keys.");
        if (!enclave->enrolled) out.emplace_back("This phone is not enrolled: others see it as unverified.");
        if (enclave->bundle != ipc::BundleState::none && enclave->bundle != ipc::BundleState::good)
            out.push_back(std::string(sentence_of(enclave->bundle)) + " " + std::string(next_step_of(enclave->bundle)));
        if (!enclave->secret_memory)
            out.emplace_back("The protected part keeps its keys in ordinary memory (no memfd_secret on this system).");
    }
    if (phone.host_lost()) {
        out.emplace_back("The network part of the phone has ended: no calls.");
    } else if (!phone.host()) {
        out.emplace_back("The network part of the phone has not said how it is.");
    } else {
        if (phone.host()->registration == ipc::Registration::failed)
            out.emplace_back("The phone is not registered at its server: " + phone.host()->error.str());
        if (phone.host()->registration != ipc::Registration::failed && !phone.host()->error.empty())
            out.push_back(phone.host()->error.str());
    }
    return out;
}

}  // namespace sealcall::ui
