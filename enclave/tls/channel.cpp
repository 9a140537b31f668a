#include "enclave/tls/channel.h"

#include <openssl/err.h>

#include "attestation/binding.h"
#include "enclave/tls/alert.h"
#include "enclave/tls/frame.h"
#include "enclave/tls/provider.h"

namespace sealcall::tls {

namespace {

constexpr long kPeerCertificatesMax = 8192;  // bytes of the peer's Certificate message
constexpr uint64_t kOptions = SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION;

Result<X509Ptr> read_certificate(ByteSpan der) {
    const uint8_t* at = as_u8(der.data());
    X509Ptr out(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
    if (!out || at != as_u8(der.data()) + der.size()) return openssl_error(Errc::bad_certificate, "d2i_X509");
    return out;
}

Result<Digest> spki_digest(X509* certificate) {
    uint8_t* der = nullptr;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    if (size <= 0) return openssl_error(Errc::bad_certificate, "i2d_X509_PUBKEY");
    const Digest out = attestation::sha256(std::as_bytes(std::span(der, static_cast<size_t>(size))));
    OPENSSL_free(der);
    return out;
}

class TlsChannel final : public Channel {
  public:
    explicit TlsChannel(ChannelConfig config) : config_(std::move(config)) {}
    Status set_up();

    Status feed(ByteSpan info_body) override;
    Status advance() override;
    std::vector<Bytes> take_output() override;
    ChannelState state() const override { return state_; }
    const attestation::IdentityCertificate& peer() const override;
    Digest channel_binding() const override;
    Result<Digest> export_key(const char* label, ByteSpan context) override;
    Status send(rats::FrameType type, ByteSpan body) override;
    Result<std::vector<Frame>> receive() override;
    size_t bytes_received() const override { return received_; }
    void lift_limit() override { limited_ = false; }
    // TLS, frames and INFO headers take less than an eighth.
    void allow(size_t bytes) override { allowed_ += bytes + bytes / 8; }
    void close() override;

  private:
    Status configure(X509* own);
    Status verify_peer(X509* leaf);
    Status check_opened();
    Result<Digest> exporter(const char* label, ByteSpan context);
    Error fail(Error error);
    Error handshake_error() const;
    Status usable() const;
    static int on_verify(X509_STORE_CTX* store, void* self);
    static void on_info(const SSL* ssl, int where, int value);

    ChannelConfig config_;
    // Destroyed in reverse order: OpenSSL's objects refer to the key, the key to its library context.
    std::unique_ptr<SigningKey> key_;
    SslCtxPtr context_;
    SslPtr ssl_;
    BIO* in_ = nullptr;   // owned by ssl_
    BIO* out_ = nullptr;  // owned by ssl_
    ChannelState state_ = ChannelState::handshaking;
    Error failure_{};
    std::optional<Error> verify_error_;
    LastAlert alert_;
    std::optional<attestation::IdentityCertificate> peer_;
    Digest binding_{};
    FrameAssembler frames_;
    uint32_t next_in_ = 0, next_out_ = 0;
    size_t received_ = 0;
    bool limited_ = true;
    size_t allowed_ = 0;  ///< above the limit
};

Status TlsChannel::set_up() {
    TRY(const X509Ptr own, read_certificate(config_.certificate.view()));
    TRY(const Digest spki, spki_digest(own.get()));
    // A wrong own_spki would let a reflection through.
    if (spki != config_.own_spki) return Error{Errc::bad_key, "own_spki is not the certificate's", 0};
    TRY(key_, SigningKey::create(*own, std::move(config_.sign)));
    context_.reset(SSL_CTX_new(TLS_method()));
    if (!context_) return openssl_error(Errc::crypto_failed, "SSL_CTX_new");
    TRY_STATUS(configure(own.get()));

    ssl_.reset(SSL_new(context_.get()));
    BioPtr in(BIO_new(BIO_s_mem())), out(BIO_new(BIO_s_mem()));
    if (!ssl_ || !in || !out) return openssl_error(Errc::crypto_failed, "SSL_new");
    BIO_set_mem_eof_return(in.get(), -1);
    in_ = in.get();
    out_ = out.get();
    SSL_set_bio(ssl_.get(), in.release(), out.release());
    SSL_set_app_data(ssl_.get(), this);
    SSL_set_info_callback(ssl_.get(), on_info);
    if (config_.role == rats::Role::callee) {
        SSL_set_connect_state(ssl_.get());
        return advance();  // ClientHello: nothing is signed for it
    }
    SSL_set_accept_state(ssl_.get());
    return {};
}

Status TlsChannel::configure(X509* own) {
    SSL_CTX* c = context_.get();
    const auto need = [](long result, const char* call) { return check(result, Errc::crypto_failed, call); };
    TRY_STATUS(need(SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION), "SSL_CTX_set_min_proto_version"));
    TRY_STATUS(need(SSL_CTX_set_max_proto_version(c, TLS1_3_VERSION), "SSL_CTX_set_max_proto_version"));
    TRY_STATUS(need(SSL_CTX_set_ciphersuites(c, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384"), "ciphersuites"));
    TRY_STATUS(need(SSL_CTX_set1_groups_list(c, "X25519:P-256"), "SSL_CTX_set1_groups_list"));
    TRY_STATUS(need(SSL_CTX_set1_sigalgs_list(c, "ECDSA+SHA256"), "SSL_CTX_set1_sigalgs_list"));
    TRY_STATUS(need(SSL_CTX_set_num_tickets(c, 0), "SSL_CTX_set_num_tickets"));
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(c, kOptions);
    SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_max_cert_list(c, kPeerCertificatesMax);
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_set_cert_verify_callback(c, on_verify, this);
    TRY_STATUS(need(SSL_CTX_use_certificate(c, own), "SSL_CTX_use_certificate"));
    TRY_STATUS(need(SSL_CTX_use_PrivateKey(c, key_->pkey()), "SSL_CTX_use_PrivateKey"));
    return need(SSL_CTX_check_private_key(c), "SSL_CTX_check_private_key");
}

int TlsChannel::on_verify(X509_STORE_CTX* store, void* self) {
    auto* channel = static_cast<TlsChannel*>(self);
    const Status status = channel->verify_peer(X509_STORE_CTX_get0_cert(store));
    ERR_clear_error();
    if (status) return 1;
    channel->verify_error_ = status.error();
    // One alert for every reason: from outside all refusals look the same.
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
}

Status TlsChannel::verify_peer(X509* leaf) {
    if (leaf == nullptr) return Error{Errc::untrusted_certificate, "no certificate", 0};
    if (peer_) return Error{Errc::handshake_failed, "second certificate", 0};
    uint8_t* der = nullptr;
    const int size = i2d_X509(leaf, &der);
    if (size <= 0) return openssl_error(Errc::bad_certificate, "i2d_X509");
    const Bytes copy = to_bytes(std::as_bytes(std::span(der, static_cast<size_t>(size))));
    OPENSSL_free(der);
    if (copy.size() > rats::CertificateDer::kMax)
        return Error{Errc::bad_certificate, "certificate is too large", static_cast<uint32_t>(copy.size())};
    TRY(const Digest spki, spki_digest(leaf));
    if (spki == config_.own_spki) return Error{Errc::reflected, "peer shows our own key", 0};
    TRY(auto identity, attestation::check_identity_certificate(copy, config_.anchors, config_.wall_ms));
    // The key that TLS will verify with and the key that was checked must be one.
    if (identity.spki != spki) return Error{Errc::bad_certificate, "certificate reads in two ways", 0};
    if (!config_.accept_peer) return Error{Errc::refused_by_policy, "peer is not accepted", 0};
    TRY_STATUS(config_.accept_peer(identity));
    peer_ = std::move(identity);
    return {};
}

void TlsChannel::on_info(const SSL* ssl, int where, int value) {
    static_cast<TlsChannel*>(SSL_get_app_data(ssl))->alert_.observe(where, value);
}

Error TlsChannel::fail(Error error) {
    ERR_clear_error();
    state_ = ChannelState::failed;
    failure_ = error;
    key_->disarm();
    return error;
}

Error TlsChannel::handshake_error() const {
    if (verify_error_) return *verify_error_;
    if (key_->signer_error()) return *key_->signer_error();
    return alert_.error();
}

Status TlsChannel::usable() const {
    if (state_ == ChannelState::failed) return failure_;
    if (state_ == ChannelState::closed) return Error{Errc::closed, "channel", 0};
    return {};
}

Status TlsChannel::feed(ByteSpan info_body) {
    TRY_STATUS(usable());
    const auto body = parse_info_body(info_body);
    if (!body) return fail(body.error());
    if (body->sequence < next_in_) return {};  // a duplicate
    if (body->sequence > next_in_ || next_in_ == UINT32_MAX)
        return fail({Errc::bad_value, "gap in the sequence of INFO bodies", body->sequence});
    const size_t size = body->tls.size();
    if (state_ == ChannelState::handshaking && received_ + size > rats::kBytesBeforeFinished)
        return fail({Errc::too_large, "bytes before Finished", static_cast<uint32_t>(received_ + size)});
    if ((limited_ && received_ + size > rats::kBytesBeforeVerdict + allowed_) ||
        BIO_ctrl_pending(in_) + size > rats::kBytesBeforeVerdict)
        return fail({Errc::too_large, "bytes before the verdict", static_cast<uint32_t>(received_ + size)});
    size_t written = 0;
    if (BIO_write_ex(in_, body->tls.data(), size, &written) != 1 || written != size)
        return fail(openssl_error(Errc::crypto_failed, "BIO_write_ex"));
    ++next_in_;
    received_ += size;
    return {};
}

Status TlsChannel::advance() {
    TRY_STATUS(usable());
    if (state_ == ChannelState::open) return {};
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    if (result == 1) return check_opened();
    if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ) return {};
    return fail(handshake_error());
}

Status TlsChannel::check_opened() {
    if (SSL_version(ssl_.get()) != TLS1_3_VERSION || SSL_session_reused(ssl_.get()) != 0 || !peer_)
        return fail({Errc::handshake_failed, "handshake ended in a way it must not", 0});
    const auto binding = exporter(rats::kChannelBindingLabel, {});
    if (!binding) return fail(binding.error());
    if (*binding == Digest{}) return fail({Errc::wrong_binding, "channel binding is zero", 0});
    binding_ = *binding;
    key_->disarm();  // TLS signs once
    state_ = ChannelState::open;
    return {};
}

std::vector<Bytes> TlsChannel::take_output() {
    std::vector<Bytes> out;
    std::array<std::byte, kTlsBytesPerBody> chunk{};
    size_t size = 0;
    while (next_out_ != UINT32_MAX && BIO_ctrl_pending(out_) > 0 &&
           BIO_read_ex(out_, chunk.data(), chunk.size(), &size) == 1)
        out.push_back(encode_info_body(next_out_++, ByteSpan(chunk).first(size)));
    return out;
}

const attestation::IdentityCertificate& TlsChannel::peer() const {
    CHECK(state_ == ChannelState::open || state_ == ChannelState::closed);
    CHECK(peer_.has_value());
    return *peer_;
}

Digest TlsChannel::channel_binding() const {
    CHECK(binding_ != Digest{});
    return binding_;
}

Result<Digest> TlsChannel::exporter(const char* label, ByteSpan context) {
    Digest out{};
    TRY_STATUS(check(SSL_export_keying_material(ssl_.get(), as_u8(out.data()), out.size(), label, std::strlen(label),
                                                as_u8(context.data()), context.size(), 1),
                     Errc::crypto_failed, "SSL_export_keying_material"));
    return out;
}

Result<Digest> TlsChannel::export_key(const char* label, ByteSpan context) {
    TRY_STATUS(usable());
    if (state_ != ChannelState::open) return Error{Errc::wrong_state, "channel is not open", 0};
    return exporter(label, context);
}

Status TlsChannel::send(rats::FrameType type, ByteSpan body) {
    TRY_STATUS(usable());
    // Not even the server sends before the peer is verified: no 0.5-RTT data.
    if (state_ != ChannelState::open) return Error{Errc::wrong_state, "channel is not open", 0};
    if (body.size() > rats::kFrameMax) return Error{Errc::too_large, "frame", static_cast<uint32_t>(body.size())};
    const Bytes frame = encode_frame(type, body);
    size_t written = 0;
    ERR_clear_error();
    if (SSL_write_ex(ssl_.get(), frame.data(), frame.size(), &written) != 1 || written != frame.size())
        return fail(openssl_error(Errc::crypto_failed, "SSL_write_ex"));
    return {};
}

Result<std::vector<Channel::Frame>> TlsChannel::receive() {
    TRY_STATUS(usable());
    std::vector<Frame> out;
    if (state_ != ChannelState::open) return out;
    std::array<std::byte, 4096> plain{};
    for (;;) {
        size_t size = 0;
        ERR_clear_error();
        const int result = SSL_read_ex(ssl_.get(), plain.data(), plain.size(), &size);
        if (result == 1) {
            if (const auto status = frames_.push(ByteSpan(plain).first(size), out); !status)
                return fail(status.error());
            continue;
        }
        const int why = SSL_get_error(ssl_.get(), result);
        if (why == SSL_ERROR_ZERO_RETURN) state_ = ChannelState::closed;
        if (why == SSL_ERROR_ZERO_RETURN || why == SSL_ERROR_WANT_READ) return out;
        return fail(handshake_error());
    }
}

void TlsChannel::close() {
    if (state_ == ChannelState::open) {
        ERR_clear_error();
        (void)SSL_shutdown(ssl_.get());  // close_notify into the output; the peer's is not awaited
        ERR_clear_error();
    }
    if (state_ == ChannelState::failed) return;
    key_->disarm();
    state_ = ChannelState::closed;
}

}  // namespace

Result<std::unique_ptr<Channel>> Channel::create(ChannelConfig config) {
    auto channel = std::make_unique<TlsChannel>(std::move(config));
    TRY_STATUS(channel->set_up());
    return std::unique_ptr<Channel>(std::move(channel));
}

}  // namespace sealcall::tls
