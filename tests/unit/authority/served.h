// A served authority for tests: everything of the service but its command line.
#pragma once

#include <thread>

#include "https_server.h"
#include "verifier_process.h"
#include "world.h"

namespace sealcall::authority::test {

/// The limit on wrong tokens has a test of its own.
inline RateLimits usual_limits() {
    RateLimits out;
    out.failures_burst = 100;
    return out;
}

/// Ends with the test.
struct Served {
    Served(const Store& opened, const std::string& url, const RateLimits& limits)
        : store(opened),
          registry(open_database(url)),
          enroller(store, registry, wall_ms),
          administration(store, registry, wall_ms),
          passports(store, registry, wall_ms, verifier_process(SEALCALL_VERIFIER)),
          api(store, enroller, administration, passports, limits, wall_ms),
          server(store, api, {}),
          thread([this] { EXPECT_TRUE(server.run()); }) {}
    ~Served() {
        server.stop();
        thread.join();
    }
    const Store& store;
    Registry registry;
    Enroller enroller;
    Administration administration;
    PassportDesk passports;
    Api api;
    HttpsServer server;
    std::thread thread;
};

}  // namespace sealcall::authority::test
