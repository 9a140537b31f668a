// What a profile keeps in its state directory: keys as the TPM wrapped them, public facts, certificates, the sealed
// vault. Nothing here is a plain secret but the key of the SIP transport certificate (a hop key), mode 0600 in a
// directory of 0700.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "paths.h"
#include "sealcall/base/unique_fd.h"
#include "sealcall/ipc/schema.h"

namespace sealcall::cli {

/// How the profile was made; profile.json.
struct ProfileFacts {
    bool software_tpm = false;
    std::string guard;  ///< socket of sealcall-guard, which has the TPM; empty: embedded
    [[nodiscard]] bool managed() const { return !guard.empty(); }
    std::string tpm_name;
    uint8_t measurement_pcr = 13;
    uint64_t made_ms = 0;
};

/// What the authority gave; enrolment/.
struct Enrolment {
    std::string uri, authority;
    std::string endorsement;         ///< "vendor", "lab" or "not proven"
    std::string authority_url = {};  ///< of the service, for renewals; empty: a directory
    uint64_t enrolled_ms = 0;
    rats::CertificateDer identity_certificate, ak_certificate;
    std::vector<rats::CertificateDer> anchors;
    std::string tls_certificate_pem, tls_key_pem, tls_ca_pem;
    BoundedBytes<128> bundle_signer = {};  ///< SPKI; empty: the authority publishes no bundle
};

class ProfileStore {
  public:
    explicit ProfileStore(ProfilePaths paths) : paths_(std::move(paths)) {}
    [[nodiscard]] const ProfilePaths& paths() const { return paths_; }

    /// All throw Problem when a file is there but unreadable or damaged; nothing when it is not there.
    [[nodiscard]] std::optional<ProfileFacts> facts() const;
    [[nodiscard]] std::optional<ipc::Provisioned> keys() const;
    [[nodiscard]] std::optional<Enrolment> enrolment() const;
    /// Attestation keys of which only one partner's phones see the certificate; by partner.
    [[nodiscard]] std::vector<ipc::PartnerKey> partner_keys() const;
    void save_partner(const ipc::PartnerKey& key) const;
    void forget_partners() const;

    void save(const ProfileFacts& facts, const ipc::Provisioned& keys) const;
    void save(const Enrolment& enrolment) const;
    /// Certificates for a key that is no more.
    void forget_enrolment() const;

    /// The authority's bundle for the enclave, for reading; invalid when there is none.
    [[nodiscard]] UniqueFd open_bundle() const;
    /// The vault, for reading and writing; made when there is none.
    [[nodiscard]] UniqueFd open_vault() const;
    /// The audit log for the enclave: append only, mode 0600.
    [[nodiscard]] UniqueFd open_audit() const;

  private:
    ProfilePaths paths_;
};

}  // namespace sealcall::cli
