#include "vault_access.h"

#include "commands.h"
#include "files.h"
#include "host/terminal/wait_words.h"
#include "problem.h"
#include "sealcall/base/time.h"
#include "set_up.h"

namespace sealcall::cli {
namespace {

constexpr const char* kReset =
    "`sealcall vault reset` starts an empty one: SIP password, contacts, history and the memory of other phones are "
    "lost.";

}  // namespace

std::string own_address(const ProfileStore& store) {
    const auto enrolment = store.enrolment();
    return enrolment ? enrolment->uri : load_config(store.paths().config_file).uri;
}

void refuse_other_address(const ProfileStore& store, const std::string& address) {
    std::error_code error;
    const auto file = store.paths().vault();
    const auto size = std::filesystem::file_size(file, error);
    const std::string owner = own_address(store);
    if (error || size == 0 || owner == address) return;
    throw Problem("The vault of this profile belongs to " +
                      (owner.empty() ? std::string("a phone without an address") : printable(owner)) +
                      ": under another address it does not open, and looks as if somebody had put it back.",
                  "Use another profile for the other address: --profile NAME. Or take with you what you need (sealcall "
                  "contacts export, settings export), then remove " +
                      file.string() + ".",
                  exit_status::kUsage);
}

std::string tries_sentence(const ipc::VaultState& s) {
    if (!tries_known(s)) return "How many tries are left could not be read from the TPM now.";
    if (s.tries.left == 0)
        return "The TPM refuses every PIN, the right one too, until " +
               local_time(wall_ms() + uint64_t{1000} * s.tries.one_more_in_s) +
               " at the latest; then it takes one try. It counts only while it runs.";
    return std::to_string(s.tries.left) + (s.tries.left == 1 ? " try is" : " tries are") + " left of " +
           std::to_string(s.tries.most) + "; the TPM gives one back every " + wait_words(s.tries.one_more_in_s) + ".";
}

const char* trouble_word(Errc error) {
    if (error == Errc{}) return "none";
    switch (error) {
        case Errc::tpm_auth_refused:
            return "pin_wrong";
        case Errc::not_permitted:
            return "pin_missing";
        case Errc::tpm_locked_out:
            return "locked_out";
        case Errc::bad_config:
            return "pin_unfit";
        case Errc::tpm_policy_refused:
            return "programs_changed";
        case Errc::bundle_rolled_back:
            return "rolled_back";
        case Errc::not_authentic:
        case Errc::bad_value:
            return "damaged";
        case Errc::too_large:
            return "full";
        default:
            return "failed";
    }
}

void throw_trouble(const ipc::VaultState& s) {
    const auto refused = exit_status::kRefused;
    switch (s.error) {
        case Errc::tpm_auth_refused:
            throw Problem("This is not the PIN. " + tries_sentence(s),
                          tries_known(s) && s.tries.left == 0 ? "Wait, then try again." : "Try again.", refused);
        case Errc::tpm_locked_out:
            throw Problem("There were too many wrong PINs. " + tries_sentence(s),
                          "Wait. If the PIN is forgotten: sealcall pin reset, which empties the vault.", refused);
        case Errc::not_permitted:
            throw Problem("The vault has a PIN, and none was given.", "Run the command in a terminal.",
                          exit_status::kUsage);
        case Errc::bad_config:
            throw Problem(
                "A PIN has " + std::to_string(ipc::kPinMin) + " to " + std::to_string(ipc::Pin::kSize) + " characters.",
                "Choose another one.", exit_status::kUsage);
        case Errc::tpm_policy_refused:
            throw Problem("The vault was sealed for other programs of sealcall than the ones that are installed.",
                          kReset, refused);
        case Errc::bundle_rolled_back:
            throw Problem(
                "The vault's file is older than the one that the TPM knows, or gone: somebody put it back or "
                "removed it, or this phone's address was changed.",
                std::string("Restore the newest file, or the address of before. Else: ") + kReset, refused);
        case Errc::not_authentic:
        case Errc::bad_value:
            throw Problem("The vault's file is damaged, or not this phone's.",
                          std::string("Restore the newest file. Else: ") + kReset, refused);
        case Errc::too_large:
            throw Problem("The vault is full.", "Forget some contacts first.");
        default:
            throw Problem("The vault could not be used (error " + std::to_string(static_cast<unsigned>(s.error)) + ").",
                          "`sealcall doctor` says what is wrong with the TPM or the disk.");
    }
}

VaultAccess::VaultAccess(const ProfileStore& store, std::string owner, std::unique_ptr<Provisioning> provisioning)
    : owner_(std::move(owner)), provisioning_(std::move(provisioning)) {
    const auto keys = store.keys();
    if (!keys) throw Problem("This profile has no keys yet.", "sealcall init", exit_status::kNotSetUp);
    const ipc::Provisioned ready = provisioning_->provision(&*keys, {});
    if (!ready.ok)
        throw Problem("The keys of this profile cannot be used: " + ready.problem.str() + ".",
                      "`sealcall doctor` says more.", exit_status::kNotSetUp);
}

VaultAccess VaultAccess::start(const Context& context) {
    const ProfilePaths& paths = context.paths();
    const auto facts = context.store.facts();
    if (!facts)
        throw Problem("The profile " + paths.profile + " has no keys yet.", "sealcall init", exit_status::kNotSetUp);
    std::string owner = own_address(context.store);
    if (owner.empty())
        throw Problem("This profile has no address yet, and a vault belongs to one.",
                      "sealcall init --uri sip:NAME@DOMAIN", exit_status::kNotSetUp);
    UniqueFd lock = lock_file(paths.lock_file(),
                              "The vault is in use: the phone of this profile runs, or another sealcall command does.",
                              "End the phone, or let the command finish; then try again.");
    UniqueFd file = context.store.open_vault();
    TpmUse tpm = tpm_of(*facts);
    tpm.vault_fd = file.get();
    VaultAccess out(context.store, std::move(owner),
                    start_provisioning(paths, tpm, roles_directory(context.options.global)));
    out.lock_ = std::move(lock);
    out.file_ = std::move(file);
    return out;
}

ipc::VaultState VaultAccess::checked(ipc::VaultState state) {
    if (state.error != Errc{}) throw_trouble(state);
    return state;
}

ipc::VaultState VaultAccess::look() {
    return provisioning_->vault(
        ipc::encode_secret(ipc::VaultOpen{.owner = BoundedString<256>::cut(owner_), .pin = {}}));
}

ipc::VaultState VaultAccess::open_with(ipc::Pin pin) {
    return send(ipc::VaultOpen{.owner = BoundedString<256>::cut(owner_), .pin = std::move(pin)});
}

ipc::VaultState VaultAccess::open(SecretPrompt& prompt) {
    ipc::VaultState state = look();
    if (state.error != Errc::not_permitted) return checked(std::move(state));
    if (tries_known(state) && state.tries.left == 0) {
        state.error = Errc::tpm_locked_out;
        throw_trouble(state);
    }
    return open_with(prompt.pin("PIN"));
}

std::vector<ipc::VaultItem> VaultAccess::read(ipc::VaultKind kind) {
    std::vector<ipc::VaultItem> out;
    for (;;) {
        const auto page = provisioning_->vault_page({.kind = kind, .from = static_cast<uint16_t>(out.size())});
        if (page.items.empty()) return out;
        out.insert(out.end(), page.items.begin(), page.items.end());
    }
}

}  // namespace sealcall::cli
