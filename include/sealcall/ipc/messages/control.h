// launcher <-> roles: the person's own configuration, the end of a phone, and what its processes look like.
#pragma once

#include "sealcall/ipc/messages/audio.h"
#include "sealcall/ipc/messages/roles.h"
#include "sealcall/policy/types.h"
#include "sealcall/rats/wire.h"

namespace sealcall::ipc {

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

/// The attestation key that only phones of one partner organisation see.
struct PartnerKey {
    BoundedString<64> partner;  ///< their domain
    BoundedBytes<1024> ak_certificate;
    static constexpr auto fields = std::tuple{&PartnerKey::partner, &PartnerKey::ak_certificate};
    bool operator==(const PartnerKey&) const = default;
};
/// Audit records that the rule of retention wants dropped; the enclave writes it down before they go. What it says is
/// the launcher's word: whoever reads the log sees by the first record that is left whether the rule was kept.
struct AuditDrop {
    uint64_t first = 0, last = 0;  ///< numbers of the records
    Digest head{};                 ///< SHA-256 of the last one
    uint32_t keep_days = 0;        ///< 0: nothing is dropped
    static constexpr auto fields =
        std::tuple{&AuditDrop::first, &AuditDrop::last, &AuditDrop::head, &AuditDrop::keep_days};
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
    BoundedList<PartnerKey, 4> partner_keys;       ///< at most tpm::kPartnersMax
    BoundedList<rats::CertificateDer, 4> anchors;  ///< authority roots, for as long as there is no bundle
    BoundedBytes<128> bundle_signer;  ///< SPKI pinned at enrolment; empty: the authority publishes no bundle
    policy::Policy policy;
    policy::Policy wishes = policy::no_wishes();  ///< instead of it, once the bundle brings an administrator's policy
    uint32_t lock_after_s = 0;                    ///< without a word of the person and without a call; 0: never
    BoundedList<BoundedString<128>, 16> show_logs_to;  ///< domains whose phones may see this machine's logs
    BoundedList<BoundedString<128>, 16> passport_to;   ///< domains whose phones get a passport and no Evidence
    bool wav_in = false;
    bool wav_out = false;
    AuditDrop audit_drop;
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
                                              &ConfigureEnclave::wishes,
                                              &ConfigureEnclave::lock_after_s,
                                              &ConfigureEnclave::show_logs_to,
                                              &ConfigureEnclave::passport_to,
                                              &ConfigureEnclave::wav_in,
                                              &ConfigureEnclave::wav_out,
                                              &ConfigureEnclave::audit_drop};
};

/// launcher -> enclave: the next bytes of a bundle that lies in the profile since this phone started, from the first to
/// the last. Nothing is believed of it but by signature and version.
struct NewBundle {
    static constexpr uint16_t kId = 514;
    uint32_t size = 0;  ///< of all of it
    uint32_t offset = 0;
    BoundedBytes<48 * 1024> bytes;
    static constexpr auto fields = std::tuple{&NewBundle::size, &NewBundle::offset, &NewBundle::bytes};
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

}  // namespace sealcall::ipc

SEALCALL_ENUM_LAST(sealcall::ipc::UiMode, json);
