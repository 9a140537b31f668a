// Every message and nested value of the contracts, and a seeded generator of values, for the codec's property tests.
#pragma once

#include <random>
#include <tuple>

#include "sealcall/ipc/collect.h"
#include "sealcall/ipc/guard.h"
#include "sealcall/ipc/link.h"
#include "sealcall/ipc/schema.h"
#include "sealcall/rats/approval.h"

namespace sealcall::test {

/// Messages with a number: the number is checked for uniqueness. A message missing here fails `ListNamesEveryMessage`.
using IpcMessages = std::tuple<
    ipc::LinkHello, ipc::CallCard, ipc::CallPhase, ipc::CallStateChanged, ipc::KeyLife, ipc::MediaStats, ipc::Rechecked,
    ipc::Notice, ipc::EnclaveStatus, ipc::Dial, ipc::DialReply, ipc::Answer, ipc::Refuse, ipc::HangUp, ipc::SetHold,
    ipc::SetMicrophone, ipc::Recheck, ipc::QueryStatus, ipc::PlaceCall, ipc::LegAdmitted, ipc::IncomingAdmitted,
    ipc::IncomingRefused, ipc::ChannelOut, ipc::SendRinging, ipc::SendOk, ipc::EndLeg, ipc::EndCall,
    ipc::StartMediaPath, ipc::RemoteCandidates, ipc::Datagram, ipc::SendHold, ipc::AskPassport, ipc::PassportReply,
    ipc::IncomingInvite, ipc::LegAttesting, ipc::LegOrdinary, ipc::ChannelIn, ipc::LegAnswered, ipc::OrdinaryAnswered,
    ipc::OrdinaryRinging, ipc::LegEnded, ipc::CallFailed, ipc::LocalCandidates, ipc::MediaPathReady,
    ipc::MediaPathFailed, ipc::PeerHold, ipc::DigestChallenge, ipc::DigestResponse, ipc::HostState, ipc::OpenStream,
    ipc::CloseStream, ipc::Capture, ipc::PlayFrame, ipc::CapturedFrame, ipc::StreamStats, ipc::AudioEvent, ipc::Start,
    ipc::Ready, ipc::Shutdown, ipc::ConfigureEnclave, ipc::NewBundle, ipc::ConfigureHost, ipc::ConfigureAudio,
    ipc::ConfigureUi, ipc::QuitPhone, ipc::QueryProcesses, ipc::ProcessReport, ipc::ProcessReportEnd, ipc::Provision,
    ipc::Provisioned, ipc::Activate, ipc::Activated, ipc::PinAuthority, ipc::PinnedAuthority, ipc::CollectEvidence,
    ipc::CollectedEvidence, ipc::CertifyAudit, ipc::CertifiedAudit, ipc::AskConsent, ipc::EnterPin, ipc::PinReply,
    ipc::LockPhone, ipc::KeepCall, ipc::LockState, ipc::VaultOpen, ipc::VaultState, ipc::VaultRekey, ipc::VaultPut,
    ipc::VaultRead, ipc::VaultPage, ipc::GuardStart, ipc::GuardAsk, ipc::GuardStatus, ipc::GuardEnded,
    ipc::GuardHandover, rats::VerifierRequest, rats::VerifierLog, rats::VerifierRuntime, rats::VerifierResponse>;

/// What goes through the attestation channel, and the values inside.
using WireValues =
    std::tuple<rats::Hello, rats::EvidenceBody, rats::Evidence, rats::Passport, rats::ResultFrame, rats::Verdict,
               rats::Candidates, rats::MediaConfirm, rats::Hold, rats::Resume, rats::Bye, rats::Reattest,
               rats::BindingInput, rats::PcrEvent, rats::PcrValue, rats::AttestationResult, rats::StateApprovals,
               policy::Policy, policy::Decision, ipc::AuditDrop>;

/// Calls `f.template operator()<T>()` for each type of the tuple.
template <class Tuple, class F>
void for_each_type(F f) {
    [&]<class... T>(std::type_identity<std::tuple<T...>>) {
        (f.template operator()<T>(), ...);
    }(std::type_identity<Tuple>{});
}

using Random = std::mt19937_64;

inline size_t random_length(Random& r, size_t max) {
    switch (r() % 4) {
        case 0:
            return 0;
        case 1:
            return std::min<size_t>(max, r() % 8);
        case 2:
            return std::min<size_t>(max, r() % 64);
        default:
            return r() % 16 == 0 ? max : std::min<size_t>(max, r() % 256);
    }
}

template <class T>
T random_value(Random& r) {
    using namespace ipc::detail;
    if constexpr (std::is_same_v<T, bool>) {
        return r() % 2 == 1;
    } else if constexpr (std::is_enum_v<T>) {
        return static_cast<T>(r() % (static_cast<uint64_t>(ipc::EnumRange<T>::last) + 1));
    } else if constexpr (std::is_unsigned_v<T>) {
        return static_cast<T>(r());
    } else if constexpr (is_strong<T>) {
        return T{static_cast<typename T::value_type>(r())};
    } else if constexpr (is_byte_array<T>) {
        T v;
        for (auto& b : v) b = static_cast<std::byte>(r());
        return v;
    } else if constexpr (is_bounded_bytes<T>) {
        Bytes v(random_length(r, T::kMax));
        for (auto& b : v) b = static_cast<std::byte>(r());
        return T(ByteSpan(v));
    } else if constexpr (is_secret<T>) {
        Bytes v(T::kSize);
        for (auto& b : v) b = static_cast<std::byte>(r());
        return T::from(v).value();
    } else if constexpr (is_bounded_string<T>) {
        std::string v(random_length(r, T::kMax), ' ');
        for (auto& c : v) c = static_cast<char>(1 + r() % 255);
        return T(v);
    } else if constexpr (is_bounded_list<T>) {
        T v;
        for (size_t n = std::min<size_t>(random_length(r, T::kMax), 12); n-- > 0;)
            CHECK(v.push(random_value<typename T::value_type>(r)));
        return v;
    } else {
        T v{};
        std::apply([&](auto... m) { ((v.*m = random_value<std::remove_reference_t<decltype(v.*m)>>(r)), ...); },
                   T::fields);
        return v;
    }
}

/// Field by field, because not every message has `==`.
template <class T>
bool same(const T& a, const T& b) {
    if constexpr (ipc::detail::is_secret<T>) {
        return a == b;
    } else if constexpr (ipc::detail::is_bounded_list<T>) {
        return std::ranges::equal(a.items(), b.items(), [](const auto& x, const auto& y) { return same(x, y); });
    } else if constexpr (ipc::Message<T>) {
        return std::apply([&](auto... m) { return (same(a.*m, b.*m) && ...); }, T::fields);
    } else {
        return a == b;
    }
}

}  // namespace sealcall::test
