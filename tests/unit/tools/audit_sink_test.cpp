// Records on their way out: RFC 5424 to real sockets, journald's protocol, and the follower of a growing file.
#include "audit_sink.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <thread>

#include "audit_follow.h"
#include "audit_trail.h"
#include "files.h"
#include "problem.h"
#include "temporary_dir.h"

namespace sealcall::cli {
namespace {

AuditRecord record(uint64_t seq, const std::string& who, const Digest& prev = {}) {
    AuditRecord out;
    audit::Record r("dialled");
    const std::string line = r.text("uri", who).line(seq, 1700000000123, to_hex(prev));
    EXPECT_EQ(read_record(line, out), "");
    return out;
}

/// A log that grows.
struct Grows {
    test::TemporaryDir dir;
    std::filesystem::path file = dir / "audit.log";
    AuditPlace last;
    AuditRecord made(const std::string& who) {
        const AuditRecord r = record(last.seq + 1, who, last.digest);
        last = {.seq = r.seq, .digest = r.digest};
        return r;
    }
    void append(const std::string& text) const { std::ofstream(file, std::ios::app | std::ios::binary) << text; }
    void write(const std::string& who) { append(made(who).line() + "\n"); }
    /// The next file, as the launcher makes it.
    void put_away() const {
        const auto log = read_audit_file(file);
        const auto away = dir / audit_file_name(last.seq);
        std::filesystem::rename(file, away);
        append(log->records.back().line() + "\n");
    }
};

std::string names(const std::vector<AuditRecord>& records) {
    std::string out;
    for (const AuditRecord& r : records) out += r.event == "dialled" ? r.text("uri") : "(" + r.event + ")";
    return out;
}

std::string all_of(AuditFollower& follower) {
    std::string out;
    for (auto fresh = follower.next(); !fresh.empty(); fresh = follower.next()) out += names(fresh);
    return out;
}

/// A server's datagram socket.
struct UnixServer {
    UniqueFd fd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    explicit UnixServer(const std::string& path) {
        sockaddr_un at{};
        at.sun_family = AF_UNIX;
        std::copy(path.begin(), path.end(), at.sun_path);
        const timeval limit{.tv_sec = 20, .tv_usec = 0};
        EXPECT_EQ(::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
        EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
    }
};

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

TEST(AuditSink, AServerThatDoesNotReadStopsNobody) {
    const test::TemporaryDir dir;
    const UnixServer server((dir / "log").string());
    const auto sink = make_audit_sink("unix:" + (dir / "log").string());
    int sent = 0;
    while (sent < 100000 && sink->send(record(1, "a"))) ++sent;
    EXPECT_LT(sent, 100000) << "it waits for ever, or there is no limit";
    (void)Listener::receive(server.fd.get());
    EXPECT_TRUE(sink->send(record(1, "a")));
}

TEST(AuditFollow, GivesWholeRecordsAsTheyAreWrittenAndGoesToTheNextFile) {
    Grows log;
    log.write("before");
    AuditFollower follower(log.file, AuditFollower::newest(log.file));
    EXPECT_TRUE(follower.next().empty());
    const std::string line = log.made("a").line();
    log.append(line.substr(0, 20));
    EXPECT_TRUE(follower.next().empty()) << "half a record is none";
    log.append(line.substr(20) + "\n");
    log.write("b");
    EXPECT_EQ(all_of(follower), "ab");
    // The last record of the old file stands first in the new one, and is not sent again.
    log.write("c");
    log.put_away();
    log.write("d");
    EXPECT_EQ(all_of(follower), "cd");
    // What was half written at a crash is cut off, and something else stands there.
    log.append("{\"seq\":4,\"wall");
    EXPECT_EQ(all_of(follower), "");
    std::filesystem::resize_file(log.file, std::filesystem::file_size(log.file) - 14);
    log.write("e");
    EXPECT_EQ(all_of(follower), "e");
}

TEST(AuditFollow, GoesOnBehindWhatWasSentThroughFilesThatWerePutAway) {
    Grows log;
    log.write("a");
    const AuditPlace sent = log.last;
    for (const char* who : {"b", "c", "d"}) {
        log.write(who);
        log.put_away();
    }
    log.write("e");
    AuditFollower follower(log.file, sent);
    EXPECT_EQ(all_of(follower), "bcde");
    AuditFollower whole(log.file, {});
    EXPECT_EQ(all_of(whole), "abcde");
}

TEST(AuditFollow, SkipsNoFileThatWasPutAwayWhileAPlaceWaited) {
    Grows log;
    log.write("a");
    AuditFollower follower(log.file, {});
    EXPECT_EQ(all_of(follower), "a");
    for (const char* who : {"b", "c", "d"}) {
        log.put_away();
        log.write(who);
    }
    EXPECT_EQ(all_of(follower), "bcd");
    AuditFollower early(log.file, {});
    log.put_away();
    log.write("e");
    EXPECT_EQ(all_of(early), "abcde");
}

TEST(AuditFollow, APlaceGetsItsRecordsThoughNobodyCanKeepHowFarItIs) {
    Grows log;
    const std::string path = (log.dir / "log").string();
    const UnixServer server(path);
    std::atomic<bool> stop = false;
    std::thread sender(
        [&] { follow_audit(log.file, {"unix:" + path}, log.dir / "not" / "there", [&] { return stop.load(); }); });
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    log.write("a");
    EXPECT_NE(Listener::receive(server.fd.get()).find("\"uri\":\"a"), std::string::npos);
    stop = true;
    sender.join();
}

TEST(AuditFollow, APlantedLineHidesNothingAndIsTold) {
    Grows log;
    AuditFollower follower(log.file, {});
    log.write("a");
    log.append(record(uint64_t{1} << 60, "planted", log.last.digest).line() + "\n");
    log.write("b");
    log.append("no record\n");
    log.write("c");
    EXPECT_EQ(all_of(follower), "a(chain_broken)planted(chain_broken)b(chain_broken)c");
    log.write("d");
    EXPECT_EQ(all_of(follower), "d");
    AuditFollower lost(log.file, {.seq = 7, .digest = Digest{std::byte{1}}});  // a log that was made anew
    EXPECT_TRUE(all_of(lost).starts_with("(chain_broken)a"));
}

TEST(AuditFollow, WaitsForAPlaceAndAfterARestartEveryRecordArrivesOnce) {
    Grows log;
    const std::string path = (log.dir / "log").string();
    const auto sent = log.dir / "audit.sent";
    const auto follow = [&](const std::function<void()>& meanwhile) {
        std::atomic<bool> stop = false;
        std::thread sender([&] { follow_audit(log.file, {"unix:" + path}, sent, [&] { return stop.load(); }); });
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
        meanwhile();
        stop = true;
        sender.join();
    };
    follow([&] { log.write("a"); });  // nobody listens
    log.write("b");                   // nobody sends
    log.put_away();
    const UnixServer server(path);
    const auto receive = [&](char who) {
        const std::string got = Listener::receive(server.fd.get());
        EXPECT_NE(got.find(std::string("\"uri\":\"") + who), std::string::npos) << got;
    };
    follow([&] {
        receive('a');
        receive('b');
        log.write("c");
        receive('c');
    });
    log.write("d");
    follow([&] { receive('d'); });
    char byte = 0;
    EXPECT_EQ(::recv(server.fd.get(), &byte, 1, MSG_DONTWAIT), -1) << "something came twice";
    EXPECT_EQ(std::filesystem::status(sent).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

}  // namespace
}  // namespace sealcall::cli
