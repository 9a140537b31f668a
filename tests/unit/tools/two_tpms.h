// Two software TPMs of one laboratory, and what they bring to an enrolment.
#pragma once

#include "enrolment_service.h"
#include "set_up.h"
#include "tests/unit/tools/real_tpm.h"

namespace sealcall::test {

/// Made once for many tests: half a second each.
struct TwoTpms {
    TemporaryDir dir;
    std::unique_ptr<RealTpm> alice_tpm, other_tpm;
    ipc::Provisioned alice_keys, other_keys;
    TwoTpms() {
        cli::make_software_tpm(dir / "tpm-a", dir / "lab");
        cli::make_software_tpm(dir / "tpm-b", dir / "lab");
        alice_tpm = std::make_unique<RealTpm>(dir / "tpm-a");
        other_tpm = std::make_unique<RealTpm>(dir / "tpm-b");
        alice_keys = alice_tpm->provision(nullptr, {});
        other_keys = other_tpm->provision(nullptr, {});
    }
    [[nodiscard]] std::filesystem::path ek_root() const { return dir / "lab" / "lab-ek-root.pem"; }
};

/// Nothing if swtpm is not installed.
inline std::unique_ptr<TwoTpms> make_two_tpms() {
    return cli::find_program("swtpm_setup").empty() ? nullptr : std::make_unique<TwoTpms>();
}

inline authority::EnrolmentRequest request_of(const ipc::Provisioned& keys, std::string_view uri = {}) {
    authority::EnrolmentRequest r;
    r.uri = BoundedString<256>(uri);
    r.ek_certificate = keys.ek_certificate;
    r.ek_public = keys.ek_public;
    r.ak_public = keys.ak_public;
    r.identity_public = rats::TpmPublic(cli::tpm2b_contents(keys.identity_public.view()));
    r.certify_attest = keys.certify_attest;
    r.certify_signature = keys.certify_signature;
    return r;
}

inline authority::ActivatedCredential answer_to(const authority::EnrolmentChallenge& challenge, RealTpm& tpm) {
    const auto done =
        tpm.activate({.credential_blob = challenge.credential_blob, .encrypted_secret = challenge.encrypted_secret});
    EXPECT_TRUE(done.ok) << done.problem.str();
    return {.ticket = challenge.ticket, .credential = done.credential, .escrow = {}};
}

}  // namespace sealcall::test
