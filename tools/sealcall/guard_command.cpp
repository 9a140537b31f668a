// `sealcall guard`: what sealcall-guard of this computer says about itself.
#include <iostream>

#include "attestation/binding.h"
#include "attestation/cel.h"
#include "commands.h"
#include "problem.h"
#include "sealcall/base/hex.h"
#include "tools/sealcall/launcher/guard_client.h"

namespace sealcall::cli {
namespace {

const char* word_of(ipc::GuardKeys keys) {
    switch (keys) {
        case ipc::GuardKeys::ready:
            return "ready";
        case ipc::GuardKeys::not_set_up:
            return "not_set_up";
        case ipc::GuardKeys::already_capped:
            return "already_capped";
        case ipc::GuardKeys::ended:
            return "ended";
    }
    return "ended";
}

/// What the PCR must hold after what the guard extended; empty when it gives no log.
std::string capped_value(ByteSpan log) {
    const auto records = attestation::parse_cel(log);
    if (!records || records->empty()) return {};
    Digest value{};
    for (const auto& record : *records)
        value = attestation::sha256(ByteWriter().bytes(value).bytes(record.digest).view());
    return to_hex(value);
}

}  // namespace

int run_guard(const Context& context) {
    const std::string& named = context.options.guard_socket;
    const std::string socket = named.empty() ? ipc::kGuardSocket : named;
    const auto status = launcher::ask_guard(socket);
    if (!status) {
        const bool denied = status.error().code == Errc::not_permitted;
        if (context.json())
            print_json({{"ok", false}, {"guard", false}, {"permitted", !denied}});
        else if (denied)
            std::cout << "You may not ask sealcall-guard. Ask your administrator to add you to the group sealcall.\n";
        else
            std::cout << "No sealcall-guard answers at " << printable(socket)
                      << ": phones run embedded here, and others see them at level 1 at most (2 LAB).\n";
        return exit_status::kFailed;
    }
    const bool ready = status->keys == ipc::GuardKeys::ready;
    if (context.json())
        print_json({{"ok", ready},
                    {"guard", true},
                    {"keys", word_of(status->keys)},
                    {"problem", status->problem.str()},
                    {"enclave_runs", status->pid != 0},
                    {"software_tpm", status->tpm == ipc::TpmKind::swtpm_socket},
                    {"measurement_pcr", status->measurement_pcr},
                    {"capped", capped_value(status->log.view())}});
    else
        std::cout << "keys " << word_of(status->keys) << (status->problem.empty() ? "" : ": ")
                  << printable(status->problem.str()) << "\n"
                  << (status->pid != 0 ? "a phone runs" : "no phone runs")
                  << (status->tpm == ipc::TpmKind::swtpm_socket ? "; the TPM is a software one" : "") << "\n";
    return ready ? exit_status::kOk : exit_status::kRefused;
}

}  // namespace sealcall::cli
