// A BIO that keeps datagram boundaries in memory: OpenSSL's end of a DTLS association without sockets.
#pragma once

#include <vector>

#include "enclave/tls/openssl.h"

namespace sealcall::dtls {

/// Owns both queues; must outlive the SSL that uses the BIO.
class DatagramBio {
  public:
    DatagramBio() = default;
    DatagramBio(const DatagramBio&) = delete;
    DatagramBio& operator=(const DatagramBio&) = delete;

    /// A new BIO for SSL_set_bio, for both directions; the SSL owns it. Null when memory is out.
    tls::BioPtr make_bio();
    /// The datagram that OpenSSL reads next; empties itself when read.
    void offer(ByteSpan datagram) { input_.assign(datagram.begin(), datagram.end()); }
    [[nodiscard]] bool input_left() const { return !input_.empty(); }
    void drop_input() { input_.clear(); }
    std::vector<Bytes> take_output() { return std::exchange(output_, {}); }

  private:
    static const BIO_METHOD* method();
    static int on_write(BIO* bio, const char* data, int size);
    static int on_read(BIO* bio, char* out, int capacity);
    static long on_control(BIO* bio, int command, long number, void* pointer);

    Bytes input_;
    std::vector<Bytes> output_;
};

}  // namespace sealcall::dtls
