// enclave -> ui: what a screen shows. All of it the enclave's own knowledge but fields named hearsay.
#pragma once

#include "sealcall/ipc/messages/roles.h"
#include "sealcall/policy/types.h"
#include "sealcall/rats/wire.h"

namespace sealcall::ipc {

enum class CallState : uint8_t {
    dialling,  ///< INVITE is on its way
    offered,   ///< incoming, nothing known yet: not shown
    attesting,
    decided,  ///< both verdicts are in
    ringing,
    answered,  ///< 200 went out or came in; media path and DTLS under way
    media,     ///< sound flows
    held,
    ended,
};

enum class EndReason : uint8_t {
    none,
    hung_up_here,
    hung_up_there,
    refused_here,  ///< by the person
    refused_by_policy,
    refused_there,
    busy,
    no_answer,
    not_found,
    not_reachable,
    peer_failed_attestation,
    peer_not_acceptable,
    we_were_not_acceptable,
    peer_is_ordinary,  ///< and the policy refuses ordinary phones
    channel_broken,    ///< TLS alert, gap, limit
    certificate_refused,
    own_tpm_refused,  ///< our TPM will not sign: this phone's software was changed
    own_tpm_failed,   ///< gone, locked out or slow
    media_failed,
    fingerprint_mismatch,
    too_many_calls,
    not_enrolled,
    locked,     ///< this phone waits for its PIN
    downgrade,  ///< known to attest, and did not; or worse than ever, or with another key
    host_lost,
    internal,
};

enum class Protection : uint8_t {
    none,        ///< no media yet
    end_to_end,  ///< DTLS-SRTP confirmed inside the attested channel
    hop,         ///< DTLS-SRTP, fingerprints only from SDP: servers on the way could listen
};

/// Everything that the incoming-call card or the call line shows. All of it the enclave's own knowledge but
/// `hearsay_*`.
struct CallCard {
    static constexpr uint16_t kId = 100;
    CallId call;
    policy::Direction direction{};
    BoundedString<256> peer_uri;      ///< from the certificate when attested; else from SIP, and then unproven
    BoundedString<128> vouched_by;    ///< common name of the authority that certified the peer; empty: nobody
    BoundedString<128> result_by;     ///< whose verifier appraised the peer; empty: this phone itself
    BoundedString<256> dialled_uri;   ///< outgoing: what the person dialled; incoming: which of our names was dialled
    BoundedString<256> hearsay_name;  ///< display name as the network says it: not trusted, not printable by itself
    BoundedString<64> label;
    bool ordinary = false;
    bool answered_by_other = false;  ///< outgoing: the certificate's name is not the dialled one
    rats::AttestationResult theirs;  ///< what this phone sees of the peer
    uint64_t theirs_at_ms = 0;       ///< wall time of that check
    bool ours_known = false;
    rats::Level ours = rats::Level::unverified;  ///< what the peer says it sees of us
    bool ours_lab = false;
    policy::Decision decision;
    policy::Action peer_answer = policy::Action::allow;  ///< of the peer's policy, as it says
    Protection protection{};
    static constexpr auto fields = std::tuple{&CallCard::call,         &CallCard::direction,
                                              &CallCard::peer_uri,     &CallCard::vouched_by,
                                              &CallCard::result_by,    &CallCard::dialled_uri,
                                              &CallCard::hearsay_name, &CallCard::label,
                                              &CallCard::ordinary,     &CallCard::answered_by_other,
                                              &CallCard::theirs,       &CallCard::theirs_at_ms,
                                              &CallCard::ours_known,   &CallCard::ours,
                                              &CallCard::ours_lab,     &CallCard::decision,
                                              &CallCard::peer_answer,  &CallCard::protection};
};

/// Phase marks of one call, microseconds of CLOCK_BOOTTIME at the enclave; the bench and the demo subtract them.
enum class Phase : uint8_t {
    dialled,       ///< Dial came from ui, or the INVITE from the host
    channel_open,  ///< TLS finished
    own_evidence_sent,
    peer_evidence_in,
    peer_appraised,
    both_agreed,
    ringing,
    answered,    ///< caller: 200 came in. callee: Answer came from ui
    media_path,  ///< ICE is done
    secure,      ///< DTLS finished
    confirmed,   ///< equal exporters
    first_audio_in,
    ended,
};

struct CallPhase {
    static constexpr uint16_t kId = 102;
    CallId call;
    Phase phase{};
    uint64_t boot_us = 0;
    static constexpr auto fields = std::tuple{&CallPhase::call, &CallPhase::phase, &CallPhase::boot_us};
};

struct CallStateChanged {
    static constexpr uint16_t kId = 104;
    CallId call;
    CallState state{};
    EndReason reason{};
    BoundedString<128> detail;  ///< for experts: "0x99d", "SIP 486"
    bool held_here = false;
    bool held_there = false;
    bool microphone = true;
    static constexpr auto fields =
        std::tuple{&CallStateChanged::call,      &CallStateChanged::state,     &CallStateChanged::reason,
                   &CallStateChanged::detail,    &CallStateChanged::held_here, &CallStateChanged::held_there,
                   &CallStateChanged::microphone};
};

enum class KeyEvent : uint8_t { created, sealed, wiped, unsealed, rekeyed, destroyed, unseal_refused };

/// One step in the life of a call's sealed secret, as it happens.
struct KeyLife {
    static constexpr uint16_t kId = 106;
    CallId call;
    KeyEvent event{};
    uint32_t context = 0;  ///< media context number
    uint8_t slot = 0;      ///< counter slot 0..3
    uint64_t counter = 0;  ///< value of the slot's NV counter
    uint64_t wall_ms = 0;
    uint32_t tpm_rc = 0;  ///< for unseal_refused
    static constexpr auto fields = std::tuple{&KeyLife::call,    &KeyLife::event,   &KeyLife::context, &KeyLife::slot,
                                              &KeyLife::counter, &KeyLife::wall_ms, &KeyLife::tpm_rc};
};

/// About once a second in a call, and once at its end.
struct MediaStats {
    static constexpr uint16_t kId = 108;
    CallId call;
    uint32_t sent = 0;  ///< RTP packets
    uint32_t received = 0;
    uint32_t lost = 0;                ///< by sequence number
    uint32_t rejected = 0;            ///< not authentic, replayed, malformed: dropped and counted
    uint32_t late = 0;                ///< came too late to be played
    uint32_t longest_gap_ms = 0;      ///< longest run without sound to play
    uint32_t jitter_us = 0;           ///< RFC 3550 6.4.1
    uint32_t peer_reported_lost = 0;  ///< from RTCP
    BoundedString<32> srtp_profile;
    static constexpr auto fields =
        std::tuple{&MediaStats::call,           &MediaStats::sent,      &MediaStats::received,
                   &MediaStats::lost,           &MediaStats::rejected,  &MediaStats::late,
                   &MediaStats::longest_gap_ms, &MediaStats::jitter_us, &MediaStats::peer_reported_lost,
                   &MediaStats::srtp_profile};
};

/// How a round of attestation after the first ended, or what stands in its way.
enum class RecheckOutcome : uint8_t {
    as_before,    ///< the peer answered: its level is what it was, or better
    worse,        ///< it answered: its level fell
    overdue,      ///< no answer for 30 s: the level stands, marked as not rechecked
    unanswered,   ///< no answer for 60 s: level 0
    seen_worse,   ///< the peer asked, and sees less of this phone than before
    own_changed,  ///< the peer asked, and this computer's measurement is not what it was
    own_failed,   ///< the peer asked, and this computer's TPM gave no quote: nothing was sent
};
/// What was done about it here.
enum class OnFall : uint8_t { nothing, muted, held, ended };

struct Rechecked {
    static constexpr uint16_t kId = 114;
    CallId call;
    uint16_t round = 0;
    RecheckOutcome outcome{};
    rats::Level before{};  ///< of the peer; for seen_worse: of this phone, as the peer says
    rats::Level after{};
    OnFall done{};
    static constexpr auto fields = std::tuple{&Rechecked::call,   &Rechecked::round, &Rechecked::outcome,
                                              &Rechecked::before, &Rechecked::after, &Rechecked::done};
};

enum class NoticeKind : uint8_t {
    tpm_slow,
    tpm_gone,
    audio_device_lost,
    audio_device_back,
    not_enrolled,
    incoming_refused,  ///< somebody called and was refused before it rang; `text` says who, as far as proven
    relay_rewrote_offer,
    dropped_messages,
    suspended,
    bundle,    ///< the authority's bundle is missing, old or not to be believed
    passport,  ///< our own authority gave none
    policy,    ///< what the administrator's policy said or forbade
    vault,     ///< it cannot be kept, or the phone was locked
};

struct Notice {
    static constexpr uint16_t kId = 110;
    NoticeKind kind{};
    BoundedString<512> text;
    static constexpr auto fields = std::tuple{&Notice::kind, &Notice::text};
};

/// What became of the authority's bundle (rats/bundle.h). All but `none` and `good`: every peer is at level 0.
enum class BundleState : uint8_t {
    none,  ///< the authority publishes none: anchors from the enrolment, level at most 2
    good,
    stale,        ///< its next update is overdue
    clock_wrong,  ///< issued in our future
    rolled_back,  ///< this phone has seen a newer one
    bad,          ///< not signed by the pinned key, or not in its form
    missing,      ///< pinned at enrolment, and not there now
    not_pinned,   ///< the TPM does not confirm the signer
};

/// The policy lets the call go on with the person's PIN alone; it waits for that. Withdrawn when it is over.
struct AskConsent {
    static constexpr uint16_t kId = 116;
    RequestId question;  ///< to be answered by EnterPin
    CallId call;
    bool wanted = true;         ///< false: nobody asks any more
    policy::Decision decision;  ///< with `why` the sentences that the person sees, and that are recorded
    rats::Reason why{};         ///< a downgrade; none: the decision says it all
    BoundedString<256> peer;
    rats::Level level{};
    bool lab = false;
    static constexpr auto fields =
        std::tuple{&AskConsent::question, &AskConsent::call, &AskConsent::wanted, &AskConsent::decision,
                   &AskConsent::why,      &AskConsent::peer, &AskConsent::level,  &AskConsent::lab};
    bool operator==(const AskConsent&) const = default;
};

/// At the start and whenever it changes.
struct LockState {
    static constexpr uint16_t kId = 118;
    bool pin_set = false;
    bool locked = false;  ///< the vault is shut: nobody calls or answers before the PIN came
    static constexpr auto fields = std::tuple{&LockState::pin_set, &LockState::locked};
};

/// The enclave's own state for `sealcall status`.
struct EnclaveStatus {
    static constexpr uint16_t kId = 113;
    RequestId request;
    BoundedString<256> own_uri;
    bool enrolled = false;
    bool software_tpm = false;
    bool secret_memory = false;  ///< heap in memfd_secret
    bool tpm_ready = false;
    BoundedString<128> vouched_by;
    BoundedString<128> tpm_name;  ///< manufacturer and firmware
    Digest measurement{};         ///< value of the measurement PCR
    uint32_t calls = 0;
    uint32_t dropped = 0;  ///< bad or unexpected bytes from the network, all kinds
    BundleState bundle{};
    uint64_t bundle_version = 0;         ///< 0: none was opened
    uint64_t bundle_next_update_ms = 0;  ///< UTC
    bool pin_set = false, locked = false;
    static constexpr auto fields = std::tuple{&EnclaveStatus::request,        &EnclaveStatus::own_uri,
                                              &EnclaveStatus::enrolled,       &EnclaveStatus::software_tpm,
                                              &EnclaveStatus::secret_memory,  &EnclaveStatus::tpm_ready,
                                              &EnclaveStatus::vouched_by,     &EnclaveStatus::tpm_name,
                                              &EnclaveStatus::measurement,    &EnclaveStatus::calls,
                                              &EnclaveStatus::dropped,        &EnclaveStatus::bundle,
                                              &EnclaveStatus::bundle_version, &EnclaveStatus::bundle_next_update_ms,
                                              &EnclaveStatus::pin_set,        &EnclaveStatus::locked};
};

}  // namespace sealcall::ipc

SEALCALL_ENUM_LAST(sealcall::ipc::CallState, ended);
SEALCALL_ENUM_LAST(sealcall::ipc::EndReason, internal);
SEALCALL_ENUM_LAST(sealcall::ipc::Protection, hop);
SEALCALL_ENUM_LAST(sealcall::ipc::Phase, ended);
SEALCALL_ENUM_LAST(sealcall::ipc::KeyEvent, unseal_refused);
SEALCALL_ENUM_LAST(sealcall::ipc::RecheckOutcome, own_failed);
SEALCALL_ENUM_LAST(sealcall::ipc::OnFall, ended);
SEALCALL_ENUM_LAST(sealcall::ipc::NoticeKind, vault);
SEALCALL_ENUM_LAST(sealcall::ipc::BundleState, not_pinned);
