// A phone, an impostor and an impatient one against a served authority: real HTTPS, real software TPMs.
#include <arpa/inet.h>
#include <sys/socket.h>

#include <thread>

#include "attestation/certificates.h"
#include "attestation/tpm_structs.h"
#include "problem.h"
#include "remote_authority.h"
#include "sealcall/base/unique_fd.h"
#include "served.h"

namespace sealcall::authority {
namespace {

using test::Served;

class Service : public ::testing::TestWithParam<Dialect> {
  protected:
    static void SetUpTestSuite() { tpms_ = test::make_two_tpms(); }
    static void TearDownTestSuite() { tpms_.reset(); }
    void SetUp() override {
        if (!tpms_) GTEST_SKIP() << "swtpm is not installed";
        const std::string url = test::empty_database(GetParam(), dir_);
        if (url.empty()) GTEST_SKIP() << "no PostgreSQL: run it by tests/support/with_postgresql";
        store_ = test::make_store(*tpms_, dir_ / "authority", url);
        served_ = std::make_unique<Served>(*store_, url, test::usual_limits());
    }

    Bearer token(const std::string& user) {
        return *parse_bearer(served_->administration.create_token({"test"}, {.uri = user}).text);
    }
    RemoteAuthority remote(const std::optional<Bearer>& bearer) {
        return RemoteAuthority({.host = "127.0.0.1",
                                .port = served_->server.port(),
                                .root = cli::digest_of(store_->root_certificate()),
                                .token = bearer});
    }
    size_t device_count() { return served_->administration.list_devices().size(); }

    static std::unique_ptr<test::TwoTpms> tpms_;
    test::TemporaryDir dir_;
    std::optional<Store> store_;
    std::unique_ptr<Served> served_;
};
std::unique_ptr<test::TwoTpms> Service::tpms_;

/// What it was refused with, or why it failed.
template <class F>
std::string refusal(F f) {
    try {
        f();
        return "accepted";
    } catch (const std::exception& e) {
        return e.what();
    }
}

template <class F>
int problem_status(F f) {
    try {
        f();
        return cli::exit_status::kOk;
    } catch (const cli::Problem& problem) {
        return problem.next().empty() ? -1 : problem.status();
    }
}

TEST_P(Service, TokenIsForOnePhone) {
    const Bearer bearer = token("sip:alice@example.com");
    auto phone = remote(bearer);
    const auto answer = test::answer_to(phone.begin(test::request_of(tpms_->alice_keys)), *tpms_->alice_tpm);
    const auto grant = phone.finish(answer);
    EXPECT_EQ(phone.finish(answer).ak_certificate, grant.ak_certificate) << "the same answer, the same certificates";
    auto second = remote(bearer);
    EXPECT_NE(refusal([&] { second.begin(test::request_of(tpms_->other_keys)); }).find("token is not valid"),
              std::string::npos);
    EXPECT_EQ(device_count(), 1u);
}

TEST_P(Service, OfTwoPhonesWithOneTokenExactlyOneWins) {
    const Bearer bearer = token("sip:alice@example.com");
    auto a = remote(bearer), b = remote(bearer);
    const auto for_a = test::answer_to(a.begin(test::request_of(tpms_->alice_keys)), *tpms_->alice_tpm);
    const auto for_b = test::answer_to(b.begin(test::request_of(tpms_->other_keys)), *tpms_->other_tpm);
    std::string end_a, end_b;
    std::thread one([&] { end_a = refusal([&] { a.finish(for_a); }); });
    std::thread two([&] { end_b = refusal([&] { b.finish(for_b); }); });
    one.join();
    two.join();
    EXPECT_NE(end_a == "accepted", end_b == "accepted") << end_a << " / " << end_b;
    EXPECT_EQ(device_count(), 1u);
    EXPECT_EQ(served_->administration.list_certificates().size(), 2u) << "the loser left no certificate";
}

TEST_P(Service, ImpatientPhoneThatAsksEightTimesAtOnceIsEnrolledOnce) {
    const Bearer bearer = token("sip:alice@example.com");
    const auto answer = test::answer_to(remote(bearer).begin(test::request_of(tpms_->alice_keys)), *tpms_->alice_tpm);
    std::vector<std::string> ends(8);
    std::vector<std::thread> threads;
    for (auto& end : ends) threads.emplace_back([&] { end = refusal([&] { remote(bearer).finish(answer); }); });
    for (auto& thread : threads) thread.join();
    for (const auto& end : ends) EXPECT_EQ(end, "accepted");
    EXPECT_EQ(served_->administration.list_certificates().size(), 2u);
}

TEST_P(Service, ChallengeOfOneTokenIsNothingUnderAnother) {
    const Bearer alice = token("sip:alice@example.com"), mallory = token("sip:mallory@example.com");
    const auto answer = test::answer_to(remote(alice).begin(test::request_of(tpms_->alice_keys)), *tpms_->alice_tpm);
    EXPECT_NE(refusal([&] { remote(mallory).finish(answer); }), "accepted");
    EXPECT_NE(refusal([&] { remote(std::nullopt).finish(answer); }), "accepted") << "nor as a renewal";
    EXPECT_EQ(device_count(), 0u);
    EXPECT_EQ(refusal([&] { remote(alice).finish(answer); }), "accepted") << "and it was not spent by that";
}

TEST_P(Service, WrongSecretEndsTheChallengeAndFiveEndTheToken) {
    const Bearer bearer = token("sip:alice@example.com");
    for (uint64_t i = 0; i < kTokenFailuresMax; ++i) {
        const auto challenge = remote(bearer).begin(test::request_of(tpms_->alice_keys));
        const ActivatedCredential wrong{
            .ticket = challenge.ticket, .credential = BoundedBytes<64>(Bytes(32)), .escrow = {}};
        EXPECT_NE(refusal([&] { remote(bearer).finish(wrong); }).find("could not prove"), std::string::npos);
        const auto right = test::answer_to(challenge, *tpms_->alice_tpm);
        EXPECT_NE(refusal([&] { remote(bearer).finish(right); }), "accepted") << "no second try";
    }
    EXPECT_NE(refusal([&] { remote(bearer).begin(test::request_of(tpms_->alice_keys)); }).find("token is not valid"),
              std::string::npos);
    EXPECT_EQ(device_count(), 0u);
}

TEST_P(Service, AttestationKeyThatCouldSignOtherThingsIsRefused) {
    EnrolmentRequest request = test::request_of(tpms_->alice_keys);
    Bytes area = to_bytes(request.ak_public.view());
    area.at(5) ^= std::byte{1};  // TPMA_OBJECT bit 16, restricted (TPM 2.0 Part 2, 8.3)
    request.ak_public = rats::TpmPublic(area);
    EXPECT_NE(refusal([&] { remote(token("sip:alice@example.com")).begin(request); }).find("attestation key"),
              std::string::npos);
}

TEST_P(Service, RevokedDeviceRenewsNothing) {
    auto phone = remote(token("sip:alice@example.com"));
    phone.finish(test::answer_to(phone.begin(test::request_of(tpms_->alice_keys)), *tpms_->alice_tpm));
    EXPECT_EQ(refusal([&] { remote(std::nullopt).begin(test::request_of(tpms_->alice_keys)); }), "accepted");
    served_->administration.revoke_device({"test"}, served_->administration.list_devices().at(0).device.id, "lost");
    EXPECT_NE(refusal([&] { remote(std::nullopt).begin(test::request_of(tpms_->alice_keys)); }), "accepted");
    EXPECT_NE(refusal([&] { remote(token("sip:alice@example.com")).begin(test::request_of(tpms_->alice_keys)); }),
              "accepted")
        << "nor with a new token";
}

TEST_P(Service, BundleIsForEverybodyAndOnlyWhenItIsNewer) {
    auto anybody = remote(std::nullopt);
    EXPECT_FALSE(anybody.bundle_after(0));
    EXPECT_TRUE(anybody.bundle().empty());
    const Bytes bytes(3'000'000, std::byte{7});  // whatever it is: who takes it checks it
    const auto publish = [&](uint64_t version) {
        return served_->administration.publish_bundle({"test"}, {}, [&](const BundleGround& ground) {
            EXPECT_EQ(ground.above + 1, version);
            return SignedBundle{.version = version, .next_update_ms = 1, .bytes = bytes};
        });
    };
    publish(1);
    publish(2);
    EXPECT_EQ(anybody.bundle_after(0), bytes);
    EXPECT_EQ(anybody.bundle_after(1), bytes);
    EXPECT_FALSE(anybody.bundle_after(2));
    EXPECT_FALSE(anybody.bundle_after(UINT64_MAX));
    RemoteAuthority other({.host = "127.0.0.1", .port = served_->server.port(), .root = {}, .token = {}, .tries = 1});
    EXPECT_THROW(other.bundle(), std::runtime_error);
}

TEST_P(Service, BundleThatCouldNotBeSignedLeavesNoTrace) {
    EXPECT_TRUE(remote(std::nullopt).bundle().empty());  // and the service runs
    EXPECT_THROW(served_->administration.publish_bundle(
                     {"test"}, {.users = {}, .keys = {std::string(64, '7')}},
                     [](const BundleGround&) -> SignedBundle { throw std::runtime_error("no"); }),
                 std::runtime_error);
    EXPECT_EQ(served_->administration.newest_bundle(), 0u);
    EXPECT_TRUE(store_->bundle().empty());
    served_->administration.publish_bundle({"test"}, {}, [](const BundleGround& ground) {
        EXPECT_TRUE(ground.revoked.empty()) << "a key was struck off by a bundle that there is not";
        return SignedBundle{.version = 1, .next_update_ms = 1, .bytes = Bytes(1)};
    });
}

TEST_P(Service, AKeyThatIsStruckOffByItselfIsNeverEnrolled) {
    const auto request = test::request_of(tpms_->alice_keys);
    for (const ByteSpan key : {request.ak_public.view(), request.identity_public.view()}) {
        const Bytes spki = attestation::spki_der(attestation::parse_tpmt_public(key).value()).value();
        const uint64_t version = served_->administration.newest_bundle() + 1;
        served_->administration.publish_bundle(
            {"test"}, {.users = {}, .keys = {cli::to_hex(cli::digest_of(spki))}}, [&](const BundleGround& ground) {
                EXPECT_EQ(ground.revoked.size(), version);
                return SignedBundle{.version = version, .next_update_ms = 1, .bytes = Bytes(1)};
            });
        auto phone = remote(token("sip:alice@example.com"));
        EXPECT_NE(refusal([&] { phone.begin(request); }).find("was revoked"), std::string::npos);
    }
    EXPECT_EQ(device_count(), 0u);
}

TEST_P(Service, NoMoreThanABundleIsTaken) {
    served_->administration.publish_bundle({"test"}, {}, [](const BundleGround&) {
        return SignedBundle{.version = 1, .next_update_ms = 1, .bytes = Bytes(1)};
    });
    cli::write_file(store_->dir() / kBundleFile, Bytes(kSignedBundleMax), 0644);
    EXPECT_EQ(remote(std::nullopt).bundle().size(), kSignedBundleMax);
    cli::write_file(store_->dir() / kBundleFile, Bytes(kSignedBundleMax + 1), 0644);
    RemoteAuthority phone({.host = "127.0.0.1",
                           .port = served_->server.port(),
                           .root = cli::digest_of(store_->root_certificate()),
                           .token = {},
                           .tries = 1});
    EXPECT_THROW(phone.bundle(), std::exception) << "the service does not even read it";
}

TEST_P(Service, PhoneTakesNoOtherAuthorityThanTheTokenSpeaksOf) {
    Bearer bearer = token("sip:alice@example.com");
    RemoteAuthority phone(
        {.host = "127.0.0.1", .port = served_->server.port(), .root = Digest{}, .token = bearer, .tries = 1});
    EXPECT_THROW(phone.begin(test::request_of(tpms_->alice_keys)), std::runtime_error);
    EXPECT_EQ(problem_status([&] { phone.bundle(); }), cli::exit_status::kNobody);
    EXPECT_NE(refusal([&] { phone.bundle(); }).find("is not the authority that is meant"), std::string::npos);
}

TEST_P(Service, AnAuthorityThatDoesNotAnswerIsNobodyToTalkTo) {
    // A port that nobody listens on: it is bound, so that nobody takes it meanwhile.
    const UniqueFd nobody(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in at{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    socklen_t size = sizeof at;
    ASSERT_EQ(::bind(nobody.get(), reinterpret_cast<const sockaddr*>(&at), size), 0);
    ASSERT_EQ(::getsockname(nobody.get(), reinterpret_cast<sockaddr*>(&at), &size), 0);
    const int port = ntohs(at.sin_port);
    RemoteAuthority phone({.host = "127.0.0.1", .port = port, .root = Digest{}, .token = {}, .tries = 1});
    EXPECT_EQ(problem_status([&] { phone.bundle(); }), cli::exit_status::kNobody);
    EXPECT_NE(refusal([&] { phone.bundle(); }).find("does not answer"), std::string::npos);
}

TEST_P(Service, StopIsHeardBeforeItRunsAndAtAnyMomentAfter) {
    HttpsServer early(*store_, served_->api, {});
    early.stop();
    early.stop();
    EXPECT_TRUE(early.run());
    for (int i = 0; i < 50; ++i) {
        HttpsServer server(*store_, served_->api, {});
        std::thread runs([&] { EXPECT_TRUE(server.run()); });
        if (i % 2 == 1) std::this_thread::yield();
        server.stop();
        runs.join();
    }
}

TEST_P(Service, ThatTheSystemEndedIsNoEndThatSomebodyAskedFor) {
    HttpsServer server(*store_, served_->api, {});
    int found = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        const int fd = std::atoi(entry.path().filename().c_str());
        sockaddr_in at{};
        socklen_t size = sizeof at;
        if (::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) == 0 && at.sin_family == AF_INET &&
            ntohs(at.sin_port) == server.port())
            found += ::shutdown(fd, SHUT_RDWR) == 0 ? 1 : 0;
    }
    ASSERT_GT(found, 0);
    EXPECT_FALSE(server.run());
}

INSTANTIATE_TEST_SUITE_P(Kinds, Service, ::testing::Values(Dialect::sqlite, Dialect::postgresql), test::kind_name);

}  // namespace
}  // namespace sealcall::authority
