// The audit log of real enclaves on software TPMs: what an auditor finds with the authority's certificate alone.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>

#include "attestation/binding.h"
#include "tests/support/audit_reader.h"

namespace sealcall::test {
namespace {

using ipc::CallState;

class AuditedPhone : public ::testing::Test {
  protected:
    TestAuthority authority_;
    EnclavePhone alice_{authority_, {}}, bob_{authority_, {.uri = "sip:bob@example.com"}};
    Hosts hosts_{alice_, bob_};

    static bool state_is(const EnclavePhone& p, CallState s) { return p.last_state() && p.last_state()->state == s; }
    void hang_up() {
        ASSERT_TRUE(alice_.ui.send(ipc::HangUp{.call = CallId{1}}).has_value());
        ASSERT_TRUE(
            hosts_.run_until([&] { return state_is(alice_, CallState::ended) && state_is(bob_, CallState::ended); }));
    }
    void call_and_end() {
        ASSERT_TRUE(hosts_.connect());
        hosts_.talk(5);
        ASSERT_TRUE(hosts_.run_until([&] {
            return find_event(lines_of(alice_.audit_text()), "key_proof") < lines_of(alice_.audit_text()).size();
        }));
        hang_up();
        end_phone(alice_);
        end_phone(bob_);
    }
    [[nodiscard]] cli::AuditGround ground() const { return ground_of(authority_); }
};

TEST_F(AuditedPhone, HoldsAfterACallWithTheAuthoritysCertificateAlone) {
    call_and_end();
    for (const EnclavePhone* p : {&alice_, &bob_}) {
        const Findings f = verified(p->audit_text(), ground());
        EXPECT_TRUE(f.holds()) << told(f) << p->audit_text();
        for (const char* name : {"chain", "content", "authority", "anchors", "signatures", "tpm"})
            EXPECT_EQ(f.find(name)->verdict, Verdict::ok) << name << "\n" << told(f);
        EXPECT_EQ(f.find("software_tpm")->verdict, Verdict::warning);
        EXPECT_EQ(f.find("crashes"), nullptr);
    }
}

TEST_F(AuditedPhone, NobodysCertificateAndAnothersCertificateVouchForNothing) {
    call_and_end();
    const Findings nobody = verified(alice_.audit_text(), {});
    EXPECT_FALSE(nobody.holds());
    EXPECT_EQ(nobody.find("authority")->verdict, Verdict::unknown);
    const Findings other = verified(alice_.audit_text(), ground_of(TestAuthority("Other Corp")));
    EXPECT_EQ(other.find("authority")->verdict, Verdict::failed);
    const std::string why = "no authority that was named issued its certificate.";
    EXPECT_TRUE(other.find("authority")->text.ends_with(why)) << told(other);
}

TEST_F(AuditedPhone, TheOpenRecordIsInTheTpmBeforeItRings) {
    bool rang = false;
    hosts_.intercept = [&](EnclavePhone& phone, Bytes& raw) {
        if (*ipc::message_id(raw) != ipc::SendRinging::kId) return true;
        rang = true;
        EXPECT_EQ(phone.uri(), "sip:bob@example.com");
        const auto lines = lines_of(bob_.audit_text());
        const size_t open = find_event(lines, "open"), anchor = find_event(lines, "anchor", open);
        EXPECT_LT(open, lines.size());
        EXPECT_LT(anchor, lines.size()) << bob_.audit_text();
        if (anchor >= lines.size()) return true;
        cli::AuditRecord r;
        EXPECT_EQ(cli::read_record(lines[anchor], r), "");
        EXPECT_EQ(r.number("of"), open);
        return true;
    };
    ASSERT_TRUE(hosts_.connect());
    EXPECT_TRUE(rang);
}

TEST_F(AuditedPhone, ATpmThatCannotTakeTheAnchorMeansThatItDoesNotRing) {
    std::shared_ptr<std::atomic<bool>> open = std::make_shared<std::atomic<bool>>(false);
    bool rang = false, full = false;
    hosts_.intercept = [&](EnclavePhone& phone, Bytes& raw) {
        rang = rang || *ipc::message_id(raw) == ipc::SendRinging::kId;
        // The last thing before it would ring is the caller's verdict, in a message from alice's enclave to her host.
        if (!full && phone.uri() == "sip:alice@example.com" && *ipc::message_id(raw) == ipc::ChannelOut::kId &&
            find_event(lines_of(alice_.audit_text()), "peer_verdict") < lines_of(alice_.audit_text()).size()) {
            full = true;
            bob_.fill_tpm_queue(open);
        }
        return true;
    };
    hosts_.dial("sip:bob@example.com");
    const bool ended = hosts_.run_until([&] { return state_is(bob_, CallState::ended); });
    *open = true;
    open->notify_all();
    ASSERT_TRUE(ended) << bob_.audit_text();
    EXPECT_TRUE(full);
    EXPECT_FALSE(rang);
    EXPECT_EQ(bob_.last_state()->reason, ipc::EndReason::own_tpm_failed);
}

TEST_F(AuditedPhone, ACallToAnOrdinaryPhoneIsInTheTpmBeforeItGoesOut) {
    bool placed = false;
    hosts_.ordinary = true;
    hosts_.intercept = [&](EnclavePhone& phone, Bytes& raw) {
        const auto place = ipc::decode_message<ipc::PlaceCall>(raw);
        if (!place || place->kind != ipc::CallKind::ordinary) return true;
        placed = true;
        const auto records = cli::read_audit(phone.audit_text()).records;
        const auto open = std::ranges::find(records, "open", &cli::AuditRecord::event);
        EXPECT_NE(open, records.end()) << phone.audit_text();
        EXPECT_TRUE(std::any_of(open, records.end(), [&](const auto& r) {
            return r.event == "anchor" && r.number("of") >= open->seq;
        })) << phone.audit_text();
        return true;
    };
    ASSERT_TRUE(hosts_.connect());
    EXPECT_TRUE(placed);
    hang_up();
    end_phone(alice_);
    const Findings f = verified(alice_.audit_text(), ground());
    EXPECT_TRUE(f.holds()) << told(f);
}

TEST_F(AuditedPhone, ATpmThatCannotTakeTheCallersAnchorMeansNoMedia) {
    for (const bool ordinary : {true, false}) {
        auto open = std::make_shared<std::atomic<bool>>(false);
        bool full = false, placed = false, talked = false;
        hosts_.ordinary = ordinary;
        hosts_.intercept = [&](EnclavePhone& phone, Bytes& raw) {
            const auto place = ipc::decode_message<ipc::PlaceCall>(raw);
            placed = placed || (place && place->kind == ipc::CallKind::ordinary);
            // The last thing before: the host says that the peer is ordinary, or the callee's Evidence and verdict.
            const auto bobs = lines_of(bob_.audit_text());
            const bool now = ordinary ? place.has_value()
                                      : &phone == &bob_ && *ipc::message_id(raw) == ipc::ChannelOut::kId &&
                                            find_event(bobs, "appraised") < bobs.size();
            if (now && !std::exchange(full, true)) alice_.fill_tpm_queue(open);
            return true;
        };
        hosts_.dial("sip:bob@example.com");
        const bool ended = hosts_.run_until([&] {
            talked = talked || state_is(alice_, CallState::media);
            return state_is(alice_, CallState::ended);
        });
        *open = true;
        open->notify_all();
        ASSERT_TRUE(ended) << alice_.audit_text();
        EXPECT_TRUE(full);
        EXPECT_FALSE(placed);
        EXPECT_FALSE(talked || alice_.sounded());
        EXPECT_EQ(alice_.last_state()->reason, ipc::EndReason::own_tpm_failed);
        EXPECT_NE(alice_.audit_text().find("anchor_missing"), std::string::npos);
        alice_.start();
        hosts_.a_session = hosts_.b_session = {};
        hosts_.a_call = hosts_.b_call = {};
    }
}

TEST_F(AuditedPhone, FindsEveryRecordThatIsTakenOutOfAChainThatIsMadeAnew) {
    call_and_end();
    const auto lines = lines_of(bob_.audit_text());
    ASSERT_GT(lines.size(), 12u);
    // Up to the last anchor; behind it only the live TPM or a witness can tell.
    size_t last = 0;
    for (size_t i = 0; i < lines.size(); i = find_event(lines, "anchor", i + 1)) last = i;
    for (size_t i = 0; i < last; ++i) {
        auto less = lines;
        less.erase(less.begin() + static_cast<std::ptrdiff_t>(i));
        const Findings f = verified(rechained(less), ground());
        EXPECT_FALSE(f.holds()) << "without " << lines[i];
        EXPECT_EQ(f.find("chain")->verdict, Verdict::ok) << "the chain alone says nothing";
    }
}

TEST_F(AuditedPhone, FindsChangedReorderedAndInventedRecordsInAChainThatIsMadeAnew) {
    call_and_end();
    const auto lines = lines_of(bob_.audit_text());
    auto changed = lines;
    const size_t open = find_event(lines, "open");
    ASSERT_LT(open, lines.size());
    changed[open].replace(changed[open].find("\"level\":"), 9, "\"level\":5");
    EXPECT_FALSE(verified(rechained(changed), ground()).holds());
    auto swapped = lines;
    std::swap(swapped[open], swapped[open - 1]);
    EXPECT_FALSE(verified(rechained(swapped), ground()).holds());
    auto more = lines;
    more.insert(more.begin() + static_cast<std::ptrdiff_t>(open), lines[open]);
    EXPECT_FALSE(verified(rechained(more), ground()).holds());
    // And every single byte of the file as it is, up to the last record, whose digest no other one holds.
    const std::string text = bob_.audit_text();
    const size_t last = text.rfind('\n', text.size() - 2) + 1;
    for (size_t i = 0; i < last; i += 37) {
        std::string flipped = text;
        flipped[i] = static_cast<char>(flipped[i] ^ 1);
        EXPECT_FALSE(verified(flipped, ground()).holds()) << i << " of " << last << "\n" << text;
    }
}

TEST_F(AuditedPhone, ARolledBackLogIsFoundWhenThePhoneStartsAgain) {
    const std::string before = bob_.audit_text();
    call_and_end();
    // Somebody puts the file back as it was before the call, and the phone goes on with it.
    bob_.replace_audit(before);
    bob_.start();
    end_phone(bob_);
    const Findings f = verified(bob_.audit_text(), ground());
    EXPECT_FALSE(f.holds()) << told(f);
    EXPECT_EQ(f.find("anchors")->verdict, Verdict::failed) << told(f);
    EXPECT_EQ(f.find("chain")->verdict, Verdict::ok);
}

TEST_F(AuditedPhone, ALogThatWasRemovedIsMissedWhenThePhoneStartsAgain) {
    call_and_end();
    bob_.replace_audit("");
    bob_.start();
    end_phone(bob_);
    const Findings f = verified(bob_.audit_text(), ground());
    ASSERT_NE(f.find("beginning"), nullptr) << told(f);
    EXPECT_FALSE(f.holds());
}

TEST_F(AuditedPhone, ATailThatWasCutOffShowsToTheWitnessThatThePeerKeeps) {
    ASSERT_TRUE(hosts_.run_until(
        [&] { return find_event(lines_of(bob_.audit_text()), "certified") < lines_of(bob_.audit_text()).size(); }));
    call_and_end();
    auto witness = ground();
    for (const auto& r : cli::read_audit(alice_.audit_text()).records) {
        if (r.event != "peer_verdict") continue;
        Digest head{};
        ASSERT_TRUE(from_hex(r.text("witness"), head));
        witness.witnesses.push_back({.who = "alice", .head = head, .wall_ms = r.wall_ms});
    }
    ASSERT_FALSE(witness.witnesses.empty());
    const Findings whole = verified(bob_.audit_text(), witness);
    EXPECT_TRUE(whole.holds()) << told(whole);
    EXPECT_EQ(whole.find("witness")->verdict, Verdict::ok);
    // Everything from before the call: offline the signatures hold, but what Alice keeps is not there.
    auto lines = lines_of(bob_.audit_text());
    lines.resize(find_event(lines, "incoming"));
    const Findings cut = verified(joined(lines), witness);
    EXPECT_TRUE(verified(joined(lines), ground()).holds()) << told(cut);
    EXPECT_EQ(cut.find("witness")->verdict, Verdict::failed) << told(cut);
    EXPECT_FALSE(cut.holds());
}

TEST_F(AuditedPhone, KilledInTheMiddleOfACallNothingLooksLikeTampering) {
    for (int i = 0; i < 6; ++i) {
        hosts_.dial("sip:bob@example.com");
        for (int turn = 0; turn < 20 + 40 * i; ++turn) hosts_.turn();
        alice_.start();  // without a word to the old one
        bob_.start();
        hosts_.a_session = hosts_.b_session = {};
        hosts_.a_call = hosts_.b_call = {};
    }
    end_phone(alice_);
    end_phone(bob_);
    for (const EnclavePhone* p : {&alice_, &bob_}) {
        const Findings f = verified(p->audit_text(), ground());
        EXPECT_TRUE(f.holds()) << told(f) << p->audit_text();
        ASSERT_NE(f.find("crashes"), nullptr) << told(f);
    }
}

TEST_F(AuditedPhone, ACrashBetweenTpmAndFileIsNoTampering) {
    ASSERT_TRUE(hosts_.connect());
    hang_up();
    ASSERT_TRUE(hosts_.run_until([&] {  // the anchor of the call's end too: what is cut off below is the only one lost
        const auto now = lines_of(bob_.audit_text());
        return find_event(now, "anchor", find_event(now, "ended")) < now.size();
    }));
    // The enclave dies when the TPM has taken the head and the record of it is not written: as if it had been cut off.
    auto lines = lines_of(bob_.audit_text());
    size_t last = 0;
    for (size_t i = 0; i < lines.size(); i = find_event(lines, "anchor", i + 1)) last = i;
    lines.resize(last);
    bob_.stop();
    bob_.replace_audit(joined(lines));
    bob_.start();
    end_phone(bob_);
    const Findings f = verified(bob_.audit_text(), ground());
    EXPECT_TRUE(f.holds()) << told(f);
    // Two anchors less is more than a crash can do.
    lines.resize(last - 1);
    for (last = 0; size_t next = find_event(lines, "anchor", last + 1); last = next)
        if (next >= lines.size()) break;
    lines.resize(last);
    bob_.replace_audit(joined(lines));
    bob_.start();
    end_phone(bob_);
    EXPECT_FALSE(verified(bob_.audit_text(), ground()).holds());
}

TEST_F(AuditedPhone, ADiskThatIsFullInTheMiddleOfARecordIsNoTampering) {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    for (const bool goes_on : {false, true})
        for (const rlim_t room : {1, 130, 260, 700, 1500}) {
            hosts_.a_session = hosts_.b_session = {};
            hosts_.a_call = hosts_.b_call = {};
            ASSERT_TRUE(hosts_.connect()) << room;
            const size_t full = std::max(alice_.audit_text().size(), bob_.audit_text().size()) + room;
            const rlimit limit{.rlim_cur = full, .rlim_max = before.rlim_max};
            ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
            hang_up();  // an anchor, and one more at the phone's end
            ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, goes_on ? &before : &limit), 0);
            end_phone(alice_);
            end_phone(bob_);
            ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
            alice_.start();
            bob_.start();
        }
    end_phone(alice_);
    end_phone(bob_);
    for (const EnclavePhone* p : {&alice_, &bob_}) {
        const Findings f = verified(p->audit_text(), ground());
        EXPECT_TRUE(f.holds()) << told(f) << p->audit_text();
    }
}

TEST_F(AuditedPhone, TheTpmItselfSaysWhetherTheLogIsWhole) {
    call_and_end();
    auto tpm = tpm::Tpm::open(bob_.swtpm().connect(),
                              {.kind = ipc::TpmKind::swtpm_socket, .auth_value = {}, .deadline = Millis{20000}})
                   .value();
    ASSERT_TRUE(tpm->load(bob_.identity()));
    auto live = ground();
    const Digest nonce = attestation::sha256(as_bytes("fresh"));
    const auto said = tpm->certify_audit(attestation::audit_qualifying_data(audit::kForLive, 0, nonce));
    ASSERT_TRUE(said);
    live.live = {
        .attest = to_bytes(said->attest.view()), .signature = to_bytes(said->signature.view()), .nonce = nonce};
    EXPECT_TRUE(verified(bob_.audit_text(), live).holds()) << told(verified(bob_.audit_text(), live));
    auto lines = lines_of(bob_.audit_text());
    lines.resize(find_event(lines, "incoming"));
    const Findings cut = verified(joined(lines), live);
    EXPECT_EQ(cut.find("live")->verdict, Verdict::failed) << told(cut);
    live.live->nonce = {};
    EXPECT_FALSE(verified(bob_.audit_text(), live).holds()) << "an old answer of the TPM";
}

TEST_F(AuditedPhone, TheProofOfACallHoldsOnAnotherMachineAndNoByteOfItCanChange) {
    call_and_end();
    const auto trail = trail_of(alice_.audit_text());
    auto calls = cli::call_stories(trail.log);
    ASSERT_EQ(calls.size(), 1u);
    EXPECT_EQ(calls[0].peer, "sip:bob@example.com");
    const std::string file = cli::make_key_proof(trail, calls[0]);
    const auto check = [&](const std::string& text, const cli::AuditGround& whom) {
        Findings out;
        const auto proof = cli::read_key_proof(text);
        if (proof) cli::check_key_proof(*proof, whom, out);
        return out;
    };
    const Findings f = check(file, ground());
    EXPECT_TRUE(f.holds()) << told(f) << file;
    for (const char* name : {"authority", "policy", "creation", "end"})
        EXPECT_EQ(f.find(name)->verdict, Verdict::ok) << name << "\n" << told(f);
    EXPECT_EQ(f.find("software_tpm")->verdict, Verdict::warning);
    EXPECT_FALSE(check(file, {}).holds());
    const Findings other = check(file, ground_of(TestAuthority("Other Corp")));
    EXPECT_FALSE(other.holds());
    EXPECT_TRUE(other.find("authority")->text.ends_with("no authority that was named issued its certificate."))
        << told(other);
    const size_t records = file.find("\"started\"");
    for (size_t i = records; i < file.size(); i += 11) {
        // What stands beside the signed records only informs: times of records that nobody signed, unknown keys.
        if (!std::isxdigit(static_cast<unsigned char>(file[i]))) continue;
        std::string changed = file;
        changed[i] = changed[i] == '0' ? '1' : '0';
        const Findings now = check(changed, ground());
        if (!now.holds()) continue;
        const size_t line = file.rfind("\"{", i);
        const std::string event = file.substr(file.find("event", line), 40);
        EXPECT_TRUE(event.find("started") != std::string::npos || event.find("key_proof") != std::string::npos ||
                    event.find("key_end") != std::string::npos)
            << "byte " << i << " of " << event;
    }
}

TEST_F(AuditedPhone, AProofOfOneCallIsNoneOfAnother) {
    // A call that ends before the TPM has signed the making of its secret has no proof.
    const auto proofs = [&](size_t n) {
        return hosts_.run_until([&] {
            const auto lines = lines_of(alice_.audit_text());
            size_t at = find_event(lines, "key_proof");
            for (size_t i = 1; i < n && at < lines.size(); ++i) at = find_event(lines, "key_proof", at + 1);
            return at < lines.size();
        });
    };
    ASSERT_TRUE(hosts_.connect());
    ASSERT_TRUE(proofs(1));
    hang_up();
    ASSERT_TRUE(hosts_.run_until(
        [&] { return find_event(lines_of(alice_.audit_text()), "key_end") < lines_of(alice_.audit_text()).size(); }));
    hosts_.a_session = hosts_.b_session = {};
    hosts_.a_call = hosts_.b_call = {};
    hosts_.dial("sip:bob@example.com");
    ASSERT_TRUE(
        hosts_.run_until([&] { return state_is(alice_, CallState::media) && state_is(bob_, CallState::media); }));
    ASSERT_TRUE(proofs(2));
    ASSERT_TRUE(alice_.ui.send(ipc::HangUp{.call = CallId{2}}).has_value());
    ASSERT_TRUE(hosts_.run_until([&] {
        const auto lines = lines_of(alice_.audit_text());
        return find_event(lines, "key_end", find_event(lines, "key_end") + 1) < lines.size();
    }));
    end_phone(alice_);
    const auto trail = trail_of(alice_.audit_text());
    const auto calls = cli::call_stories(trail.log);
    ASSERT_EQ(calls.size(), 2u);
    const auto verdict = [&](const cli::KeyProof& proof, const char* name) {
        Findings out;
        (void)cli::check_key_proof(proof, ground(), out);
        return out.find(name) == nullptr ? Verdict::ok : out.find(name)->verdict;
    };
    const cli::KeyProof first = cli::read_key_proof(cli::make_key_proof(trail, calls[0])).value(),
                        second = cli::read_key_proof(cli::make_key_proof(trail, calls[1])).value();
    Findings good;
    const auto proven = cli::check_key_proof(first, ground(), good);
    ASSERT_TRUE(proven && good.holds()) << told(good);
    EXPECT_EQ(proven->peer, "sip:bob@example.com");
    EXPECT_EQ(good.find("peer")->verdict, Verdict::ok);
    EXPECT_EQ(proven->call, calls[0].number);

    cli::KeyProof changed = first;
    changed.call = second.call;
    EXPECT_EQ(verdict(changed, "call"), Verdict::failed);
    changed = first;
    changed.peer = "sip:eve@example.com";
    EXPECT_EQ(verdict(changed, "peer"), Verdict::failed);
    changed = first;  // the peer's record, with another name
    const auto named = std::ranges::find(changed.records, "channel_open", &cli::AuditRecord::event);
    ASSERT_NE(named, changed.records.end());
    named->fields["peer"] = changed.peer = "sip:eve@example.com";
    ASSERT_EQ(cli::read_record(named->line(), *named), "");
    EXPECT_EQ(verdict(changed, "peer"), Verdict::failed);

    const auto from = [](const cli::KeyProof& p, const char* event) {
        return *std::ranges::find(p.records, event, &cli::AuditRecord::event);
    };
    changed = first;  // another call's secret among the records
    changed.records.push_back(from(second, "key_sealed"));
    EXPECT_EQ(verdict(changed, "call"), Verdict::failed);
    changed = first;  // another call's end
    std::erase_if(changed.records, [](const auto& r) { return r.event == "key_end" || r.event == "key"; });
    changed.records.push_back(from(second, "key"));
    changed.records.push_back(from(second, "key_end"));
    EXPECT_EQ(verdict(changed, "call"), Verdict::failed);
    changed = first;  // an end that is about something else
    std::erase_if(changed.records, [](const auto& r) { return r.event == "key_end"; });
    changed.records.push_back(from(first, "key_end"));
    changed.records.back().fields["of"] = from(first, "key_sealed").seq;
    EXPECT_EQ(verdict(changed, "end"), Verdict::failed);
}

TEST_F(AuditedPhone, AProofOfACallThatGoesOnIsNotMade) {
    ASSERT_TRUE(hosts_.connect());
    ASSERT_TRUE(hosts_.run_until(
        [&] { return find_event(lines_of(alice_.audit_text()), "key_proof") < lines_of(alice_.audit_text()).size(); }));
    const auto trail = trail_of(alice_.audit_text());
    const auto calls = cli::call_stories(trail.log);
    ASSERT_EQ(calls.size(), 1u);
    EXPECT_ANY_THROW((void)cli::make_key_proof(trail, calls[0]));
}

TEST_F(AuditedPhone, TheTimelineTellsTheLifeOfTheKeyInOrder) {
    ASSERT_TRUE(hosts_.connect());
    ASSERT_TRUE(hosts_.run_until(
        [&] { return find_event(lines_of(alice_.audit_text()), "key_proof") < lines_of(alice_.audit_text()).size(); }));
    ASSERT_TRUE(alice_.ui.send(ipc::SetHold{.call = CallId{1}, .on = true}).has_value());
    ASSERT_TRUE(hosts_.run_until([&] { return state_is(alice_, CallState::held) && state_is(bob_, CallState::held); }));
    ASSERT_TRUE(alice_.ui.send(ipc::SetHold{.call = CallId{1}, .on = false}).has_value());
    ASSERT_TRUE(
        hosts_.run_until([&] { return state_is(alice_, CallState::media) && state_is(bob_, CallState::media); }));
    hang_up();
    end_phone(alice_);
    const auto trail = trail_of(alice_.audit_text());
    const auto calls = cli::call_stories(trail.log);
    ASSERT_EQ(calls.size(), 1u);
    std::vector<std::string> steps;
    for (const auto& s : cli::key_steps(trail.log, calls[0])) steps.push_back(s.what);
    const std::vector<std::string> wanted{"created", "sealed", "proven",    "wiped",          "unsealed",
                                          "rekeyed", "wiped",  "destroyed", "unseal_refused", "end_proven"};
    EXPECT_EQ(steps, wanted);
}

}  // namespace
}  // namespace sealcall::test
