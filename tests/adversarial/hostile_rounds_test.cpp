// The owner of a genuine, enrolled phone with a genuine TPM has the protocol in her own hands and cheats in the rounds
// after the first.
#include <gtest/gtest.h>

#include "attestation/binding.h"
#include "attestation/cel.h"
#include "enclave/attester.h"
#include "enclave/dtls/endpoint.h"
#include "tests/support/hand_held_channel.h"
#include "tools/machine/machine.h"

namespace sealcall::test {
namespace {

using ipc::CallState;
using ipc::RecheckOutcome;
using rats::FrameType;

constexpr enclave::RecheckTimes kShort{.every = {}, .gap = Millis{20}, .overdue = Millis{5000}, .silent = Millis{9000}};

PhoneOptions bobs_options() {
    const lab::Machine machine;
    PhoneOptions o;
    o.boot_log = machine.boot_log();
    o.extended = machine.extended();
    o.runtime_log = machine.runtime_log();
    o.show_logs_to = {"example.com"};
    o.uri = "sip:bob@example.com";
    o.policy.recheck_seconds = 3600;
    o.recheck = kShort;
    return o;
}

/// Olga's machine: a TPM that quotes, and no enclave that would keep to the rules.
class Owner {
  public:
    explicit Owner(const TestAuthority& authority) {
        start();
        CHECK(tpm_->provision().has_value());
        identity_ = tpm_->create_identity().value();
        CHECK(tpm_->load(identity_).has_value());
        config_.sealcall_log = BoundedBytes<8192>(attestation::encode_cel(roles(), 13).value());
        config_.ak_certificate = authority.certify_ak(tpm_->ak_public().value().view(), attestation::EkOrigin::lab);
        certificate_ = authority.certify_identity(tpm_->identity_public().value().view(), kUri);
        root_ = authority.root();
        auto no_logs = std::make_shared<const enclave::PlatformLogs>(UniqueFd(), UniqueFd());
        attester_.emplace(enclave::Attester::create(*tpm_, config_, std::move(no_logs)).value());
    }
    static constexpr const char* kUri = "sip:olga@example.com";

    std::unique_ptr<tls::Channel> open() {
        tls::ChannelConfig c;
        c.role = rats::Role::caller;
        c.certificate = certificate_;
        c.anchors = {root_};
        c.wall_ms = wall_ms();
        c.own_spki = attester_->identity_spki();
        c.accept_peer = [](const attestation::IdentityCertificate&) { return Status{}; };
        c.sign = [this](const Digest& digest) { return tpm_->sign_identity(digest); };
        return tls::Channel::create(std::move(c)).value();
    }
    rats::Evidence quote(const rats::BindingInput& binding) {
        return attester_->make(*tpm_, binding, {}).value().evidence;
    }
    [[nodiscard]] const Digest& spki() const { return attester_->identity_spki(); }
    /// An orderly restart: the same keys, the same measurements, another resetCount.
    void restart() {
        CHECK(tpm_->shutdown().has_value());
        tpm_.reset();
        swtpm_->kill9();
        start();
        CHECK(tpm_->load(identity_).has_value());
    }

  private:
    static std::vector<attestation::MeasuredRole> roles() {
        return {{.role = "enclave", .files = {{.name = "x", .digest = attestation::sha256(as_bytes("x"))}}}};
    }
    void start() {
        swtpm_ = std::make_unique<tpm::test::Swtpm>(dir_.path());
        tpm_ = open_measured(*swtpm_, roles());
    }
    tpm::test::TempDir dir_;
    std::unique_ptr<tpm::test::Swtpm> swtpm_;
    std::unique_ptr<tpm::Tpm> tpm_;
    tpm::IdentityBlobs identity_;
    ipc::ConfigureEnclave config_;
    rats::CertificateDer certificate_, root_;
    std::optional<enclave::Attester> attester_;
};

class HostileRounds : public ::testing::Test {
  protected:
    explicit HostileRounds(PhoneOptions bobs = bobs_options()) : bob_(authority_, std::move(bobs)) {}

    TestAuthority authority_;
    EnclavePhone bob_;
    Owner olga_{authority_};
    std::unique_ptr<tls::Channel> channel_;
    SessionId session_{};
    std::vector<tls::Channel::Frame> frames_;
    rats::Hello own_hello_, bobs_hello_;
    rats::Evidence first_;  ///< round 0
    Digest dtls_fingerprint_ = attestation::sha256(as_bytes("olga's DTLS certificate"));

    virtual void turn() {
        bob_.pump();
        if (session_.value == 0)
            if (auto m = EnclavePhone::take<ipc::IncomingAdmitted>(bob_.from_host)) session_ = m->session;
        if (session_.value == 0) return;
        carry(*channel_, bob_, session_, frames_);
    }
    bool until(const std::function<bool()>& done) {
        return turned_until(done, [this] { turn(); });
    }
    [[nodiscard]] size_t count(FrameType type) const {
        return static_cast<size_t>(std::ranges::count(frames_, type, &tls::Channel::Frame::type));
    }
    [[nodiscard]] Bytes last(FrameType type) const {
        Bytes body;
        for (const auto& f : frames_)
            if (f.type == type) body = f.body;
        return body;
    }
    template <class T>
    void send(FrameType type, const T& value) {
        ASSERT_TRUE(channel_->send(type, ipc::encode(value)).has_value());
    }
    bool ended() { return bob_.last_state() && bob_.last_state()->state == CallState::ended; }
    [[nodiscard]] size_t told(RecheckOutcome what) const {
        size_t n = 0;
        for (const Bytes& b : bob_.from_ui)
            if (auto m = ipc::decode_message<ipc::Rechecked>(b)) n += m->outcome == what;
        return n;
    }
    rats::BindingInput binding(uint16_t round, const Digest& nonce) const {
        rats::BindingInput b;
        b.attester = rats::Role::caller;
        b.round = round;
        b.channel_binding = channel_->channel_binding();
        b.verifier_nonce = nonce;
        b.attester_nonce = own_hello_.nonce;
        b.attester_tls_spki = olga_.spki();
        b.peer_tls_spki = channel_->peer().spki;
        b.attester_dtls = own_hello_.dtls_fingerprint;
        b.peer_dtls = bobs_hello_.dtls_fingerprint;
        b.hellos = attestation::hash_hellos(own_hello_, bobs_hello_);
        return b;
    }
    static rats::Verdict verdict(uint16_t round) {
        return {.round = round, .accepted = true, .level = rats::Level::measured, .lab = true, .audit_head = {}};
    }
    /// Olga calls bob, proves herself honestly, and bob's policy answers.
    void SetUp() override {
        channel_ = olga_.open();
        ipc::IncomingInvite invite;
        invite.handle = HostHandle{1};
        ASSERT_TRUE(bob_.host.send(invite).has_value());
        ASSERT_TRUE(until([&] { return count(FrameType::hello) == 1; }));
        bobs_hello_ = ipc::decode<rats::Hello>(last(FrameType::hello)).value();
        own_hello_.role = rats::Role::caller;
        own_hello_.nonce = attestation::sha256(as_bytes("olga's nonce"));
        own_hello_.own_uri = BoundedString<256>(Owner::kUri);
        own_hello_.dialled_uri = BoundedString<256>("sip:bob@example.com");
        own_hello_.dtls_fingerprint = dtls_fingerprint_;
        own_hello_.evidence_offered = own_hello_.evidence_required = rats::EvidenceKind::tpm_quote;
        first_ = olga_.quote(binding(0, bobs_hello_.nonce));
        send(FrameType::hello, own_hello_);
        send(FrameType::evidence, first_);
        ASSERT_TRUE(until([&] { return count(FrameType::verdict) == 1; }));
        send(FrameType::verdict, verdict(0));
        ASSERT_TRUE(until([&] { return bob_.last_state()->state == CallState::answered; }));
    }
    /// Bob's person asks; the question as olga gets it.
    rats::Reattest asked() {
        const size_t before = count(FrameType::reattest);
        EXPECT_TRUE(bob_.ui.send(ipc::Recheck{.call = bob_.last_card()->call}).has_value());
        EXPECT_TRUE(until([&] { return count(FrameType::reattest) == before + 1; }));
        return ipc::decode<rats::Reattest>(last(FrameType::reattest)).value_or(rats::Reattest{});
    }
    void expect_level_x(rats::Reason why) {
        ASSERT_TRUE(until([&] { return ended(); }));
        EXPECT_EQ(bob_.last_state()->reason, ipc::EndReason::peer_failed_attestation);
        EXPECT_EQ(bob_.last_card()->theirs.level, rats::Level::failed);
        EXPECT_EQ(bob_.last_card()->theirs.reasons.items(), std::vector{why});
    }
    void expect_channel_ends() {
        ASSERT_TRUE(until([&] { return ended(); }));
        EXPECT_EQ(bob_.last_state()->reason, ipc::EndReason::channel_broken);
    }
};

TEST_F(HostileRounds, AnHonestAnswerPassesSoTheOthersFailForTheirOwnReason) {
    for (uint16_t round : std::initializer_list<uint16_t>{1, 2}) {
        const auto question = asked();
        EXPECT_EQ(question.round, round);
        send(FrameType::evidence, olga_.quote(binding(round, question.nonce)));
        ASSERT_TRUE(until([&] { return told(RecheckOutcome::as_before) == round; }));
        ASSERT_TRUE(until([&] { return count(FrameType::verdict) == 1u + round; }));
        EXPECT_EQ(ipc::decode<rats::Verdict>(last(FrameType::verdict)).value().round, round);
    }
}

TEST_F(HostileRounds, TheEvidenceOfRoundZeroAgainIsLevelX) {
    (void)asked();
    send(FrameType::evidence, first_);
    expect_level_x(rats::Reason::not_bound_to_channel);
}

TEST_F(HostileRounds, AnAnswerToTheFirstHelloUnderTheNewNumberIsLevelX) {
    const auto question = asked();
    send(FrameType::evidence, olga_.quote(binding(question.round, bobs_hello_.nonce)));
    expect_level_x(rats::Reason::not_bound_to_channel);
}

TEST_F(HostileRounds, TheAnswerOfTheLastRoundAgainIsLevelX) {
    const auto question = asked();
    const auto answer = olga_.quote(binding(1, question.nonce));
    send(FrameType::evidence, answer);
    ASSERT_TRUE(until([&] { return told(RecheckOutcome::as_before) == 1; }));
    (void)asked();
    send(FrameType::evidence, answer);
    expect_level_x(rats::Reason::not_bound_to_channel);
}

TEST_F(HostileRounds, TheRightNonceUnderAnotherNumberIsLevelX) {
    const auto question = asked();
    send(FrameType::evidence, olga_.quote(binding(2, question.nonce)));
    expect_level_x(rats::Reason::not_bound_to_channel);
}

TEST_F(HostileRounds, BobsOwnAnswerSentBackToHimIsLevelX) {
    send(FrameType::reattest, rats::Reattest{.round = 1, .nonce = attestation::sha256(as_bytes("hers"))});
    const size_t before = count(FrameType::evidence);
    ASSERT_TRUE(until([&] { return count(FrameType::evidence) == before + 1; }));
    (void)asked();
    ASSERT_TRUE(channel_->send(FrameType::evidence, last(FrameType::evidence)).has_value());
    ASSERT_TRUE(until([&] { return ended(); }));
    EXPECT_EQ(bob_.last_card()->theirs.level, rats::Level::failed);
}

TEST_F(HostileRounds, EvidenceThatNobodyAskedForEndsTheCall) {
    send(FrameType::evidence, olga_.quote(binding(1, {})));
    expect_channel_ends();
}

TEST_F(HostileRounds, ASecondAnswerToOneQuestionEndsTheCall) {
    const auto question = asked();
    const auto answer = olga_.quote(binding(1, question.nonce));
    send(FrameType::evidence, answer);
    send(FrameType::evidence, answer);
    expect_channel_ends();
}

TEST_F(HostileRounds, AFloodOfQuestionsCostsNoQuoteAndEndsTheCall) {
    const size_t before = count(FrameType::evidence);
    for (uint16_t round = 1; round <= 20; ++round)
        send(FrameType::reattest,
             rats::Reattest{.round = round, .nonce = attestation::sha256(as_bytes(std::to_string(round)))});
    expect_channel_ends();
    EXPECT_LE(count(FrameType::evidence), before + 1);
}

TEST_F(HostileRounds, AQuestionWithASkippedNumberEndsTheCall) {
    send(FrameType::reattest, rats::Reattest{.round = 2, .nonce = attestation::sha256(as_bytes("n"))});
    expect_channel_ends();
}

TEST_F(HostileRounds, BobsQuestionSentBackToHimEndsTheCall) {
    const auto question = asked();
    send(FrameType::reattest, question);
    ASSERT_TRUE(until([&] { return ended(); }));
    EXPECT_EQ(bob_.last_state()->reason, ipc::EndReason::certificate_refused);  // the word for "reflected"
}

TEST_F(HostileRounds, AQuestionWithoutANonceOrWithTrailingBytesEndsTheCall) {
    ASSERT_TRUE(channel_->send(FrameType::reattest, Bytes(35, std::byte{1})).has_value());
    expect_channel_ends();
}

TEST_F(HostileRounds, AVerdictOfARoundThatBobDidNotAnswerEndsTheCall) {
    send(FrameType::verdict, verdict(1));
    expect_channel_ends();
}

TEST_F(HostileRounds, AFloodOfRequestsForLogsIsAnsweredFortyTimesAndEndsTheCall) {
    constexpr size_t kMost = 40;
    for (size_t i = 0; i < kMost; ++i)
        send(FrameType::log_request, rats::LogRequest{.kind = rats::LogKind::boot, .offset = 0});
    ASSERT_TRUE(until([&] { return count(FrameType::log_part) == kMost; }));
    EXPECT_FALSE(ended());
    const auto part = ipc::decode<rats::LogPart>(last(FrameType::log_part)).value();
    EXPECT_EQ(part.bytes.size(), lab::Machine().boot_log().size());
    send(FrameType::log_request, rats::LogRequest{.kind = rats::LogKind::boot, .offset = 0});
    expect_channel_ends();
    EXPECT_EQ(count(FrameType::log_part), kMost);
}

TEST_F(HostileRounds, ARoundGivesNewRequestsForLogsOnlyWithItsOwnEvidence) {
    for (size_t i = 0; i < 40; ++i)
        send(FrameType::log_request, rats::LogRequest{.kind = rats::LogKind::runtime, .offset = 0});
    ASSERT_TRUE(until([&] { return count(FrameType::log_part) == 40; }));
    const size_t before = count(FrameType::evidence);
    send(FrameType::reattest, rats::Reattest{.round = 1, .nonce = attestation::sha256(as_bytes("hers"))});
    ASSERT_TRUE(until([&] { return count(FrameType::evidence) == before + 1; }));
    send(FrameType::log_request, rats::LogRequest{.kind = rats::LogKind::runtime, .offset = 0});
    ASSERT_TRUE(until([&] { return count(FrameType::log_part) == 41; }));
    EXPECT_FALSE(ended());
}

TEST_F(HostileRounds, ARequestBeyondTheEndOfALogEndsTheCall) {
    send(FrameType::log_request, rats::LogRequest{.kind = rats::LogKind::boot,
                                                  .offset = static_cast<uint32_t>(lab::Machine().boot_log().size())});
    expect_channel_ends();
    EXPECT_EQ(count(FrameType::log_part), 0u);
}

TEST_F(HostileRounds, APartOfALogThatNobodyAskedForEndsTheCall) {
    send(FrameType::log_part, rats::LogPart{.kind = rats::LogKind::boot, .offset = 0, .bytes = {}});
    expect_channel_ends();
}

TEST_F(HostileRounds, ATpmThatRestartedDuringTheCallIsLevelX) {
    olga_.restart();
    const auto question = asked();
    send(FrameType::evidence, olga_.quote(binding(1, question.nonce)));
    expect_level_x(rats::Reason::tpm_was_reset);
}

/// The same up to media, which bob's policy gives new keys after a second; they change by an offer of each side under
/// one number (docs/adr/0006).
class HostileRekey : public HostileRounds {
  protected:
    static PhoneOptions options() {
        PhoneOptions o = bobs_options();
        o.policy.rekey_seconds = 1;
        o.recheck.overdue = Millis{1500};
        return o;
    }
    HostileRekey() : HostileRounds(options()) { dtls_fingerprint_ = identity_->fingerprint(); }

    void turn() override {
        HostileRounds::turn();
        while (auto d = EnclavePhone::take<ipc::Datagram>(bob_.from_host)) {
            if (!server_) continue;
            (void)server_->handle_datagram(d->bytes.view(), BootClock::now());
            for (const Bytes& out : server_->take_output())
                (void)bob_.host.send(ipc::Datagram{.session = session_, .bytes = BoundedBytes<ipc::kDatagramMax>(out)});
        }
    }
    void SetUp() override {
        ASSERT_NO_FATAL_FAILURE(HostileRounds::SetUp());
        server_ = dtls::Endpoint::create(*identity_, false, bobs_hello_.dtls_fingerprint).value();
        ASSERT_TRUE(bob_.host.send(ipc::MediaPathReady{.session = session_}).has_value());
        ASSERT_TRUE(until([&] { return server_->finished(); }));
        ByteWriter proof;  // docs/protocol.md, MediaConfirm
        proof.bytes(as_bytes("sealcall media confirm"))
            .u8(static_cast<uint8_t>(rats::Role::caller))
            .bytes(server_->media_confirm_value().value());
        send(FrameType::media_confirm, rats::MediaConfirm{.proof = attestation::sha256(proof.view())});
        ASSERT_TRUE(until([&] { return bob_.last_state()->state == CallState::media; }));
    }
    [[nodiscard]] rats::Resume offer() const { return ipc::decode<rats::Resume>(last(FrameType::resume)).value(); }
    /// Bob's first offer of new keys.
    rats::Resume offered() {
        EXPECT_TRUE(until([&] { return count(FrameType::resume) != 0; }));
        return offer();
    }
    void answer(uint32_t number, uint8_t fill = 0x42) {
        rats::Resume resume{.context = number, .fresh = {}};
        resume.fresh.fill(std::byte{fill});
        send(FrameType::resume, resume);
    }
    [[nodiscard]] size_t rekeyed() const {
        return static_cast<size_t>(std::ranges::count(bob_.key_life(), ipc::KeyEvent::rekeyed, &ipc::KeyLife::event));
    }

  private:
    std::unique_ptr<dtls::Identity> identity_ = dtls::Identity::create().value();
    std::unique_ptr<dtls::Endpoint> server_;
};

TEST_F(HostileRekey, AnHonestAnswerGivesNewKeysSoTheOthersFailForTheirOwnReason) {
    for (uint32_t n = 1; n <= 2; ++n) {
        ASSERT_TRUE(until([&] { return count(FrameType::resume) == n; }));
        EXPECT_EQ(offer().context, n);
        answer(n);
        ASSERT_TRUE(until([&] { return rekeyed() == n; }));
    }
    EXPECT_FALSE(ended());
}

TEST_F(HostileRekey, NumbersThatAreOverAreNoAnswer) {
    (void)offered();
    while (!ended()) {
        answer(0);
        const BootInstant next = BootClock::now() + Millis{200};  // not more often than a peer may speak
        ASSERT_TRUE(until([&] { return ended() || BootClock::now() >= next; }));
    }
    EXPECT_EQ(bob_.last_state()->reason, ipc::EndReason::media_failed);
    EXPECT_NE(bob_.last_state()->detail.view().find("no new keys"), std::string_view::npos);
    EXPECT_EQ(rekeyed(), 0u);
}

TEST_F(HostileRekey, AHigherNumberMeansNewKeysAllTheSame) {
    const auto first = offered();
    answer(first.context + 500);
    ASSERT_TRUE(until([&] { return rekeyed() == 1; }));
    EXPECT_EQ(bob_.key_life().back().context, first.context + 500);
    EXPECT_EQ(offer().context, first.context + 500);
    EXPECT_NE(offer().fresh, first.fresh);
}

TEST_F(HostileRekey, AHoldInBetweenWipesTheOldKeysAndAResumeBringsOthers) {
    const auto first = offered();
    send(FrameType::hold, rats::Hold{.context = 0});
    ASSERT_TRUE(until([&] { return bob_.last_state()->state == CallState::held; }));
    EXPECT_EQ(bob_.key_life().back().event, ipc::KeyEvent::wiped);
    answer(first.context + 1);
    ASSERT_TRUE(until([&] { return rekeyed() == 1; }));
    EXPECT_EQ(bob_.last_state()->state, CallState::media);
}

TEST_F(HostileRekey, AJumpThatWouldBurnTheNumbersEndsTheCall) {
    answer(offered().context + 2000);
    expect_channel_ends();
    EXPECT_EQ(rekeyed(), 0u);
}

TEST_F(HostileRekey, BobsOwnShareSentBackEndsTheCall) {
    send(FrameType::resume, offered());
    ASSERT_TRUE(until([&] { return ended(); }));
    EXPECT_EQ(rekeyed(), 0u);
}

}  // namespace
}  // namespace sealcall::test
