// Token buckets per address and for all together. An address that fails to authenticate gets a much smaller one.
// Bounded: at most kAddressesMax addresses are remembered; the one that was quiet for longest is forgotten first. Any
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace sealcall::authority {

inline constexpr size_t kAddressesMax = 4096;

struct RateLimits {
    double per_second = 20;       ///< requests of one address
    double burst = 80;            ///< requests at once
    double all_per_second = 200;  ///< requests of everybody
    double all_burst = 800;
    double failures_per_second = 0.2;  ///< wrong tokens of one address
    double failures_burst = 10;
};

class RateLimiter {
  public:
    explicit RateLimiter(const RateLimits& limits) : limits_(limits), all_{limits.all_burst, 0} {}
    /// One request of `address` at `now_ms`; false: too many. An IPv6 address counts by its first 64 bits.
    bool admit(const std::string& address, uint64_t now_ms);
    /// A wrong token.
    void failed(const std::string& address, uint64_t now_ms);

  private:
    struct Bucket {
        double level;
        uint64_t at_ms;
    };
    struct Peer {
        Bucket requests, failures;
    };
    static void refill(Bucket& bucket, double per_second, double most, uint64_t now_ms);
    Peer& peer(const std::string& address, uint64_t now_ms);

    RateLimits limits_;
    std::mutex mutex_;
    Bucket all_;
    std::map<std::string, Peer> peers_;
};

}  // namespace sealcall::authority
