// The other phone, or a machine in the middle that holds a valid certificate of its own, lies.
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "attestation/binding.h"
#include "enclave/tls/channel.h"
#include "tests/support/enclave_phone.h"

namespace sealcall::test {
namespace {

using ipc::CallState;

/// A person known to the authority whose key lies in a file instead of a TPM, with the protocol in her own hands.
class Mallory {
  public:
    explicit Mallory(const TestAuthority& authority) : key_(attestation::make_software_key().value()) {
        const Bytes spki = attestation::public_key_der(key_.get()).value();
        spki_ = attestation::sha256(spki);
        certificate_ = authority.certify_spki(spki, kUri);
        root_ = authority.root();
    }
    static constexpr const char* kUri = "sip:mallory@example.com";

    std::unique_ptr<tls::Channel> open(rats::Role role) {
        tls::ChannelConfig c;
        c.role = role;
        c.certificate = certificate_;
        c.anchors = {root_};
        c.wall_ms = wall_ms();
        c.own_spki = spki_;
        c.accept_peer = [](const attestation::IdentityCertificate&) { return Status{}; };
        EVP_PKEY* key = key_.get();
        c.sign = [key](const Digest& digest) -> Result<Bytes> {
            Bytes out(80);
            size_t n = out.size();
            EVP_PKEY_CTX* ctx = EVP_PKEY_CTX_new(key, nullptr);
            const bool ok = EVP_PKEY_sign_init(ctx) == 1 && EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
                            EVP_PKEY_sign(ctx, as_u8(out.data()), &n, as_u8(digest.data()), digest.size()) == 1;
            EVP_PKEY_CTX_free(ctx);
            if (!ok) return Error{Errc::crypto_failed, "sign", 0};
            out.resize(n);
            return out;
        };
        return tls::Channel::create(std::move(c)).value();
    }

  private:
    attestation::PkeyPtr key_;
    Digest spki_{};
    rats::CertificateDer certificate_, root_;
};

/// Mallory's end of one channel with a genuine phone.
struct Line {
    EnclavePhone& phone;
    std::unique_ptr<tls::Channel> channel;
    SessionId session{};
    std::vector<tls::Channel::Frame> frames;

    /// Moves bytes both ways once.
    void turn() {
        phone.pump();
        if (!channel || session.value == 0) return;
        for (const Bytes& body : channel->take_output())
            (void)phone.host.send(ipc::ChannelIn{.session = session, .body = BoundedBytes<rats::kInfoBodyMax>(body)});
        while (auto out = EnclavePhone::take<ipc::ChannelOut>(phone.from_host)) {
            if (!channel->feed(out->body.view())) continue;
            (void)channel->advance();
        }
        if (channel->state() != tls::ChannelState::open) return;
        if (auto more = channel->receive())
            for (auto& f : *more) frames.push_back(std::move(f));
    }
    [[nodiscard]] const tls::Channel::Frame* frame(rats::FrameType type) const {
        for (const auto& f : frames)
            if (f.type == type) return &f;
        return nullptr;
    }
};

bool turn_until(std::initializer_list<Line*> lines, const std::function<bool()>& done) {
    const BootInstant deadline = BootClock::now() + Millis{20000};
    while (!done()) {
        if (BootClock::now() > deadline) return false;
        for (Line* line : lines) line->turn();
        usleep(300);
    }
    return true;
}

class HostilePeer : public ::testing::Test {
  protected:
    TestAuthority authority_;
    EnclavePhone alice_{authority_, {}}, bob_{authority_, {.uri = "sip:bob@example.com"}};
    Mallory mallory_{authority_};
    Line to_alice_{.phone = alice_, .channel = nullptr, .session = {}, .frames = {}};
    Line to_bob_{.phone = bob_, .channel = nullptr, .session = {}, .frames = {}};

    /// Mallory calls bob.
    void call_bob() {
        to_bob_.channel = mallory_.open(rats::Role::caller);
        ipc::IncomingInvite invite;
        invite.handle = HostHandle{1};
        invite.from_uri = BoundedString<256>("sip:alice@example.com");
        ASSERT_TRUE(bob_.host.send(invite).has_value());
        ASSERT_TRUE(turn_until({&to_bob_}, [&] {
            if (to_bob_.session.value == 0)
                if (auto m = EnclavePhone::take<ipc::IncomingAdmitted>(bob_.from_host)) to_bob_.session = m->session;
            return to_bob_.frame(rats::FrameType::hello) != nullptr;
        }));
    }
    /// Alice calls mallory.
    void be_called_by_alice() {
        to_alice_.channel = mallory_.open(rats::Role::callee);
        ASSERT_TRUE(
            alice_.ui.send(ipc::Dial{.request = RequestId{1}, .uri = BoundedString<256>(Mallory::kUri), .label = {}})
                .has_value());
        ASSERT_TRUE(turn_until({&to_alice_}, [&] {
            if (auto m = EnclavePhone::take<ipc::PlaceCall>(alice_.from_host))
                (void)alice_.host.send(ipc::LegAttesting{.call = m->call, .leg = 0, .sdp_fingerprint = {}});
            if (auto m = EnclavePhone::take<ipc::LegAdmitted>(alice_.from_host)) to_alice_.session = m->session;
            return to_alice_.channel->state() == tls::ChannelState::open;
        }));
    }
    static rats::Hello hello(rats::Role role, const Digest& nonce) {
        rats::Hello h;
        h.role = role;
        h.nonce = nonce;
        h.own_uri = BoundedString<256>(Mallory::kUri);
        h.dtls_fingerprint = attestation::sha256(as_bytes("mallory's DTLS certificate"));
        h.evidence_offered = rats::EvidenceKind::tpm_quote;
        h.evidence_required = rats::EvidenceKind::tpm_quote;
        return h;
    }
    void send(Line& line, rats::FrameType type, const Bytes& body) {
        ASSERT_TRUE(line.channel->send(type, body).has_value());
    }
    static bool ended(const EnclavePhone& p) { return p.last_state() && p.last_state()->state == CallState::ended; }
    static bool rang(const EnclavePhone& p) { return EnclavePhone::count<ipc::SendRinging>(p.from_host) != 0; }
};

TEST_F(HostilePeer, RelayedGenuineEvidenceIsNotBoundToThisChannel) {
    call_bob();
    const auto bobs = ipc::decode<rats::Hello>(to_bob_.frame(rats::FrameType::hello)->body).value();
    be_called_by_alice();
    // Alice is asked with bob's own nonce, so that what she signs is as close to what bob wants as it can be.
    send(to_alice_, rats::FrameType::hello, ipc::encode(hello(rats::Role::callee, bobs.nonce)));
    ASSERT_TRUE(turn_until({&to_alice_}, [&] { return to_alice_.frame(rats::FrameType::evidence) != nullptr; }));
    auto forwarded = ipc::decode<rats::Hello>(to_alice_.frame(rats::FrameType::hello)->body).value();
    forwarded.own_uri = BoundedString<256>(Mallory::kUri);
    send(to_bob_, rats::FrameType::hello, ipc::encode(forwarded));
    send(to_bob_, rats::FrameType::evidence, to_alice_.frame(rats::FrameType::evidence)->body);
    ASSERT_TRUE(turn_until({&to_bob_}, [&] { return ended(bob_); }));
    const auto card = bob_.last_card();
    ASSERT_TRUE(card);
    EXPECT_EQ(card->theirs.level, rats::Level::failed);
    EXPECT_TRUE(std::ranges::count(card->theirs.reasons.items(), rats::Reason::not_bound_to_channel) == 1);
    EXPECT_FALSE(rang(bob_));
    EXPECT_EQ(to_bob_.frame(rats::FrameType::evidence), nullptr);  // nor does bob's Evidence go to such a caller
}

TEST_F(HostilePeer, EvidenceBeforeAnyHelloEndsTheSession) {
    call_bob();
    send(to_bob_, rats::FrameType::evidence, Bytes(100));
    ASSERT_TRUE(turn_until({&to_bob_}, [&] { return ended(bob_); }));
    EXPECT_FALSE(rang(bob_));
}

TEST_F(HostilePeer, AVerdictOutOfTurnIsNotBelieved) {
    call_bob();
    send(to_bob_, rats::FrameType::hello, ipc::encode(hello(rats::Role::caller, attestation::sha256({}))));
    send(to_bob_, rats::FrameType::verdict,
         ipc::encode(rats::Verdict{.round = 0, .accepted = true, .level = {}, .lab = false, .audit_head = {}}));
    ASSERT_TRUE(turn_until({&to_bob_}, [&] { return ended(bob_); }));
    EXPECT_FALSE(rang(bob_));
}

TEST_F(HostilePeer, ANameThatIsNotTheCertificatesIsRefused) {
    call_bob();
    auto h = hello(rats::Role::caller, attestation::sha256({}));
    h.own_uri = BoundedString<256>("sip:alice@example.com");
    send(to_bob_, rats::FrameType::hello, ipc::encode(h));
    ASSERT_TRUE(turn_until({&to_bob_}, [&] { return ended(bob_); }));
    EXPECT_EQ(bob_.last_state()->reason, ipc::EndReason::certificate_refused);
}

TEST_F(HostilePeer, ClaimingOurOwnRoleOrNonceIsAReflection) {
    call_bob();
    const auto bobs = ipc::decode<rats::Hello>(to_bob_.frame(rats::FrameType::hello)->body).value();
    send(to_bob_, rats::FrameType::hello, ipc::encode(hello(rats::Role::caller, bobs.nonce)));
    ASSERT_TRUE(turn_until({&to_bob_}, [&] { return ended(bob_); }));
    EXPECT_EQ(bob_.last_state()->reason, ipc::EndReason::certificate_refused);
}

TEST_F(HostilePeer, OfferingNoEvidenceInsideTheChannelIsRefused) {
    call_bob();
    auto h = hello(rats::Role::caller, attestation::sha256({}));
    h.evidence_offered = rats::EvidenceKind::none;
    send(to_bob_, rats::FrameType::hello, ipc::encode(h));
    ASSERT_TRUE(turn_until({&to_bob_}, [&] { return ended(bob_); }));
    EXPECT_FALSE(rang(bob_));
}

TEST_F(HostilePeer, GarbageEvidenceIsMalformedAndNothingRings) {
    call_bob();
    send(to_bob_, rats::FrameType::hello, ipc::encode(hello(rats::Role::caller, attestation::sha256({}))));
    send(to_bob_, rats::FrameType::evidence, ipc::encode(rats::Evidence{}));
    ASSERT_TRUE(turn_until({&to_bob_}, [&] { return ended(bob_); }));
    ASSERT_TRUE(bob_.last_card());
    EXPECT_EQ(bob_.last_card()->theirs.level, rats::Level::failed);
}

TEST_F(HostilePeer, ASecondCallerCannotTakeTheMicrophoneThroughAnAutomaticAnswer) {
    Hosts first(alice_, bob_);
    ASSERT_TRUE(first.connect());  // answered by policy: bob was free
    EnclavePhone carol(authority_, {.uri = "sip:carol@example.com"});
    Hosts second(carol, bob_);
    bob_.from_audio.clear();
    bool answered = false;
    second.intercept = [&](EnclavePhone& who, Bytes& raw) {
        answered |= &who == &bob_ && *ipc::message_id(raw) == ipc::SendOk::kId;
        return *ipc::message_id(raw) != ipc::Datagram::kId;
    };
    second.dial("sip:bob@example.com");
    ASSERT_TRUE(second.run_until([&] {
        auto s = carol.last_state();
        return s && s->state == CallState::ringing;
    }));
    for (int i = 0; i < 100; ++i) second.turn();
    EXPECT_FALSE(answered);  // it rings, and only the person may answer
    EXPECT_EQ(EnclavePhone::count<ipc::OpenStream>(bob_.from_audio), 0u);
    EXPECT_EQ(EnclavePhone::count<ipc::Capture>(bob_.from_audio), 0u);
}

TEST_F(HostilePeer, OurOwnKeyAsPeerIsRefused) {
    // Bob's network sends his own call back to him: both ends of the channel would be the same phone.
    ASSERT_TRUE(
        bob_.ui
            .send(ipc::Dial{.request = RequestId{1}, .uri = BoundedString<256>("sip:alice@example.com"), .label = {}})
            .has_value());
    SessionId as_caller{}, as_callee{};
    std::vector<Bytes> early;
    bool over = false;
    for (int i = 0; i < 4000 && !over; ++i) {
        bob_.pump();
        if (auto m = EnclavePhone::take<ipc::PlaceCall>(bob_.from_host)) {
            ipc::IncomingInvite invite;
            invite.handle = HostHandle{1};
            (void)bob_.host.send(invite);
        }
        if (auto m = EnclavePhone::take<ipc::IncomingAdmitted>(bob_.from_host)) {
            as_callee = m->session;
            (void)bob_.host.send(ipc::LegAttesting{.call = CallId{1}, .leg = 0, .sdp_fingerprint = {}});
        }
        if (auto m = EnclavePhone::take<ipc::LegAdmitted>(bob_.from_host)) as_caller = m->session;
        if (as_caller.value != 0)
            while (auto out = EnclavePhone::take<ipc::ChannelOut>(bob_.from_host))
                (void)bob_.host.send(
                    ipc::ChannelIn{.session = out->session == as_callee ? as_caller : as_callee, .body = out->body});
        over = ended(bob_);
        usleep(300);
    }
    EXPECT_TRUE(over);
    EXPECT_FALSE(rang(bob_));
    EXPECT_EQ(EnclavePhone::count<ipc::CallCard>(bob_.from_ui), 0u);
    EXPECT_NE(bob_.audit_text().find("channel_failed"), std::string::npos);
}

}  // namespace
}  // namespace sealcall::test
