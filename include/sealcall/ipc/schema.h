// THE protocol between the processes of one phone: every message, who sends it, and what of it is trusted.
// Codec: codec.h. Which message the enclave takes from whom, in which state: enclave/monitor.cpp. Requests even,
// replies odd. No message returns a key, lowers a policy or names a file.
#pragma once

#include "sealcall/ipc/codec.h"
#include "sealcall/policy/types.h"
#include "sealcall/rats/wire.h"

namespace sealcall::ipc {

inline constexpr uint32_t kProtocolVersion = 1;
inline constexpr size_t kDatagramMax = 1500;   ///< bytes of one DTLS or SRTP packet
inline constexpr size_t kAudioFrameMax = 400;  ///< bytes of one Opus packet
inline constexpr size_t kMessageMax = 60 * 1024;

/// File descriptors that a role finds open when it starts. 0 and 1 are /dev/null but in ui; 2 is the log.
namespace fd {
inline constexpr int kControl = 3;  ///< every role: link to the launcher. The verifier: its one request
inline constexpr int kUiEnclave = 4, kUiHost = 5, kUiControlSocket = 6;
inline constexpr int kHostEnclave = 4, kHostUi = 5;
inline constexpr int kEnclaveHost = 4, kEnclaveUi = 5, kEnclaveAudio = 6, kEnclaveTpm = 7, kEnclaveAudit = 8;
inline constexpr int kEnclaveVerifier0 = 9, kEnclaveVerifierSlots = 2;  ///< 9 and 10
inline constexpr int kEnclaveBundle = 11;                            ///< read-only; /dev/null when the profile has none
inline constexpr int kEnclaveBootLog = 12, kEnclaveRuntimeLog = 13;  ///< the machine's own logs, or /dev/null
inline constexpr int kAudioEnclave = 4, kAudioWavIn = 5, kAudioWavOut = 6;
}  // namespace fd

enum class ProcessRole : uint8_t { launcher, ui, host, enclave, verifier, audio };

/// First message on every link, both ways. Unequal version or build: both sides end.
struct LinkHello {
    static constexpr uint16_t kId = 2;
    uint32_t version = kProtocolVersion;
    BoundedString<64> build;
    ProcessRole role{};
    static constexpr auto fields = std::tuple{&LinkHello::version, &LinkHello::build, &LinkHello::role};
};

// ---------------------------------------------------------------- what a screen shows (enclave -> ui)

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
    Protection protection{};
    static constexpr auto fields = std::tuple{&CallCard::call,         &CallCard::direction,
                                              &CallCard::peer_uri,     &CallCard::vouched_by,
                                              &CallCard::result_by,    &CallCard::dialled_uri,
                                              &CallCard::hearsay_name, &CallCard::label,
                                              &CallCard::ordinary,     &CallCard::answered_by_other,
                                              &CallCard::theirs,       &CallCard::theirs_at_ms,
                                              &CallCard::ours_known,   &CallCard::ours,
                                              &CallCard::ours_lab,     &CallCard::decision,
                                              &CallCard::protection};
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
    static constexpr auto fields = std::tuple{&EnclaveStatus::request,        &EnclaveStatus::own_uri,
                                              &EnclaveStatus::enrolled,       &EnclaveStatus::software_tpm,
                                              &EnclaveStatus::secret_memory,  &EnclaveStatus::tpm_ready,
                                              &EnclaveStatus::vouched_by,     &EnclaveStatus::tpm_name,
                                              &EnclaveStatus::measurement,    &EnclaveStatus::calls,
                                              &EnclaveStatus::dropped,        &EnclaveStatus::bundle,
                                              &EnclaveStatus::bundle_version, &EnclaveStatus::bundle_next_update_ms};
};

// ---------------------------------------------------------------- what the person wants (ui -> enclave)
// Trusted as the person's word; the host has no part in it.

struct Dial {
    static constexpr uint16_t kId = 120;
    RequestId request;
    BoundedString<256> uri;
    BoundedString<64> label;
    static constexpr auto fields = std::tuple{&Dial::request, &Dial::uri, &Dial::label};
};
struct DialReply {
    static constexpr uint16_t kId = 121;
    RequestId request;
    CallId call;  ///< 0: refused, see reason
    EndReason reason{};
    static constexpr auto fields = std::tuple{&DialReply::request, &DialReply::call, &DialReply::reason};
};
struct Answer {
    static constexpr uint16_t kId = 122;
    CallId call;
    bool microphone = true;   ///< false: listen only
    policy::AnsweredBy by{};  ///< person: a key in ui. script: the control socket
    static constexpr auto fields = std::tuple{&Answer::call, &Answer::microphone, &Answer::by};
};
struct Refuse {
    static constexpr uint16_t kId = 124;
    CallId call;
    static constexpr auto fields = std::tuple{&Refuse::call};
};
struct HangUp {
    static constexpr uint16_t kId = 126;
    CallId call;
    static constexpr auto fields = std::tuple{&HangUp::call};
};
struct SetHold {
    static constexpr uint16_t kId = 128;
    CallId call;
    bool on = false;
    static constexpr auto fields = std::tuple{&SetHold::call, &SetHold::on};
};
struct SetMicrophone {
    static constexpr uint16_t kId = 130;
    CallId call;
    bool on = true;
    static constexpr auto fields = std::tuple{&SetMicrophone::call, &SetMicrophone::on};
};
struct Recheck {
    static constexpr uint16_t kId = 132;  ///< attest again now
    CallId call;
    static constexpr auto fields = std::tuple{&Recheck::call};
};
struct QueryStatus {
    static constexpr uint16_t kId = 112;
    RequestId request;
    static constexpr auto fields = std::tuple{&QueryStatus::request};
};

// ---------------------------------------------------------------- enclave -> host. The host is only told what to send.

enum class CallKind : uint8_t { attested, ordinary };

/// Send an INVITE. Attested: Require, no address. Ordinary: RFC 5763, candidates in the offer.
struct PlaceCall {
    static constexpr uint16_t kId = 200;
    CallId call;
    CallKind kind{};
    BoundedString<256> uri;
    Digest fingerprint{};          ///< for a=fingerprint:sha-256
    BoundedString<2048> identity;  ///< value of the Identity header (RFC 8224); empty: none
    static constexpr auto fields =
        std::tuple{&PlaceCall::call, &PlaceCall::kind, &PlaceCall::uri, &PlaceCall::fingerprint, &PlaceCall::identity};
};
/// Answer to LegAttesting and OrdinaryAnswered: this fork is now that session.
struct LegAdmitted {
    static constexpr uint16_t kId = 202;
    CallId call;
    uint8_t leg = 0;
    SessionId session;
    static constexpr auto fields = std::tuple{&LegAdmitted::call, &LegAdmitted::leg, &LegAdmitted::session};
};
/// Answer to IncomingInvite. Attested: send the reliable 183 with this fingerprint. Ordinary: keep it, ring when told.
struct IncomingAdmitted {
    static constexpr uint16_t kId = 204;
    HostHandle handle;
    CallId call;
    SessionId session;
    Digest fingerprint{};
    static constexpr auto fields = std::tuple{&IncomingAdmitted::handle, &IncomingAdmitted::call,
                                              &IncomingAdmitted::session, &IncomingAdmitted::fingerprint};
};
/// Answer to IncomingInvite: no. Every refusal looks the same from outside (480), but 486 when all slots are busy.
struct IncomingRefused {
    static constexpr uint16_t kId = 206;
    HostHandle handle;
    uint16_t sip_status = 480;
    static constexpr auto fields = std::tuple{&IncomingRefused::handle, &IncomingRefused::sip_status};
};
/// One INFO body to send in the leg's dialog (sealcall-attest), or once `MediaPathReady`, still by INFO.
struct ChannelOut {
    static constexpr uint16_t kId = 208;
    SessionId session;
    BoundedBytes<rats::kInfoBodyMax> body;
    static constexpr auto fields = std::tuple{&ChannelOut::session, &ChannelOut::body};
};
struct SendRinging {
    static constexpr uint16_t kId = 210;
    SessionId session;
    static constexpr auto fields = std::tuple{&SendRinging::session};
};
struct SendOk {
    static constexpr uint16_t kId = 212;
    SessionId session;
    static constexpr auto fields = std::tuple{&SendOk::session};
};
/// End a leg in whatever way its state asks for: CANCEL, final status, or BYE.
struct EndLeg {
    static constexpr uint16_t kId = 214;
    SessionId session;
    uint16_t sip_status = 480;  ///< where a final answer is still owed
    static constexpr auto fields = std::tuple{&EndLeg::session, &EndLeg::sip_status};
};
/// End a dial with all its forks (CANCEL; those that answer get ACK and BYE).
struct EndCall {
    static constexpr uint16_t kId = 216;
    CallId call;
    static constexpr auto fields = std::tuple{&EndCall::call};
};
/// Gather candidates; answer with LocalCandidates. The controlling side is the caller (RFC 8445 6.1.1).
struct StartMediaPath {
    static constexpr uint16_t kId = 218;
    SessionId session;
    static constexpr auto fields = std::tuple{&StartMediaPath::session};
};
/// The peer's SDP fragment as it came through the channel.
struct RemoteCandidates {
    static constexpr uint16_t kId = 220;
    SessionId session;
    BoundedString<3072> fragment;
    static constexpr auto fields = std::tuple{&RemoteCandidates::session, &RemoteCandidates::fragment};
};
/// DTLS or SRTP bytes for the selected pair. Either way: host <-> enclave.
struct Datagram {
    static constexpr uint16_t kId = 222;
    SessionId session;
    BoundedBytes<kDatagramMax> bytes;
    static constexpr auto fields = std::tuple{&Datagram::session, &Datagram::bytes};
};
/// Send a re-INVITE: a=inactive when on, a=sendrecv when off.
struct SendHold {
    static constexpr uint16_t kId = 224;
    SessionId session;
    bool on = false;
    static constexpr auto fields = std::tuple{&SendHold::session, &SendHold::on};
};
/// Post this to the configured authority: a rats::VerifierRequest and both logs, in pieces. Opaque to the host. Reply:
/// PassportReply.
struct AskPassport {
    static constexpr uint16_t kId = 226;
    SessionId session;
    uint16_t round = 0;
    bool last = false;  ///< nothing follows
    BoundedBytes<rats::kVerifierLogPart> bytes;
    static constexpr auto fields =
        std::tuple{&AskPassport::session, &AskPassport::round, &AskPassport::last, &AskPassport::bytes};
};

// ---------------------------------------------------------------- host -> enclave. Nothing here is trusted; it may
// break a call, no more.

/// An INVITE came in. `attested`: it has Require: sealcall-attest and Recv-Info.
struct IncomingInvite {
    static constexpr uint16_t kId = 230;
    HostHandle handle;
    CallKind kind{};
    BoundedString<256> from_uri;       ///< hearsay
    BoundedString<256> to_uri;         ///< hearsay
    BoundedString<256> display_name;   ///< hearsay
    BoundedString<2048> identity;      ///< Identity header, unverified; empty: none
    Digest sdp_fingerprint{};          ///< sha-256 of the offer; all zero: none
    uint8_t opus_payload_type = 111;   ///< ordinary: what the offer calls Opus
    bool peer_is_dtls_client = false;  ///< ordinary: a=setup:active in the offer
    BoundedString<64> origin;          ///< source address, for rate limits
    static constexpr auto fields = std::tuple{&IncomingInvite::handle,
                                              &IncomingInvite::kind,
                                              &IncomingInvite::from_uri,
                                              &IncomingInvite::to_uri,
                                              &IncomingInvite::display_name,
                                              &IncomingInvite::identity,
                                              &IncomingInvite::sdp_fingerprint,
                                              &IncomingInvite::opus_payload_type,
                                              &IncomingInvite::peer_is_dtls_client,
                                              &IncomingInvite::origin};
};
/// A fork answered 183 with Recv-Info: sealcall-attest. Reply: LegAdmitted, or EndCall.
struct LegAttesting {
    static constexpr uint16_t kId = 232;
    CallId call;
    uint8_t leg = 0;           ///< 0..3, chosen by the host
    Digest sdp_fingerprint{};  ///< compared with the channel's: "a relay rewrote the offer"
    static constexpr auto fields = std::tuple{&LegAttesting::call, &LegAttesting::leg, &LegAttesting::sdp_fingerprint};
};
enum class OrdinaryWhy : uint8_t { bad_extension, no_recv_info, silence };
/// The other side does not attest, says the host. What follows is the enclave's decision.
struct LegOrdinary {
    static constexpr uint16_t kId = 234;
    CallId call;
    OrdinaryWhy why{};
    static constexpr auto fields = std::tuple{&LegOrdinary::call, &LegOrdinary::why};
};
struct ChannelIn {
    static constexpr uint16_t kId = 236;
    SessionId session;
    BoundedBytes<rats::kInfoBodyMax> body;
    static constexpr auto fields = std::tuple{&ChannelIn::session, &ChannelIn::body};
};
/// 200 came in on an attested leg (and ACK went out); or, incoming, the ACK came.
struct LegAnswered {
    static constexpr uint16_t kId = 238;
    SessionId session;
    static constexpr auto fields = std::tuple{&LegAnswered::session};
};
/// 200 came in for an ordinary call. Reply: LegAdmitted.
struct OrdinaryAnswered {
    static constexpr uint16_t kId = 240;
    CallId call;
    uint8_t leg = 0;
    Digest sdp_fingerprint{};
    bool peer_is_dtls_client = false;  ///< from a=setup of the answer
    uint8_t opus_payload_type = 111;   ///< what the answer calls Opus
    static constexpr auto fields =
        std::tuple{&OrdinaryAnswered::call, &OrdinaryAnswered::leg, &OrdinaryAnswered::sdp_fingerprint,
                   &OrdinaryAnswered::peer_is_dtls_client, &OrdinaryAnswered::opus_payload_type};
};
/// An ordinary call rings (180 without attestation after PlaceCall{ordinary}).
struct OrdinaryRinging {
    static constexpr uint16_t kId = 242;
    CallId call;
    static constexpr auto fields = std::tuple{&OrdinaryRinging::call};
};
enum class LegEndWhy : uint8_t { bye, cancelled, failed, timeout, transport };
struct LegEnded {
    static constexpr uint16_t kId = 244;
    SessionId session;
    LegEndWhy why{};
    uint16_t sip_status = 0;
    static constexpr auto fields = std::tuple{&LegEnded::session, &LegEnded::why, &LegEnded::sip_status};
};
/// A dial came to nothing on all forks.
struct CallFailed {
    static constexpr uint16_t kId = 246;
    CallId call;
    LegEndWhy why{};
    uint16_t sip_status = 0;
    static constexpr auto fields = std::tuple{&CallFailed::call, &CallFailed::why, &CallFailed::sip_status};
};
struct LocalCandidates {
    static constexpr uint16_t kId = 248;
    SessionId session;
    BoundedString<3072> fragment;
    static constexpr auto fields = std::tuple{&LocalCandidates::session, &LocalCandidates::fragment};
};
struct MediaPathReady {
    static constexpr uint16_t kId = 250;
    SessionId session;
    static constexpr auto fields = std::tuple{&MediaPathReady::session};
};
struct MediaPathFailed {
    static constexpr uint16_t kId = 252;
    SessionId session;
    static constexpr auto fields = std::tuple{&MediaPathFailed::session};
};
/// A re-INVITE of the peer put us on hold, or took us off it. Attested peers say it in the channel as well, and that
/// counts.
struct PeerHold {
    static constexpr uint16_t kId = 254;
    SessionId session;
    bool on = false;
    static constexpr auto fields = std::tuple{&PeerHold::session, &PeerHold::on};
};
/// encode(rats::Passport) as it came; empty: there is none.
struct PassportReply {
    static constexpr uint16_t kId = 258;
    SessionId session;
    uint16_t round = 0;
    uint16_t status = 0;  ///< of HTTP; 0: nobody answered
    BoundedBytes<512> body;
    static constexpr auto fields =
        std::tuple{&PassportReply::session, &PassportReply::round, &PassportReply::status, &PassportReply::body};
};
enum class DigestAlgorithm : uint8_t { md5, sha256 };
/// The registrar or proxy asks for proof of the SIP password (RFC 8760), which the host does not have.
struct DigestChallenge {
    static constexpr uint16_t kId = 256;
    RequestId request;
    DigestAlgorithm algorithm{};
    BoundedString<128> realm;
    BoundedString<256> nonce;
    BoundedString<16> method;
    BoundedString<256> uri;
    bool qop_auth = true;
    static constexpr auto fields = std::tuple{
        &DigestChallenge::request, &DigestChallenge::algorithm, &DigestChallenge::realm,   &DigestChallenge::nonce,
        &DigestChallenge::method,  &DigestChallenge::uri,       &DigestChallenge::qop_auth};
};
/// enclave -> host. Empty `response`: no password for that realm.
struct DigestResponse {
    static constexpr uint16_t kId = 257;
    RequestId request;
    BoundedString<128> username;
    BoundedString<64> cnonce;    ///< hex
    BoundedString<64> response;  ///< hex; nc is always 00000001
    static constexpr auto fields = std::tuple{&DigestResponse::request, &DigestResponse::username,
                                              &DigestResponse::cnonce, &DigestResponse::response};
};

// ---------------------------------------------------------------- host -> ui: the network, nothing about people

enum class Registration : uint8_t { none, trying, registered, failed };
struct HostState {
    static constexpr uint16_t kId = 300;
    Registration registration{};
    uint16_t sip_status = 0;
    BoundedString<128> listening;  ///< "127.0.0.1:5070"
    BoundedString<256> error;      ///< one sentence, empty when fine
    uint32_t malformed = 0;        ///< messages dropped
    static constexpr auto fields = std::tuple{&HostState::registration, &HostState::sip_status, &HostState::listening,
                                              &HostState::error, &HostState::malformed};
};

// ---------------------------------------------------------------- enclave <-> audio. Opus frames in the clear.

enum class AudioSource : uint8_t { device, wav };
struct OpenStream {
    static constexpr uint16_t kId = 400;
    SessionId session;
    bool capture = true;
    bool playback = true;
    static constexpr auto fields = std::tuple{&OpenStream::session, &OpenStream::capture, &OpenStream::playback};
};
struct CloseStream {
    static constexpr uint16_t kId = 402;
    SessionId session;
    static constexpr auto fields = std::tuple{&CloseStream::session};
};
/// Stops or starts the microphone, and the loudspeaker with it while a call is held, without closing the stream.
struct Capture {
    static constexpr uint16_t kId = 404;
    SessionId session;
    bool on = true;
    bool playback = true;  ///< false: held; a recording pauses, and silence is not counted as a gap
    static constexpr auto fields = std::tuple{&Capture::session, &Capture::on, &Capture::playback};
};
/// enclave -> audio: an authenticated Opus packet to play.
struct PlayFrame {
    static constexpr uint16_t kId = 406;
    SessionId session;
    uint16_t sequence = 0;   ///< RTP sequence number
    uint32_t timestamp = 0;  ///< 48 kHz samples
    BoundedBytes<kAudioFrameMax> opus;
    static constexpr auto fields =
        std::tuple{&PlayFrame::session, &PlayFrame::sequence, &PlayFrame::timestamp, &PlayFrame::opus};
};
/// audio -> enclave: one encoded frame, 20 ms = 960 samples.
struct CapturedFrame {
    static constexpr uint16_t kId = 408;
    SessionId session;
    uint32_t timestamp = 0;  ///< 48 kHz samples since OpenStream
    BoundedBytes<kAudioFrameMax> opus;
    static constexpr auto fields = std::tuple{&CapturedFrame::session, &CapturedFrame::timestamp, &CapturedFrame::opus};
};
/// audio -> enclave, about once a second and after CloseStream (then `final`).
struct StreamStats {
    static constexpr uint16_t kId = 410;
    SessionId session;
    bool final = false;
    uint32_t played = 0;  ///< frames
    uint32_t concealed = 0;
    uint32_t late = 0;
    uint32_t longest_gap_ms = 0;
    uint32_t buffer_ms = 0;
    static constexpr auto fields =
        std::tuple{&StreamStats::session, &StreamStats::final,          &StreamStats::played,   &StreamStats::concealed,
                   &StreamStats::late,    &StreamStats::longest_gap_ms, &StreamStats::buffer_ms};
};
enum class AudioEventKind : uint8_t { device_lost, device_back, no_device, wav_finished, first_sound_played };
struct AudioEvent {
    static constexpr uint16_t kId = 412;
    SessionId session;
    AudioEventKind kind{};
    static constexpr auto fields = std::tuple{&AudioEvent::session, &AudioEvent::kind};
};

// ---------------------------------------------------------------- launcher -> role (control link). The person's own
// configuration.

using Pem = BoundedBytes<16384>;

/// One per role once its configuration is complete; the role answers Ready.
struct Start {
    static constexpr uint16_t kId = 500;
    static constexpr auto fields = std::tuple{};
};
struct Ready {
    static constexpr uint16_t kId = 501;
    bool ok = true;
    BoundedString<256> problem;  ///< what a person should know when not ok
    static constexpr auto fields = std::tuple{&Ready::ok, &Ready::problem};
};
/// Orderly end; the role closes what it has and exits 0. Enclave: ends calls, destroys secrets, TPM2_Shutdown.
struct Shutdown {
    static constexpr uint16_t kId = 502;
    static constexpr auto fields = std::tuple{};
};

enum class TpmKind : uint8_t { swtpm_socket, device };

/// The attestation key that only phones of one partner organisation see.
struct PartnerKey {
    BoundedString<64> partner;  ///< their domain
    rats::CertificateDer ak_certificate;
    static constexpr auto fields = std::tuple{&PartnerKey::partner, &PartnerKey::ak_certificate};
    bool operator==(const PartnerKey&) const = default;
};
struct ConfigureEnclave {
    static constexpr uint16_t kId = 510;
    TpmKind tpm{};
    bool software_tpm = false;
    BoundedBytes<1024> auth_value;  ///< authValue of TPM objects (from the boot secret in managed mode); may be empty
    uint8_t measurement_pcr = 13;
    BoundedBytes<8192> sealcall_log;  ///< CEL-TLV of what the launcher measured
    BoundedString<256> own_uri;
    BoundedBytes<2048> identity_public;   ///< TPM2B_PUBLIC as created
    BoundedBytes<2048> identity_private;  ///< TPM2B_PRIVATE, wrapped by the SRK
    BoundedBytes<64> srk_name;  ///< pinned at init: sessions are salted to this key and no other; empty: not pinned
    rats::CertificateDer identity_certificate;  ///< by the authority; empty: not enrolled
    rats::CertificateDer ak_certificate;
    BoundedList<PartnerKey, 4> partner_keys;  ///< at most tpm::kPartnersMax
    BoundedList<rats::CertificateDer, 4> anchors;  ///< authority roots, for as long as there is no bundle
    BoundedBytes<128> bundle_signer;  ///< SPKI pinned at enrolment; empty: the authority publishes no bundle
    policy::Policy policy;
    BoundedString<128> sip_username;
    BoundedString<128> sip_password;
    BoundedString<128> sip_realm;                         ///< empty: any
    BoundedList<BoundedString<256>, 64> known_attesting;  ///< URIs that attested before (a downgrade shows)
    BoundedList<BoundedString<128>, 16> show_logs_to;     ///< domains whose phones may see this machine's logs
    BoundedList<BoundedString<128>, 16> passport_to;      ///< domains whose phones get a passport and no Evidence
    bool wav_in = false;
    bool wav_out = false;
    static constexpr auto fields = std::tuple{&ConfigureEnclave::tpm,
                                              &ConfigureEnclave::software_tpm,
                                              &ConfigureEnclave::auth_value,
                                              &ConfigureEnclave::measurement_pcr,
                                              &ConfigureEnclave::sealcall_log,
                                              &ConfigureEnclave::own_uri,
                                              &ConfigureEnclave::identity_public,
                                              &ConfigureEnclave::identity_private,
                                              &ConfigureEnclave::srk_name,
                                              &ConfigureEnclave::identity_certificate,
                                              &ConfigureEnclave::ak_certificate,
                                              &ConfigureEnclave::partner_keys,
                                              &ConfigureEnclave::anchors,
                                              &ConfigureEnclave::bundle_signer,
                                              &ConfigureEnclave::policy,
                                              &ConfigureEnclave::sip_username,
                                              &ConfigureEnclave::sip_password,
                                              &ConfigureEnclave::sip_realm,
                                              &ConfigureEnclave::known_attesting,
                                              &ConfigureEnclave::show_logs_to,
                                              &ConfigureEnclave::passport_to,
                                              &ConfigureEnclave::wav_in,
                                              &ConfigureEnclave::wav_out};
};

/// enclave -> launcher: a peer attested for the first time; kept in the profile so that a later downgrade shows.
struct RememberPeer {
    static constexpr uint16_t kId = 512;
    BoundedString<256> uri;
    static constexpr auto fields = std::tuple{&RememberPeer::uri};
};

struct ConfigureHost {
    static constexpr uint16_t kId = 520;
    BoundedString<64> listen_address;  ///< numeric
    uint16_t listen_port = 0;          ///< 0: any free one
    BoundedString<256> own_uri;        ///< sip:alice@example.com
    Pem tls_certificate;               ///< SIP transport, a hop key: not the identity key
    Pem tls_key;
    Pem tls_ca;                         ///< who may certify SIP peers and servers
    BoundedString<256> outbound_proxy;  ///< "sip:localhost:5061;transport=tls"; empty: direct calls
    BoundedString<128> proxy_name;      ///< host name to verify in the proxy's certificate
    bool register_ = false;
    BoundedString<64> media_address;  ///< numeric; candidates are gathered here
    BoundedList<BoundedString<64>, 3> dns_servers;
    BoundedString<128> authority_host;  ///< issues passports; empty: none is asked
    uint16_t authority_port = 443;
    rats::CertificateDer authority_root;  ///< its service certificate chains to this
    static constexpr auto fields =
        std::tuple{&ConfigureHost::listen_address,  &ConfigureHost::listen_port,   &ConfigureHost::own_uri,
                   &ConfigureHost::tls_certificate, &ConfigureHost::tls_key,       &ConfigureHost::tls_ca,
                   &ConfigureHost::outbound_proxy,  &ConfigureHost::proxy_name,    &ConfigureHost::register_,
                   &ConfigureHost::media_address,   &ConfigureHost::dns_servers,   &ConfigureHost::authority_host,
                   &ConfigureHost::authority_port,  &ConfigureHost::authority_root};
};

struct ConfigureAudio {
    static constexpr uint16_t kId = 530;
    AudioSource input{};
    AudioSource output{};
    BoundedString<128> input_device;  ///< part of a PortAudio device name; empty: default
    BoundedString<128> output_device;
    uint32_t bitrate = 48000;  ///< bits/s, constant
    bool echo_cancel = true;
    static constexpr auto fields =
        std::tuple{&ConfigureAudio::input,         &ConfigureAudio::output,  &ConfigureAudio::input_device,
                   &ConfigureAudio::output_device, &ConfigureAudio::bitrate, &ConfigureAudio::echo_cancel};
};

enum class UiMode : uint8_t {
    terminal,  ///< full screen keys, needs a terminal
    lines,     ///< one plain line an event
    json,      ///< one JSON object a line an event
};
struct ConfigureUi {
    static constexpr uint16_t kId = 540;
    UiMode mode{};
    bool colour = false;
    bool unicode = false;
    BoundedString<64> profile;
    BoundedString<256> dial;  ///< call this once ready, and end with that call; empty: a phone that waits
    BoundedString<64> label;
    uint32_t hang_up_after_ms = 0;  ///< 0: never by itself; counted from sound
    uint32_t hold_after_ms = 0;     ///< script for tests and demos: hold then, resume after hold_for_ms
    uint32_t hold_for_ms = 0;
    BoundedString<256> own_uri;
    static constexpr auto fields = std::tuple{
        &ConfigureUi::mode,        &ConfigureUi::colour, &ConfigureUi::unicode,          &ConfigureUi::profile,
        &ConfigureUi::dial,        &ConfigureUi::label,  &ConfigureUi::hang_up_after_ms, &ConfigureUi::hold_after_ms,
        &ConfigureUi::hold_for_ms, &ConfigureUi::own_uri};
};
/// ui -> launcher: end the phone (with this exit status).
struct QuitPhone {
    static constexpr uint16_t kId = 542;
    uint8_t exit_status = 0;
    static constexpr auto fields = std::tuple{&QuitPhone::exit_status};
};
/// ui -> launcher: what do the processes look like? Reply: ProcessReport per process, then ProcessReportEnd.
struct QueryProcesses {
    static constexpr uint16_t kId = 544;
    RequestId request;
    static constexpr auto fields = std::tuple{&QueryProcesses::request};
};
/// launcher -> ui: read from /proc by the launcher; false means not in force, which ui shows as a warning.
struct ProcessReport {
    static constexpr uint16_t kId = 545;
    RequestId request;
    ProcessRole role{};
    uint32_t pid = 0;
    uint32_t uid = 0;
    bool seccomp = false;
    bool no_new_privs = false;
    bool landlock = false;
    bool undumpable = false;
    bool user_namespace = false;
    bool mount_namespace = false;
    bool network_namespace = false;
    bool no_capabilities = false;
    uint32_t pss_kib = 0;
    uint32_t cpu_ms = 0;
    Digest executable{};  ///< hash of the closure that was started
    static constexpr auto fields = std::tuple{&ProcessReport::request,
                                              &ProcessReport::role,
                                              &ProcessReport::pid,
                                              &ProcessReport::uid,
                                              &ProcessReport::seccomp,
                                              &ProcessReport::no_new_privs,
                                              &ProcessReport::landlock,
                                              &ProcessReport::undumpable,
                                              &ProcessReport::user_namespace,
                                              &ProcessReport::mount_namespace,
                                              &ProcessReport::network_namespace,
                                              &ProcessReport::no_capabilities,
                                              &ProcessReport::pss_kib,
                                              &ProcessReport::cpu_ms,
                                              &ProcessReport::executable};
};
struct ProcessReportEnd {
    static constexpr uint16_t kId = 547;
    RequestId request;
    static constexpr auto fields = std::tuple{&ProcessReportEnd::request};
};

// ---------------------------------------------------------------- launcher <-> enclave: provisioning (init, enroll,
// doctor). Never while a phone runs.

/// Make SRK, AK, identity key and counters where missing. Policy: PCR `measurement_pcr` at `approved` and authValue.
struct Provision {
    static constexpr uint16_t kId = 600;
    TpmKind tpm{};
    BoundedBytes<1024> auth_value;
    uint8_t measurement_pcr = 13;
    BoundedBytes<2048> identity_public;  ///< of an identity key made before; empty: make a new one
    BoundedBytes<2048> identity_private;
    BoundedString<64> partner;  ///< whose AK is to be certified; empty: the one for everybody
    static constexpr auto fields = std::tuple{&Provision::tpm,
                                              &Provision::auth_value,
                                              &Provision::measurement_pcr,
                                              &Provision::identity_public,
                                              &Provision::identity_private,
                                              &Provision::partner};
};
struct Provisioned {
    static constexpr uint16_t kId = 601;
    bool ok = false;
    BoundedString<256> problem;
    BoundedBytes<2048> identity_public;   ///< TPM2B_PUBLIC
    BoundedBytes<2048> identity_private;  ///< TPM2B_PRIVATE
    BoundedBytes<64> srk_name;            ///< to pin
    rats::TpmPublic ak_public;            ///< TPMT_PUBLIC
    rats::TpmPublic ek_public;            ///< TPMT_PUBLIC of the EK that will activate
    rats::CertificateDer ek_certificate;  ///< from NV; empty: the TPM has none
    rats::TpmAttest certify_attest;       ///< TPM2_Certify of the identity key
    rats::TpmSignature certify_signature;
    BoundedString<128> tpm_name;
    static constexpr auto fields = std::tuple{&Provisioned::ok,
                                              &Provisioned::problem,
                                              &Provisioned::identity_public,
                                              &Provisioned::identity_private,
                                              &Provisioned::srk_name,
                                              &Provisioned::ak_public,
                                              &Provisioned::ek_public,
                                              &Provisioned::ek_certificate,
                                              &Provisioned::certify_attest,
                                              &Provisioned::certify_signature,
                                              &Provisioned::tpm_name};
};
/// TPM2_ActivateCredential: proves that AK and EK live in the same TPM.
struct Activate {
    static constexpr uint16_t kId = 602;
    BoundedBytes<512> credential_blob;    ///< TPM2B_ID_OBJECT contents
    BoundedBytes<1024> encrypted_secret;  ///< TPM2B_ENCRYPTED_SECRET contents
    static constexpr auto fields = std::tuple{&Activate::credential_blob, &Activate::encrypted_secret};
};
struct Activated {
    static constexpr uint16_t kId = 603;
    bool ok = false;
    BoundedString<256> problem;
    BoundedBytes<64> credential;
    static constexpr auto fields = std::tuple{&Activated::ok, &Activated::problem, &Activated::credential};
};
/// Writes the authority's pin into the TPM: who signs bundles, and the first version that counts. Another signer takes
/// the place of the one before; the same signer's version only rises.
struct PinAuthority {
    static constexpr uint16_t kId = 604;
    Digest signer{};  ///< SHA-256 of the SPKI; all zero: this phone's authority publishes no bundle, so unpin
    uint64_t version = 0;
    static constexpr auto fields = std::tuple{&PinAuthority::signer, &PinAuthority::version};
};
struct PinnedAuthority {
    static constexpr uint16_t kId = 605;
    bool ok = false;
    BoundedString<256> problem;
    static constexpr auto fields = std::tuple{&PinnedAuthority::ok, &PinnedAuthority::problem};
};

}  // namespace sealcall::ipc

#define SEALCALL_ENUM_LAST(E, L)                          \
    template <>                                           \
    struct sealcall::ipc::EnumRange<sealcall::ipc::E> {   \
        static constexpr auto last = sealcall::ipc::E::L; \
    }
SEALCALL_ENUM_LAST(ProcessRole, audio);
SEALCALL_ENUM_LAST(CallState, ended);
SEALCALL_ENUM_LAST(EndReason, internal);
SEALCALL_ENUM_LAST(Protection, hop);
SEALCALL_ENUM_LAST(Phase, ended);
SEALCALL_ENUM_LAST(KeyEvent, unseal_refused);
SEALCALL_ENUM_LAST(RecheckOutcome, own_failed);
SEALCALL_ENUM_LAST(OnFall, ended);
SEALCALL_ENUM_LAST(NoticeKind, passport);
SEALCALL_ENUM_LAST(BundleState, not_pinned);
SEALCALL_ENUM_LAST(CallKind, ordinary);
SEALCALL_ENUM_LAST(OrdinaryWhy, silence);
SEALCALL_ENUM_LAST(LegEndWhy, transport);
SEALCALL_ENUM_LAST(DigestAlgorithm, sha256);
SEALCALL_ENUM_LAST(Registration, failed);
SEALCALL_ENUM_LAST(AudioSource, wav);
SEALCALL_ENUM_LAST(AudioEventKind, first_sound_played);
SEALCALL_ENUM_LAST(TpmKind, device);
SEALCALL_ENUM_LAST(UiMode, json);
#undef SEALCALL_ENUM_LAST
