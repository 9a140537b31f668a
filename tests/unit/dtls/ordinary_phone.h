// A DTLS peer as ordinary phones are: plain OpenSSL without our rules.
#pragma once

#include <openssl/err.h>
#include <openssl/srtp.h>

#include "enclave/dtls/datagram_bio.h"
#include "enclave/dtls/endpoint.h"
#include "enclave/dtls/identity.h"

namespace sealcall::dtls::test {

/// A DTLS endpoint without our rules.
class OrdinaryPhone {
  public:
    explicit OrdinaryPhone(tls::EvpPkeyPtr key, const char* srtp = "SRTP_AES128_CM_SHA1_80")
        : key_(std::move(key)), certificate_(X509_new()), context_(SSL_CTX_new(DTLS_method())) {
        X509_set_version(certificate_.get(), X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(certificate_.get()), 1);
        X509_gmtime_adj(X509_getm_notBefore(certificate_.get()), -60);
        X509_gmtime_adj(X509_getm_notAfter(certificate_.get()), 3600);
        X509_set_pubkey(certificate_.get(), key_.get());
        CHECK(X509_sign(certificate_.get(), key_.get(), EVP_sha256()) > 0);
        SSL_CTX_use_certificate(context(), certificate_.get());
        SSL_CTX_use_PrivateKey(context(), key_.get());
        SSL_CTX_set_verify(context(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                           [](int, X509_STORE_CTX*) { return 1; });
        if (srtp != nullptr) CHECK(SSL_CTX_set_tlsext_use_srtp(context(), srtp) == 0);
    }
    SSL_CTX* context() { return context_.get(); }
    SSL* ssl() { return ssl_.get(); }
    Digest fingerprint() const { return *certificate_fingerprint(certificate_.get()); }

    /// The whole handshake with `peer`, where this phone is the client or the server.
    Status run(Endpoint& peer, bool client) {
        ssl_.reset(SSL_new(context()));
        BIO* bio = bio_.make_bio().release();
        SSL_set_bio(ssl(), bio, bio);
        SSL_set_options(ssl(), SSL_OP_NO_QUERY_MTU);
        SSL_set_mtu(ssl(), kDatagramMax);
        client ? SSL_set_connect_state(ssl()) : SSL_set_accept_state(ssl());
        if (!client) TRY_STATUS(peer.start(BootClock::now()));
        for (int round = 0; round < 8; ++round) {
            ERR_clear_error();
            if (round == 0 && client) (void)SSL_do_handshake(ssl());
            for (const Bytes& d : bio_.take_output()) TRY_STATUS(peer.handle_datagram(d, BootClock::now()));
            for (const Bytes& d : peer.take_output()) {
                bio_.offer(d);
                (void)SSL_do_handshake(ssl());
            }
        }
        return {};
    }
    std::vector<Bytes> take_output() { return bio_.take_output(); }

  private:
    tls::EvpPkeyPtr key_;
    tls::X509Ptr certificate_;
    DatagramBio bio_;
    tls::SslCtxPtr context_;
    tls::SslPtr ssl_;
};

}  // namespace sealcall::dtls::test
