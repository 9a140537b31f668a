// Passports for tests: a genuine one from a genuine case, and each part at hand to be made wrong.
#pragma once

#include "attestation/passport_office.h"
#include "attestation/passport_writer.h"
#include "tests/unit/attestation/bundles.h"

namespace sealcall::attestation::test {

inline constexpr const char* kPartnerDomain = "partner.example";
inline constexpr const char* kPartnerName = "Partner Authority";

inline EVP_PKEY* partner_key() { return keys().other_authority.get(); }

/// The relying party's entry for the partner's verifier.
inline rats::PartnerVerifier pinned(rats::Level at_most = rats::Level::trusted_runtime, bool lab = false) {
    rats::PartnerVerifier p = partner(kPartnerName);
    p.domain = BoundedString<128>(kPartnerDomain);
    p.key = rats::TpmPublic(*public_key_der(partner_key()));
    p.at_most = at_most;
    p.lab = lab;
    return p;
}

/// The verifier in this process.
inline std::optional<VerifierWord> in_process(const rats::VerifierRequest& request, const RequestLogs& logs) {
    VerifierFindings found = appraise(request, logs);
    VerifierWord out;
    out.measured = {.events = found.events.items(),
                    .runtime = std::move(found.runtime),
                    .startup_locality = found.startup_locality};
    out.response = found;
    return out;
}

/// What the partner's authority makes of a case.
inline PassportAppraisal appraised(PassportRequest& in, const Case& c) {
    return appraise_own(in, {.anchors = c.expect.anchors, .wall_ms = c.expect.wall_ms}, in_process);
}

/// A machine whose identity key is bound to the state that it quotes, as the authority demands.
inline Case bound_case(Scenario s) {
    Digest measured{};
    for (const auto& role : s.roles) measured = extended(measured, cel_digest(role));
    s.identity.auth_policy = to_bytes(identity_auth_policy(13, measured));
    return make_case(s);
}

struct Issued {
    Case c;
    rats::Passport passport;
    Bytes spki;

    explicit Issued(const Scenario& s = {}, uint64_t issued_s = kNow / 1000) : c(bound_case(s)) {
        PassportRequest in{.request = request_of(c), .boot_log = {}, .runtime_log = {}};
        const auto found = appraised(in, c);
        passport =
            make_passport(in.request, found.ceiling, found.result, kPartnerName, issued_s, partner_key()).value();
        spki = *public_key_der(keys().identity.get());
    }
    [[nodiscard]] Digest nonce() const {
        rats::BindingInput b = c.expect.binding;
        b.evidence_body = passport.evidence_body;
        return *quote_qualifying_data(b);
    }
    /// Signs the fields as they are now.
    void sign_again(EVP_PKEY* key = partner_key()) { CHECK(sign_passport(passport, nonce(), spki, key).has_value()); }
    /// What a relying party with this bundle makes of it.
    [[nodiscard]] rats::AttestationResult at(const rats::Bundle& bundle) const {
        const OwnedSet set(bundle);
        Expectation expect = c.expect;
        expect.references = &set.set;
        return check_passport(passport, expect, spki, kPartnerDomain);
    }
    [[nodiscard]] rats::AttestationResult at(const rats::PartnerVerifier& entry = pinned()) const {
        rats::Bundle b = empty_bundle();
        CHECK(b.partners.push(entry));
        return at(b);
    }
};

}  // namespace sealcall::attestation::test
