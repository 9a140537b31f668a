// launcher <-> enclave: provisioning (init, enroll, doctor). Never while a phone runs.
#pragma once

#include "sealcall/ipc/messages/roles.h"
#include "sealcall/rats/wire.h"

namespace sealcall::ipc {

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
