// The whole enrolment against a real software TPM, and each refusal of the authority.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "attestation/bundle.h"
#include "attestation/cel.h"
#include "attestation/certificates.h"
#include "attestation/x509_checks.h"
#include "authority_bundle.h"
#include "directory_authority.h"
#include "files.h"
#include "problem.h"
#include "sealcall/base/time.h"
#include "set_up.h"
#include "two_tpms.h"

namespace sealcall {
namespace {

namespace fs = std::filesystem;
using authority::DirectoryAuthority;
using authority::EnrolmentRequest;
using authority::Refusal;
using authority::Store;
using test::request_of;

class Enrolment : public ::testing::Test {
  protected:
    static void SetUpTestSuite() { tpms_ = test::make_two_tpms(); }
    static void TearDownTestSuite() { tpms_.reset(); }
    void SetUp() override {
        if (!tpms_) GTEST_SKIP() << "swtpm is not installed";
    }

    Store make_store(bool trust_lab, bool accept_unproven, const std::string& domain) {
        const fs::path at = dir_ / ("authority" + std::to_string(++authorities_));
        Store store = Store::create(
            at, {.name = "Example Corp", .domain = domain, .accept_unproven_ek = accept_unproven}, wall_ms());
        if (trust_lab) {
            EXPECT_EQ(store.add_ek_roots(tpms_->ek_root(), true), 2u);
        }
        return store;
    }
    static authority::EnrolmentGrant go(DirectoryAuthority& authority, test::RealTpm& tpm,
                                        const EnrolmentRequest& request) {
        return authority.finish(test::answer_to(authority.begin(request), tpm));
    }
    static std::vector<authority::DeviceRecord> devices_of(const Store& store) {
        const auto database = authority::open_database(store.database_url());
        return authority::devices(*database);
    }
    static std::string refusal(DirectoryAuthority& authority, const EnrolmentRequest& request) {
        try {
            (void)authority.begin(request);
            return "accepted";
        } catch (const Refusal& r) {
            EXPECT_FALSE(r.next().empty()) << "every refusal has a next step";
            return r.what();
        }
    }

    static std::unique_ptr<test::TwoTpms> tpms_;
    test::TemporaryDir dir_;
    int authorities_ = 0;
};
std::unique_ptr<test::TwoTpms> Enrolment::tpms_;

TEST_F(Enrolment, ProfileGetsCertificatesForItsOwnKeysMarkedLab) {
    const cli::ProfileStore store(
        cli::profile_paths("alice", {.home = dir_.path(), .config_home = "", .state_home = "", .runtime_dir = ""}));
    cli::make_private(store.paths().state_dir);
    const cli::ProfileFacts facts = cli::make_keys(store, {.software = true, .measurement_pcr = 13}, *tpms_->alice_tpm);
    EXPECT_TRUE(facts.software_tpm);
    DirectoryAuthority service(make_store(true, false, "example.com"), wall_ms);
    const auto done = cli::enrol(store,
                                 {.uri = "sip:alice@example.com",
                                  .host_names = {"127.0.0.1", "localhost", "evil.test"},
                                  .replace_device = false},
                                 service, *tpms_->alice_tpm);
    EXPECT_EQ(done.endorsement, "lab");
    EXPECT_EQ(done.authority, "Example Corp");
    const auto read = store.enrolment();
    ASSERT_TRUE(read);
    const auto ak = attestation::check_ak_certificate(read->ak_certificate.view(), read->anchors, wall_ms());
    ASSERT_TRUE(ak);
    EXPECT_EQ(ak->device.ek, attestation::EkOrigin::lab);
    EXPECT_TRUE(ak->device.software_tpm);
    EXPECT_EQ(ak->spki, *attestation::spki_der(*attestation::parse_tpmt_public(store.keys()->ak_public.view())));
    const auto identity =
        attestation::check_identity_certificate(read->identity_certificate.view(), read->anchors, wall_ms());
    ASSERT_TRUE(identity);
    EXPECT_EQ(identity->uri, "sip:alice@example.com");
    EXPECT_NE(read->tls_certificate_pem.find("BEGIN CERTIFICATE"), std::string::npos);
    const auto hop = attestation::certificate_from_pem(as_bytes(read->tls_certificate_pem));
    EXPECT_FALSE(attestation::check_identity_certificate(*hop, read->anchors, wall_ms()))
        << "a hop key must never pass for a person";
    EXPECT_FALSE(attestation::check_ak_certificate(*hop, read->anchors, wall_ms()));
    EXPECT_EQ(devices_of(Store::open(dir_ / "authority1")).size(), 1u);
}

TEST_F(Enrolment, APartnersKeyIsAddedUnderAnotherNameAndChangesNothingElse) {
    const cli::ProfileStore store(
        cli::profile_paths("alice", {.home = dir_.path(), .config_home = "", .state_home = "", .runtime_dir = ""}));
    cli::make_private(store.paths().state_dir);
    cli::make_keys(store, {.software = true, .measurement_pcr = 13}, *tpms_->alice_tpm);
    DirectoryAuthority service(make_store(true, false, "example.com"), wall_ms);
    cli::EnrolmentWish wish{.uri = "sip:alice@example.com", .host_names = {}, .replace_device = false};
    wish.partner = "partner.example";
    EXPECT_THROW(cli::enrol(store, wish, service, *tpms_->alice_tpm), cli::Problem) << "not enrolled yet";
    wish.partner = "";
    const auto before = cli::enrol(store, wish, service, *tpms_->alice_tpm);
    EXPECT_TRUE(store.partner_keys().empty());
    wish.partner = "../elsewhere";
    EXPECT_THROW(cli::enrol(store, wish, service, *tpms_->alice_tpm), cli::Problem);
    wish.partner = "partner.example";
    cli::enrol(store, wish, service, *tpms_->alice_tpm);
    const auto keys = store.partner_keys();
    ASSERT_EQ(keys.size(), 1u);
    EXPECT_EQ(keys[0].partner.view(), "partner.example");
    const auto own = attestation::check_ak_certificate(before.ak_certificate.view(), before.anchors, wall_ms());
    const auto theirs = attestation::check_ak_certificate(keys[0].ak_certificate.view(), before.anchors, wall_ms());
    ASSERT_TRUE(own && theirs);
    EXPECT_NE(own->spki, theirs->spki);
    EXPECT_NE(own->device.device, theirs->device.device) << "partners cannot compare notes";
    EXPECT_EQ(store.enrolment()->ak_certificate, before.ak_certificate);
    EXPECT_EQ(store.enrolment()->identity_certificate, before.identity_certificate);
    EXPECT_EQ(devices_of(Store::open(dir_ / "authority1")).size(), 1u);
}

TEST_F(Enrolment, BringsTheAuthoritysBundleAndPinsItsSigner) {
    const cli::ProfileStore store(
        cli::profile_paths("bob", {.home = dir_.path(), .config_home = "", .state_home = "", .runtime_dir = ""}));
    cli::make_private(store.paths().state_dir);
    cli::make_keys(store, {.software = true, .measurement_pcr = 13}, *tpms_->alice_tpm);
    const Store authority = make_store(true, false, "example.com");
    cli::sign_next_bundle(authority.dir(), {});
    EXPECT_EQ(cli::sign_next_bundle(authority.dir(), {}).version, 2u);
    DirectoryAuthority service(authority, wall_ms);
    const cli::EnrolmentWish wish{.uri = "sip:bob@example.com", .host_names = {}, .replace_device = false};
    const auto done = cli::enrol(store, wish, service, *tpms_->alice_tpm);
    const Digest signer = cli::digest_of(done.bundle_signer.view());
    auto pin = tpms_->alice_tpm->tpm().authority_pin().value();
    ASSERT_TRUE(pin);
    EXPECT_EQ(pin->signer, signer);
    EXPECT_EQ(pin->oldest_version, 2u);
    const std::string bundle = cli::read_file(store.paths().bundle()).value_or("");
    auto set = attestation::ReferenceSet::open(as_bytes(bundle), store.enrolment()->bundle_signer.view(), 2);
    ASSERT_TRUE(set) << set.error().what;
    EXPECT_TRUE(store.open_bundle().valid());

    // Struck off by the address alone: both keys that were certified for it.
    cli::BundleWish strike;
    strike.revoke = {"sip:bob@example.com"};
    const auto next = cli::sign_next_bundle(authority.dir(), strike);
    EXPECT_EQ(next.revoked, 2u);
    const std::string newer = cli::read_file(next.file).value_or("");
    set = attestation::ReferenceSet::open(as_bytes(newer), store.enrolment()->bundle_signer.view(), 3);
    ASSERT_TRUE(set);
    const auto area = attestation::parse_tpmt_public(cli::tpm2b_contents(store.keys()->identity_public.view()));
    EXPECT_TRUE(set->revoked(attestation::sha256(*attestation::spki_der(*area))));
    EXPECT_TRUE(set->revoked(
        attestation::sha256(*attestation::spki_der(*attestation::parse_tpmt_public(store.keys()->ak_public.view())))));
    strike.revoke = {"sip:nobody@example.com"};
    EXPECT_THROW(cli::sign_next_bundle(authority.dir(), strike), cli::Problem);

    // An authority without bundles: the pin ends, or everybody would stay unverified for ever.
    DirectoryAuthority plain(make_store(true, false, "example.com"), wall_ms);
    cli::enrol(store, wish, plain, *tpms_->alice_tpm);
    EXPECT_FALSE(tpms_->alice_tpm->tpm().authority_pin().value());
    EXPECT_TRUE(store.enrolment()->bundle_signer.empty());
}

TEST_F(Enrolment, NewKeysForgetTheOldEnrolment) {
    const cli::ProfileStore store(
        cli::profile_paths("a", {.home = dir_.path(), .config_home = "", .state_home = "", .runtime_dir = ""}));
    cli::make_private(store.paths().state_dir);
    cli::make_keys(store, {.software = true, .measurement_pcr = 13}, *tpms_->alice_tpm);
    DirectoryAuthority service(make_store(true, false, ""), wall_ms);
    cli::enrol(store, {.uri = "sip:a@b.test", .host_names = {}, .replace_device = false}, service, *tpms_->alice_tpm);
    EXPECT_TRUE(store.enrolment());
    cli::make_keys(store, {.software = true, .measurement_pcr = 13}, *tpms_->alice_tpm);
    EXPECT_FALSE(store.enrolment());
}

TEST_F(Enrolment, UnknownMakerIsRefusedUnlessAskedForAndThenNotProven) {
    DirectoryAuthority strict(make_store(false, false, ""), wall_ms);
    EXPECT_NE(refusal(strict, request_of(tpms_->alice_keys, "sip:alice@example.com"))
                  .find("maker that Example Corp does not know"),
              std::string::npos);
    try {
        (void)strict.begin(request_of(tpms_->alice_keys, "sip:alice@example.com"));
    } catch (const Refusal& refusal) {
        EXPECT_NE(refusal.next().find("--lab-ek-root"), std::string::npos) << "it is a laboratory's";
    }
    DirectoryAuthority lenient(make_store(false, true, ""), wall_ms);
    EXPECT_EQ(go(lenient, *tpms_->alice_tpm, request_of(tpms_->alice_keys, "sip:alice@example.com")).endorsement.view(),
              "not proven");
}

TEST_F(Enrolment, TpmWithoutCertificateIsRefused) {
    DirectoryAuthority service(make_store(true, false, ""), wall_ms);
    EnrolmentRequest request = request_of(tpms_->alice_keys, "sip:alice@example.com");
    request.ek_certificate = {};
    EXPECT_NE(refusal(service, request).find("no endorsement certificate"), std::string::npos);
}

TEST_F(Enrolment, EndorsementOfAnotherTpmIsRefused) {
    DirectoryAuthority service(make_store(true, true, ""), wall_ms);
    EnrolmentRequest request = request_of(tpms_->alice_keys, "sip:alice@example.com");
    request.ek_certificate = tpms_->other_keys.ek_certificate;
    EXPECT_NE(refusal(service, request).find("another TPM"), std::string::npos);
}

TEST_F(Enrolment, NobodyIsManagedByItsOwnWord) {
    DirectoryAuthority service(make_store(true, true, ""), wall_ms);
    EnrolmentRequest request = request_of(tpms_->alice_keys, "sip:alice@example.com");
    for (const char* word : {"managed-ima", "managed"}) {
        request.profile = BoundedString<16>(word);
        EXPECT_NE(refusal(service, request).find("not bound to a sealcall-guard"), std::string::npos);
    }
    // A genuine guard's log, but of another state than the one that this key is bound to.
    std::vector<attestation::MeasuredRole> roles;
    for (const char* name : {"guard", "enclave", "cap"})
        roles.push_back({.role = name, .files = {{.name = name, .digest = {}}}});
    request.sealcall_log = BoundedBytes<8192>(*attestation::encode_cel(roles, 13));
    EXPECT_NE(refusal(service, request).find("not bound to a sealcall-guard"), std::string::npos);
}

TEST_F(Enrolment, AttestationKeyOfAnotherTpmCannotBeActivated) {
    DirectoryAuthority service(make_store(true, false, ""), wall_ms);
    EnrolmentRequest request = request_of(tpms_->other_keys, "sip:alice@example.com");
    request.ek_certificate = tpms_->alice_keys.ek_certificate;
    request.ek_public = tpms_->alice_keys.ek_public;
    const auto challenge = service.begin(request);
    for (test::RealTpm* tpm : {tpms_->alice_tpm.get(), tpms_->other_tpm.get()})
        EXPECT_FALSE(tpm->activate({.credential_blob = challenge.credential_blob,
                                    .encrypted_secret = challenge.encrypted_secret})
                         .ok);
}

TEST_F(Enrolment, WrongCredentialEndsTheExchange) {
    const Store store = make_store(true, false, "");
    DirectoryAuthority service(store, wall_ms);
    const auto challenge = service.begin(request_of(tpms_->alice_keys, "sip:alice@example.com"));
    EXPECT_THROW(
        (void)service.finish({.ticket = challenge.ticket, .credential = BoundedBytes<64>(Bytes(32)), .escrow = {}}),
        Refusal);
    const auto answer = tpms_->alice_tpm->activate(
        {.credential_blob = challenge.credential_blob, .encrypted_secret = challenge.encrypted_secret});
    ASSERT_TRUE(answer.ok);
    EXPECT_THROW((void)service.finish({.ticket = challenge.ticket, .credential = answer.credential, .escrow = {}}),
                 Refusal)
        << "no second guess";
    EXPECT_TRUE(devices_of(store).empty());
}

TEST_F(Enrolment, ChallengeGoesStale) {
    uint64_t now = wall_ms();
    DirectoryAuthority service(make_store(true, false, ""), [&] { return now; });
    const auto challenge = service.begin(request_of(tpms_->alice_keys, "sip:alice@example.com"));
    const auto answer = tpms_->alice_tpm->activate(
        {.credential_blob = challenge.credential_blob, .encrypted_secret = challenge.encrypted_secret});
    now += authority::kChallengeLife;
    EXPECT_THROW((void)service.finish({.ticket = challenge.ticket, .credential = answer.credential, .escrow = {}}),
                 Refusal);
}

TEST_F(Enrolment, OpenChallengesAreBounded) {
    DirectoryAuthority service(make_store(true, false, ""), wall_ms);
    auto request = request_of(tpms_->alice_keys, "sip:alice@example.com");
    const auto first = service.begin(request);
    EXPECT_EQ(service.begin(request).ticket, first.ticket) << "the same request gets the same challenge";
    for (size_t i = 1; i < authority::kOpenInDirectory; ++i) {
        request.uri = BoundedString<256>("sip:user" + std::to_string(i) + "@example.com");
        (void)service.begin(request);
    }
    request.uri = BoundedString<256>("sip:last@example.com");
    EXPECT_EQ(refusal(service, request), "The authority is busy.");
}

TEST_F(Enrolment, SameAddressOnAnotherTpmIsRefusedUnlessReplacementIsSaid) {
    const Store store = make_store(true, false, "");
    DirectoryAuthority service(store, wall_ms);
    go(service, *tpms_->alice_tpm, request_of(tpms_->alice_keys, "sip:alice@example.com"));
    EnrolmentRequest request = request_of(tpms_->other_keys, "sip:alice@example.com");
    EXPECT_NE(refusal(service, request).find("enrolled with another TPM"), std::string::npos);
    EXPECT_EQ(devices_of(store).size(), 1u);
    go(service, *tpms_->alice_tpm, request_of(tpms_->alice_keys, "sip:alice@example.com"));  // the same one again: fine
    request.replace_device = true;
    go(service, *tpms_->other_tpm, request);
    ASSERT_EQ(devices_of(store).size(), 2u);
    EXPECT_NE(refusal(service, request_of(tpms_->alice_keys, "sip:alice@example.com")), "accepted")
        << "the old device is out now";
}

TEST_F(Enrolment, BindingIsCheckedAgainWhenTheCertificatesAreMade) {
    const Store store = make_store(true, false, "");
    DirectoryAuthority first(store, wall_ms), second(store, wall_ms);
    const auto challenge = first.begin(request_of(tpms_->alice_keys, "sip:alice@example.com"));
    go(second, *tpms_->other_tpm, request_of(tpms_->other_keys, "sip:alice@example.com"));
    const auto answer = tpms_->alice_tpm->activate(
        {.credential_blob = challenge.credential_blob, .encrypted_secret = challenge.encrypted_secret});
    EXPECT_THROW((void)first.finish({.ticket = challenge.ticket, .credential = answer.credential, .escrow = {}}),
                 Refusal);
}

TEST_F(Enrolment, IdentityKeyMustBeCertifiedByTheSameAttestationKey) {
    DirectoryAuthority service(make_store(true, false, ""), wall_ms);
    const EnrolmentRequest genuine = request_of(tpms_->alice_keys, "sip:alice@example.com"),
                           other = request_of(tpms_->other_keys, "sip:alice@example.com");
    EnrolmentRequest r = genuine;
    r.identity_public = other.identity_public;
    EXPECT_NE(refusal(service, r).find("does not confirm"), std::string::npos);
    r = genuine;
    r.certify_attest = other.certify_attest;
    r.certify_signature = other.certify_signature;
    r.identity_public = other.identity_public;
    EXPECT_NE(refusal(service, r).find("does not confirm"), std::string::npos) << "certified, but by another TPM";
    r = genuine;
    Bytes attest = to_bytes(r.certify_attest.view());
    attest.back() ^= std::byte{1};
    r.certify_attest = rats::TpmAttest(attest);
    EXPECT_NE(refusal(service, r).find("does not confirm"), std::string::npos);
}

TEST_F(Enrolment, KeysOfTheWrongKindAreRefused) {
    DirectoryAuthority service(make_store(true, false, ""), wall_ms);
    const EnrolmentRequest genuine = request_of(tpms_->alice_keys, "sip:alice@example.com");
    // TPMT_PUBLIC: type u16, nameAlg u16, objectAttributes u32 (TPM 2.0 Part 2, 12.2.4).
    const auto with_bit = [](const rats::TpmPublic& in, unsigned bit) {
        Bytes b = to_bytes(in.view());
        b.at(7 - bit / 8) ^= static_cast<std::byte>(1u << bit % 8);
        return rats::TpmPublic(b);
    };
    EnrolmentRequest r = genuine;
    r.ak_public = with_bit(genuine.ak_public, 16);  // not restricted
    EXPECT_NE(refusal(service, r).find("attestation key could sign other things"), std::string::npos);
    r = genuine;
    r.identity_public = with_bit(genuine.identity_public, 1);  // not fixedTPM
    EXPECT_NE(refusal(service, r).find("could leave its TPM"), std::string::npos);
    r = genuine;
    r.identity_public = with_bit(genuine.identity_public, 6);  // userWithAuth
    EXPECT_NE(refusal(service, r).find("not bound to the software"), std::string::npos);
    r = genuine;
    r.ek_public = with_bit(genuine.ek_public, 17);  // not decrypt
    EXPECT_NE(refusal(service, r).find("not a storage key"), std::string::npos);
    r = genuine;
    r.ak_public = rats::TpmPublic(Bytes(3));
    EXPECT_NE(refusal(service, r).find("cannot be read"), std::string::npos);
    r = genuine;
    r.host_spki = BoundedBytes<256>(Bytes(20));
    EXPECT_NE(refusal(service, r).find("must be a P-256 key"), std::string::npos);
}

TEST_F(Enrolment, AddressesOfOtherDomainsAreRefused) {
    DirectoryAuthority service(make_store(true, false, "example.com"), wall_ms);
    for (const char* uri : {"sip:alice@example.org", "sip:alice@example.com.evil.test", "sip:alice@sub.example.com",
                            "sip:alice@example.com;maddr=evil.test"})
        EXPECT_NE(refusal(service, request_of(tpms_->alice_keys, uri)), "accepted") << uri;
    for (const char* uri : {"sip:alice@example.com", "sip:alice@Example.COM", "sip:alice@example.com:5070"})
        EXPECT_EQ(refusal(service, request_of(tpms_->alice_keys, uri)), "accepted") << uri;
}

TEST(AuthorityDirectory, RootKeyIsPrivateAndSettingsAreKept) {
    const test::TemporaryDir dir;
    Store::create(dir / "a", {.name = "Example Corp", .domain = "example.com", .accept_unproven_ek = false}, wall_ms());
    struct stat st {};
    ASSERT_EQ(::stat((dir / "a" / "root.key.pem").c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0600u);
    EXPECT_EQ(Store::open(dir / "a").settings().domain, "example.com");
    EXPECT_THROW(Store::create(dir / "a", {.name = "Other", .domain = "", .accept_unproven_ek = false}, wall_ms()),
                 cli::Problem);
    EXPECT_THROW(Store::open(dir / "b"), cli::Problem);
    test::put(dir / "a" / "authority.json", "{\"name\": 5}");
    EXPECT_THROW(Store::open(dir / "a"), cli::Problem);
    test::put(dir / "junk.pem", "nothing");
    EXPECT_THROW((void)Store::create(dir / "c", {.name = "C", .domain = "", .accept_unproven_ek = false}, wall_ms())
                     .add_ek_roots(dir / "junk.pem", false),
                 cli::Problem);
}

TEST(AuthorityDirectory, CertifiesOnlyHostNamesOfItsDomainAndThisHost) {
    const authority::Settings any{.name = "A", .domain = "", .accept_unproven_ek = false},
        corp{.name = "A", .domain = "example.com", .accept_unproven_ek = false};
    for (const char* name : {"localhost", "127.0.0.1", "::1", "example.com", "sip.Example.com"})
        EXPECT_TRUE(authority::may_name_host(corp, name)) << name;
    for (const char* name : {"192.0.2.1", "badexample.com", "host", "", "*.example.com", "a b.example.com"})
        EXPECT_FALSE(authority::may_name_host(corp, name)) << name;
    EXPECT_TRUE(authority::may_name_host(any, "192.0.2.1"));
    EXPECT_FALSE(authority::may_name_host(any, "*"));
}

TEST(SoftwareTpm, FailureLeavesNothingBehind) {
    if (cli::find_program("swtpm_setup").empty()) GTEST_SKIP() << "swtpm is not installed";
    const test::TemporaryDir dir;
    test::put(dir / "lab", "a file where the laboratory should be");
    EXPECT_THROW(cli::make_software_tpm(dir / "tpm", dir / "lab"), cli::Problem);
    EXPECT_FALSE(cli::software_tpm_exists(dir / "tpm"));
    EXPECT_FALSE(fs::exists(dir / "tpm.new"));
}

}  // namespace
}  // namespace sealcall
