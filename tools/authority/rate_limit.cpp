#include "rate_limit.h"

#include <arpa/inet.h>

#include <algorithm>

namespace sealcall::authority {
namespace {

std::string network_of(const std::string& address) {
    in6_addr v6{};
    if (inet_pton(AF_INET6, address.c_str(), &v6) != 1 || IN6_IS_ADDR_V4MAPPED(&v6)) return address;
    return {reinterpret_cast<const char*>(v6.s6_addr), 8};
}

}  // namespace

void RateLimiter::refill(Bucket& bucket, double per_second, double most, uint64_t now_ms) {
    const double passed = now_ms > bucket.at_ms ? static_cast<double>(now_ms - bucket.at_ms) / 1000.0 : 0;
    bucket.level = std::min(most, bucket.level + passed * per_second);
    bucket.at_ms = std::max(bucket.at_ms, now_ms);
}

RateLimiter::Peer& RateLimiter::peer(const std::string& address, uint64_t now_ms) {
    const std::string network = network_of(address);
    const auto found = peers_.find(network);
    if (found != peers_.end()) return found->second;
    if (peers_.size() >= kAddressesMax)
        peers_.erase(std::ranges::min_element(peers_, {}, [](const auto& entry) {
            return std::max(entry.second.requests.at_ms, entry.second.failures.at_ms);
        }));
    const Peer fresh{.requests = {limits_.burst, now_ms}, .failures = {limits_.failures_burst, now_ms}};
    return peers_.emplace(network, fresh).first->second;
}

bool RateLimiter::admit(const std::string& address, uint64_t now_ms) {
    const std::scoped_lock lock(mutex_);
    Peer& from = peer(address, now_ms);
    refill(from.requests, limits_.per_second, limits_.burst, now_ms);
    refill(from.failures, limits_.failures_per_second, limits_.failures_burst, now_ms);
    refill(all_, limits_.all_per_second, limits_.all_burst, now_ms);
    // One address alone must not use up what is everybody's: its own bucket is asked first.
    if (from.requests.level < 1 || from.failures.level < 1) return false;
    from.requests.level -= 1;
    if (all_.level < 1) return false;
    all_.level -= 1;
    return true;
}

void RateLimiter::failed(const std::string& address, uint64_t now_ms) {
    const std::scoped_lock lock(mutex_);
    Peer& from = peer(address, now_ms);
    refill(from.failures, limits_.failures_per_second, limits_.failures_burst, now_ms);
    from.failures.level = std::max(0.0, from.failures.level - 1);
}

}  // namespace sealcall::authority
