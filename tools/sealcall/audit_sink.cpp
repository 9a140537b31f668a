#include "audit_sink.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <ctime>

#include "audit_commands.h"
#include "problem.h"

namespace sealcall::cli {
namespace {

constexpr const char* kJournal = "/run/systemd/journal/socket";
constexpr int kAudit = 13, kNotice = 5;  // RFC 5424 6.2.1
constexpr time_t kTcpSeconds = 5;

struct HostAndPort {
    std::string host, port;
};

/// Of "HOST:PORT" or "[ADDRESS]:PORT".
std::optional<HostAndPort> split(std::string_view text) {
    const size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return {};
    HostAndPort out{.host = std::string(text.substr(0, colon)), .port = std::string(text.substr(colon + 1))};
    if (out.host.front() == '[' && out.host.back() == ']') out.host = out.host.substr(1, out.host.size() - 2);
    const bool digits =
        !out.port.empty() && out.port.size() <= 5 && out.port.find_first_not_of("0123456789") == std::string::npos;
    if (!digits || out.host.empty() || out.host.find(' ') != std::string::npos) return {};
    return out;
}

std::string host_name() {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "-";
    return name.data();
}

class UnixSink final : public AuditSink {
  public:
    UnixSink(std::string path, bool journal) : path_(std::move(path)), journal_(journal), host_(host_name()) {}
    bool send(const AuditRecord& record) override {
        sockaddr_un to{};
        to.sun_family = AF_UNIX;
        std::memcpy(to.sun_path, path_.data(), path_.size());
        if (!fd_.valid()) fd_ = UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        const std::string text = journal_ ? journal_message(record) : syslog_message(record, host_);
        // A server that does not read is tried again later: other places wait for nobody.
        return ::sendto(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                        reinterpret_cast<const sockaddr*>(&to), sizeof to) == static_cast<ssize_t>(text.size());
    }

  private:
    std::string path_;
    bool journal_;
    std::string host_;
    UniqueFd fd_;
};

class NetworkSink final : public AuditSink {
  public:
    NetworkSink(HostAndPort to, int type) : to_(std::move(to)), type_(type), host_(host_name()) {}
    bool send(const AuditRecord& record) override {
        if (!fd_.valid() && !connect()) return false;
        std::string text = syslog_message(record, host_);
        if (type_ == SOCK_STREAM) text = std::to_string(text.size()) + " " + text;  // RFC 6587 3.4.1
        for (std::string_view rest = text; !rest.empty();) {
            const ssize_t n = ::send(fd_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
            if (n <= 0) {
                fd_.reset();
                return false;
            }
            rest.remove_prefix(static_cast<size_t>(n));
        }
        return true;
    }

  private:
    bool connect() {
        addrinfo hints{}, *found = nullptr;
        hints.ai_socktype = type_;
        if (::getaddrinfo(to_.host.c_str(), to_.port.c_str(), &hints, &found) != 0) return false;
        for (const addrinfo* a = found; a != nullptr && !fd_.valid(); a = a->ai_next) {
            UniqueFd fd(::socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol));
            const timeval limit{.tv_sec = kTcpSeconds, .tv_usec = 0};
            ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
            if (::connect(fd.get(), a->ai_addr, a->ai_addrlen) == 0) fd_ = std::move(fd);
        }
        ::freeaddrinfo(found);
        return fd_.valid();
    }
    HostAndPort to_;
    int type_;
    std::string host_;
    UniqueFd fd_;
};

std::string timestamp(uint64_t wall_ms) {
    const auto seconds = static_cast<time_t>(wall_ms / 1000);
    std::tm tm{};
    if (::gmtime_r(&seconds, &tm) == nullptr || tm.tm_year > 9999 - 1900) return "-";
    std::array<char, 40> out{};
    const size_t n = std::strftime(out.data(), out.size(), "%Y-%m-%dT%H:%M:%S", &tm);
    std::snprintf(out.data() + n, out.size() - n, ".%03uZ", static_cast<unsigned>(wall_ms % 1000));
    return out.data();
}

/// MSGID: 1 to 32 printable ASCII characters.
std::string message_id(const std::string& event) {
    std::string out;
    for (const char c : event.substr(0, 32)) out += c > ' ' && c < 127 ? c : '_';
    return out.empty() ? "-" : out;
}

}  // namespace

std::string audit_place_problem(const std::string& place) {
    if (place == "journald") return {};
    if (place.starts_with("unix:"))
        return place.size() > 6 && place[5] == '/' && place.size() - 5 < sizeof(sockaddr_un{}.sun_path)
                   ? ""
                   : "a socket is named by its whole path, like unix:/dev/log";
    for (const char* scheme : {"udp://", "tcp://"})
        if (place.starts_with(scheme)) return split(place.substr(6)) ? "" : "a host is named as HOST:PORT";
    return "records go to journald, udp://HOST:PORT, tcp://HOST:PORT or unix:PATH";
}

std::unique_ptr<AuditSink> make_audit_sink(const std::string& place) {
    if (const std::string wrong = audit_place_problem(place); !wrong.empty())
        throw Problem("\"" + printable(place, 200) + "\" is no place for records: " + wrong + ".",
                      "Correct --to, or send_to in [audit] of the configuration.", exit_status::kUsage);
    if (place == "journald") return std::make_unique<UnixSink>(kJournal, true);
    if (place.starts_with("unix:")) return std::make_unique<UnixSink>(place.substr(5), false);
    return std::make_unique<NetworkSink>(*split(place.substr(6)), place.starts_with("udp") ? SOCK_DGRAM : SOCK_STREAM);
}

std::string syslog_message(const AuditRecord& record, const std::string& host) {
    return "<" + std::to_string(kAudit * 8 + kNotice) + ">1 " + timestamp(record.wall_ms) + " " + host +
           " sealcall - " + message_id(record.event) + " - \xef\xbb\xbf" + record.line();
}

std::string journal_message(const AuditRecord& record) {
    return "MESSAGE=" + record.line() + "\nPRIORITY=" + std::to_string(kNotice) +
           "\nSYSLOG_IDENTIFIER=sealcall\nSYSLOG_FACILITY=" + std::to_string(kAudit) +
           "\nSEALCALL_EVENT=" + message_id(record.event) + "\nSEALCALL_SEQ=" + std::to_string(record.seq) + "\n";
}

}  // namespace sealcall::cli
