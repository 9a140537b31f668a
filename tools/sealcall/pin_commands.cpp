// `sealcall pin`: sets, changes, removes and shows the PIN. What counts happens in the enclave and the TPM.
#include <iostream>

#include "commands.h"
#include "problem.h"
#include "vault_access.h"

namespace sealcall::cli {
namespace {

bool all_alike(ByteSpan pin) {
    return std::ranges::all_of(pin, [&](std::byte b) { return b == pin[0]; });
}

/// 123456, 654321, abcdef.
bool a_run(ByteSpan pin, int step) {
    for (size_t i = 1; i < pin.size(); ++i)
        if (static_cast<int>(pin[i]) - static_cast<int>(pin[i - 1]) != step) return false;
    return true;
}

ipc::Pin new_pin(SecretPrompt& prompt) {
    ipc::Pin pin = prompt.pin("New PIN (at least " + std::to_string(ipc::kPinMin) + " characters)");
    const ByteSpan typed = ipc::text_of(pin);
    if (typed.size() < ipc::kPinMin)
        throw Problem("A PIN has at least " + std::to_string(ipc::kPinMin) + " characters.", "Choose a longer one.",
                      exit_status::kUsage);
    if (all_alike(typed) || a_run(typed, 1) || a_run(typed, -1))
        throw Problem("This PIN is among the first that anybody tries.", "Choose another one.", exit_status::kUsage);
    const ipc::Pin again = prompt.interactive() ? prompt.pin("Once more") : ipc::Pin();
    if (prompt.interactive() && again != pin)
        throw Problem("These were two different PINs.", "Try again; nothing was changed.", exit_status::kUsage);
    return pin;
}

const char* kSoftware =
    "This TPM is a software one: who copies its files can try PINs elsewhere, uncounted. A long PIN helps.";

int tell(const Context& context, const ipc::VaultState& state, const std::string& sentence) {
    const auto facts = context.store.facts();
    const bool software = facts && facts->software_tpm;
    if (context.json()) {
        nlohmann::json out = {{"ok", true}, {"pin_set", state.pin_set}, {"software_tpm", software}};
        for (const char* unknown : {"tries_left", "tries_most", "one_more_in_s", "locked_out"}) out[unknown] = nullptr;
        if (tries_known(state))
            out.update({{"tries_left", state.tries.left},
                        {"tries_most", state.tries.most},
                        {"one_more_in_s", state.tries.one_more_in_s},
                        {"locked_out", state.tries.left == 0}});
        print_json(out);
        return exit_status::kOk;
    }
    std::cout << sentence << "\n";
    if (state.pin_set) std::cout << tries_sentence(state) << "\n";
    if (state.pin_set && software) std::cout << kSoftware << "\n";
    return exit_status::kOk;
}

/// For `set` and `change`: nothing but a missing PIN may stand in the way.
ipc::VaultState look(VaultAccess& vault) {
    ipc::VaultState state = vault.look();
    if (state.error != Errc{} && state.error != Errc::not_permitted) throw_trouble(state);
    return state;
}

}  // namespace

int run_pin_set(const Context& context) {
    SecretPrompt prompt;
    VaultAccess vault = VaultAccess::start(context);
    if (look(vault).pin_set)
        throw Problem("This phone has a PIN already.", "Change it: sealcall pin change", exit_status::kUsage);
    const auto state = vault.send(ipc::VaultRekey{.pin = new_pin(prompt)});
    return tell(context, state,
                "The PIN is set. It opens the vault, unlocks the phone and confirms what the policy asks.");
}

int run_pin_change(const Context& context) {
    SecretPrompt prompt;
    VaultAccess vault = VaultAccess::start(context);
    if (!look(vault).pin_set) throw Problem("This phone has no PIN yet.", "sealcall pin set", exit_status::kUsage);
    vault.open(prompt);
    const bool remove = context.options.vault.remove;
    const auto state = vault.send(ipc::VaultRekey{.pin = remove ? ipc::Pin() : new_pin(prompt)});
    return tell(context, state,
                remove ? "The PIN is removed. Whoever can start this phone can use it."
                       : "The PIN is changed; the old one opens nothing any more.");
}

int run_pin_status(const Context& context) {
    VaultAccess vault = VaultAccess::start(context);
    const auto state = look(vault);
    return tell(context, state,
                state.pin_set ? "This phone has a PIN." : "This phone has no PIN. Set one: sealcall pin set");
}

/// The same for `sealcall vault reset`: without its PIN a vault can only be emptied.
int run_vault_reset(const Context& context) {
    VaultAccess vault = VaultAccess::start(context);
    const auto before = vault.look();
    const std::string lost = "SIP password, contacts, history and the memory of other phones";
    if (!context.options.vault.yes)
        throw Problem("This empties the vault of the profile " + context.paths().profile + ": " + lost +
                          " are lost for good. Keys, certificates and the audit log stay.",
                      "If that is meant: add --yes.", exit_status::kUsage);
    const auto state = vault.send(ipc::VaultRekey{.pin = {}, .reset = true});
    return tell(context, state,
                std::string("The vault is empty now") + (before.pin_set ? ", and there is no PIN" : "") + ": " + lost +
                    " were lost. Next: sealcall pin set, sealcall vault login.");
}

}  // namespace sealcall::cli
