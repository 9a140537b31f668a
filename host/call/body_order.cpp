#include "host/call/body_order.h"

#include <utility>

namespace sealcall::host {
namespace {

constexpr size_t kNumberSize = 4;

uint32_t number_of(ByteSpan body) {
    uint32_t n = 0;
    for (std::byte b : body.first(kNumberSize)) n = n << 8 | std::to_integer<uint32_t>(b);
    return n;
}

}  // namespace

std::vector<Bytes> BodyOrder::take(ByteSpan body) {
    std::vector<Bytes> out;
    const uint32_t n = body.size() < kNumberSize ? UINT32_MAX : number_of(body);
    if (n > next_ && n - next_ <= kWindow) {
        held_.try_emplace(n, to_bytes(body));
        return out;
    }
    out.push_back(to_bytes(body));
    if (n != next_) return out;
    ++next_;
    for (auto it = held_.begin(); it != held_.end() && it->first == next_; it = held_.erase(it), ++next_)
        out.push_back(std::move(it->second));
    return out;
}

std::vector<Bytes> BodyOrder::give_up() {
    std::vector<Bytes> out;
    for (auto& [n, body] : std::exchange(held_, {})) {
        next_ = n + 1;
        out.push_back(std::move(body));
    }
    return out;
}

}  // namespace sealcall::host
