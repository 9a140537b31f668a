#include "connection_guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <chrono>

#include "sealcall/base/bytes.h"

namespace sealcall::authority {
namespace {

constexpr auto kLook = std::chrono::milliseconds(250);

uint64_t steady_ms() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

std::string address_of(int fd) {
    sockaddr_storage raw{};
    socklen_t size = sizeof raw;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&raw), &size) != 0) return {};
    std::array<char, INET6_ADDRSTRLEN> text{};
    const void* at = raw.ss_family == AF_INET
                         ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(&raw)->sin_addr)
                         : static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(&raw)->sin6_addr);
    return ::inet_ntop(raw.ss_family, at, text.data(), text.size()) ? text.data() : std::string();
}

int context_slot() {
    static const int slot = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return slot;
}

}  // namespace

ConnectionGuard::ConnectionGuard(const Limits& limits) : limits_(limits), thread_([this] { run(); }) {}

ConnectionGuard::~ConnectionGuard() {
    {
        const std::scoped_lock lock(mutex_);
        ends_ = true;
    }
    wake_.notify_all();
    thread_.join();
}

void ConnectionGuard::watch(SSL_CTX* context) {
    // OpenSSL calls on_free when a connection goes, which is before its descriptor is closed and used again.
    slot_ = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, on_free);
    SSL_CTX_set_ex_data(context, context_slot(), this);
    SSL_CTX_set_info_callback(context, on_state);
    SSL_CTX_set_msg_callback(context, on_message);
}

ConnectionGuard* ConnectionGuard::of(const SSL* ssl) {
    return static_cast<ConnectionGuard*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), context_slot()));
}

void ConnectionGuard::on_state(const SSL* ssl, int where, int) {
    if ((where & SSL_CB_HANDSHAKE_START) != 0) of(ssl)->opened(ssl);
}

void ConnectionGuard::on_message(int write, int, int type, const void* data, size_t size, SSL* ssl, void*) {
    if (write != 0 || type != SSL3_RT_HEADER || size < SSL3_RT_HEADER_LENGTH) return;
    const auto* header = static_cast<const unsigned char*>(data);
    of(ssl)->received(ssl, static_cast<size_t>(header[3]) << 8 | header[4]);
}

void ConnectionGuard::on_free(void*, void* pointer, CRYPTO_EX_DATA*, int, long, void*) {
    if (pointer != nullptr) {
        auto* key = static_cast<std::pair<ConnectionGuard*, const void*>*>(pointer);
        key->first->closed(key);
        delete key;  // NOLINT(cppcoreguidelines-owning-memory): OpenSSL kept it
    }
}

void ConnectionGuard::opened(const SSL* ssl) {
    auto* connection = const_cast<SSL*>(ssl);  // the callback's signature is older than the slot
    if (SSL_get_ex_data(ssl, slot_) != nullptr) return;
    auto* key = new std::pair<ConnectionGuard*, const void*>(this, ssl);  // NOLINT(cppcoreguidelines-owning-memory)
    if (SSL_set_ex_data(connection, slot_, key) != 1) {
        delete key;  // NOLINT(cppcoreguidelines-owning-memory)
        ::shutdown(SSL_get_fd(ssl), SHUT_RDWR);
        return;
    }
    const int fd = SSL_get_fd(ssl);
    const std::string address = address_of(fd);
    const std::scoped_lock lock(mutex_);
    open_.emplace(key, Connection{.fd = fd, .until_ms = steady_ms() + limits_.life_ms, .bytes = 0, .address = address});
    if (++per_address_[address] > limits_.per_address) ::shutdown(fd, SHUT_RDWR);
}

void ConnectionGuard::received(const SSL* ssl, size_t bytes) {
    const std::scoped_lock lock(mutex_);
    const auto found = open_.find(SSL_get_ex_data(ssl, slot_));
    if (found == open_.end()) return;
    found->second.bytes += bytes;
    if (found->second.bytes > limits_.bytes) ::shutdown(found->second.fd, SHUT_RDWR);
}

void ConnectionGuard::closed(const void* key) {
    const std::scoped_lock lock(mutex_);
    const auto found = open_.find(key);
    if (found == open_.end()) return;
    const auto counted = per_address_.find(found->second.address);
    if (counted != per_address_.end() && --counted->second == 0) per_address_.erase(counted);
    open_.erase(found);
}

void ConnectionGuard::run() {
    std::unique_lock lock(mutex_);
    while (!ends_) {
        wake_.wait_for(lock, kLook);
        const uint64_t now = steady_ms();
        for (const auto& [key, connection] : open_)
            if (connection.until_ms <= now) ::shutdown(connection.fd, SHUT_RDWR);
    }
}

}  // namespace sealcall::authority
