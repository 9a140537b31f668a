#include "host/ui/control_server.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>

#include "host/ui/json_write.h"

namespace sealcall::ui {
namespace {

/// Who connected, or, on a listening socket, who called listen(). kOverflowUid: a user without a name in our namespace.
constexpr uint32_t kOverflowUid = 65534;

std::optional<uint32_t> peer_uid(int fd) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || size != sizeof peer) return std::nullopt;
    return peer.uid;
}

/// True if every user of the system has a name in our user namespace: then the overflow uid is just the user `nobody`.
bool all_users_have_names() {
    UniqueFd map(open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC));
    char text[64] = {};
    if (!map.valid() || read(map.get(), text, sizeof text - 1) <= 0) return false;
    unsigned inside = 1, outside = 1, count = 0;
    return std::sscanf(text, "%u %u %u", &inside, &outside, &count) == 3 && inside == 0 && outside == 0 &&
           count == 0xffffffff;
}

}  // namespace

ControlServer::ControlServer(UniqueFd listener, Handler handler)
    : listener_(std::move(listener)), handler_(std::move(handler)) {
    // Before the sandbox: it has no geteuid and opens no files.
    if (!listener_.valid()) return;
    const uint32_t maker = peer_uid(listener_.get()).value_or(0);
    allowed_uids_ = {0, geteuid(), maker};
    if (all_users_have_names()) return;
    // Every user from outside our user namespace looks like the overflow user: such a name proves nothing. If the maker
    // of the socket has no other name here, only the permissions of its file keep strangers out, and `status` says so.
    by_file_permissions_ = maker == kOverflowUid;
    if (!by_file_permissions_) std::erase(allowed_uids_, kOverflowUid);
}

bool ControlServer::may_control(int fd) const {
    const auto uid = peer_uid(fd);
    if (uid && std::ranges::find(allowed_uids_, *uid) != allowed_uids_.end()) return true;
    std::fprintf(stderr, "event=control_refused uid=%u\n", uid.value_or(kOverflowUid));
    return false;
}

std::string rpc_result(const RpcScalar& id, std::string_view result_json) {
    return JsonObject().text("jsonrpc", "2.0").raw("id", encode_rpc_scalar(id)).raw("result", result_json).take();
}

std::string rpc_error(const RpcScalar& id, RpcCode code, std::string_view message, std::string_view data_json) {
    JsonObject e;
    e.raw("code", std::to_string(static_cast<int>(code))).text("message", message);
    if (!data_json.empty()) e.raw("data", data_json);
    return JsonObject().text("jsonrpc", "2.0").raw("id", encode_rpc_scalar(id)).raw("error", e.take()).take();
}

void ControlServer::add_poll(std::vector<pollfd>& fds) const {
    if (listener_.valid()) fds.push_back({.fd = listener_.get(), .events = POLLIN, .revents = 0});
    for (const Client& c : clients_)
        fds.push_back(
            {.fd = c.fd.get(), .events = static_cast<short>(POLLIN | (c.out.empty() ? 0 : POLLOUT)), .revents = 0});
}

void ControlServer::handle(const std::vector<pollfd>& fds) {
    const auto events_of = [&](int fd) {
        const auto at = std::ranges::find(fds, fd, &pollfd::fd);
        return at == fds.end() ? 0 : at->revents;
    };
    for (size_t i = 0; i < clients_.size(); ++i) {  // a request may make the owner send to any client: no iterators
        const int events = events_of(clients_[i].fd.get());
        if (events & (POLLIN | POLLHUP | POLLERR)) read_from(clients_[i]);
        if (events & POLLOUT && clients_[i].fd.valid()) write_to(clients_[i]);
    }
    std::erase_if(clients_, [](const Client& c) { return !c.fd.valid(); });
    if (listener_.valid() && events_of(listener_.get()) != 0) accept_all();
}

void ControlServer::accept_all() {
    for (;;) {
        UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!fd.valid()) return;
        if (!may_control(fd.get()) || clients_.size() >= kClientsMax) continue;  // closed at once
        clients_.push_back(Client{.id = ClientId{++last_id_}, .fd = std::move(fd)});
    }
}

void ControlServer::read_from(Client& c) {
    char buffer[4096];
    const ssize_t n = ::recv(c.fd.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        c.fd.reset();
        return;
    }
    c.in.append(buffer, static_cast<size_t>(n));
    take_lines(c);
}

void ControlServer::take_lines(Client& c) {
    size_t end = 0;
    while (c.fd.valid() && (end = c.in.find('\n')) != std::string::npos) {
        std::string line = c.in.substr(0, end);
        c.in.erase(0, end + 1);
        if (!std::exchange(c.overlong, false)) one_line(c.id, line);
    }
    if (c.in.size() <= kRpcLineMax) return;
    if (!c.overlong) send(c.id, rpc_error({}, RpcCode::parse_error, "a line must not exceed 8192 bytes", ""));
    c.overlong = true;
    c.in.clear();
}

void ControlServer::one_line(ClientId id, std::string_view line) {
    auto request = parse_rpc_request(line);
    if (request) return handler_(id, *request);
    const bool json = request.error().code == Errc::bad_value;
    send(id, rpc_error({}, json ? RpcCode::invalid_request : RpcCode::parse_error, request.error().what, ""));
}

void ControlServer::write_to(Client& c) {
    while (!c.out.empty()) {
        const ssize_t n = ::send(c.fd.get(), c.out.data(), c.out.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) {
            c.fd.reset();
            return;
        }
        c.out.erase(0, static_cast<size_t>(n));
    }
    if (c.out.capacity() > 64 * 1024) c.out.shrink_to_fit();
}

ControlServer::Client* ControlServer::find(ClientId id) {
    const auto at = std::ranges::find(clients_, id, &Client::id);
    return at == clients_.end() || !at->fd.valid() ? nullptr : &*at;
}

void ControlServer::send(ClientId client, std::string_view json) {
    Client* c = find(client);
    if (c == nullptr) return;
    if (c->out.size() + json.size() + 1 > kUnsentMax) {
        c->fd.reset();  // removed after the round
        return;
    }
    const bool idle = c->out.empty();
    c->out.append(json).push_back('\n');
    if (idle) write_to(*c);
}

void ControlServer::subscribe(ClientId client) {
    if (Client* c = find(client)) c->subscribed = true;
}

void ControlServer::publish(std::string_view event_json) {
    if (!has_subscribers()) return;
    const std::string line =
        JsonObject().text("jsonrpc", "2.0").text("method", "event").raw("params", event_json).take();
    for (size_t i = 0; i < clients_.size(); ++i)
        if (clients_[i].subscribed) send(clients_[i].id, line);
}

bool ControlServer::has_subscribers() const {
    return std::ranges::any_of(clients_, [](const Client& c) { return c.subscribed && c.fd.valid(); });
}

void ControlServer::flush() {
    for (Client& c : clients_)
        if (c.fd.valid()) write_to(c);
}

}  // namespace sealcall::ui
