// Hosts and owners that cheat with passports. The host of the attester sees each request and may put anything in the
// place of an answer; the owner of a phone has the channel in her own hands.
#include <gtest/gtest.h>

#include "attestation/binding.h"
#include "attestation/cel.h"
#include "enclave/attester.h"
#include "tests/support/hand_held_channel.h"
#include "tests/support/partner.h"

namespace sealcall::test {
namespace {

using ipc::CallState;
using rats::Level;
using rats::Reason;
using Change = std::function<void(rats::Passport&)>;

class HostilePassport : public ::testing::Test, protected TwoOrganisations {
  protected:
    PhoneOptions alice() { return alice_showing_to("*"); }
    PhoneOptions bob() { return TwoOrganisations::bob(partner_.card()); }
    static rats::Passport read(const Bytes& bytes) { return ipc::decode<rats::Passport>(bytes).value(); }
    /// What bob makes of alice when her host puts `answer` in the place of her authority's.
    rats::AttestationResult seen(const std::function<Bytes(const Bytes& request)>& answer) {
        EnclavePhone a(partner_.authority(), alice()), b(corp_.authority(), bob());
        Hosts hosts(a, b);
        hosts.authority = [&](EnclavePhone&, const Bytes& request) { return answer(request); };
        hosts.dial("sip:bob@example.com");
        (void)hosts.run_until([&] { return b.last_card().has_value(); });
        return b.last_card().value_or(ipc::CallCard{}).theirs;
    }
    rats::AttestationResult seen_changed(const Change& change, bool sign) {
        return seen([&](const Bytes& request) {
            if (sign) return partner_.stamp(request, change);
            auto p = read(partner_.stamp(request));
            change(p);
            return ipc::encode(p);
        });
    }
    static void expect_only(const rats::AttestationResult& result, Level level, Reason why) {
        EXPECT_EQ(result.level, level);
        EXPECT_EQ(result.reasons.items(), std::vector{why});
    }
};

TEST_F(HostilePassport, HonestPassesSoTheOthersFailForTheirOwnReason) {
    EXPECT_EQ(seen([&](const Bytes& r) { return partner_.stamp(r); }).level, Level::measured);
}

TEST_F(HostilePassport, ForgedSignatureIsLevelX) {
    expect_only(seen_changed([](rats::Passport& p) { p.signature[40] ^= std::byte{1}; }, false), Level::failed,
                Reason::partner_result_invalid);
}

TEST_F(HostilePassport, WithTheLaboratoryStrippedIsLevelX) {
    expect_only(seen_changed([](rats::Passport& p) { p.lab = false; }, false), Level::failed,
                Reason::partner_result_invalid);
}

TEST_F(HostilePassport, WithAHigherLevelIsLevelX) {
    expect_only(seen_changed([](rats::Passport& p) { p.level = Level::trusted_runtime; }, false), Level::failed,
                Reason::partner_result_invalid);
}

TEST_F(HostilePassport, ExpiredIsLevelZero) {
    expect_only(seen_changed([](rats::Passport& p) { p.issued_s -= p.life_s; }, true), Level::unverified,
                Reason::partner_result_expired);
}

TEST_F(HostilePassport, FromTheFutureIsLevelZero) {
    expect_only(seen_changed([](rats::Passport& p) { p.issued_s += 600; }, true), Level::unverified,
                Reason::partner_result_expired);
}

TEST_F(HostilePassport, ThatLivesLongerThanTenMinutesIsLevelX) {
    expect_only(seen_changed([](rats::Passport& p) { p.life_s = 3600; }, true), Level::failed,
                Reason::partner_result_invalid);
}

TEST_F(HostilePassport, SignedByAnotherAuthorityInItsNameIsLevelX) {
    const Organisation impostor("Partner AG", "partner.example");
    const auto result = seen([&](const Bytes& request) {
        auto p = read(partner_.stamp(request));
        Organisation::sign_again(attestation::parse_passport_request(request)->request, p, impostor.passport_key());
        return ipc::encode(p);
    });
    expect_only(result, Level::failed, Reason::partner_result_invalid);
}

TEST_F(HostilePassport, OfAnotherCallIsLevelX) {
    Bytes first;
    (void)seen([&](const Bytes& request) { return first = partner_.stamp(request); });
    ASSERT_FALSE(first.empty());
    expect_only(seen([&](const Bytes&) { return first; }), Level::failed, Reason::partner_result_invalid);
}

TEST_F(HostilePassport, OfTheRoundBeforeIsLevelXAndEndsTheCall) {
    EnclavePhone a(partner_.authority(), alice()), b(corp_.authority(), bob());
    Hosts hosts(a, b);
    Bytes first;
    hosts.authority = [&](EnclavePhone&, const Bytes& request) {
        if (first.empty()) first = partner_.stamp(request);
        return first;
    };
    ASSERT_TRUE(hosts.connect());
    (void)b.ui.send(ipc::Recheck{.call = hosts.b_call});
    ASSERT_TRUE(hosts.run_until([&] { return b.last_state()->state == CallState::ended; }));
    EXPECT_EQ(b.last_state()->reason, ipc::EndReason::peer_failed_attestation);
    expect_only(b.last_card()->theirs, Level::failed, Reason::partner_result_invalid);
}

TEST_F(HostilePassport, OfATpmThatWasResetInTheCallIsLevelX) {
    EnclavePhone a(partner_.authority(), alice()), b(corp_.authority(), bob());
    Hosts hosts(a, b);
    int asked = 0;
    hosts.authority = [&](EnclavePhone&, const Bytes& request) {
        const bool later = ++asked > 1;
        return partner_.stamp(request, [later](rats::Passport& p) {
            if (later) p.instance[0] ^= std::byte{1};
        });
    };
    ASSERT_TRUE(hosts.connect());
    (void)b.ui.send(ipc::Recheck{.call = hosts.b_call});
    ASSERT_TRUE(hosts.run_until([&] { return b.last_state()->state == CallState::ended; }));
    EXPECT_EQ(b.last_card()->theirs.level, Level::failed);
    EXPECT_EQ(std::ranges::count(b.last_card()->theirs.reasons, Reason::tpm_was_reset), 1);
}

TEST_F(HostilePassport, GarbageInItsPlaceIsNone) {
    for (const Bytes& garbage : {Bytes(1), Bytes(512, std::byte{0xff}), to_bytes(as_bytes("eyJhbGciOiJub25lIn0.e30."))})
        expect_only(seen([&](const Bytes&) { return garbage; }), Level::unverified, Reason::partner_result_missing);
}

TEST_F(HostilePassport, ThatNobodyAskedForOrThatComesTwiceChangesNothing) {
    EnclavePhone a(partner_.authority(), alice()), b(corp_.authority(), bob());
    Hosts hosts(a, b);
    Bytes last;
    const auto push = [&](uint16_t round, const Bytes& body) {
        if (hosts.a_session.value != 0)
            (void)a.host.send(ipc::PassportReply{
                .session = hosts.a_session, .round = round, .status = 200, .body = BoundedBytes<512>(body)});
    };
    hosts.authority = [&](EnclavePhone&, const Bytes& request) {
        last = partner_.stamp(request);
        push(1, last);  // of a round that is not asked for
        return last;
    };
    ASSERT_TRUE(hosts.connect());
    push(0, last);
    push(0, {});
    push(1, last);
    for (int i = 0; i < 200; ++i) hosts.turn();
    EXPECT_EQ(a.last_state()->state, CallState::media);
    EXPECT_EQ(b.last_state()->state, CallState::media);
    EXPECT_EQ(b.last_card()->theirs.level, Level::measured);
}

/// Olga has a genuine phone of the partner and its protocol in her own hands.
class PassportOwner : public ::testing::Test {
  protected:
    Organisation corp_{"Example Corp", "example.com"}, partner_{"Partner AG", "partner.example"};
    tpm::test::TempDir dir_;
    std::unique_ptr<tpm::test::Swtpm> swtpm_ = std::make_unique<tpm::test::Swtpm>(dir_.path());
    std::unique_ptr<tpm::Tpm> tpm_;
    ipc::ConfigureEnclave config_;
    std::optional<enclave::Attester> attester_;
    std::unique_ptr<tls::Channel> channel_;
    std::vector<tls::Channel::Frame> frames_;
    SessionId session_{};
    std::unique_ptr<EnclavePhone> bob_;
    Bytes request_;  ///< of bob's, for his authority
    static constexpr const char* kUri = "sip:olga@partner.example";

    void SetUp() override {
        PhoneOptions o = corp_.phone("bob", corp_.believing(partner_, partner_.card()));
        o.passport_to = {"*"};
        bob_ = std::make_unique<EnclavePhone>(corp_.authority(), o);
        const auto roles = measured_roles(false);
        tpm_ = open_measured(*swtpm_, roles);
        CHECK(tpm_->provision().has_value());
        const auto identity = tpm_->create_identity().value();
        CHECK(tpm_->load(identity).has_value());
        config_.sealcall_log = BoundedBytes<8192>(attestation::encode_cel(roles, 13).value());
        config_.ak_certificate =
            partner_.authority().certify_ak(tpm_->ak_public().value().view(), attestation::EkOrigin::lab);
        attester_.emplace(enclave::Attester::create(
                              *tpm_, config_, std::make_shared<const enclave::PlatformLogs>(UniqueFd(), UniqueFd()))
                              .value());
        tls::ChannelConfig c;
        c.role = rats::Role::caller;
        c.certificate = partner_.authority().certify_identity(tpm_->identity_public().value().view(), kUri);
        c.anchors = {corp_.authority().root()};
        c.wall_ms = wall_ms();
        c.own_spki = attester_->identity_spki();
        c.accept_peer = [](const attestation::IdentityCertificate&) { return Status{}; };
        c.sign = [this](const Digest& digest) { return tpm_->sign_identity(digest); };
        channel_ = tls::Channel::create(std::move(c)).value();
        ipc::IncomingInvite invite;
        invite.handle = HostHandle{1};
        ASSERT_TRUE(bob_->host.send(invite).has_value());
        ASSERT_TRUE(until([&] { return count(rats::FrameType::hello) == 1; }));
    }
    void turn() {
        bob_->pump();
        if (session_.value == 0)
            if (auto m = EnclavePhone::take<ipc::IncomingAdmitted>(bob_->from_host)) session_ = m->session;
        if (session_.value == 0) return;
        while (auto ask = EnclavePhone::take<ipc::AskPassport>(bob_->from_host)) {
            request_.insert(request_.end(), ask->bytes.view().begin(), ask->bytes.view().end());
            if (ask->last)
                (void)bob_->host.send(ipc::PassportReply{.session = ask->session,
                                                         .round = ask->round,
                                                         .status = 200,
                                                         .body = BoundedBytes<512>(corp_.stamp(request_))});
        }
        carry(*channel_, *bob_, session_, frames_);
    }
    bool until(const std::function<bool()>& done) {
        return turned_until(done, [this] { turn(); });
    }
    [[nodiscard]] size_t count(rats::FrameType type) const {
        return static_cast<size_t>(std::ranges::count(frames_, type, &tls::Channel::Frame::type));
    }
    bool ended() { return bob_->last_state() && bob_->last_state()->state == CallState::ended; }
    /// Hello that offers `kind`, and Evidence.
    rats::Evidence greet(rats::EvidenceKind kind) {
        rats::Hello bobs;
        for (const auto& f : frames_)
            if (f.type == rats::FrameType::hello) bobs = ipc::decode<rats::Hello>(f.body).value();
        EXPECT_EQ(bobs.evidence_offered, rats::EvidenceKind::passport);
        rats::Hello own;
        own.role = rats::Role::caller;
        own.nonce = attestation::sha256(as_bytes("olga's nonce"));
        own.own_uri = BoundedString<256>(kUri);
        own.dialled_uri = BoundedString<256>("sip:bob@example.com");
        own.dtls_fingerprint = attestation::sha256(as_bytes("olga's DTLS certificate"));
        own.evidence_offered = kind;
        own.evidence_required = rats::EvidenceKind::tpm_quote;
        rats::BindingInput b;
        b.attester = rats::Role::caller;
        b.channel_binding = channel_->channel_binding();
        b.verifier_nonce = bobs.nonce;
        b.attester_nonce = own.nonce;
        b.attester_tls_spki = attester_->identity_spki();
        b.peer_tls_spki = channel_->peer().spki;
        b.attester_dtls = own.dtls_fingerprint;
        b.peer_dtls = bobs.dtls_fingerprint;
        b.hellos = attestation::hash_hellos(own, bobs);
        EXPECT_TRUE(channel_->send(rats::FrameType::hello, ipc::encode(own)).has_value());
        return attester_->make(*tpm_, b, {}).value().evidence;
    }
};

bool contains(ByteSpan all, ByteSpan part) {
    return !part.empty() && std::ranges::search(all, part).begin() != all.end();
}

TEST_F(PassportOwner, SeesNothingOfTheOthersEvidence) {
    const auto evidence = greet(rats::EvidenceKind::tpm_quote);
    ASSERT_TRUE(channel_->send(rats::FrameType::evidence, ipc::encode(evidence)).has_value());
    ASSERT_TRUE(until([&] { return count(rats::FrameType::result) == 1 && count(rats::FrameType::verdict) == 1; }));
    EXPECT_EQ(count(rats::FrameType::evidence), 0u);
    Bytes all;
    for (const auto& f : frames_) all.insert(all.end(), f.body.begin(), f.body.end());
    // What bob's authority was told, and olga was not.
    const auto bobs = attestation::parse_passport_request(request_).value().request.evidence;
    const auto body = ipc::decode<rats::EvidenceBody>(bobs.body.view()).value();
    const std::vector<ByteSpan> hidden = {
        body.ak_public.view(),      body.ak_certificate.view(),    body.identity_public.view(),
        body.certify_attest.view(), body.certify_signature.view(), body.sealcall_log.view(),
        bobs.quote.view(),          bobs.quote_signature.view(),   bobs.quote10.view()};
    for (size_t i = 0; i < hidden.size(); ++i) EXPECT_FALSE(contains(all, hidden[i])) << i;
    for (const auto& pcr : bobs.pcrs) EXPECT_FALSE(pcr.value != Digest{} && contains(all, pcr.value)) << int{pcr.pcr};
    const auto ak = attestation::parse_tpmt_public(body.ak_public.view()).value();
    EXPECT_FALSE(contains(all, ak.x)) << "the attestation key in any form";
    EXPECT_FALSE(contains(all, ak.name));
    EXPECT_LT(all.size(), 1500u) << "Hello, passport and Verdict";
    // A log of his is not to be had either: there was no Evidence that would offer one.
    ASSERT_TRUE(channel_
                    ->send(rats::FrameType::log_request,
                           ipc::encode(rats::LogRequest{.kind = rats::LogKind::boot, .offset = 0}))
                    .has_value());
    ASSERT_TRUE(until([&] { return ended(); }));
    EXPECT_EQ(bob_->last_state()->reason, ipc::EndReason::channel_broken);
}

TEST_F(PassportOwner, WhoOfferedAPassportAndShowsEvidenceEndsTheChannel) {
    const auto evidence = greet(rats::EvidenceKind::passport);
    ASSERT_TRUE(channel_->send(rats::FrameType::evidence, ipc::encode(evidence)).has_value());
    ASSERT_TRUE(until([&] { return ended(); }));
    EXPECT_EQ(bob_->last_state()->reason, ipc::EndReason::channel_broken);
    EXPECT_TRUE(request_.empty()) << "bob shows nothing to her";
}

TEST_F(PassportOwner, WhoOfferedEvidenceAndShowsAPassportEndsTheChannel) {
    (void)greet(rats::EvidenceKind::tpm_quote);
    rats::ResultFrame frame;
    CHECK(frame.passport.push({}));
    ASSERT_TRUE(channel_->send(rats::FrameType::result, ipc::encode(frame)).has_value());
    ASSERT_TRUE(until([&] { return ended(); }));
    EXPECT_EQ(bob_->last_state()->reason, ipc::EndReason::channel_broken);
}

TEST_F(PassportOwner, WhoOffersNothingEndsTheChannel) {
    (void)greet(rats::EvidenceKind::none);
    ASSERT_TRUE(until([&] { return ended(); }));
    EXPECT_EQ(bob_->last_state()->reason, ipc::EndReason::channel_broken);
}

}  // namespace
}  // namespace sealcall::test
