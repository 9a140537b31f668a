// An authority and software TPMs for tests of it: two TPMs of one laboratory, made once, and a store that believes
// them.
#pragma once

#include "administration.h"
#include "databases.h"
#include "enroller.h"
#include "files.h"
#include "sealcall/base/time.h"
#include "set_up.h"
#include "tests/unit/tools/real_tpm.h"

namespace sealcall::authority::test {

using sealcall::test::RealTpm;
using sealcall::test::TemporaryDir;

struct World {
    TemporaryDir dir;
    std::unique_ptr<RealTpm> alice_tpm, other_tpm;
    ipc::Provisioned alice_keys, other_keys;
    World() {
        cli::make_software_tpm(dir / "tpm-a", dir / "lab");
        cli::make_software_tpm(dir / "tpm-b", dir / "lab");
        alice_tpm = std::make_unique<RealTpm>(dir / "tpm-a");
        other_tpm = std::make_unique<RealTpm>(dir / "tpm-b");
        alice_keys = alice_tpm->provision(nullptr, {});
        other_keys = other_tpm->provision(nullptr, {});
    }
};

/// Nothing if swtpm is not installed.
inline std::unique_ptr<World> make_world() {
    return cli::find_program("swtpm_setup").empty() ? nullptr : std::make_unique<World>();
}

inline Store make_store(const World& world, const std::filesystem::path& dir, const std::string& database) {
    Store store =
        Store::create(dir, {.name = "Example Corp", .domain = "example.com", .database = database}, wall_ms());
    CHECK(store.add_ek_roots(world.dir / "lab" / "lab-ek-root.pem", true) == 2u);
    return store;
}

inline EnrolmentRequest request_of(const ipc::Provisioned& keys) {
    EnrolmentRequest r;
    r.ek_certificate = keys.ek_certificate;
    r.ek_public = keys.ek_public;
    r.ak_public = keys.ak_public;
    r.identity_public = rats::TpmPublic(cli::tpm2b_contents(keys.identity_public.view()));
    r.certify_attest = keys.certify_attest;
    r.certify_signature = keys.certify_signature;
    return r;
}

inline ActivatedCredential answer_to(const EnrolmentChallenge& challenge, RealTpm& tpm) {
    const auto done =
        tpm.activate({.credential_blob = challenge.credential_blob, .encrypted_secret = challenge.encrypted_secret});
    EXPECT_TRUE(done.ok) << done.problem.str();
    return {.ticket = challenge.ticket, .credential = done.credential, .escrow = {}};
}

}  // namespace sealcall::authority::test
