#include "enclave/tls/alert.h"

namespace sealcall::tls {

namespace {

struct AlertText {
    uint8_t description;
    const char* from_self;
    const char* from_peer;
};

constexpr AlertText kAlerts[] = {
    {10, "peer sent a message out of order", "peer: unexpected message"},
    {20, "a record did not decrypt", "peer: a record did not decrypt"},
    {22, "a record was too long", "peer: a record was too long"},
    {40, "handshake refused", "peer refused the handshake"},
    {42, "peer's certificate is malformed", "peer: our certificate is malformed"},
    {43, "peer's certificate is of an unsupported kind", "peer: our certificate is of an unsupported kind"},
    {45, "peer's certificate has expired", "peer: our certificate has expired"},
    {46, "peer's certificate was refused", "peer refused our certificate"},
    {47, "peer sent an illegal parameter", "peer: illegal parameter"},
    {48, "peer's authority is unknown", "peer does not know our authority"},
    {50, "peer sent a malformed message", "peer: malformed message"},
    {51, "peer's signature or Finished is wrong", "peer: our signature or Finished is wrong"},
    {70, "peer speaks another protocol version", "peer: protocol version"},
    {71, "no cipher in common that is good enough", "peer: insufficient security"},
    {80, "handshake failed on this side", "peer failed inside"},
    {109, "peer left out an extension", "peer: missing extension"},
    {116, "peer sent no certificate", "peer wants a certificate"},
};

}  // namespace

void LastAlert::observe(int where, int value) {
    constexpr int kFatal = 2;
    if ((where & SSL_CB_ALERT) == 0 || value >> 8 != kFatal) return;
    seen = true;
    from = (where & SSL_CB_READ) != 0 ? AlertFrom::peer : AlertFrom::self;
    description = static_cast<uint8_t>(value);
}

Error LastAlert::error() const {
    if (!seen) return Error{Errc::handshake_failed, "handshake failed", 0};
    const bool peer = from == AlertFrom::peer;
    for (const AlertText& a : kAlerts)
        if (a.description == description)
            return Error{Errc::handshake_failed, peer ? a.from_peer : a.from_self, description};
    return Error{Errc::handshake_failed, peer ? "peer sent an alert" : "alert", description};
}

}  // namespace sealcall::tls
