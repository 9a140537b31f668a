#include "tests/adversarial/relay/line.h"

#include "attestation/binding.h"
#include "sealcall/base/time.h"

namespace sealcall::relay {
namespace {

Result<Bytes> sign(EVP_PKEY* key, const Digest& digest) {
    const attestation::PkeyCtxPtr context(EVP_PKEY_CTX_new(key, nullptr));
    size_t n = 0;
    if (!context || EVP_PKEY_sign_init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) != 1 ||
        EVP_PKEY_sign(context.get(), nullptr, &n, as_u8(digest.data()), digest.size()) != 1)
        return Error{Errc::crypto_failed, "signature", 0};
    Bytes out(n);
    if (EVP_PKEY_sign(context.get(), as_u8(out.data()), &n, as_u8(digest.data()), digest.size()) != 1)
        return Error{Errc::crypto_failed, "signature", 0};
    out.resize(n);
    return out;
}

}  // namespace

Result<SoftwareIdentity> SoftwareIdentity::create(const ipc::ConfigureEnclave& config) {
    SoftwareIdentity self;
    const ByteSpan der = config.identity_private.view();
    const unsigned char* at = as_u8(der.data());
    self.key_.reset(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size())));
    if (!self.key_) return Error{Errc::bad_key, "the identity key is no software key: run sealcall-relay-identity", 0};
    self.spki_ = attestation::sha256(attestation::to_der(i2d_PUBKEY, self.key_.get()));
    self.certificate_ = config.identity_certificate;
    self.anchors_ = config.anchors.items();
    TRY(const auto certified,
        attestation::check_identity_certificate(self.certificate_.view(), self.anchors_, wall_ms()));
    if (certified.spki != self.spki_) return Error{Errc::bad_key, "the certificate is for another key", 0};
    self.uri_ = certified.uri;
    self.authority_ = certified.authority;
    return self;
}

Result<std::unique_ptr<tls::Channel>> SoftwareIdentity::open_channel(rats::Role role) const {
    tls::ChannelConfig c;
    c.role = role;
    c.certificate = certificate_;
    c.anchors = anchors_;
    c.wall_ms = wall_ms();
    c.own_spki = spki_;
    c.accept_peer = [](const attestation::IdentityCertificate&) { return Status{}; };
    c.sign = [key = key_.get()](const Digest& digest) { return sign(key, digest); };
    return tls::Channel::create(std::move(c));
}

Status Line::open(const SoftwareIdentity& self, rats::Role role) {
    TRY(channel_, self.open_channel(role));
    return {};
}

Status Line::feed(ByteSpan body) {
    if (!channel_) return Error{Errc::wrong_state, "channel bytes before the channel", 0};
    TRY_STATUS(channel_->feed(body));
    TRY_STATUS(channel_->advance());
    if (!is_open()) return {};
    TRY(auto received, channel_->receive());
    for (auto& frame : received) frames_.push_back(std::move(frame));
    return {};
}

Status Line::flush(ipc::Link& host) {
    if (!channel_) return {};
    for (const Bytes& body : channel_->take_output())
        TRY_STATUS(host.send(ipc::ChannelOut{.session = session_, .body = BoundedBytes<rats::kInfoBodyMax>(body)}));
    return {};
}

}  // namespace sealcall::relay
