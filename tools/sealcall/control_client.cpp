#include "control_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "call_outcome.h"
#include "commands.h"
#include "problem.h"

namespace sealcall::cli {
namespace {

constexpr std::chrono::milliseconds kAnswerWithin{10'000};

[[noreturn]] void went_away() {
    throw Problem("The phone ended before it answered.", "See what it said on its screen or in its log.");
}

}  // namespace

std::optional<ControlClient> ControlClient::connect(const std::filesystem::path& socket) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = socket.string();
    if (path.size() >= sizeof address.sun_path) return std::nullopt;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd.valid()) throw Problem(std::string("No socket can be made: ") + std::strerror(errno) + ".", "");
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        // The socket's directory is ours alone; still make sure that it is our own phone which listens.
        ucred peer{};
        socklen_t size = sizeof peer;
        if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
            (peer.uid != ::geteuid() && peer.uid != 0))
            throw Problem("Another user's program listens on " + path + ".",
                          "Do not trust it; end it and start your phone again.");
        return ControlClient(std::move(fd));
    }
    if (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR) return std::nullopt;
    throw Problem("The control socket " + path + " cannot be used: " + std::strerror(errno) + ".",
                  "It belongs to the user who runs the phone.");
}

std::optional<nlohmann::json> ControlClient::next_line(std::optional<std::chrono::milliseconds> within) {
    const auto until = std::chrono::steady_clock::now() + within.value_or(std::chrono::milliseconds(0));
    for (;;) {
        if (const size_t end = buffer_.find('\n'); end != std::string::npos) {
            const std::string line = buffer_.substr(0, end);
            buffer_.erase(0, end + 1);
            auto value = nlohmann::json::parse(line, nullptr, false);
            if (!value.is_object())
                throw Problem("The phone answered with something that is not JSON.", "Are both of the same version?");
            return value;
        }
        if (buffer_.size() > kControlLineMax)
            throw Problem("The phone's answer is too long.", "Are both of the same version?");
        int wait_ms = -1;
        if (within) {
            const auto left =
                std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
            if (left <= 0)
                throw Problem("The phone does not answer.", "See what `sealcall doctor` says, or start it again.");
            wait_ms = static_cast<int>(left);
        }
        pollfd wait{.fd = fd_.get(), .events = POLLIN, .revents = 0};
        const int ready = ::poll(&wait, 1, wait_ms);
        if (ready <= 0) continue;  // a signal, or the deadline: looked at above
        char chunk[16384];
        const ssize_t n = ::recv(fd_.get(), chunk, sizeof chunk, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return std::nullopt;
        buffer_.append(chunk, static_cast<size_t>(n));
    }
}

nlohmann::json ControlClient::request(const std::string& method, const nlohmann::json& params) {
    const uint64_t id = ++last_id_;
    const std::string line =
        nlohmann::json{{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}}.dump(
            -1, ' ', false, nlohmann::json::error_handler_t::replace) +
        "\n";
    for (size_t at = 0; at < line.size();) {
        const ssize_t n = ::send(fd_.get(), line.data() + at, line.size() - at, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) went_away();
        at += static_cast<size_t>(n);
    }
    for (;;) {
        auto answer = next_line(kAnswerWithin);
        if (!answer) went_away();
        if (answer->value("method", "") == "event") {
            events_.push_back(std::move(*answer));
            continue;
        }
        if (answer->value("id", nlohmann::json()) != id) continue;
        if (const auto error = answer->find("error"); error != answer->end() && error->is_object()) {
            const auto said = [](const nlohmann::json& in, const char* key) {
                const auto at = in.find(key);
                return at != in.end() && at->is_string() ? printable(at->get<std::string>()) : std::string();
            };
            std::string message = said(*error, "message");
            if (!message.ends_with('.')) message += '.';
            const nlohmann::json data = error->value("data", nlohmann::json::object());
            if (!data.is_object() || !data.contains("reason"))
                throw Problem("The phone says no: " + message, "`sealcall status` shows what it is doing.");
            throw Problem("The phone says no: " + message, said(data, "next"),
                          status_of_end(said(data, "reason"), false));
        }
        return answer->value("result", nlohmann::json::object());
    }
}

std::optional<nlohmann::json> ControlClient::next_event() {
    for (;;) {
        if (!events_.empty()) {
            auto event = std::move(events_.front());
            events_.erase(events_.begin());
            return event.value("params", nlohmann::json::object());
        }
        auto line = next_line(std::nullopt);
        if (!line) return std::nullopt;
        if (line->value("method", "") == "event") events_.push_back(std::move(*line));
    }
}

}  // namespace sealcall::cli
