// sealcall-relay-identity: for tests and demonstrations. Gives a profile that was enrolled in the ordinary way an
// identity key outside of its TPM, with a certificate of the same authority for the same address. The directory
// exchange would never sign such a key (it wants TPM2_Certify), so this reads the authority's root key itself: the
// attacker is an insider at the authority, or has stolen its laptop. It leaves no record there, as such a person would
// not.
#include <CLI/CLI.hpp>
#include <iostream>

#include "attestation/certificates.h"
#include "sealcall/base/time.h"
#include "tools/authority/store.h"
#include "tools/sealcall/files.h"
#include "tools/sealcall/problem.h"
#include "tools/sealcall/profile_store.h"

namespace {

using namespace sealcall;

constexpr uint64_t kDayMs = 24ULL * 3600 * 1000;

template <class T>
T made(Result<T> result, const char* what) {
    if (!result) throw cli::Problem(std::string(what) + ": " + result.error().what + ".", "");
    return std::move(result).value();
}

Bytes private_key_der(EVP_PKEY* key) {
    const std::unique_ptr<PKCS8_PRIV_KEY_INFO, attestation::Deleter<PKCS8_PRIV_KEY_INFO_free>> info(
        EVP_PKEY2PKCS8(key));
    return info ? attestation::to_der(i2d_PKCS8_PRIV_KEY_INFO, info.get()) : Bytes();
}

void take_over(const std::string& authority_dir, const std::string& state_dir) {
    const auto authority = authority::Store::open(authority_dir);
    const cli::ProfileStore store(
        {.profile = "relay", .config_file = {}, .state_dir = state_dir, .control_socket = {}});
    auto facts = store.facts();
    auto keys = store.keys();
    auto enrolment = store.enrolment();
    if (!facts || !keys || !enrolment)
        throw cli::Problem(state_dir + " is no enrolled profile.", "sealcall init, then sealcall enroll");
    const auto lock = cli::lock_file(store.paths().lock_file(), "The phone of this profile runs.", "End it first.");

    const auto root_key = made(attestation::key_from_pem(authority.root_key_pem()), "The root key cannot be read");
    const auto key = made(attestation::make_software_key(), "No key");
    const uint64_t now = wall_ms();
    const Bytes certificate = made(
        attestation::issue_identity_certificate({.key = root_key.get(), .certificate = authority.root_certificate()},
                                                made(attestation::public_key_der(key.get()), "No key"), enrolment->uri,
                                                {.not_before_ms = now - kDayMs / 24, .not_after_ms = now + kDayMs}),
        "No certificate");
    const Bytes der = private_key_der(key.get());
    if (der.empty()) throw cli::Problem("The key could not be encoded.", "");
    keys->identity_private = made(BoundedBytes<2048>::from(der), "The key is too large");
    enrolment->identity_certificate = made(rats::CertificateDer::from(certificate), "The certificate is too large");
    store.save(*facts, *keys);
    store.save(*enrolment);
    std::cout << enrolment->uri << " now has an identity key outside of its TPM, certified with the root key of "
              << authority.settings().name << ".\n";
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("give a profile a certified identity key outside of its TPM; for tests and demonstrations");
    std::string authority_dir, state_dir;
    app.add_option("--authority", authority_dir, "Directory of the authority")->required();
    app.add_option("--state", state_dir, "State directory of the profile")->required();
    CLI11_PARSE(app, argc, argv);
    try {
        take_over(authority_dir, state_dir);
        return 0;
    } catch (const cli::Problem& problem) {
        std::cerr << "sealcall-relay-identity: " << problem.what() << "\n";
        if (!problem.next().empty()) std::cerr << "  " << problem.next() << "\n";
        return problem.status();
    } catch (const std::exception& error) {
        std::cerr << "sealcall-relay-identity: " << error.what() << "\n";
        return 1;
    }
}
