// Strong<T, Tag>: numbers that name different things are different types.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace sealcall {

template <class T, class Tag>
struct Strong {
    using value_type = T;
    T value{};
    auto operator<=>(const Strong&) const = default;
};

/// One call as the person sees it: an outgoing dial with all its forks, or one incoming INVITE.
using CallId = Strong<uint32_t, struct CallIdTag>;
/// One enclave session: one attestation channel, one DTLS association, one SRTP pair, one verdict.
using SessionId = Strong<uint32_t, struct SessionIdTag>;
/// The host's own handle of an incoming INVITE; opaque to the enclave, echoed once.
using HostHandle = Strong<uint32_t, struct HostHandleTag>;
/// Joins a request and its answer on one link.
using RequestId = Strong<uint32_t, struct RequestIdTag>;

}  // namespace sealcall
