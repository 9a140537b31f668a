// The authority's HTTPS service: TLS 1.3 only, one request a connection, a fixed number of threads. What it does itself
// is keep a peer within bounds (bytes, time, connections per address); what a request means is api.h's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api.h"

namespace sealcall::authority {

struct ServerOptions {
    std::string host = "127.0.0.1";
    int port = 0;                         ///< 0: the kernel picks one
    std::vector<std::string> host_names;  ///< for the certificate; empty: `host`
    size_t threads = 32;
    uint64_t connection_ms = 15'000;            ///< a connection's whole life, handshake included
    size_t connection_bytes = 3 * 1024 * 1024;  ///< received; a request for a passport has logs
    size_t connections_per_address = 16;  ///< at once; well below `threads`, so that one address cannot hold them all
};

class HttpsServer {
  public:
    /// Binds. Throws std::runtime_error with a sentence.
    HttpsServer(const Store& store, Api& api, const ServerOptions& options);
    HttpsServer(const HttpsServer&) = delete;
    HttpsServer& operator=(const HttpsServer&) = delete;
    ~HttpsServer();

    [[nodiscard]] int port() const;
    /// Serves until `stop`, once. False: it ended by itself, because the system gives it no connections any more.
    [[nodiscard]] bool run();
    /// From any thread, also before `run` and more than once.
    void stop();

  private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace sealcall::authority
