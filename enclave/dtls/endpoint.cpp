#include "enclave/dtls/endpoint.h"

#include <openssl/err.h>
#include <openssl/srtp.h>

#include "enclave/dtls/datagram_bio.h"
#include "enclave/dtls/identity.h"
#include "enclave/tls/alert.h"

namespace sealcall::dtls {

namespace {

using tls::check;
using tls::openssl_error;

// Half the round trips that a call has to bear, then doubled up to 2 s: RFC 6347, 4.2.4.1 says 1 s at first, which a
// person who has just answered would hear.
constexpr unsigned kFirstTimeoutUs = 100'000, kLastTimeoutUs = 2'000'000;
constexpr uint64_t kOptions = SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_QUERY_MTU |
                              SSL_OP_CIPHER_SERVER_PREFERENCE;
// Our certificate is ECDSA; RSA is there for ordinary phones that are the DTLS server.
constexpr const char* kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:"
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kSignatures =
    "ECDSA+SHA256:ECDSA+SHA384:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA+SHA256:RSA+SHA384:RSA+SHA512";
constexpr const char* kSrtpLabel = "EXTRACTOR-dtls_srtp";  // RFC 5764, 4.2

unsigned timer(SSL*, unsigned previous_us) {
    return previous_us == 0 ? kFirstTimeoutUs : std::min(previous_us * 2, kLastTimeoutUs);
}

class SslEndpoint final : public Endpoint {
  public:
    SslEndpoint(bool client, const Digest& peer) : client_(client), expected_(peer) {}
    Status set_up(const SoftwareIdentity& identity);

    Status handle_datagram(ByteSpan in, BootInstant now) override;
    Status start(BootInstant now) override;
    std::vector<Bytes> take_output() override { return bio_.take_output(); }
    std::optional<BootInstant> next_deadline() const override { return deadline_; }
    Status handle_timeout(BootInstant now) override;
    bool finished() const override { return finished_; }
    bool closed_by_peer() const override { return closed_; }

    Result<MediaKeys> take_media_keys() override;
    Result<Secret<32>> take_call_secret() override;
    Result<Digest> media_confirm_value() override;

  private:
    Status configure();
    Status step(BootInstant now);
    Status read_after_finish();
    Status finish();
    Status export_bytes(const char* label, std::span<std::byte> out);
    Result<MediaKeys> export_media_keys();
    void update_deadline(BootInstant now);
    Error fail(Error error);
    static int on_verify(X509_STORE_CTX* store, void* self);
    static void on_info(const SSL* ssl, int where, int value);

    bool client_;
    Digest expected_;
    DatagramBio bio_;  // outlives ssl_
    tls::SslCtxPtr context_;
    tls::SslPtr ssl_;
    std::optional<BootInstant> deadline_;
    std::optional<Error> failure_;
    tls::LastAlert alert_;
    bool wrong_fingerprint_ = false, finished_ = false, closed_ = false, extended_ = false;
    std::optional<MediaKeys> media_keys_;
    std::optional<Secret<32>> call_secret_;
    Digest confirm_{};
};

Status SslEndpoint::set_up(const SoftwareIdentity& identity) {
    context_.reset(SSL_CTX_new(DTLS_method()));
    if (!context_) return openssl_error(Errc::crypto_failed, "SSL_CTX_new");
    TRY_STATUS(configure());
    ssl_.reset(SSL_new(context_.get()));
    tls::BioPtr bio = bio_.make_bio();
    if (!ssl_ || !bio) return openssl_error(Errc::crypto_failed, "SSL_new");
    BIO* both = bio.release();
    SSL_set_bio(ssl_.get(), both, both);
    SSL_set_app_data(ssl_.get(), this);
    SSL_set_info_callback(ssl_.get(), on_info);
    DTLS_set_timer_cb(ssl_.get(), timer);
    TRY_STATUS(check(SSL_set_mtu(ssl_.get(), kDatagramMax), Errc::crypto_failed, "SSL_set_mtu"));
    // On the SSL, not on the context: SSL_certs_clear then drops our reference to the key.
    TRY_STATUS(check(SSL_use_certificate(ssl_.get(), identity.certificate()), Errc::crypto_failed, "certificate"));
    TRY_STATUS(check(SSL_use_PrivateKey(ssl_.get(), identity.key()), Errc::crypto_failed, "SSL_use_PrivateKey"));
    client_ ? SSL_set_connect_state(ssl_.get()) : SSL_set_accept_state(ssl_.get());
    return {};
}

Status SslEndpoint::configure() {
    SSL_CTX* c = context_.get();
    const auto need = [](long result, const char* call) { return check(result, Errc::crypto_failed, call); };
    TRY_STATUS(need(SSL_CTX_set_min_proto_version(c, DTLS1_2_VERSION), "SSL_CTX_set_min_proto_version"));
    TRY_STATUS(need(SSL_CTX_set_max_proto_version(c, DTLS1_2_VERSION), "SSL_CTX_set_max_proto_version"));
    TRY_STATUS(need(SSL_CTX_set_cipher_list(c, kCiphers), "SSL_CTX_set_cipher_list"));
    TRY_STATUS(need(SSL_CTX_set1_groups_list(c, "X25519:P-256:P-384"), "SSL_CTX_set1_groups_list"));
    TRY_STATUS(need(SSL_CTX_set1_sigalgs_list(c, kSignatures), "SSL_CTX_set1_sigalgs_list"));
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(c, kOptions);
    SSL_CTX_set_max_cert_list(c, 8192);
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_set_cert_verify_callback(c, on_verify, this);
    // This one returns 0 for success.
    if (SSL_CTX_set_tlsext_use_srtp(c, "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80") != 0)
        return openssl_error(Errc::crypto_failed, "SSL_CTX_set_tlsext_use_srtp");
    return {};
}

int SslEndpoint::on_verify(X509_STORE_CTX* store, void* self) {
    auto* endpoint = static_cast<SslEndpoint*>(self);
    const auto digest = certificate_fingerprint(X509_STORE_CTX_get0_cert(store));
    if (digest && *digest == endpoint->expected_) return 1;
    endpoint->wrong_fingerprint_ = true;
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
}

void SslEndpoint::on_info(const SSL* ssl, int where, int value) {
    static_cast<SslEndpoint*>(SSL_get_app_data(ssl))->alert_.observe(where, value);
}

Error SslEndpoint::fail(Error error) {
    ERR_clear_error();
    failure_ = error;
    deadline_.reset();
    media_keys_.reset();
    call_secret_.reset();
    wipe(confirm_.data(), confirm_.size());
    SSL_certs_clear(ssl_.get());
    return error;
}

Status SslEndpoint::start(BootInstant now) {
    if (failure_) return *failure_;
    if (!client_) return Error{Errc::wrong_state, "the DTLS server does not start", 0};
    return step(now);
}

Status SslEndpoint::handle_datagram(ByteSpan in, BootInstant now) {
    if (failure_) return *failure_;
    if (closed_) return Error{Errc::closed, "DTLS association", 0};
    constexpr auto kFirst = std::byte{20}, kLast = std::byte{63};
    if (in.empty() || in.size() > kReceiveMax || in[0] < kFirst || in[0] > kLast) return {};
    bio_.offer(in);
    const Status status = step(now);
    bio_.drop_input();
    return status;
}

Status SslEndpoint::step(BootInstant now) {
    ERR_clear_error();
    if (!finished_) {
        const int result = SSL_do_handshake(ssl_.get());
        if (result == 1) {
            TRY_STATUS(finish());
        } else if (SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ) {
            if (wrong_fingerprint_)
                return fail({Errc::wrong_name, "certificate does not have the announced fingerprint", 0});
            return fail(alert_.error());
        }
    }
    // Also right after the handshake: the rest of the datagram may hold more records.
    if (finished_) TRY_STATUS(read_after_finish());
    update_deadline(now);
    return {};
}

// Nobody sends application data over this association: what arrives is thrown away. A peer that lost our last flight
// makes OpenSSL send it again from here.
Status SslEndpoint::read_after_finish() {
    std::array<std::byte, kReceiveMax> ignored{};
    for (;;) {
        size_t size = 0;
        ERR_clear_error();
        const int result = SSL_read_ex(ssl_.get(), ignored.data(), ignored.size(), &size);
        if (result == 1) continue;
        const int why = SSL_get_error(ssl_.get(), result);
        if (why == SSL_ERROR_WANT_READ) return {};
        if (why != SSL_ERROR_ZERO_RETURN) return fail(alert_.error());
        closed_ = true;
        return {};
    }
}

void SslEndpoint::update_deadline(BootInstant now) {
    timeval left{};
    deadline_.reset();
    if (DTLSv1_get_timeout(ssl_.get(), &left) != 1) return;
    // OpenSSL counts on its own clock; never ask to be called back at once for ever.
    const auto wait = std::chrono::seconds(left.tv_sec) + Micros(left.tv_usec);
    deadline_ = now + std::max<Micros>(wait, Millis(1));
}

Status SslEndpoint::handle_timeout(BootInstant now) {
    if (failure_) return *failure_;
    if (!deadline_ || now < *deadline_) return {};
    ERR_clear_error();
    if (DTLSv1_handle_timeout(ssl_.get()) < 0)
        return fail({Errc::handshake_failed, "the DTLS peer does not answer", 0});
    update_deadline(now);
    return {};
}

Status SslEndpoint::finish() {
    SSL* s = ssl_.get();
    if (SSL_version(s) != DTLS1_2_VERSION || SSL_session_reused(s) != 0 || SSL_get0_peer_certificate(s) == nullptr)
        return fail({Errc::handshake_failed, "handshake ended in a way it must not", 0});
    auto keys = export_media_keys();
    if (!keys) return fail(keys.error());
    media_keys_ = std::move(*keys);
    extended_ = SSL_get_extms_support(s) == 1;
    call_secret_.emplace();
    Status status = export_bytes(rats::kCallSecretLabel, call_secret_->reveal(SecretAccess{}));
    if (status) status = export_bytes(rats::kMediaConfirmLabel, confirm_);
    // From here on nothing can be exported again, not even by a bug: the record keys suffice to repeat the last flight.
    const std::array<unsigned char, SSL_MAX_MASTER_KEY_LENGTH> zeros{};
    if (status)
        status = check(SSL_SESSION_set1_master_key(SSL_get_session(s), zeros.data(), zeros.size()), Errc::crypto_failed,
                       "SSL_SESSION_set1_master_key");
    if (!status) return fail(status.error());
    SSL_certs_clear(s);
    finished_ = true;
    return {};
}

Status SslEndpoint::export_bytes(const char* label, std::span<std::byte> out) {
    return check(
        SSL_export_keying_material(ssl_.get(), as_u8(out.data()), out.size(), label, std::strlen(label), nullptr, 0, 0),
        Errc::crypto_failed, "SSL_export_keying_material");
}

// RFC 5764, 4.2: client key, server key, client salt, server salt.
Result<MediaKeys> SslEndpoint::export_media_keys() {
    const SRTP_PROTECTION_PROFILE* chosen = SSL_get_selected_srtp_profile(ssl_.get());
    if (chosen == nullptr) return Error{Errc::handshake_failed, "peer offers no SRTP profile of ours", 0};
    MediaKeys out;
    size_t salt = 0;
    switch (chosen->id) {
        case SRTP_AEAD_AES_128_GCM:
            out.profile = SrtpProfile::aead_aes_128_gcm;
            salt = 12;
            break;
        case SRTP_AES128_CM_SHA1_80:
            out.profile = SrtpProfile::aes128_cm_sha1_80;
            salt = 14;
            break;
        default:
            return Error{Errc::handshake_failed, "SRTP profile", static_cast<uint32_t>(chosen->id)};
    }
    constexpr size_t kKey = 16;
    Secret<60> block;
    const auto all = block.reveal(SecretAccess{}).first(2 * kKey + 2 * salt);
    TRY_STATUS(export_bytes(kSrtpLabel, all));
    const size_t self = client_ ? 0 : 1, peer = 1 - self;
    const auto copy = [&](auto& secret, size_t offset, size_t size) {
        std::ranges::copy(all.subspan(offset, size), secret.reveal(SecretAccess{}).begin());
    };
    copy(out.send_key, self * kKey, kKey);
    copy(out.receive_key, peer * kKey, kKey);
    copy(out.send_salt, 2 * kKey + self * salt, salt);
    copy(out.receive_salt, 2 * kKey + peer * salt, salt);
    return out;
}

Result<MediaKeys> SslEndpoint::take_media_keys() {
    if (!media_keys_) return Error{Errc::wrong_state, "no media keys, or already taken", 0};
    MediaKeys out = std::move(*media_keys_);
    media_keys_.reset();
    return out;
}

Result<Secret<32>> SslEndpoint::take_call_secret() {
    if (!call_secret_) return Error{Errc::wrong_state, "no call secret, or already taken", 0};
    Secret<32> out = std::move(*call_secret_);
    call_secret_.reset();
    return out;
}

Result<Digest> SslEndpoint::media_confirm_value() {
    if (!finished_ || failure_) return Error{Errc::wrong_state, "handshake is not finished", 0};
    if (!extended_) return Error{Errc::handshake_failed, "peer has no extended master secret", 0};
    return confirm_;
}

}  // namespace

Result<std::unique_ptr<Endpoint>> Endpoint::create(Identity& identity, bool client, const Digest& peer_fingerprint) {
    if (identity.fingerprint() == peer_fingerprint)
        return Error{Errc::reflected, "peer announces our own DTLS certificate", 0};
    auto endpoint = std::make_unique<SslEndpoint>(client, peer_fingerprint);
    // Identity has one implementation; without RTTI a cast cannot check it.
    TRY_STATUS(endpoint->set_up(static_cast<const SoftwareIdentity&>(identity)));
    return std::unique_ptr<Endpoint>(std::move(endpoint));
}

}  // namespace sealcall::dtls
