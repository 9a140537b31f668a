// Keeps every TLS connection of a server within bounds that its HTTP library does not know: a whole life time, received
// bytes, connections per address. A connection that oversteps is shut down, and its thread comes free. Any thread.
#pragma once

#include <openssl/ssl.h>

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>

namespace sealcall::authority {

class ConnectionGuard {
  public:
    struct Limits {
        uint64_t life_ms;
        size_t bytes;
        size_t per_address;
    };
    explicit ConnectionGuard(const Limits& limits);
    ConnectionGuard(const ConnectionGuard&) = delete;
    ConnectionGuard& operator=(const ConnectionGuard&) = delete;
    ~ConnectionGuard();
    /// From here on every connection of the context is watched. The guard outlives it.
    void watch(SSL_CTX* context);

  private:
    struct Connection {
        int fd = -1;
        uint64_t until_ms = 0;
        size_t bytes = 0;
        std::string address;
    };
    static void on_state(const SSL* ssl, int where, int value);
    static void on_message(int write, int version, int type, const void* data, size_t size, SSL* ssl, void* self);
    static void on_free(void* parent, void* pointer, CRYPTO_EX_DATA* data, int index, long number, void* self);
    static ConnectionGuard* of(const SSL* ssl);
    void opened(const SSL* ssl);
    void received(const SSL* ssl, size_t bytes);
    void closed(const void* key);
    void run();

    Limits limits_;
    int slot_ = -1;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::map<const void*, Connection> open_;
    std::map<std::string, size_t> per_address_;
    bool ends_ = false;
    std::thread thread_;
};

}  // namespace sealcall::authority
