// TLS and DTLS alerts as errors: who sent it, and what it says.
#pragma once

#include "enclave/tls/openssl.h"

namespace sealcall::tls {

enum class AlertFrom : uint8_t { self, peer };

/// The last fatal alert that crossed a connection. close_notify and warnings are not kept.
struct LastAlert {
    bool seen = false;
    AlertFrom from{};
    uint8_t description = 0;  ///< RFC 8446 6

    /// To be called from an SSL info callback with its own arguments.
    void observe(int where, int value);
    /// handshake_failed; `what` is a sentence with sender and meaning, `detail` the alert's number, or 0 when there was
    /// none.
    [[nodiscard]] Error error() const;
};

}  // namespace sealcall::tls
