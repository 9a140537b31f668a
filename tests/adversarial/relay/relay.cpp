#include "tests/adversarial/relay/relay.h"

#include <cstdio>

namespace sealcall::relay {
namespace {

constexpr CallId kOutgoing{1}, kIncoming{2};
constexpr SessionId kToCallee{1}, kToCaller{2};
constexpr uint16_t kUnavailable = 480, kBusy = 486;

const char* name_of(rats::FrameType type) {
    constexpr std::array names{"hello", "evidence", "verdict", "ringing",  "candidates",  "media_confirm",
                               "hold",  "resume",   "bye",     "reattest", "log_request", "log_part"};
    return names[static_cast<size_t>(type)];
}

}  // namespace

Relay::Relay(SoftwareIdentity self, ipc::Link& host, ipc::Link& ui)
    : self_(std::move(self)), host_(host), ui_(ui), caller_("caller", kToCaller), callee_("callee", kToCallee) {}

// ---------------------------------------------------------------- ui: a Dial says who is to be deceived

Status Relay::from_ui(ByteSpan message) {
    TRY(const uint16_t id, ipc::message_id(message));
    switch (id) {
        case ipc::Dial::kId: {
            TRY(const auto m, ipc::decode_message<ipc::Dial>(message));
            return dial(m);
        }
        case ipc::QueryStatus::kId: {
            TRY(const auto m, ipc::decode_message<ipc::QueryStatus>(message));
            return answer_status(m);
        }
        case ipc::HangUp::kId:
            end(ipc::EndReason::hung_up_here, kUnavailable);
            return {};
        default:
            return {};
    }
}

Status Relay::dial(const ipc::Dial& m) {
    if (dial_)
        return ui_.send(ipc::DialReply{.request = m.request, .call = {}, .reason = ipc::EndReason::too_many_calls});
    dial_ = m;
    TRY_STATUS(ui_.send(ipc::DialReply{.request = m.request, .call = kOutgoing, .reason = {}}));
    tell(ipc::CallState::dialling, ipc::EndReason::none, 0);
    std::fprintf(stderr, "event=relay_waits for=\"somebody who calls %s\"\n", self_.uri().c_str());
    return call_the_callee();
}

Status Relay::answer_status(const ipc::QueryStatus& m) {
    ipc::EnclaveStatus s;
    s.request = m.request;
    s.own_uri = BoundedString<256>::cut(self_.uri());
    s.enrolled = true;
    s.vouched_by = BoundedString<128>::cut(self_.authority());
    s.tpm_name = BoundedString<128>("none: a relay");
    return ui_.send(s);
}

void Relay::tell(ipc::CallState state, ipc::EndReason reason, uint16_t sip_status) {
    if (!dial_) return;
    ipc::CallStateChanged m;
    m.call = kOutgoing;
    m.state = state;
    m.reason = reason;
    if (sip_status != 0) m.detail = BoundedString<128>::cut("SIP " + std::to_string(sip_status));
    (void)ui_.send(m);  // a link that is gone ends the process by itself
}

// ---------------------------------------------------------------- host

Status Relay::from_host(ByteSpan message) {
    TRY(const uint16_t id, ipc::message_id(message));
    switch (id) {
        case ipc::IncomingInvite::kId: {
            TRY(const auto m, ipc::decode_message<ipc::IncomingInvite>(message));
            return invited(m);
        }
        case ipc::LegAttesting::kId: {
            TRY(const auto m, ipc::decode_message<ipc::LegAttesting>(message));
            return be_the_callee(m);
        }
        case ipc::ChannelIn::kId: {
            TRY(const auto m, ipc::decode_message<ipc::ChannelIn>(message));
            return channel_in(m);
        }
        case ipc::LegOrdinary::kId:
            end(ipc::EndReason::peer_is_ordinary, kUnavailable);
            return {};
        case ipc::LegEnded::kId: {
            TRY(const auto m, ipc::decode_message<ipc::LegEnded>(message));
            std::fprintf(stderr, "event=leg_ended by=%s sip_status=%u\n",
                         m.session == kToCaller ? caller_.peer() : callee_.peer(), unsigned{m.sip_status});
            end(ipc::EndReason::refused_there, m.sip_status);
            return {};
        }
        case ipc::CallFailed::kId: {
            TRY(const auto m, ipc::decode_message<ipc::CallFailed>(message));
            end(m.sip_status == 0 ? ipc::EndReason::not_reachable : ipc::EndReason::refused_there, m.sip_status);
            return {};
        }
        case ipc::DigestChallenge::kId: {
            TRY(const auto m, ipc::decode_message<ipc::DigestChallenge>(message));
            return host_.send(ipc::DigestResponse{.request = m.request, .username = {}, .cnonce = {}, .response = {}});
        }
        default:
            return {};
    }
}

Status Relay::invited(const ipc::IncomingInvite& m) {
    // Without somebody to pass the call on to there is nothing to relay.
    const bool wanted = state_ == State::waiting && dial_ && !invite_ && m.kind == ipc::CallKind::attested;
    if (!wanted) return host_.send(ipc::IncomingRefused{.handle = m.handle, .sip_status = kBusy});
    invite_ = m;
    return call_the_callee();
}

Status Relay::call_the_callee() {
    if (!dial_ || !invite_) return {};
    state_ = State::calling;
    std::fprintf(stderr, "event=relay_begins from=\"%s\" to=\"%s\"\n", invite_->from_uri.str().c_str(),
                 dial_->uri.str().c_str());
    // The offer carries the genuine caller's DTLS fingerprint: not even SDP looks different.
    return host_.send(ipc::PlaceCall{.call = kOutgoing,
                                     .kind = ipc::CallKind::attested,
                                     .uri = dial_->uri,
                                     .fingerprint = invite_->sdp_fingerprint,
                                     .identity = {}});
}

/// The callee answered: now the caller gets its answer, with the callee's fingerprint.
Status Relay::be_the_callee(const ipc::LegAttesting& m) {
    if (state_ != State::calling || m.call != kOutgoing) return {};
    state_ = State::relaying;
    TRY_STATUS(callee_.open(self_, rats::Role::caller));
    TRY_STATUS(caller_.open(self_, rats::Role::callee));
    TRY_STATUS(host_.send(ipc::LegAdmitted{.call = kOutgoing, .leg = m.leg, .session = kToCallee}));
    TRY_STATUS(host_.send(ipc::IncomingAdmitted{
        .handle = invite_->handle, .call = kIncoming, .session = kToCaller, .fingerprint = m.sdp_fingerprint}));
    tell(ipc::CallState::attesting, ipc::EndReason::none, 0);
    TRY_STATUS(callee_.flush(host_));
    return caller_.flush(host_);
}

Status Relay::channel_in(const ipc::ChannelIn& m) {
    if (state_ != State::relaying) return {};
    Line& line = m.session == kToCaller ? caller_ : callee_;
    const bool was_open = line.is_open();
    Status s = line.feed(m.body.view());
    if (s && !was_open && line.is_open()) std::fprintf(stderr, "event=tls_ended_here with=%s\n", line.peer());
    if (s) s = pass_on(callee_, caller_);
    if (s) s = pass_on(caller_, callee_);
    TRY_STATUS(callee_.flush(host_));
    TRY_STATUS(caller_.flush(host_));
    if (s) return {};
    std::fprintf(stderr, "event=channel_failed with=%s why=\"%s\" detail=%u\n", line.peer(), s.error().what,
                 s.error().detail);
    end(ipc::EndReason::channel_broken, kUnavailable);
    return {};
}

Status Relay::pass_on(Line& from, Line& to) {
    if (!to.is_open()) return {};  // what `from` said waits
    for (auto& frame : from.take_frames()) {
        if (frame.type == rats::FrameType::hello) {
            TRY(frame.body, with_own_name(frame.body));
        }
        TRY_STATUS(to.send(frame.type, frame.body));
        std::fprintf(stderr, "event=relayed frame=%s from=%s bytes=%zu\n", name_of(frame.type), from.peer(),
                     frame.body.size());
    }
    return {};
}

Result<Bytes> Relay::with_own_name(ByteSpan hello) const {
    TRY(auto h, ipc::decode<rats::Hello>(hello));
    h.own_uri = BoundedString<256>::cut(self_.uri());
    // The caller dialled mallory; the callee must not see that.
    if (h.role == rats::Role::caller) h.dialled_uri = dial_->uri;
    return ipc::encode(h);
}

void Relay::end(ipc::EndReason reason, uint16_t sip_status) {
    const State before = std::exchange(state_, State::ended);
    if (before == State::ended) return;
    const uint16_t status = sip_status >= 400 ? sip_status : kUnavailable;
    // The host counts and drops what is for a leg that has ended already; a lost link ends the process by itself.
    if (before == State::relaying) {
        (void)host_.send(ipc::EndLeg{.session = kToCallee, .sip_status = status});
        (void)host_.send(ipc::EndLeg{.session = kToCaller, .sip_status = status});
    } else {
        if (before == State::calling) (void)host_.send(ipc::EndCall{.call = kOutgoing});
        if (invite_) (void)host_.send(ipc::IncomingRefused{.handle = invite_->handle, .sip_status = status});
    }
    tell(ipc::CallState::ended, reason, sip_status);
}

}  // namespace sealcall::relay
