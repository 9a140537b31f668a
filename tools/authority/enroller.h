// The enrolment itself: who may be enrolled as what, the challenge, the certificates. Every step may be repeated: the
// same request gets the same challenge, the same answer the same certificates, and what a step changes it changes in
// one transaction, so a phone or an authority that stops anywhere leaves nothing half-enrolled.
#pragma once

#include <functional>

#include "attestation/openssl.h"
#include "audit_trail.h"
#include "bearer.h"
#include "check_request.h"
#include "records.h"
#include "registry.h"

namespace sealcall::authority {

inline constexpr uint64_t kChallengeLife = 5 * 60 * 1000;                ///< ms
inline constexpr uint64_t kResultLife = 24ULL * 3600 * 1000;             ///< ms that a repeated answer is remembered
inline constexpr uint64_t kCertificateLife = 365ULL * 24 * 3600 * 1000;  ///< ms
inline constexpr uint64_t kTokenFailuresMax = 5;                         ///< wrong answers until a token is dead
inline constexpr uint64_t kOpenPerToken = 4;  ///< challenges of one token, or of one renewing device
inline constexpr uint64_t kOpenInDirectory = 16;

/// Who vouches for a request.
struct Admission {
    enum class Kind : uint8_t {
        token,      ///< an enrolment token: it names the user and the profile
        renewal,    ///< nobody: the keys are known already, and their TPM proves itself
        directory,  ///< whoever may write the authority's directory: the request names the user
    };
    Kind kind{};
    std::string secret_hash;  ///< of the token
    static Admission by_token(const Bearer& bearer) {
        return {.kind = Kind::token, .secret_hash = secret_hash_of(bearer)};
    }
    static Admission by_renewal() { return {.kind = Kind::renewal, .secret_hash = {}}; }
    static Admission by_directory() { return {.kind = Kind::directory, .secret_hash = {}}; }

  private:
    static std::string secret_hash_of(const Bearer& bearer) { return authority::secret_hash(bearer); }
};

/// Any thread. Throws Refusal, DatabaseError, or std::runtime_error if the authority itself is broken.
class Enroller {
  public:
    using Clock = std::function<uint64_t()>;  ///< ms since 1970 UTC
    Enroller(const Store& store, Registry& registry, Clock clock);

    EnrolmentChallenge begin(const Admission& admission, EnrolmentRequest request);
    EnrolmentGrant finish(const Admission& admission, const ActivatedCredential& answer);

    [[nodiscard]] const Bytes& root_certificate() const { return root_certificate_; }
    [[nodiscard]] const Bytes& escrow_public() const { return escrow_public_; }
    [[nodiscard]] EVP_PKEY* escrow_key() const { return escrow_key_.get(); }

  private:
    struct Admitted {
        std::optional<TokenRecord> token;
        Actor actor;
    };
    struct Issue;
    Admitted admit(Database& db, const Admission& admission, EnrolmentRequest& request, const std::string& keys,
                   uint64_t now) const;
    void fill_from_renewal(Database& db, EnrolmentRequest& request) const;
    EnrolmentChallenge challenge(Database& db, const Admission& admission, const EnrolmentRequest& request,
                                 const CheckedRequest& checked, uint64_t now) const;
    void check_bonds(Database& db, const EnrolmentRequest& request, const CheckedRequest& checked) const;
    /// Nothing: the credential was wrong, which is recorded.
    std::optional<EnrolmentGrant> grant(Database& db, const Admission& admission, const ActivatedCredential& answer,
                                        const CheckedRequest& checked, uint64_t now) const;
    void record_failure(Database& db, const Issue& order, const std::optional<TokenRecord>& token) const;
    EnrolmentGrant issue(const Issue& order) const;
    void record(Database& db, const Issue& order, const EnrolmentGrant& grant) const;
    void record_keys(Database& db, const Issue& order) const;
    void store_escrow(Database& db, const Issue& order, ByteSpan sealed) const;
    [[nodiscard]] std::string label_of(const std::string& device, const std::string& partner) const;

    Settings settings_;
    EndorsementRoots roots_;
    Bytes root_certificate_, escrow_public_;
    attestation::PkeyPtr root_key_, escrow_key_;
    Digest label_key_{};
    Registry& registry_;
    Clock clock_;
};

}  // namespace sealcall::authority
