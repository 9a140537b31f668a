// The exchange between a phone and an authority: two requests. An authority in a directory answers in process
// (directory_authority.h), the network service carries the same values as JSON (remote_authority.h). Everything in a
// request is foreign and bounded; nothing is believed before it is checked. Values encode with ipc/codec.h.
#pragma once

#include <stdexcept>
#include <string>

#include "sealcall/rats/wire.h"

namespace sealcall::authority {

/// phone -> authority: who I am, and the public parts of what is to be certified.
struct EnrolmentRequest {
    BoundedString<256> uri;               ///< sip:alice@example.com; over the network the token decides, not the phone
    rats::CertificateDer ek_certificate;  ///< as found in the TPM; empty: it has none
    rats::TpmPublic ek_public;            ///< TPMT_PUBLIC of the EK that will activate
    rats::TpmPublic ak_public;            ///< TPMT_PUBLIC
    rats::TpmPublic identity_public;      ///< TPMT_PUBLIC
    rats::TpmAttest certify_attest;       ///< TPM2_Certify of the identity key by the AK
    rats::TpmSignature certify_signature;
    bool software_tpm = false;        ///< the phone's own word; the endorsement may say it as well
    bool replace_device = false;      ///< this TPM takes the place of the one enrolled for `uri`
    BoundedBytes<8192> sealcall_log;  ///< of a managed phone: what its guard extended (managed_device.h); else empty
    BoundedBytes<256> host_spki;      ///< public key of the SIP transport; empty: no such certificate wanted
    BoundedList<BoundedString<128>, 8> host_names;  ///< DNS names and numeric addresses for it
    BoundedString<16> profile{"embedded"};  ///< how it runs: "embedded", "managed" or "managed-ima" (check_request.h)
    BoundedString<64> partner;              ///< the AK is for this partner only; empty: for everybody
    static constexpr auto fields = std::tuple{&EnrolmentRequest::uri,
                                              &EnrolmentRequest::ek_certificate,
                                              &EnrolmentRequest::ek_public,
                                              &EnrolmentRequest::ak_public,
                                              &EnrolmentRequest::identity_public,
                                              &EnrolmentRequest::certify_attest,
                                              &EnrolmentRequest::certify_signature,
                                              &EnrolmentRequest::software_tpm,
                                              &EnrolmentRequest::replace_device,
                                              &EnrolmentRequest::sealcall_log,
                                              &EnrolmentRequest::host_spki,
                                              &EnrolmentRequest::host_names,
                                              &EnrolmentRequest::profile,
                                              &EnrolmentRequest::partner};
};

/// authority -> phone: TPM2_MakeCredential. Only the TPM that holds both EK and AK can answer.
struct EnrolmentChallenge {
    Digest ticket{};  ///< names this exchange
    BoundedBytes<512> credential_blob;
    BoundedBytes<1024> encrypted_secret;
    BoundedString<256> uri;        ///< whom the certificates will name
    BoundedBytes<128> escrow_key;  ///< DER SubjectPublicKeyInfo, for escrow.h
    static constexpr auto fields =
        std::tuple{&EnrolmentChallenge::ticket, &EnrolmentChallenge::credential_blob,
                   &EnrolmentChallenge::encrypted_secret, &EnrolmentChallenge::uri, &EnrolmentChallenge::escrow_key};
};

/// phone -> authority: what TPM2_ActivateCredential gave.
struct ActivatedCredential {
    Digest ticket{};
    BoundedBytes<64> credential;
    BoundedBytes<1024> escrow;  ///< hierarchy authorisations, sealed to the authority (escrow.h); empty: none
    static constexpr auto fields =
        std::tuple{&ActivatedCredential::ticket, &ActivatedCredential::credential, &ActivatedCredential::escrow};
};

/// authority -> phone: the certificates.
struct EnrolmentGrant {
    BoundedString<128> authority;
    BoundedString<16> endorsement;  ///< "vendor", "lab" or "not proven"
    rats::CertificateDer ak_certificate;
    rats::CertificateDer identity_certificate;
    BoundedList<rats::CertificateDer, 4> anchors;
    rats::CertificateDer host_certificate;          ///< empty: none was wanted, or none of the names may be had
    BoundedList<BoundedString<128>, 8> host_names;  ///< those that it holds
    static constexpr auto fields = std::tuple{&EnrolmentGrant::authority,      &EnrolmentGrant::endorsement,
                                              &EnrolmentGrant::ak_certificate, &EnrolmentGrant::identity_certificate,
                                              &EnrolmentGrant::anchors,        &EnrolmentGrant::host_certificate,
                                              &EnrolmentGrant::host_names};
};

/// The authority says no. `what` is one sentence; `next` says who can do what about it.
class Refusal : public std::runtime_error {
  public:
    enum class Kind : uint8_t {
        refused,        ///< by rule
        bad_request,    ///< the request itself is wrong
        not_authentic,  ///< token unknown, used, expired or revoked: which of these is not said
        conflict,       ///< bound to something else
        not_found,      ///< no such device, user, key, token
        gone,           ///< no such exchange, or too late for it
        busy,           ///< try again later
    };
    Refusal(const std::string& what, std::string next, Kind kind = Kind::refused)
        : std::runtime_error(what), next_(std::move(next)), kind_(kind) {}
    [[nodiscard]] const std::string& next() const { return next_; }
    [[nodiscard]] Kind kind() const { return kind_; }

  private:
    std::string next_;
    Kind kind_;
};

/// Throws Refusal, or std::runtime_error if the authority itself is broken. One thread.
class EnrolmentService {
  public:
    EnrolmentService() = default;
    EnrolmentService(const EnrolmentService&) = delete;
    EnrolmentService& operator=(const EnrolmentService&) = delete;
    virtual ~EnrolmentService() = default;
    virtual EnrolmentChallenge begin(const EnrolmentRequest& request) = 0;
    virtual EnrolmentGrant finish(const ActivatedCredential& answer) = 0;
    /// The newest bundle, a rats::SignedBundle, not yet checked; empty: the authority has signed none.
    virtual Bytes bundle() = 0;
};

}  // namespace sealcall::authority
