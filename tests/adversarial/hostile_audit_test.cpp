// A host that wants the audit log to say something else. It can delay and end calls, and it is the one who says where
// they come from; it cannot change, drop or invent a record.
#include <gtest/gtest.h>
#include <unistd.h>

#include "attestation/binding.h"
#include "tests/support/audit_reader.h"
#include "tools/sealcall/audit_events.h"

namespace sealcall::test {
namespace {

using ipc::CallState;

class HostileAudit : public ::testing::Test {
  protected:
    TestAuthority authority_;
    EnclavePhone alice_{authority_, {}}, bob_{authority_, {.uri = "sip:bob@example.com"}};
    Hosts hosts_{alice_, bob_};

    void turn(int n) {
        for (int i = 0; i < n; ++i) {
            bob_.pump();
            ::usleep(500);
        }
    }
    [[nodiscard]] cli::AuditReport log() const { return cli::read_audit(bob_.audit_text()); }
};

TEST_F(HostileAudit, ItsTextsStayWithinTheirRecord) {
    const std::string forged = R"(x","prev":")" + std::string(64, '0') + "\"}\n" +
                               R"({"seq":9,"wall_ms":1,"event":"answered","call":1,"by":"person","prev":")" +
                               std::string(64, '0') + "\"}\n";
    const std::vector<std::string> texts{forged,
                                         "\",\"by\":\"person",
                                         "\\",
                                         "\\\"",
                                         "\n\n\n",
                                         std::string(200, '\x01'),
                                         "\xff\xfe\xc0\x80",
                                         "\xe2\x80\xae"
                                         "eve",
                                         std::string(250, '"')};
    uint32_t handle = 1;
    for (const std::string& text : texts) {
        ipc::IncomingInvite invite;
        invite.handle = HostHandle{handle++};
        invite.from_uri = BoundedString<256>::cut(text);
        invite.display_name = BoundedString<256>::cut(text);
        invite.origin = BoundedString<64>::cut(text);
        invite.kind = handle % 2 == 0 ? ipc::CallKind::attested : ipc::CallKind::ordinary;
        invite.sdp_fingerprint = attestation::sha256(as_bytes(text));
        ASSERT_TRUE(bob_.host.send(invite).has_value());
        turn(20);
    }
    const auto report = log();
    ASSERT_TRUE(report.holds()) << report.problem;
    size_t of_the_host = 0;
    for (const auto& r : report.records) {
        EXPECT_EQ(cli::beyond_purpose(r), "") << r.line();
        EXPECT_NE(r.text("by"), "person") << r.line();  // the policy may answer an ordinary phone
        of_the_host += r.event == "incoming" || r.event == "incoming_refused";
    }
    EXPECT_GE(of_the_host, 2u) << bob_.audit_text();
}

TEST_F(HostileAudit, NothingThatItSaysTakesARecordOutOrChangesOne) {
    ASSERT_TRUE(hosts_.connect());
    const std::string before = bob_.audit_text();
    (void)bob_.host.send(ipc::LegEnded{.session = hosts_.b_session, .why = ipc::LegEndWhy::failed, .sip_status = 0});
    turn(200);
    (void)bob_.host.send_bytes(Bytes(40, std::byte{0x7f}));
    const BootInstant until = BootClock::now() + Millis{10000};
    while (!bob_.ended() && BootClock::now() < until) bob_.pump();
    ASSERT_TRUE(bob_.ended());
    const std::string after = bob_.audit_text();
    EXPECT_TRUE(after.starts_with(before)) << "append only";
    EXPECT_NE(after.find("protocol_violation"), std::string::npos);
    const Findings f = verified(after, ground_of(authority_));
    EXPECT_TRUE(f.holds()) << told(f);
    EXPECT_EQ(f.find("crashes"), nullptr) << "an orderly end, with its anchor: " << told(f);
}

TEST_F(HostileAudit, MakesNoRecordThatOnlyThePersonOrAPeerCanCause) {
    hosts_.dial("sip:bob@example.com");
    ASSERT_TRUE(
        hosts_.run_until([&] { return bob_.last_state() && bob_.last_state()->state == CallState::attesting; }));
    // Everything that a host may say about this call, before the peer has proven anything.
    (void)bob_.host.send(ipc::LegAnswered{.session = hosts_.b_session});
    (void)bob_.host.send(ipc::MediaPathReady{.session = hosts_.b_session});
    (void)bob_.host.send(ipc::PeerHold{.session = hosts_.b_session, .on = true});
    turn(100);
    for (const auto& r : log().records) {
        for (const char* event : {"answered", "open", "key", "key_sealed", "dialled"})
            EXPECT_NE(r.event, event) << r.line();
    }
}

TEST_F(HostileAudit, AFloodOfCallsThatRingWearsTheTpmNoFasterThanItsBudget) {
    policy::Policy by_hand = lab_policy();
    by_hand.answer_automatically = false;
    EnclavePhone carol(authority_, {.uri = "sip:carol@example.com", .policy = by_hand});
    const BootInstant begin = BootClock::now();
    uint32_t rang = 0, refused = 0;
    for (uint32_t i = 1; i <= 60; ++i) {
        ipc::IncomingInvite invite;
        invite.handle = HostHandle{i};
        invite.kind = ipc::CallKind::ordinary;
        invite.from_uri = BoundedString<256>("sip:mallory@example.net");
        invite.origin = BoundedString<64>("192.0.2.1");
        invite.sdp_fingerprint = attestation::sha256(as_bytes("mallory"));
        ASSERT_TRUE(carol.host.send(invite).has_value());
        std::optional<ipc::SendRinging> ringing;
        const BootInstant until = BootClock::now() + Millis{20000};
        while (!(ringing = EnclavePhone::take<ipc::SendRinging>(carol.from_host)) && BootClock::now() < until) {
            if (EnclavePhone::take<ipc::IncomingRefused>(carol.from_host)) break;
            carol.pump();
        }
        if (!ringing && ++refused != 0) continue;
        ++rang;
        (void)carol.host.send(
            ipc::LegEnded{.session = ringing->session, .why = ipc::LegEndWhy::cancelled, .sip_status = 0});
        for (int n = 0; n < 20; ++n) carol.pump();
    }
    const auto records = cli::read_audit(carol.audit_text()).records;
    const auto anchors = std::ranges::count(records, "anchor", &cli::AuditRecord::event);
    const auto more = std::chrono::duration_cast<std::chrono::seconds>(BootClock::now() - begin).count() / 15;
    EXPECT_LE(anchors, 1 + enclave::WearBudget::kBurst + more) << "one of the start";
    EXPECT_GE(rang, 20u);
    EXPECT_GE(refused, 20u);
}

TEST_F(HostileAudit, AFloodOfCallsThatNeverProveAnythingIsCountedNotListed) {
    for (uint32_t i = 1; i <= 1000; ++i) {
        ipc::IncomingInvite invite;
        invite.handle = HostHandle{i};
        invite.kind = ipc::CallKind::attested;
        invite.from_uri = BoundedString<256>("sip:mallory@example.net");
        invite.origin = BoundedString<64>("192.0.2.1");
        invite.sdp_fingerprint = attestation::sha256(as_bytes("mallory"));
        ASSERT_TRUE(bob_.host.send(invite).has_value());
        std::optional<ipc::IncomingAdmitted> admitted;
        const BootInstant until = BootClock::now() + Millis{20000};
        while (!(admitted = EnclavePhone::take<ipc::IncomingAdmitted>(bob_.from_host)) && BootClock::now() < until)
            bob_.pump();
        ASSERT_TRUE(admitted) << i;
        ASSERT_TRUE(
            bob_.host
                .send(ipc::LegEnded{.session = admitted->session, .why = ipc::LegEndWhy::cancelled, .sip_status = 0})
                .has_value());
        for (int n = 0; n < 3; ++n) bob_.pump();
        bob_.from_host.clear();
        bob_.from_ui.clear();
    }
    end_phone(bob_);
    const auto records = log().records;
    EXPECT_LT(records.size(), 200u);
    uint64_t told = 0;
    for (const auto& r : records)
        told += r.event == "incoming" ? 1 : r.event == "attempts_not_listed" ? r.number("others_not_listed") : 0;
    EXPECT_EQ(told, 1000u) << "each is listed or counted";
    const Findings f = verified(bob_.audit_text(), ground_of(authority_));
    EXPECT_TRUE(f.holds()) << told;
}

}  // namespace
}  // namespace sealcall::test
