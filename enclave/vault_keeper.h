// The vault of a running phone: locked and open, saved when something changed, and whoever needs the person's PIN asks
// here. PINs come from ui alone and are looked at by the TPM alone, on its own thread; media never waits for one.
#pragma once

#include <functional>
#include <vector>

#include "enclave/audit/log.h"
#include "enclave/consent.h"
#include "enclave/peers.h"
#include "enclave/tpm/worker.h"
#include "enclave/vault/vault.h"
#include "sealcall/ipc/link.h"
#include "sealcall/ipc/schema.h"

namespace sealcall::enclave {

class VaultKeeper {
  public:
    static constexpr Millis kAnswerWithin{120'000};  ///< until a question is withdrawn

    struct Parts {
        tpm::Worker& worker;
        ipc::Link& ui;
        std::function<bool(const audit::Record&)> record;
        Millis lock_after{};  ///< zero: never by itself
        std::function<void()> lock_changed;
    };
    VaultKeeper(vault::Vault vault, Parts parts) : vault_(std::move(vault)), parts_(std::move(parts)) {}

    [[nodiscard]] bool locked() const { return !vault_.is_open(); }
    [[nodiscard]] bool has_pin() const { return vault_.has_pin(); }
    /// Null while locked.
    [[nodiscard]] const vault::Content* content() const { return locked() ? nullptr : &vault_.content(); }
    void tell_state() const { (void)parts_.ui.send(ipc::LockState{.pin_set = has_pin(), .locked = locked()}); }

    // ---- what is kept; nothing of it happens while locked
    void remember_peer(std::string_view uri, const ipc::PeerKey& key, const rats::AttestationResult& result);
    void keep_call(ipc::VaultItem call);

    // ---- lock
    /// Without a PIN there is nothing to lock with, and the person is told so.
    void lock();
    void touched(BootInstant now) { last_word_ = now; }

    // ---- consent
    /// Asks the person for the PIN: in place of another question about the same call. Once the TPM has found it right
    /// and the record with the reason that was shown is written, `answered` gets true; after kAnswerWithin false.
    void ask(CallId call, const Consent& about, rats::Reason why, std::string_view peer,
             std::function<void(bool)> answered);
    void withdraw(CallId call) { (void)take(&ipc::AskConsent::call, call); }
    void enter(ipc::EnterPin m);

    void tick(BootInstant now, uint32_t live_calls);
    [[nodiscard]] BootInstant next_deadline() const;
    /// Nothing is on its way to the disk.
    [[nodiscard]] bool idle() const { return saving_ == 0 && !dirty_; }

  private:
    struct Asked {
        ipc::AskConsent question;
        Consent about;
        std::function<void(bool)> answered;
        BootInstant until{};
    };
    struct Checked;
    void checked(const ipc::EnterPin& m, Checked result);
    template <class T>
    std::optional<Asked> take(T ipc::AskConsent::*by, T value);
    void changed();
    void save();
    void say(std::string_view text) const;

    vault::Vault vault_;
    Parts parts_;
    bool dirty_ = false, save_failed_ = false;
    uint32_t saving_ = 0;
    std::vector<Asked> asked_;  ///< oldest first; one for each call
    uint32_t last_question_ = 0;
    BootInstant last_word_ = BootClock::now();
};

}  // namespace sealcall::enclave
