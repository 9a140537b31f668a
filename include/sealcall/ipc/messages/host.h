// enclave <-> host, and host -> ui: the network. The host is told what to send; nothing that it says is trusted.
#pragma once

#include "sealcall/ipc/messages/roles.h"
#include "sealcall/rats/wire.h"

namespace sealcall::ipc {

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

// host -> enclave. Nothing here is trusted; it may break a call, no more.

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

// host -> ui: the network, nothing about people

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

}  // namespace sealcall::ipc

SEALCALL_ENUM_LAST(sealcall::ipc::CallKind, ordinary);
SEALCALL_ENUM_LAST(sealcall::ipc::OrdinaryWhy, silence);
SEALCALL_ENUM_LAST(sealcall::ipc::LegEndWhy, transport);
SEALCALL_ENUM_LAST(sealcall::ipc::DigestAlgorithm, sha256);
SEALCALL_ENUM_LAST(sealcall::ipc::Registration, failed);
