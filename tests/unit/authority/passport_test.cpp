// Passports from a served authority: real HTTPS, a real software TPM, a verifier process for each.
#include <httplib.h>

#include "attestation/certificates.h"
#include "attestation/ear.h"
#include "enclave/attester.h"
#include "served.h"

namespace sealcall::authority {
namespace {

using rats::Level;

class PassportService : public ::testing::Test {
  protected:
    static void SetUpTestSuite() { tpms_ = test::make_two_tpms(); }
    static void TearDownTestSuite() { tpms_.reset(); }
    void SetUp() override {
        if (!tpms_) GTEST_SKIP() << "swtpm is not installed";
        start({});
    }
    void start(const RateLimits& limits) {
        served_.reset();
        std::filesystem::remove_all(dir_ / "authority");
        store_ = test::make_store(*tpms_, dir_ / "authority", "");
        served_ = std::make_unique<test::Served>(*store_, store_->database_url(), limits);
        Enroller& enroller = served_->enroller;
        EnrolmentRequest request = test::request_of(tpms_->alice_keys);
        request.uri = BoundedString<256>("sip:alice@example.com");
        const auto challenge = enroller.begin(Admission::by_directory(), request);
        const auto grant = enroller.finish(Admission::by_directory(), test::answer_to(challenge, *tpms_->alice_tpm));
        config_.ak_certificate = grant.ak_certificate;
        attester_.emplace(
            enclave::Attester::create(tpms_->alice_tpm->tpm(), config_,
                                      std::make_shared<const enclave::PlatformLogs>(UniqueFd(), UniqueFd()))
                .value());
    }
    /// As a phone's host would post it.
    rats::VerifierRequest request() {
        rats::VerifierRequest r;
        r.binding.attester = rats::Role::caller;
        for (Digest* d : {&r.binding.channel_binding, &r.binding.verifier_nonce, &r.binding.attester_nonce,
                          &r.binding.peer_tls_spki, &r.binding.attester_dtls, &r.binding.peer_dtls, &r.binding.hellos})
            *d = attestation::sha256(as_bytes("facts of a call " + std::to_string(n_++)));
        r.binding.attester_tls_spki = attester_->identity_spki();
        r.evidence = attester_->make(tpms_->alice_tpm->tpm(), r.binding, {}).value().evidence;
        return r;
    }
    httplib::Result post(ByteSpan body, const char* accept = "application/octet-stream",
                         const char* type = "application/octet-stream") {
        httplib::SSLClient client("127.0.0.1", served_->server.port());
        client.enable_server_certificate_verification(false);  // what a phone checks is tested where it is a phone's
        return client.Post("/v1/passports", {{"Accept", accept}}, std::string(as_chars(body)), type);
    }
    int status_of(ByteSpan body) {
        const auto answer = post(body);
        return answer ? answer->status : 0;
    }
    std::string last_action() { return served_->administration.read_audit(0, 1000).back().action; }

    static std::unique_ptr<test::TwoTpms> tpms_;
    test::TemporaryDir dir_;
    std::optional<Store> store_;
    std::unique_ptr<test::Served> served_;
    ipc::ConfigureEnclave config_;
    std::optional<enclave::Attester> attester_;
    int n_ = 0;
};
std::unique_ptr<test::TwoTpms> PassportService::tpms_;

TEST_F(PassportService, VouchesForAnEnrolledDeviceAndRecordsIt) {
    const auto r = request();
    const auto answer = post(ipc::encode(r));
    ASSERT_TRUE(answer);
    ASSERT_EQ(answer->status, 200) << answer->body;
    EXPECT_EQ(answer->get_header_value("Content-Type"), "application/octet-stream");
    const auto passport = ipc::decode<rats::Passport>(as_bytes(answer->body)).value();
    EXPECT_EQ(passport.issuer.view(), "Example Corp");
    EXPECT_TRUE(passport.lab);
    EXPECT_EQ(passport.level, Level::known_device) << "this phone measured nothing";
    EXPECT_LE(passport.life_s, rats::kPassportLifeMax);
    const auto records = served_->administration.read_audit(0, 1000);
    EXPECT_EQ(records.back().action, "passport");
    EXPECT_EQ(records.back().subject, "sip:alice@example.com");
    EXPECT_EQ(records.back().detail, "level 1 LAB");
}

TEST_F(PassportService, GivesATokenThatAReaderOfEarsVerifies) {
    auto r = request();
    const auto answer = post(ipc::encode(r), "application/eat+jwt");
    ASSERT_TRUE(answer);
    ASSERT_EQ(answer->status, 200) << answer->body;
    EXPECT_EQ(answer->get_header_value("Content-Type"), "application/eat+jwt");
    r.binding.evidence_body = attestation::sha256(r.evidence.body.view());
    attestation::EarExpectation expect;
    expect.wall_ms = wall_ms();
    expect.profile = attestation::EarProfile::ietf;
    expect.issuer = "Example Corp";
    expect.nonce = to_bytes(attestation::quote_qualifying_data(r.binding).value());
    expect.max_lifetime_s = rats::kPassportLifeMax;
    const auto key = attestation::read_jose_key(served_->passports.public_key()).value();
    const auto ear = attestation::verify_ear(answer->body, key, expect);
    ASSERT_TRUE(ear) << attestation::ear_fault_name(ear.error().detail);
    EXPECT_TRUE(attestation::check_passport_form(*ear));
    EXPECT_EQ(attestation::sha256(ear->cnf_spki), attester_->identity_spki());
}

TEST_F(PassportService, RefusesARevokedDevice) {
    served_->administration.revoke_device({"test"}, served_->administration.list_devices().at(0).device.id, "lost");
    EXPECT_EQ(status_of(ipc::encode(request())), 403);
    EXPECT_NE(last_action(), "passport");
}

TEST_F(PassportService, RefusesARevokedUser) {
    served_->administration.revoke_user({"test"}, "sip:alice@example.com", "left");
    EXPECT_EQ(status_of(ipc::encode(request())), 403);
}

TEST_F(PassportService, RefusesAKeyThatItNeverEnrolled) {
    // Certified by this root, but in no list: as after a restore of an older database.
    const auto key = attestation::key_from_pem(store_->root_key_pem()).value();
    const auto other = attestation::parse_tpmt_public(tpms_->other_keys.ak_public.view()).value();
    config_.ak_certificate = rats::CertificateDer(
        attestation::issue_ak_certificate({.key = key.get(), .certificate = store_->root_certificate()}, other,
                                          {.ek = attestation::EkOrigin::lab,
                                           .software_tpm = true,
                                           .managed = false,
                                           .device = "unknown",
                                           .authority = {}},
                                          {.not_before_ms = wall_ms() - 1000, .not_after_ms = wall_ms() + 1'000'000})
            .value());
    attester_.emplace(enclave::Attester::create(tpms_->other_tpm->tpm(), config_,
                                                std::make_shared<const enclave::PlatformLogs>(UniqueFd(), UniqueFd()))
                          .value());
    rats::VerifierRequest r;
    r.binding.attester_tls_spki = attester_->identity_spki();
    r.binding.channel_binding = r.binding.verifier_nonce = attestation::sha256(as_bytes("x"));
    r.evidence = attester_->make(tpms_->other_tpm->tpm(), r.binding, {}).value().evidence;
    EXPECT_EQ(status_of(ipc::encode(r)), 403);
}

TEST_F(PassportService, RefusesEvidenceThatDoesNotHold) {
    auto r = request();
    r.binding.verifier_nonce[0] ^= std::byte{1};  // another call's
    EXPECT_EQ(status_of(ipc::encode(r)), 403);
    r = request();
    r.evidence.quote_signature = rats::TpmSignature(Bytes(72));
    EXPECT_EQ(status_of(ipc::encode(r)), 403);
    r = request();
    r.evidence.pcrs = {};
    EXPECT_EQ(status_of(ipc::encode(r)), 403);
}

TEST_F(PassportService, RefusesALogThatIsNone) {
    auto r = request();
    r.boot_log_size = 100;
    Bytes body = ipc::encode(r);
    body.insert(body.end(), 100, std::byte{0x55});
    EXPECT_EQ(status_of(body), 403) << "the verifier process says that it does not replay";
    EXPECT_EQ(last_action(), "passport-refused");
}

TEST_F(PassportService, TakesNothingThatIsNoRequest) {
    EXPECT_EQ(status_of({}), 400);
    EXPECT_EQ(status_of(Bytes(100'000, std::byte{0xff})), 400);
    Bytes body = ipc::encode(request());
    body.push_back(std::byte{0});
    EXPECT_EQ(status_of(body), 400);
    EXPECT_EQ(post(ipc::encode(request()), "*/*", "application/json")->status, 415);
    // Refused by its stated length; a client that is still sending may see the connection end instead of the answer.
    const int status = status_of(Bytes(attestation::kPassportRequestMax + 1));
    EXPECT_TRUE(status == 413 || status == 0) << status;
}

TEST_F(PassportService, LimitsHowOftenOneAddressAsks) {
    RateLimits limits;
    limits.per_second = 0.01;
    limits.burst = 3;
    start(limits);
    const Bytes body = ipc::encode(request());
    EXPECT_EQ(status_of(body), 200);
    EXPECT_EQ(status_of(body), 200);
    EXPECT_EQ(status_of(body), 200);
    EXPECT_EQ(status_of(body), 429);
}

TEST_F(PassportService, SaysBusyWhenNoVerifierStarts) {
    PassportDesk desk(*store_, served_->registry, wall_ms, verifier_process("/nonexistent"));
    try {
        (void)desk.issue(ipc::encode(request()));
        FAIL() << "issued without a verifier";
    } catch (const Refusal& refusal) {
        EXPECT_EQ(refusal.kind(), Refusal::Kind::busy);
    }
}

TEST_F(PassportService, KeepsItsKey) {
    PassportDesk again(*store_, served_->registry, wall_ms, {});
    EXPECT_EQ(again.public_key(), served_->passports.public_key());
    EXPECT_NE(attestation::sha256(again.public_key()),
              attestation::sha256(
                  attestation::public_key_der(attestation::key_from_pem(store_->root_key_pem()).value().get()).value()))
        << "not the root's";
}

}  // namespace
}  // namespace sealcall::authority
