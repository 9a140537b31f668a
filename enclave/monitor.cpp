#include "enclave/monitor.h"

#include "enclave/sip_digest.h"

namespace sealcall::enclave {

using ipc::ProcessRole;
using S = SessionState;

namespace {

constexpr uint32_t bit(S s) { return 1u << static_cast<unsigned>(s); }
constexpr uint32_t kAnyState = ~0u;
constexpr uint32_t kAgreed = bit(S::decided) | bit(S::ringing) | bit(S::answered) | bit(S::media);
/// The network may cross with our own end of a session, so everything is also permitted, and dropped, after it.
constexpr uint32_t kOrEnded = bit(S::ended);

constexpr uint32_t kStrangeRealms = 4;  ///< are told, and no more

enum class Times : uint8_t { many, once };

}  // namespace

/// The handlers by message; `Context`-wide ones first, then those that name a session.
struct Permits {
    template <class T>
    static constexpr bool names_session = requires(const T& m) {
        m.session;
    };
    template <class T>
    static constexpr bool names_call = requires(const T& m) {
        m.call;
    };

    struct Row {
        uint16_t id;
        ProcessRole sender;
        uint32_t states;  ///< of the session that the message names
        Times times;
        Status (*handle)(Monitor&, const Row&, ByteSpan);
    };

    template <class T, auto Fn>
    static constexpr Row row(ProcessRole sender, uint32_t states = kAnyState, Times times = Times::many) {
        return Row{T::kId, sender, states, times, [](Monitor& monitor, const Row& row, ByteSpan bytes) -> Status {
                       TRY(T m, ipc::decode_message<T>(bytes));
                       if constexpr (names_session<T>) {
                           if (!monitor.calls_.ever_existed(m.session))
                               return Error{Errc::unknown_id, "session", m.session.value};
                           Session* s = monitor.calls_.session(m.session);
                           if (row.times == Times::once && !monitor.seen_once_.emplace(T::kId, m.session.value).second)
                               return Error{Errc::wrong_state, "said twice", T::kId};
                           if (s == nullptr || s->state() == S::ended) return {};
                           if ((row.states & bit(s->state())) == 0)
                               return Error{Errc::wrong_state, "message in a state that forbids it", T::kId};
                           Fn(*s, m);
                       } else {
                           if constexpr (names_call<T>)
                               if (!monitor.calls_.ever_existed(m.call))
                                   return Error{Errc::unknown_id, "call", m.call.value};
                           if constexpr (std::is_same_v<decltype(Fn(monitor, m)), Status>)
                               return Fn(monitor, m);
                           else
                               Fn(monitor, m);
                       }
                       return {};
                   }};
    }

    static const std::array<Row, 33> kTable;
    static void shutdown(Monitor& m, const ipc::Shutdown&) { m.shutdown_asked_ = true; }
    template <auto Method, class T>
    static void calls(Monitor& m, const T& message) {
        (m.calls_.*Method)(message);
    }
    static Status bundle(Monitor& m, const ipc::NewBundle& part) { return m.context_.take_bundle(part); }
    static void digest(Monitor& m, const ipc::DigestChallenge& c) {
        // Locked, there is no password: the host tries again later.
        const vault::Content* content = m.context_.vault.content();
        const ipc::VaultItem* account =
            content == nullptr ? nullptr : content->find(ipc::VaultKind::login, [](auto) { return true; });
        const auto answer = answer_challenge(c, account == nullptr ? ipc::VaultItem{} : *account,
                                             sip_name(m.context_.config.own_uri.view()).host);
        m.context_.to_host(answer);
        if (account == nullptr || !answer.response.empty() || m.strange_realms_.size() >= kStrangeRealms) return;
        if (!m.strange_realms_.insert(c.realm.str()).second) return;
        // Not as a command to copy: the realm is a stranger's text.
        m.context_.to_ui(ipc::Notice{
            .kind = ipc::NoticeKind::vault,
            .text = BoundedString<512>::cut("\"" + c.realm.str() +
                                            "\" asked for your SIP password and got no answer. "
                                            "Name it with \"sealcall vault login --realm\" if that is your server.")});
    }
    static void audio_event(Session& s, const ipc::AudioEvent& e) { s.on_audio_event(e.kind); }
};

#define CALLS(method, T) &Permits::calls<&Calls::method, ipc::T>
const std::array<Permits::Row, 33> Permits::kTable{
    // launcher
    row<ipc::Shutdown, &Permits::shutdown>(ProcessRole::launcher),
    row<ipc::NewBundle, &Permits::bundle>(ProcessRole::launcher),
    // ui: the person's word
    row<ipc::Dial, CALLS(dial, Dial)>(ProcessRole::ui),
    row<ipc::Answer, CALLS(answer, Answer)>(ProcessRole::ui),
    row<ipc::Refuse, CALLS(refuse, Refuse)>(ProcessRole::ui),
    row<ipc::HangUp, CALLS(hang_up, HangUp)>(ProcessRole::ui),
    row<ipc::SetHold, CALLS(set_hold, SetHold)>(ProcessRole::ui),
    row<ipc::SetMicrophone, CALLS(set_microphone, SetMicrophone)>(ProcessRole::ui),
    row<ipc::Recheck, CALLS(recheck, Recheck)>(ProcessRole::ui),
    row<ipc::EnterPin, [](Monitor& m, ipc::EnterPin& e) { m.context_.vault.enter(std::move(e)); }>(ProcessRole::ui),
    row<ipc::KeepCall, [](Monitor& m, ipc::KeepCall& k) { m.context_.vault.keep_call(std::move(k.past)); }>(
        ProcessRole::ui),
    row<ipc::VaultRead, [](Monitor& m, const ipc::VaultRead& r) { m.context_.vault.show_contacts(r); }>(
        ProcessRole::ui),
    row<ipc::LockPhone, [](Monitor& m, const ipc::LockPhone&) { m.context_.vault.lock(); }>(ProcessRole::ui),
    row<ipc::QueryStatus, [](Monitor& m, const ipc::QueryStatus& q) { m.context_.answer_status(q.request); }>(
        ProcessRole::ui),
    // host: untrusted
    row<ipc::IncomingInvite, CALLS(incoming, IncomingInvite)>(ProcessRole::host),
    row<ipc::LegAttesting, CALLS(leg_attesting, LegAttesting)>(ProcessRole::host),
    row<ipc::LegOrdinary, CALLS(leg_ordinary, LegOrdinary)>(ProcessRole::host),
    row<ipc::OrdinaryRinging, CALLS(ordinary_ringing, OrdinaryRinging)>(ProcessRole::host),
    row<ipc::OrdinaryAnswered, CALLS(ordinary_answered, OrdinaryAnswered)>(ProcessRole::host),
    row<ipc::CallFailed, CALLS(call_failed, CallFailed)>(ProcessRole::host),
    row<ipc::DigestChallenge, &Permits::digest>(ProcessRole::host),
    row<ipc::ChannelIn, [](Session& s, const ipc::ChannelIn& m) { s.on_channel_in(m.body.view()); }>(ProcessRole::host),
    row<ipc::LegAnswered, [](Session& s, const ipc::LegAnswered&) { s.on_leg_answered(); }>(ProcessRole::host),
    row<ipc::LegEnded, [](Session& s, const ipc::LegEnded& m) { s.on_leg_ended(m.why, m.sip_status); }>(
        ProcessRole::host),
    row<ipc::LocalCandidates,
        [](Session& s, const ipc::LocalCandidates& m) { s.on_local_candidates(m.fragment.view()); }>(
        ProcessRole::host, kAgreed | kOrEnded, Times::once),
    row<ipc::MediaPathReady, [](Session& s, const ipc::MediaPathReady&) { s.on_media_path(true); }>(ProcessRole::host,
                                                                                                    kAgreed | kOrEnded),
    row<ipc::MediaPathFailed, [](Session& s, const ipc::MediaPathFailed&) { s.on_media_path(false); }>(
        ProcessRole::host, kAgreed | kOrEnded),
    row<ipc::Datagram, [](Session& s, const ipc::Datagram& m) { s.on_datagram(m.bytes.view()); }>(ProcessRole::host,
                                                                                                  kAgreed | kOrEnded),
    row<ipc::PassportReply, [](Session& s, const ipc::PassportReply& m) { s.on_passport(m); }>(ProcessRole::host),
    row<ipc::PeerHold, [](Session& s, const ipc::PeerHold& m) { s.on_peer_hold(m.on); }>(ProcessRole::host),
    // audio
    row<ipc::CapturedFrame, [](Session& s, const ipc::CapturedFrame& m) { s.on_captured(m); }>(ProcessRole::audio),
    row<ipc::StreamStats, [](Session& s, const ipc::StreamStats& m) { s.on_stream_stats(m); }>(ProcessRole::audio),
    row<ipc::AudioEvent, &Permits::audio_event>(ProcessRole::audio),
};
#undef CALLS

Status Monitor::handle(ProcessRole sender, ByteSpan message) {
    TRY(uint16_t id, ipc::message_id(message));
    for (const auto& row : Permits::kTable)
        if (row.id == id && row.sender == sender) return row.handle(*this, row, message);
    return Error{Errc::unknown_message, "not permitted from this process", id};
}

}  // namespace sealcall::enclave
