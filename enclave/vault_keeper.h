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
    static constexpr size_t kQuestionsMax = 16;      ///< at once; as many as ui shows (host/ui/screen.h)

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
    [[nodiscard]] bool is_new() const { return vault_.is_new(); }
    [[nodiscard]] uint64_t made() const { return vault_.made(); }
    void tell_state() const { (void)parts_.ui.send(ipc::LockState{.pin_set = has_pin(), .locked = locked()}); }

    // ---- what is kept; nothing of it happens while locked
    void remember_peer(std::string_view uri, const ipc::PeerKey& key, const rats::AttestationResult& result);
    void keep_call(ipc::VaultItem call);
    /// The screen's names for people; of nothing else in the vault, and of nobody while locked.
    void show_contacts(const ipc::VaultRead& wanted) const;

    // ---- lock
    /// Without a PIN there is nothing to lock with, and the person is told so.
    void lock();
    void touched(BootInstant now) { last_word_ = now; }
    /// Before anybody is heard: time goes on while the machine sleeps.
    void lock_when_due(BootInstant now, bool busy);

    // ---- consent
    struct Asker {
        CallId call;
        SessionId session;  ///< 0: the call itself
        bool operator==(const Asker&) const = default;
    };
    /// Asks the person for the PIN: in place of another question of the same asker; forks with the same question share
    /// it. Once the TPM has found it right and the record with the reason that was shown is written, `answered` gets
    /// true; after kAnswerWithin false.
    void ask(Asker asker, const Consent& about, std::string_view peer, std::function<void(bool)> answered);
    void withdraw(Asker asker);
    /// All that this call asks.
    void withdraw(CallId call);
    void enter(ipc::EnterPin m);

    void tick(BootInstant now);
    [[nodiscard]] BootInstant next_deadline() const;
    /// Nothing is on its way to the disk, or can be.
    [[nodiscard]] bool idle() const { return saving_ == 0 && (!dirty_ || save_failed_); }

  private:
    struct Asked {
        ipc::AskConsent question;
        Consent about;
        std::vector<std::pair<Asker, std::function<void(bool)>>> askers;
        BootInstant until{};
    };
    struct Checked;
    static constexpr Millis kSaveAgainAfter{5'000};

    void checked(const ipc::EnterPin& m, Checked result);
    std::optional<Asked> take(RequestId question);
    template <class Of>
    void withdraw_if(Of of);
    void changed();
    void save();
    void say(std::string_view text) const;

    vault::Vault vault_;
    Parts parts_;
    bool dirty_ = false, save_failed_ = false;
    BootInstant save_again_{};
    uint32_t saving_ = 0;
    uint32_t locks_ = 0;        ///< so far: what was read before the last one opens nothing
    std::vector<Asked> asked_;  ///< oldest first; one for each call
    uint32_t last_question_ = 0;
    BootInstant last_word_ = BootClock::now();
};

}  // namespace sealcall::enclave
