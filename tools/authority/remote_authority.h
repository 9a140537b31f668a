// EnrolmentService over HTTPS: the phone's side. The authority is known by the SHA-256 of its root certificate (from
// the token, a file, or the enrolment before) and by nothing else: no list of the system's authorities is asked.
#pragma once

#include <optional>

#include "bearer.h"
#include "enrolment_service.h"

namespace sealcall::authority {

struct RemoteOptions {
    std::string host;
    int port = 443;
    Digest root{};                ///< SHA-256 of the root certificate's DER
    std::optional<Bearer> token;  ///< none: renewal
    int tries = 4;                ///< of each step, when the network or the authority fails
};

class RemoteAuthority : public EnrolmentService {
  public:
    explicit RemoteAuthority(RemoteOptions options) : options_(std::move(options)) {}
    /// Throw Refusal; std::runtime_error with a sentence if nobody could be reached.
    EnrolmentChallenge begin(const EnrolmentRequest& request) override;
    EnrolmentGrant finish(const ActivatedCredential& answer) override;

    /// May be asked without a token: it is for everybody.
    Bytes bundle() override { return bundle_after(0).value_or(Bytes()); }
    /// Nothing if the authority has none that is newer than `version`.
    std::optional<Bytes> bundle_after(uint64_t version);

  private:
    /// Tries as often as the options say; `ask` gives the answer of one try.
    template <class F>
    std::string exchange(F ask);
    std::string post(const std::string& path, const std::string& body);
    RemoteOptions options_;
};

}  // namespace sealcall::authority
