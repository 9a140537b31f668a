// The exchange between a phone and an authority: two requests. An authority in a directory implements it in process;
// the network service will carry the same values. Everything in a request is foreign and bounded; nothing is believed
// before it is checked. Values encode with ipc/codec.h.
#pragma once

#include <stdexcept>
#include <string>

#include "sealcall/rats/wire.h"

namespace sealcall::authority {

/// phone -> authority: who I am, and the public parts of what is to be certified.
struct EnrolmentRequest {
    BoundedString<256> uri;               ///< sip:alice@example.com
    rats::CertificateDer ek_certificate;  ///< as found in the TPM; empty: it has none
    rats::TpmPublic ek_public;            ///< TPMT_PUBLIC of the EK that will activate
    rats::TpmPublic ak_public;            ///< TPMT_PUBLIC
    rats::TpmPublic identity_public;      ///< TPMT_PUBLIC
    rats::TpmAttest certify_attest;       ///< TPM2_Certify of the identity key by the AK
    rats::TpmSignature certify_signature;
    bool software_tpm = false;    ///< the phone's own word; the endorsement may say it as well
    bool replace_device = false;  ///< this TPM takes the place of the one enrolled for `uri`
    BoundedBytes<256> host_spki;  ///< public key of the SIP transport; empty: no such certificate wanted
    BoundedList<BoundedString<128>, 8> host_names;  ///< DNS names and numeric addresses for it
    static constexpr auto fields = std::tuple{&EnrolmentRequest::uri,
                                              &EnrolmentRequest::ek_certificate,
                                              &EnrolmentRequest::ek_public,
                                              &EnrolmentRequest::ak_public,
                                              &EnrolmentRequest::identity_public,
                                              &EnrolmentRequest::certify_attest,
                                              &EnrolmentRequest::certify_signature,
                                              &EnrolmentRequest::software_tpm,
                                              &EnrolmentRequest::replace_device,
                                              &EnrolmentRequest::host_spki,
                                              &EnrolmentRequest::host_names};
};

/// authority -> phone: TPM2_MakeCredential. Only the TPM that holds both EK and AK can answer.
struct EnrolmentChallenge {
    Digest ticket{};  ///< names this exchange
    BoundedBytes<512> credential_blob;
    BoundedBytes<1024> encrypted_secret;
    static constexpr auto fields = std::tuple{&EnrolmentChallenge::ticket, &EnrolmentChallenge::credential_blob,
                                              &EnrolmentChallenge::encrypted_secret};
};

/// phone -> authority: what TPM2_ActivateCredential gave.
struct ActivatedCredential {
    Digest ticket{};
    BoundedBytes<64> credential;
    static constexpr auto fields = std::tuple{&ActivatedCredential::ticket, &ActivatedCredential::credential};
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
    Refusal(const std::string& what, std::string next) : std::runtime_error(what), next_(std::move(next)) {}
    [[nodiscard]] const std::string& next() const { return next_; }

  private:
    std::string next_;
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
};

}  // namespace sealcall::authority
