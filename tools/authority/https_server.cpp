#include "https_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <httplib.h>
#include <sys/socket.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "attestation/certificates.h"
#include "connection_guard.h"
#include "enroller_parts.h"
#include "sealcall/base/time.h"
#include "sealcall/base/unique_fd.h"

namespace sealcall::authority {
namespace {

constexpr int kBacklog = 128;
constexpr size_t kWaiting = 64;                                        ///< accepted connections without a thread
constexpr size_t kPathMax = 160;                                       ///< bytes; the longest route has 91
constexpr uint64_t kServerCertificateLife = 30ULL * 24 * 3600 * 1000;  ///< ms
constexpr uint64_t kServerCertificateFresh = 24ULL * 3600 * 1000;      ///< ms

/// A fixed number of threads and a bounded queue: when both are full, the accept loop waits and the kernel's backlog
/// fills. Nothing is dropped here, because what is dropped would never be closed.
class BoundedThreads : public httplib::TaskQueue {
  public:
    explicit BoundedThreads(size_t count) {
        for (size_t i = 0; i < count; ++i) threads_.emplace_back([this] { work(); });
    }
    void enqueue(std::function<void()> task) override {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return tasks_.size() < kWaiting; });
        tasks_.push_back(std::move(task));
        changed_.notify_all();
    }
    void shutdown() override {
        {
            const std::scoped_lock lock(mutex_);
            ends_ = true;
        }
        changed_.notify_all();
        for (auto& thread : threads_) thread.join();
    }

  private:
    void work() {
        for (;;) {
            std::function<void()> task;
            {
                std::unique_lock lock(mutex_);
                changed_.wait(lock, [&] { return ends_ || !tasks_.empty(); });
                if (tasks_.empty()) return;
                task = std::move(tasks_.front());
                tasks_.pop_front();
            }
            changed_.notify_all();
            task();
        }
    }
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> tasks_;
    bool ends_ = false;
    std::vector<std::thread> threads_;
};

/// The server's own key and certificate, made anew each day: a key that lives in memory only.
class ServerCertificate {
  public:
    ServerCertificate(const Store& store, std::vector<std::string> names)
        : root_key_(whole(attestation::key_from_pem(store.root_key_pem()), "the root key cannot be read")),
          root_(store.root_certificate()),
          names_(std::move(names)) {}

    int install(SSL* ssl) {
        const std::scoped_lock lock(mutex_);
        const uint64_t now = wall_ms();
        if (!key_ || now - made_ms_ > kServerCertificateFresh) make(now);
        const auto* der = as_u8(der_.data());
        const bool ok = SSL_use_certificate_ASN1(ssl, der, static_cast<int>(der_.size())) == 1 &&
                        SSL_use_PrivateKey(ssl, key_.get()) == 1 && send_root(ssl);
        return ok ? 1 : 0;
    }

  private:
    void make(uint64_t now) {
        auto key = whole(attestation::make_software_key(), "the server's key");
        attestation::HostNames hosts;
        unsigned char raw[16];
        for (const auto& name : names_) {
            const bool numeric =
                inet_pton(AF_INET, name.c_str(), raw) == 1 || inet_pton(AF_INET6, name.c_str(), raw) == 1;
            (numeric ? hosts.addresses : hosts.dns).push_back(name);
        }
        const attestation::Authority issuer{.key = root_key_.get(), .certificate = root_};
        der_ = whole(attestation::issue_service_certificate(
                         issuer, whole(attestation::public_key_der(key.get()), "the server's key"), hosts,
                         {.not_before_ms = now - kChallengeLife, .not_after_ms = now + kServerCertificateLife}),
                     "the server's certificate");
        key_ = std::move(key);
        made_ms_ = now;
    }
    /// The root goes along, so that a phone that knows its digest only has it whole.
    bool send_root(SSL* ssl) {
        const unsigned char* at = as_u8(root_.data());
        const attestation::X509Ptr root(d2i_X509(nullptr, &at, static_cast<long>(root_.size())));
        return root && SSL_clear_chain_certs(ssl) == 1 && SSL_add1_chain_cert(ssl, root.get()) == 1;
    }

    attestation::PkeyPtr root_key_;
    Bytes root_;
    std::vector<std::string> names_;
    std::mutex mutex_;
    attestation::PkeyPtr key_;
    Bytes der_;
    uint64_t made_ms_ = 0;
};

/// Called by OpenSSL, which knows no exceptions: what goes wrong ends this handshake.
int install_certificate(SSL* ssl, void* certificate) {
    try {
        return static_cast<ServerCertificate*>(certificate)->install(ssl);
    } catch (const std::exception&) {
        return 0;
    }
}

bool set_up(SSL_CTX& context, ServerCertificate& certificate, ConnectionGuard& guard) {
    SSL_CTX_set_options(&context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);
    if (SSL_CTX_set_min_proto_version(&context, TLS1_3_VERSION) != 1 || SSL_CTX_set_num_tickets(&context, 0) != 1)
        return false;
    SSL_CTX_set_cert_cb(&context, install_certificate, &certificate);
    guard.watch(&context);
    return true;
}

class Listener : public httplib::SSLServer {
  public:
    using SSLServer::SSLServer;
    /// The library asks for a backlog of five. What is returned is a second descriptor of the listening socket, which
    /// stays ours when the library closes its own.
    UniqueFd open_wide() {
        ::listen(svr_sock_, kBacklog);
        return UniqueFd(::fcntl(svr_sock_, F_DUPFD_CLOEXEC, 0));
    }
};

void write(const ApiReply& from, httplib::Response& to) {
    to.status = from.status;
    to.set_header("Cache-Control", "no-store");
    to.set_header("X-Content-Type-Options", "nosniff");
    if (from.status == 204) return;
    if (!from.text.empty())
        to.set_content(from.text, from.text_type);
    else
        to.set_content(from.body.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace), "application/json");
    if (from.status == 429 || from.status == 503) to.set_header("Retry-After", "5");
    if (from.status == 401) to.set_header("WWW-Authenticate", "Bearer");
}

ApiReply bad(int status, const char* error) {
    return {.status = status, .body = {{"error", error}, {"next", "See /openapi.yaml."}}, .text = {}};
}

ApiRequest values_of(const httplib::Request& from) {
    ApiRequest out{.method = from.method,
                   .path = from.path,
                   .bearer = {},
                   .body = from.body,
                   .address = from.remote_addr,
                   .after = {},
                   .accept = from.get_header_value("Accept").substr(0, 64)};
    const std::string authorization = from.get_header_value("Authorization");
    if (authorization.starts_with("Bearer ")) out.bearer = authorization.substr(7, kBearerText + 1);
    if (from.has_param("after")) out.after = from.get_param_value("after");
    return out;
}

/// Before the body is read. Nothing but a body of a stated length and of the route's one type is taken, so that the
/// library unpacks nothing.
std::optional<ApiReply> refuse_early(const httplib::Request& request) {
    if (request.path.size() > kPathMax) return bad(404, "There is nothing at this address.");
    if (request.has_header("Transfer-Encoding") || request.has_header("Content-Encoding"))
        return bad(415, "A body comes as it is, with its length.");
    if (request.method == "GET") return std::nullopt;
    if (request.method != "POST") return bad(405, "This method is not for this address.");
    if (!request.has_header("Content-Length")) return bad(411, "The length of the body is missing.");
    const bool passport = request.path == kPassportPath;
    if (request.get_header_value("Content-Type") != (passport ? "application/octet-stream" : "application/json"))
        return bad(415, passport ? "A body is application/octet-stream here." : "A body is application/json.");
    const size_t most = passport ? attestation::kPassportRequestMax : kBodyMax;
    if (request.get_header_value<uint64_t>("Content-Length") > most) return bad(413, "The body is too large.");
    return std::nullopt;
}

}  // namespace

struct HttpsServer::Parts {
    Parts(const Store& store, const ServerOptions& options)
        : certificate(store, options.host_names.empty() ? std::vector{options.host} : options.host_names),
          guard({.life_ms = options.connection_ms,
                 .bytes = options.connection_bytes,
                 .per_address = options.connections_per_address}),
          server([this](SSL_CTX& context) { return set_up(context, certificate, guard); }) {}

    ServerCertificate certificate;
    ConnectionGuard guard;
    Listener server;
    UniqueFd listening;
    int port = 0;
    std::atomic<bool> stopped = false;
};

HttpsServer::HttpsServer(const Store& store, Api& api, const ServerOptions& options)
    : parts_(std::make_unique<Parts>(store, options)) {
    Listener& server = parts_->server;
    if (!server.is_valid()) throw std::runtime_error("TLS could not be set up");
    server.new_task_queue = [count = options.threads] { return new BoundedThreads(count); };  // NOLINT: taken over
    server.set_socket_options([](int fd) {
        const int on = 1;  // not SO_REUSEPORT, the library's default: another program could share the port
        ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    });
    server.set_keep_alive_max_count(1);
    server.set_read_timeout(5);
    server.set_write_timeout(5);
    server.set_payload_max_length(attestation::kPassportRequestMax);
    server.set_pre_routing_handler([&api](const httplib::Request& request, httplib::Response& response) {
        if (request.has_header("Range")) {  // the library repeats a body as often as ranges ask for it: so none
            response.status = 416;
            return httplib::Server::HandlerResponse::Handled;
        }
        if (const auto early = refuse_early(request)) {
            write(*early, response);
            return httplib::Server::HandlerResponse::Handled;
        }
        if (request.method != "GET") return httplib::Server::HandlerResponse::Unhandled;
        write(api.answer(values_of(request)), response);
        return httplib::Server::HandlerResponse::Handled;
    });
    server.Post(R"(/[A-Za-z0-9/_.-]{0,160})", [&api](const httplib::Request& request, httplib::Response& response) {
        write(api.answer(values_of(request)), response);
    });
    server.set_error_handler([](const httplib::Request& request, httplib::Response& response) {
        if (response.body.empty() && !request.has_header("Range"))
            write(bad(response.status, "The request was not understood."), response);
    });
    parts_->port = options.port == 0 ? server.bind_to_any_port(options.host)
                                     : (server.bind_to_port(options.host, options.port) ? options.port : -1);
    if (parts_->port <= 0)
        throw std::runtime_error("the address " + options.host + ":" + std::to_string(options.port) + " is not free");
    parts_->listening = server.open_wide();
    if (!parts_->listening.valid()) throw std::runtime_error("there are no file descriptors left");
}

HttpsServer::~HttpsServer() = default;
int HttpsServer::port() const { return parts_->port; }

bool HttpsServer::run() {
    parts_->server.listen_after_bind();
    ::shutdown(parts_->listening.get(), SHUT_RDWR);  // the library closed its own descriptor only
    return parts_->stopped;
}

/// The library's own stop does nothing before its loop has begun. A listening socket that is shut down accepts nothing,
/// now and later, and that ends the loop whenever it comes by.
void HttpsServer::stop() {
    parts_->stopped = true;
    ::shutdown(parts_->listening.get(), SHUT_RDWR);
}

}  // namespace sealcall::authority
