// Records on their way out: RFC 5424 to real sockets, journald's protocol, and the follower of a growing file.
#include "audit_sink.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <thread>

#include "audit_follow.h"
#include "problem.h"
#include "temporary_dir.h"

namespace sealcall::cli {
namespace {

AuditRecord record(uint64_t seq, const std::string& who) {
    AuditRecord out;
    audit::Record r("dialled");
    const std::string line = r.text("uri", who).line(seq, 1700000000123, std::string(64, '0'));
    EXPECT_EQ(read_record(line, out), "");
    return out;
}

/// A socket on the loopback at a port that the kernel chose.
struct Listener {
    UniqueFd fd;
    uint16_t port = 0;
    explicit Listener(int type) : fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0)) {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
        EXPECT_TRUE(type != SOCK_STREAM || ::listen(fd.get(), 1) == 0);
        socklen_t size = sizeof at;
        EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&at), &size), 0);
        port = ntohs(at.sin_port);
    }
    static std::string receive(int from) {
        std::string out(65536, '\0');
        const ssize_t n = ::recv(from, out.data(), out.size(), 0);
        out.resize(n > 0 ? static_cast<size_t>(n) : 0);
        return out;
    }
};

TEST(AuditSink, WritesSyslogAsRfc5424SaysIt) {
    const AuditRecord r = record(7, "sip:bob@example.com");
    EXPECT_EQ(syslog_message(r, "host"),
              "<109>1 2023-11-14T22:13:20.123Z host sealcall - dialled - \xef\xbb\xbf" + r.line());
}

TEST(AuditSink, NoRecordCanBreakOutOfAMessage) {
    const AuditRecord r = record(7, "x\nSYSLOG_IDENTIFIER=evil\n<0>1 - - - - - -\"");
    EXPECT_EQ(syslog_message(r, "host").find('\n'), std::string::npos);
    const std::string journal = journal_message(r);
    EXPECT_EQ(std::ranges::count(journal, '\n'), 6);
    EXPECT_EQ(journal.find("\nSYSLOG_IDENTIFIER=evil"), std::string::npos);
    EXPECT_TRUE(journal.starts_with("MESSAGE={\"seq\":7,"));
}

TEST(AuditSink, SendsDatagramsAndCountedOctets) {
    const AuditRecord r = record(1, "sip:bob@example.com");
    const Listener udp(SOCK_DGRAM), tcp(SOCK_STREAM);
    EXPECT_TRUE(make_audit_sink("udp://127.0.0.1:" + std::to_string(udp.port))->send(r));
    const std::string datagram = Listener::receive(udp.fd.get());
    EXPECT_TRUE(datagram.starts_with("<109>1 2023-11-14T22:13:20.123Z ")) << datagram;
    EXPECT_TRUE(datagram.ends_with(r.line()));
    const auto sink = make_audit_sink("tcp://127.0.0.1:" + std::to_string(tcp.port));
    EXPECT_TRUE(sink->send(r));
    const UniqueFd peer(::accept4(tcp.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const std::string stream = Listener::receive(peer.get());
    EXPECT_EQ(stream, std::to_string(datagram.size()) + " " + datagram);
}

TEST(AuditSink, SendsToAUnixSocketAndSaysWhenNobodyIsThere) {
    const test::TemporaryDir dir;
    const std::string path = (dir / "log").string();
    const auto sink = make_audit_sink("unix:" + path);
    EXPECT_FALSE(sink->send(record(1, "a")));
    const UniqueFd server(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    std::copy(path.begin(), path.end(), at.sun_path);
    ASSERT_EQ(::bind(server.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
    EXPECT_TRUE(sink->send(record(2, "b")));
    EXPECT_NE(Listener::receive(server.get()).find("\"seq\":2"), std::string::npos);
}

TEST(AuditSink, TakesNoPlaceThatIsNone) {
    for (const char* place : {"", "syslog", "udp://", "udp://host", "udp://host:x", "tcp://:514", "unix:", "unix:log",
                              "http://host:1", "udp://a b:1", "tcp://host:123456"})
        EXPECT_THROW((void)make_audit_sink(place), Problem) << place;
    for (const char* place : {"journald", "udp://host:514", "tcp://[::1]:601", "unix:/dev/log"})
        EXPECT_EQ(audit_place_problem(place), "") << place;
}

TEST(AuditFollow, GivesWholeRecordsAsTheyAreWrittenAndGoesToTheNextFile) {
    const test::TemporaryDir dir;
    const auto file = dir / "audit.log";
    const auto append = [&](const std::string& text) { std::ofstream(file, std::ios::app | std::ios::binary) << text; };
    append(record(0, "before").line() + "\n");
    AuditFollower follower(file, AuditFollower::end_of(file));
    EXPECT_TRUE(follower.next().empty());
    const std::string line = record(1, "a").line();
    append(line.substr(0, 20));
    EXPECT_TRUE(follower.next().empty()) << "half a record is none";
    append(line.substr(20) + "\n" + record(2, "b").line() + "\n");
    auto fresh = follower.next();
    ASSERT_EQ(fresh.size(), 2u);
    EXPECT_EQ(fresh[0].text("uri"), "a");
    // Put away: the last record of the old file stands first in the new one, and is not sent again.
    append(record(3, "c").line() + "\n");
    std::filesystem::rename(file, dir / "audit-3.log");
    append(record(3, "c").line() + "\n" + record(4, "d").line() + "\n");
    fresh = follower.next();
    ASSERT_EQ(fresh.size(), 2u);
    EXPECT_EQ(fresh[0].text("uri"), "c");
    EXPECT_EQ(fresh[1].text("uri"), "d");
}

TEST(AuditFollow, WaitsForAPlaceAndLosesNothing) {
    const test::TemporaryDir dir;
    const auto file = dir / "audit.log";
    const std::string path = (dir / "log").string();
    std::atomic<bool> stop = false;
    std::thread sender([&] { follow_audit(AuditFollower(file, 0), {"unix:" + path}, [&] { return stop.load(); }); });
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    for (uint64_t i = 0; i < 3; ++i)
        std::ofstream(file, std::ios::app | std::ios::binary) << record(i, "x").line() << "\n";
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    const UniqueFd server(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    std::copy(path.begin(), path.end(), at.sun_path);
    const timeval limit{.tv_sec = 20, .tv_usec = 0};
    ASSERT_EQ(::setsockopt(server.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    ASSERT_EQ(::bind(server.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
    for (uint64_t i = 0; i < 3; ++i)
        EXPECT_NE(Listener::receive(server.get()).find("{\"seq\":" + std::to_string(i) + ","), std::string::npos);
    stop = true;
    sender.join();
}

}  // namespace
}  // namespace sealcall::cli
