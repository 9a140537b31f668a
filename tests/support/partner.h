// Two organisations in one test: whose phones believe whom, and the authority that vouches for its own.
#pragma once

#include "attestation/passport_office.h"
#include "attestation/passport_writer.h"
#include "tests/support/enclave_phone.h"

namespace sealcall::test {

/// An organisation with an authority, a verifier and a domain.
class Organisation {
  public:
    Organisation(std::string name, std::string domain)
        : name_(std::move(name)),
          domain_(std::move(domain)),
          authority_(name_),
          key_(attestation::make_software_key().value()) {}

    [[nodiscard]] const TestAuthority& authority() const { return authority_; }
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] EVP_PKEY* passport_key() const { return key_.get(); }

    /// How others pin it.
    [[nodiscard]] rats::PartnerVerifier card(rats::Level at_most = rats::Level::trusted_runtime,
                                             bool lab = false) const {
        rats::PartnerVerifier p;
        p.issuer = BoundedString<128>(name_);
        p.domain = BoundedString<128>(domain_);
        p.profile = BoundedString<64>(attestation::kPassportProfile);
        p.key = rats::TpmPublic(attestation::public_key_der(key_.get()).value());
        p.at_most = at_most;
        p.lab = lab;
        return p;
    }
    /// A bundle of this organisation that has `other` as anchor and, with a card, as partner.
    [[nodiscard]] rats::Bundle believing(const Organisation& other,
                                         const std::optional<rats::PartnerVerifier>& card) const {
        rats::Bundle b = authority_.bundle(1, 30);
        CHECK(b.anchors.push(other.authority_.root()));
        if (card) CHECK(b.partners.push(*card));
        return b;
    }
    /// A phone of this organisation with that bundle.
    [[nodiscard]] PhoneOptions phone(const std::string& user, const rats::Bundle& bundle) const {
        PhoneOptions o;
        o.uri = "sip:" + user + "@" + domain_;
        o.bundle = authority_.sign(bundle);
        o.bundle_signer = authority_.spki();
        o.pin = tpm::AuthorityPin{.signer = attestation::sha256(o.bundle_signer), .oldest_version = bundle.version};
        return o;
    }

    /// What the authority finds and signs, as over HTTPS; `change` may make the fields wrong before they are signed.
    [[nodiscard]] Bytes stamp(const Bytes& request, const std::function<void(rats::Passport&)>& change = {}) const {
        auto in = attestation::parse_passport_request(request);
        if (!in) return {};
        const auto verifier = [](const rats::VerifierRequest& r, const attestation::RequestLogs& logs) {
            auto found = attestation::appraise(r, logs);
            attestation::VerifierWord word;
            word.measured = {.events = found.events.items(),
                             .runtime = std::move(found.runtime),
                             .startup_locality = found.startup_locality};
            word.response = found;
            return std::optional(std::move(word));
        };
        const auto found =
            attestation::appraise_own(*in, {.anchors = {authority_.root()}, .wall_ms = wall_ms()}, verifier);
        auto passport =
            attestation::make_passport(in->request, found.ceiling, found.result, name_, wall_ms() / 1000, key_.get());
        if (!passport) return {};
        if (change) {
            change(*passport);
            sign_again(in->request, *passport, key_.get());
        }
        return ipc::encode(*passport);
    }
    /// Over the fields as they are; where nobody could sign them, the old signature stays.
    static void sign_again(const rats::VerifierRequest& request, rats::Passport& passport, EVP_PKEY* key) {
        const auto body = ipc::decode<rats::EvidenceBody>(request.evidence.body.view()).value();
        const auto identity = attestation::parse_tpmt_public(body.identity_public.view()).value();
        rats::BindingInput binding = request.binding;
        binding.evidence_body = passport.evidence_body;
        (void)attestation::sign_passport(passport, attestation::quote_qualifying_data(binding).value(),
                                         attestation::spki_der(identity).value(), key);
    }

  private:
    std::string name_, domain_;
    TestAuthority authority_;
    attestation::PkeyPtr key_;
};

/// Alice's organisation and bob's, each the other's partner. Rounds come when a test asks for them.
class TwoOrganisations {
  protected:
    Organisation corp_{"Example Corp", "example.com"}, partner_{"Partner AG", "partner.example"};

    /// Alice of the partner, who shows passports to `passport_to`.
    PhoneOptions alice_showing_to(std::string passport_to) {
        PhoneOptions o = asking_by_hand(partner_.phone("alice", partner_.believing(corp_, corp_.card())));
        o.passport_to = {std::move(passport_to)};
        return o;
    }
    /// Bob of the corporation, who shows Evidence and pins alice's verifier as `card` says.
    PhoneOptions bob(const std::optional<rats::PartnerVerifier>& card) {
        return asking_by_hand(corp_.phone("bob", corp_.believing(partner_, card)));
    }

  private:
    static PhoneOptions asking_by_hand(PhoneOptions o) {
        o.recheck = {.every = {}, .gap = Millis{20}, .overdue = Millis{8000}, .silent = Millis{9000}};
        o.policy.recheck_seconds = 3600;
        return o;
    }
};

}  // namespace sealcall::test
