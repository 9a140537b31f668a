// Passports, both ways: what our own authority says of us instead of Evidence, and what a partner's verifier says of
// the peer (docs/adr/0012-passports-between-organisations.md). The host carries our request; it can lose it, not change
// it.
#include "attestation/ear_passport.h"
#include "enclave/passport.h"
#include "enclave/session.h"
#include "enclave/sip_name.h"

namespace sealcall::enclave {

namespace {
constexpr Millis kPassportDeadline{3000};
}

/// Chosen once, by the peer's domain: Hello says it, and it holds for all rounds. "*": everybody but our own people.
rats::EvidenceKind Session::kind_to_show() const {
    const std::string_view theirs = peer_domain();
    const bool stranger = !same_host(theirs, sip_name(context_.config.own_uri.view()).host);
    const bool passport = std::ranges::any_of(context_.config.passport_to, [&](const auto& domain) {
        return same_host(domain.view(), theirs) || (domain.view() == "*" && stranger);
    });
    return passport ? rats::EvidenceKind::passport : rats::EvidenceKind::tpm_quote;
}

/// Evidence and logs go to our own authority, for `round` of this channel.
void Session::ask_passport(uint16_t round) {
    passport_wait_ = PassportWait{.round = round, .until = BootClock::now() + kPassportDeadline};
    rats::VerifierRequest request;
    request.evidence = own_evidence_.evidence;
    request.binding = binding(role_, round);
    const auto bytes_of = [](const auto& log) { return log ? ByteSpan(*log) : ByteSpan(); };
    const ByteSpan boot = bytes_of(own_evidence_.boot_log), runtime = bytes_of(own_evidence_.runtime_log);
    request.boot_log_size = static_cast<uint32_t>(boot.size());
    request.runtime_log_size = static_cast<uint32_t>(runtime.size());
    const Bytes head = ipc::encode(request);
    ipc::AskPassport piece{.session = id_, .round = round, .last = false, .bytes = {}};
    for (ByteSpan left : {ByteSpan(head), boot, runtime})
        while (!left.empty()) {
            piece.bytes =
                BoundedBytes<rats::kVerifierLogPart>(left.first(std::min(left.size(), rats::kVerifierLogPart)));
            left = left.subspan(piece.bytes.view().size());
            context_.to_host(piece);
        }
    piece.last = true;
    piece.bytes = {};
    context_.to_host(piece);
}

void Session::on_passport(const ipc::PassportReply& reply) {
    // Nobody waits for a late one. What is in it is the peer's to check: only the signature counts.
    if (!passport_wait_ || reply.round != passport_wait_->round) return;
    passport_wait_.reset();
    rats::ResultFrame frame;
    if (auto passport = ipc::decode<rats::Passport>(reply.body.view())) CHECK(frame.passport.push(*passport));
    const bool given = !frame.passport.empty();
    context_.record(audit::Record("own_passport")
                        .call(call_.id)
                        .number("round", reply.round)
                        .flag("given", given)
                        .number("status", reply.status));
    if (!given && !std::exchange(own_passport_told_, true))
        context_.to_ui(ipc::Notice{
            .kind = ipc::NoticeKind::passport,
            .text = BoundedString<512>::cut(std::string("Your organisation's authority ") +
                                            (reply.status == 0 ? "did not answer" : "does not vouch for this phone") +
                                            ", so the other one is told nothing about it. Tell your administrator.")});
    if (reply.round == 0) return show_first(rats::FrameType::result, ipc::encode(frame));
    // Silence is shown by the peer as what it is; the question waits for another try.
    if (!given) return recheck_.not_quoted(BootClock::now());
    recheck_.quoted(BootClock::now());
    send_frame(rats::FrameType::result, ipc::encode(frame));
}

Status Session::on_result(ByteSpan body) {
    TRY(auto frame, ipc::decode<rats::ResultFrame>(body));
    uint16_t round = 0;
    if (state_ >= SessionState::decided) {
        TRY(round, recheck_.answered());
    } else {
        mark(ipc::Phase::peer_evidence_in);
        state_ = SessionState::appraising;
    }
    rats::AttestationResult result = believe(frame, round);
    result_by_ = result.level > rats::Level::unverified ? frame.passport.items().front().issuer.str() : std::string();
    if (round == 0)
        appraised(std::move(result));
    else
        rechecked(std::move(result));
    return {};
}

rats::AttestationResult Session::believe(const rats::ResultFrame& frame, uint16_t round) {
    rats::AttestationResult result;
    const auto fail = [&](rats::Reason why) {
        result.level = rats::Level::failed;
        (void)result.reasons.push(why);
    };
    if (frame.passport.empty()) {
        CHECK(result.reasons.push(rats::Reason::partner_result_missing));
    } else {
        const rats::Passport& passport = frame.passport.items().front();
        result = attestation::check_passport(passport, expectation(round), channel_->peer().key, peer_domain());
        if (result.level > rats::Level::unverified) {
            if (round > 0 && shown_instance_ && *shown_instance_ != passport.instance)
                fail(rats::Reason::tpm_was_reset);
            shown_instance_ = passport.instance;
        }
    }
    if (result.level != rats::Level::failed && round == 0 && !passport_holds()) fail(rats::Reason::passport_mismatch);
    return limited(std::move(result));
}

/// The Identity header of the INVITE against what the channel has shown since (RFC 8224 6.2, RFC 8225 5.2.2). No
/// header: nothing is claimed.
bool Session::passport_holds() const {
    if (caller() || call_.identity_header.empty()) return true;
    const auto key = attestation::p256_public(channel_->peer().key);
    const PassportFacts facts{
        .orig = channel_->peer().uri, .dest = peer_hello_.dialled_uri.str(), .mky = peer_hello_.dtls_fingerprint};
    return key && verify_identity_header(call_.identity_header, facts, wall_ms() / 1000, *key).has_value();
}

/// What the authority that certified the peer may vouch for, if it is a partner's.
rats::AttestationResult Session::limited(rats::AttestationResult result) const {
    const attestation::ReferenceSet* set = context_.bundle.references();
    const auto* partner = set == nullptr ? nullptr : set->partner(channel_->peer().authority);
    if (partner == nullptr || result.level == rats::Level::failed) return result;
    return attestation::limit_to_partner(std::move(result), *partner, peer_domain());
}

std::string_view Session::peer_domain() const { return sip_name(channel_->peer().uri).host; }

}  // namespace sealcall::enclave
