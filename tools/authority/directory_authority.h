// EnrolmentService over a directory (store.h): checks the TPM's endorsement, that AK and EK live in one TPM, that the
// identity key cannot leave it, and that the address may be had; then signs.
#pragma once

#include <functional>
#include <map>

#include "attestation/checks.h"
#include "attestation/endorsement.h"
#include "enrolment_service.h"
#include "store.h"

namespace sealcall::authority {

/// What the checks of a request found; all of it proven but the activation.
struct CheckedRequest {
    attestation::PublicArea ek, ak, identity;
    attestation::EkOrigin origin{};
    Bytes identity_spki;
    std::string ek_hash;  ///< hex SHA-256 of the EK's TPMT_PUBLIC
};

/// The checks that need no state but the roots and settings. Throws Refusal.
CheckedRequest check_request(const EnrolmentRequest& request, const Settings& settings,
                             const std::vector<Bytes>& vendor_roots, const std::vector<Bytes>& lab_roots,
                             uint64_t now_ms);

/// True if this authority certifies the name for SIP transport: names of its domain, this host, and without a domain
/// any.
bool may_name_host(const Settings& settings, const std::string& name);

class DirectoryAuthority : public EnrolmentService {
  public:
    using Clock = std::function<uint64_t()>;  ///< ms since 1970 UTC
    DirectoryAuthority(Store store, Clock clock) : store_(std::move(store)), clock_(std::move(clock)) {}

    EnrolmentChallenge begin(const EnrolmentRequest& request) override;
    EnrolmentGrant finish(const ActivatedCredential& answer) override;

  private:
    struct Pending {
        EnrolmentRequest request;
        CheckedRequest checked;
        Digest credential{};
        uint64_t until_ms = 0;
    };
    void refuse_other_device(const EnrolmentRequest& request, const CheckedRequest& checked) const;
    EnrolmentGrant issue(const Pending& pending);

    Store store_;
    Clock clock_;
    std::map<Digest, Pending> pending_;
};

inline constexpr size_t kPendingMax = 16;
inline constexpr uint64_t kPendingLife = 5 * 60 * 1000;                  ///< ms
inline constexpr uint64_t kCertificateLife = 365ULL * 24 * 3600 * 1000;  ///< ms

}  // namespace sealcall::authority
