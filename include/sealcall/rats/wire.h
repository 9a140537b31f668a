// What two enclaves say to each other inside the attestation channel (TLS 1.3), and what the verifier is asked.
// docs/protocol.md draws every byte. Encoding: ipc/codec.h. Frame: type u8, length u24 big-endian, body.
#pragma once

#include "sealcall/rats/types.h"

namespace sealcall::rats {

/// Protocol limits (design: "Limits"); all in bytes unless said otherwise.
inline constexpr uint8_t kWireVersion = 1;
inline constexpr size_t kInfoBodyMax = 6144;               ///< one SIP INFO body: sequence number u32, then TLS bytes
inline constexpr size_t kBytesBeforeFinished = 16 * 1024;  ///< received before the handshake is complete
inline constexpr size_t kBytesBeforeVerdict = 256 * 1024;
inline constexpr size_t kFrameMax = 32 * 1024;
inline constexpr size_t kHalfOpenChannels = 8;
inline constexpr size_t kHalfOpenPerOrigin = 2;
inline constexpr size_t kForksPerCall = 4;
inline constexpr const char* kChannelBindingLabel = "EXPORTER-Channel-Binding";  ///< RFC 9266
inline constexpr const char* kMediaConfirmLabel = "EXPORTER-sealcall-media";
inline constexpr const char* kCallSecretLabel = "EXPORTER-sealcall-call";

enum class FrameType : uint8_t {
    hello,
    evidence,
    verdict,
    ringing,  ///< empty body: the callee rings
    candidates,
    media_confirm,
    hold,
    resume,
    bye,
    reattest,     ///< asks for Evidence of the next round
    log_request,  ///< the relying party has not seen a log that the Evidence offers
    log_part,
    result,  ///< instead of Evidence: what a verifier of the attester's organisation says
};

enum class EvidenceKind : uint8_t { none, tpm_quote, passport };

struct Hello {
    uint8_t version = kWireVersion;
    Role role{};
    Digest nonce{};                  ///< 32 fresh random bytes of the sender
    BoundedString<256> dialled_uri;  ///< the caller's: what was dialled. The callee's: empty
    BoundedString<256> own_uri;
    BoundedString<64> label;
    Digest dtls_fingerprint{};  ///< SHA-256 of the sender's DTLS certificate
    EvidenceKind evidence_offered{};
    EvidenceKind evidence_required{};
    uint16_t round = 0;
    static constexpr auto fields = std::tuple{&Hello::version,
                                              &Hello::role,
                                              &Hello::nonce,
                                              &Hello::dialled_uri,
                                              &Hello::own_uri,
                                              &Hello::label,
                                              &Hello::dtls_fingerprint,
                                              &Hello::evidence_offered,
                                              &Hello::evidence_required,
                                              &Hello::round};
    bool operator==(const Hello&) const = default;
};

using TpmAttest = BoundedBytes<1024>;    ///< TPMS_ATTEST as the TPM gave it
using TpmSignature = BoundedBytes<512>;  ///< TPMT_SIGNATURE
using TpmPublic = BoundedBytes<1024>;    ///< TPMT_PUBLIC
using CertificateDer = BoundedBytes<4096>;

enum class LogKind : uint8_t { boot, runtime };
inline constexpr size_t kBootLogMax = 256 * 1024;  ///< bytes of a log that travels in a call
inline constexpr size_t kRuntimeLogMax = 2 * 1024 * 1024;
inline constexpr size_t kLogPartMax = 16 * 1024;
inline constexpr size_t kLogWindow = 128 * 1024;  ///< one LogRequest is answered with at most so many bytes

/// A log that the attester has: the bytes are asked for only by who has not seen them.
struct LogOffer {
    uint32_t size = 0;  ///< bytes; 0: none
    Digest digest{};    ///< SHA-256 of them
    static constexpr auto fields = std::tuple{&LogOffer::size, &LogOffer::digest};
    bool operator==(const LogOffer&) const = default;
};

/// All of the Evidence but the quotes and the PCR values they cover; its SHA-256 is the last element of what the AK
/// signs.
struct EvidenceBody {
    uint16_t round = 0;
    TpmPublic ak_public;
    CertificateDer ak_certificate;
    TpmPublic identity_public;
    TpmAttest certify_attest;  ///< TPM2_Certify of the identity key by the AK
    TpmSignature certify_signature;
    BoundedBytes<8192> sealcall_log;  ///< CEL-TLV of the measurement PCR (default 13)
    LogOffer boot_log;                ///< TCG event log of the firmware; it does not grow
    static constexpr auto fields =
        std::tuple{&EvidenceBody::round,           &EvidenceBody::ak_public,      &EvidenceBody::ak_certificate,
                   &EvidenceBody::identity_public, &EvidenceBody::certify_attest, &EvidenceBody::certify_signature,
                   &EvidenceBody::sealcall_log,    &EvidenceBody::boot_log};
    bool operator==(const EvidenceBody&) const = default;
};

struct Evidence {
    BoundedBytes<24576> body;  ///< encode(EvidenceBody), kept as bytes so that both sides hash the same ones
    TpmAttest quote;           ///< PCR 0-9, 11-14
    TpmSignature quote_signature;
    TpmAttest quote10;  ///< PCR 10 alone: it grows while one looks
    TpmSignature quote10_signature;
    BoundedList<PcrValue, 24>
        pcrs;              ///< ascending, SHA-256 bank: 0..14; bound by the quotes' pcrDigest, so not in `body`
    LogOffer runtime_log;  ///< IMA list, read after the quote of PCR 10: a beginning of it gives that value
    static constexpr auto fields = std::tuple{&Evidence::body,
                                              &Evidence::quote,
                                              &Evidence::quote_signature,
                                              &Evidence::quote10,
                                              &Evidence::quote10_signature,
                                              &Evidence::pcrs,
                                              &Evidence::runtime_log};
    bool operator==(const Evidence&) const = default;
};

/// A passport (EAR, RFC 7519) less what the relying party knows itself: it renders the text anew and verifies ES256
/// over it (attestation/ear_passport.h). Times: seconds since 1970 UTC.
struct Passport {
    BoundedString<128> issuer;  ///< "iss": name of the attester's authority
    uint64_t issued_s = 0;
    uint16_t life_s = 0;  ///< "exp" less "iat"
    Level level{};
    bool lab = false;
    bool software_tpm = false;
    Digest evidence_body{};                 ///< last element of the 32 signed bytes: SHA-256 of what stays at home
    Digest instance{};                      ///< changes within a channel when the TPM was reset, restarted or exchanged
    std::array<std::byte, 64> signature{};  ///< r and s
    static constexpr auto fields = std::tuple{&Passport::issuer,        &Passport::issued_s, &Passport::life_s,
                                              &Passport::level,         &Passport::lab,      &Passport::software_tpm,
                                              &Passport::evidence_body, &Passport::instance, &Passport::signature};
    bool operator==(const Passport&) const = default;
};
inline constexpr uint16_t kPassportLifeMax = 600;  ///< s
/// Extended key usage: the service of an enterprise authority itself. A phone's host certificate never has it, so that
/// no phone can stand in for its authority, whatever names it holds.
inline constexpr const char* kAuthorityUsageOid = "2.25.8200861021118798848766492409080323141.10";

/// Frame `result`. Empty in round 0: the attester's verifier gave none.
struct ResultFrame {
    BoundedList<Passport, 1> passport;
    static constexpr auto fields = std::tuple{&ResultFrame::passport};
    bool operator==(const ResultFrame&) const = default;
};

/// What I see of you. `accepted` false: the reason stays with the sender's own log, every refusal looks the same.
/// `answer` is what the sender's policy says to this call: the stricter of both is shown on both screens.
struct Verdict {
    uint16_t round = 0;
    bool accepted = false;
    Level level{};
    bool lab = false;
    Action answer = Action::allow;
    Digest audit_head{};
    static constexpr auto fields = std::tuple{&Verdict::round, &Verdict::accepted, &Verdict::level,
                                              &Verdict::lab,   &Verdict::answer,   &Verdict::audit_head};
    bool operator==(const Verdict&) const = default;
};

/// An SDP fragment (RFC 8840) made and read by the hosts; opaque to both enclaves.
struct Candidates {
    BoundedString<3072> fragment;
    static constexpr auto fields = std::tuple{&Candidates::fragment};
    bool operator==(const Candidates&) const = default;
};

/// Proves that both enclaves hold the same DTLS association (docs/protocol.md, "Confirm").
struct MediaConfirm {
    Digest proof{};
    static constexpr auto fields = std::tuple{&MediaConfirm::proof};
    bool operator==(const MediaConfirm&) const = default;
};

struct Hold {
    uint32_t context = 0;  ///< number of the media context that ends here
    static constexpr auto fields = std::tuple{&Hold::context};
    bool operator==(const Hold&) const = default;
};

struct Resume {
    uint32_t context = 0;               ///< number of the context to come: last + 1
    std::array<std::byte, 16> fresh{};  ///< the sender's share
    static constexpr auto fields = std::tuple{&Resume::context, &Resume::fresh};
    bool operator==(const Resume&) const = default;
};

struct Bye {
    uint8_t reserved = 0;
    static constexpr auto fields = std::tuple{&Bye::reserved};
    bool operator==(const Bye&) const = default;
};

/// Asks for the log that the last Evidence offered, from `offset` on: what stands before was seen in an earlier call.
struct LogRequest {
    LogKind kind{};
    uint32_t offset = 0;
    static constexpr auto fields = std::tuple{&LogRequest::kind, &LogRequest::offset};
    bool operator==(const LogRequest&) const = default;
};

/// The next bytes of the log that was asked for. Empty at the beginning: the attester does not show it to this peer.
struct LogPart {
    LogKind kind{};
    uint32_t offset = 0;
    BoundedBytes<kLogPartMax> bytes;
    static constexpr auto fields = std::tuple{&LogPart::kind, &LogPart::offset, &LogPart::bytes};
    bool operator==(const LogPart&) const = default;
};

/// "Prove it again." Each side counts its own questions from 1; one is open at a time (docs/protocol.md, "Rounds").
struct Reattest {
    uint16_t round = 0;
    Digest nonce{};  ///< 32 fresh random bytes; in this round they stand where the asker's Hello nonce stood
    static constexpr auto fields = std::tuple{&Reattest::round, &Reattest::nonce};
    bool operator==(const Reattest&) const = default;
};

/// Everything that goes into the 32 signed bytes (facts: "What is signed"; docs/attestation.md).
struct BindingInput {
    Role attester{};
    uint16_t round = 0;
    Digest channel_binding{};
    Digest verifier_nonce{};
    Digest attester_nonce{};
    Digest attester_tls_spki{};  ///< SHA-256 of SubjectPublicKeyInfo
    Digest peer_tls_spki{};
    Digest attester_dtls{};  ///< SHA-256 of the certificate
    Digest peer_dtls{};
    Digest hellos{};         ///< SHA-256(encode(caller Hello) || encode(callee Hello))
    Digest evidence_body{};  ///< SHA-256 of EvidenceBody bytes
    static constexpr auto fields =
        std::tuple{&BindingInput::attester,       &BindingInput::round,          &BindingInput::channel_binding,
                   &BindingInput::verifier_nonce, &BindingInput::attester_nonce, &BindingInput::attester_tls_spki,
                   &BindingInput::peer_tls_spki,  &BindingInput::attester_dtls,  &BindingInput::peer_dtls,
                   &BindingInput::hellos,         &BindingInput::evidence_body};
    bool operator==(const BindingInput&) const = default;
};

/// enclave -> verifier: one appraisal. Foreign: `evidence`, and the logs that follow. The rest is the enclave's own
/// knowledge.
struct VerifierRequest {
    static constexpr uint16_t kId = 900;
    Evidence evidence;
    BindingInput binding;
    BoundedList<CertificateDer, 4> anchors;  ///< authority roots that may vouch for an AK
    uint64_t wall_ms = 0;
    uint8_t measurement_pcr = 13;
    uint32_t boot_log_size = 0;     ///< bytes that follow in VerifierLog messages, first of this log,
    uint32_t runtime_log_size = 0;  ///< then of this one. 0: not there
    static constexpr auto fields = std::tuple{&VerifierRequest::evidence,        &VerifierRequest::binding,
                                              &VerifierRequest::anchors,         &VerifierRequest::wall_ms,
                                              &VerifierRequest::measurement_pcr, &VerifierRequest::boot_log_size,
                                              &VerifierRequest::runtime_log_size};
};

inline constexpr size_t kVerifierLogPart = 48 * 1024;
/// enclave -> verifier: the next bytes of the logs.
struct VerifierLog {
    static constexpr uint16_t kId = 902;
    BoundedBytes<kVerifierLogPart> bytes;
    static constexpr auto fields = std::tuple{&VerifierLog::bytes};
};

/// verifier -> enclave, before the response: what was extended into PCR 10, in order (IMA template hashes).
struct VerifierRuntime {
    static constexpr uint16_t kId = 903;
    BoundedList<Digest, 1024> digests;
    static constexpr auto fields = std::tuple{&VerifierRuntime::digests};
};
inline constexpr size_t kRuntimeEventsMax = 65536;

/// verifier -> enclave. Can only lower: the enclave takes the minimum with its own ceiling and replays `events` itself.
struct VerifierResponse {
    static constexpr uint16_t kId = 901;
    Digest request{};  ///< SHA-256 of the encoded request message
    Level level{};
    Reasons reasons;
    uint8_t startup_locality = 0;        ///< last byte of PCR 0 before its first event
    BoundedList<PcrEvent, 1024> events;  ///< of all PCRs but 10
    uint32_t runtime_events = 0;         ///< digests in the VerifierRuntime messages before this one
    static constexpr auto fields =
        std::tuple{&VerifierResponse::request,          &VerifierResponse::level,  &VerifierResponse::reasons,
                   &VerifierResponse::startup_locality, &VerifierResponse::events, &VerifierResponse::runtime_events};
};

}  // namespace sealcall::rats

template <>
struct sealcall::ipc::EnumRange<sealcall::rats::FrameType> {
    static constexpr auto last = sealcall::rats::FrameType::result;
};
template <>
struct sealcall::ipc::EnumRange<sealcall::rats::LogKind> {
    static constexpr auto last = sealcall::rats::LogKind::runtime;
};
template <>
struct sealcall::ipc::EnumRange<sealcall::rats::EvidenceKind> {
    static constexpr auto last = sealcall::rats::EvidenceKind::passport;
};
