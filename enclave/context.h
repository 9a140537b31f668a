// What every call of this enclave needs: links, the TPM worker, verifiers, the audit log, the configuration. Owned by
// Enclave, used on the main loop only.
#pragma once

#include <array>
#include <functional>
#include <optional>

#include "attestation/bundle.h"
#include "enclave/admission.h"
#include "enclave/attester.h"
#include "enclave/audit/log.h"
#include "enclave/authority_bundle.h"
#include "enclave/consent.h"
#include "enclave/log_fetch.h"
#include "enclave/notary.h"
#include "enclave/recheck.h"
#include "enclave/sip_name.h"
#include "enclave/tpm/worker.h"
#include "enclave/vault_keeper.h"
#include "enclave/verifier_pool.h"
#include "policy/decide.h"

namespace sealcall::enclave {

class Session;

/// The four NV counter slots; a slot belongs to one call until its secret is dead.
class Slots {
  public:
    [[nodiscard]] bool any_free() const { return std::ranges::count(taken_, false) != 0; }
    std::optional<uint8_t> take() {
        for (uint8_t i = 0; i < taken_.size(); ++i)
            if (!taken_[i]) {
                taken_[i] = true;
                return i;
            }
        return {};
    }
    void give_back(uint8_t slot) { taken_[slot] = false; }

  private:
    std::array<bool, tpm::kSlots> taken_{};
};

struct Context {
    ipc::Link& host;
    ipc::Link& ui;
    ipc::Link& audio;
    ipc::Link& control;
    tpm::Worker& worker;
    VerifierPool& verifiers;
    audit::Log& log;
    Notary& notary;
    const Attester* attester;  ///< null: not enrolled, no attested calls
    const ipc::ConfigureEnclave& config;
    const AuthorityBundle& bundle;
    std::shared_ptr<CallerLimits> limits;  ///< shared with the TPM's thread, where certificates are seen first
    LogCache& logs;
    Slots& slots;
    Millis lease;  ///< of sealed secrets (tpm::Tpm::lease)
    RecheckTimes recheck;
    Millis rekey_every{};         ///< how long a call's media keys are used
    SessionId& microphone_owner;  ///< set by the person's commands alone; no peer's message moves it
    uint32_t& dropped;            ///< bad bytes from the network, all kinds
    VaultKeeper& vault;
    std::function<Session*(SessionId)> find;  ///< null when the session is gone: results of late jobs are dropped
    std::function<void(RequestId)> answer_status;
    std::function<Status(const ipc::NewBundle&)> take_bundle;

    /// Messages to a lost process are lost with it; its end is noticed by the event loop.
    template <class T>
    void to_host(const T& m) const {
        if (!host.send(m)) host.close();
    }
    template <class T>
    void to_ui(const T& m) const {
        if (!ui.send(m)) ui.close();
    }
    template <class T>
    void to_audio(const T& m) const {
        if (!audio.send(m)) audio.close();
    }
    /// A record that cannot be written is said aloud: nothing is silent. False: it is not in the log.
    bool record(const audit::Record& r) const {
        if (log.append(r)) return true;
        to_ui(ipc::Notice{.kind = ipc::NoticeKind::dropped_messages,
                          .text = BoundedString<512>("The audit log cannot be written: is the disk full?")});
        return false;
    }

    /// One step in the life of a sealed secret: on the screen and in the audit log.
    void key_event(const ipc::KeyLife& life) const {
        static constexpr std::array kNames{"created", "sealed",    "wiped",         "unsealed",
                                           "rekeyed", "destroyed", "unseal_refused"};
        to_ui(life);
        record(audit::Record("key")
                   .call(life.call)
                   .text("what", kNames[static_cast<size_t>(life.event)])
                   .number("context", life.context)
                   .number("slot", life.slot)
                   .number("counter", life.counter)
                   .number("tpm_rc", life.tpm_rc));
    }

    /// Both policies as they are now. Not to be kept: a newer bundle may come.
    [[nodiscard]] policy::Policies policies() const {
        const policy::Document* document = bundle.document().get();
        return {
            .document = document, .own = document != nullptr ? &config.wishes : &config.policy, .lost = bundle.lost()};
    }

    /// Of the bundle where there is one, else those of the enrolment.
    [[nodiscard]] const BoundedList<rats::CertificateDer, 4>& anchors() const {
        return bundle.references() != nullptr ? bundle.references()->head().anchors : config.anchors;
    }

    /// What becomes of both policies' answer about `now`; `why`: what the memory of peers says; `given`: consent in
    /// this call so far.
    [[nodiscard]] policy::Decision decide(const rats::AttestationResult& now, const policy::CallContext& about,
                                          rats::Reason why, const std::optional<Consent>& given) const {
        return with_consent(policy::decide(now, about, policies()), now, why,
                            {.pin_set = vault.has_pin(), .given = given ? &*given : nullptr});
    }

    /// Runs `job` where the TPM is; `done` gets its result here if the session still lives.
    template <class R>
    void on_tpm(tpm::Urgency urgency, SessionId id, std::function<R(tpm::Tpm&)> job,
                std::function<void(Session&, R)> done) const {
        auto result = std::make_shared<std::optional<R>>();  // shared: both closures must be copyable
        auto find_session = find;
        Status posted = worker.post(
            urgency, [result, job = std::move(job)](tpm::Tpm& t) { result->emplace(job(t)); },
            [result, id, done, find_session] {
                if (Session* s = find_session(id); s && *result) done(*s, std::move(**result));
            });
        if (!posted)
            if (Session* s = find(id)) done(*s, R(posted.error()));
    }
};

}  // namespace sealcall::enclave
