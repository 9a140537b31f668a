// Where an authority vouches for its own phones towards partners: Evidence in, a signed passport out (docs/adr/0012).
// Any thread; the work of one request is in that request.
#pragma once

#include <mutex>

#include "attestation/passport_office.h"
#include "enroller.h"

namespace sealcall::authority {

class PassportDesk {
  public:
    /// Makes the passport key if there is none. Throws Problem or std::runtime_error.
    PassportDesk(const Store& store, Registry& registry, Enroller::Clock clock, attestation::AskVerifier ask);

    struct Stamped {
        rats::Passport passport;
        std::string jwt;  ///< the same as a token
    };
    /// `body`: as a phone's host posts it (attestation/passport_office.h). Throws Refusal, DatabaseError.
    Stamped issue(ByteSpan body);

    /// DER SubjectPublicKeyInfo of the key that partners pin.
    [[nodiscard]] const Bytes& public_key() const { return public_key_; }

  private:
    struct OwnBundle;
    struct Known {
        std::string device, user;
    };
    std::shared_ptr<const OwnBundle> bundle();
    /// The device and user behind the keys of Evidence that passed. Throws Refusal.
    Known look_up(const rats::VerifierRequest& request);
    void record(const Known& known, const char* action, const std::string& detail);

    std::filesystem::path bundle_file_;
    std::string name_;
    Bytes root_certificate_, bundle_signer_, public_key_;
    attestation::PkeyPtr key_;
    Registry& registry_;
    Enroller::Clock clock_;
    attestation::AskVerifier ask_;
    std::mutex mutex_;
    std::shared_ptr<const OwnBundle> bundle_;
};

}  // namespace sealcall::authority
