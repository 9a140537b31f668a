// The control socket's door: bounds on clients, lines and unread output; what is malformed gets an error and no crash.
#include "host/ui/control_server.h"

#include <gtest/gtest.h>
#include <sched.h>

#include "tests/unit/ui/fake_phone.h"

namespace sealcall::ui {
namespace {

class ControlServerTest : public testing::Test {
  protected:
    test::ControlSocket socket;
    std::vector<std::string> methods;
    ControlServer server{listener(), [this](ClientId c, const RpcRequest& r) {
                             methods.push_back(r.method);
                             if (r.method == "events") server.subscribe(c);
                             if (r.method == "big") server.send(c, std::string(200'000, 'x'));
                             if (r.id) server.send(c, rpc_result(*r.id, "true"));
                         }};
    UniqueFd listener() {
        const int fd = fcntl(socket.fd(), F_DUPFD_CLOEXEC, 0);
        fcntl(fd, F_SETFL, O_NONBLOCK);
        return UniqueFd(fd);
    }
    void turn(int rounds = 3) {
        for (; rounds > 0; --rounds) {
            std::vector<pollfd> fds;
            server.add_poll(fds);
            poll(fds.data(), fds.size(), 20);
            server.handle(fds);
        }
    }
    static void write_all(const UniqueFd& fd, std::string_view s) {
        while (!s.empty()) {
            const ssize_t n = send(fd.get(), s.data(), s.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (n <= 0) return;
            s.remove_prefix(static_cast<size_t>(n));
        }
    }
    static std::string read_some(const UniqueFd& fd) {
        std::string out(65536, ' ');
        const ssize_t n = recv(fd.get(), out.data(), out.size(), MSG_DONTWAIT);
        out.resize(n > 0 ? static_cast<size_t>(n) : 0);
        return out;
    }
    static bool closed(const UniqueFd& fd) {
        char c = 0;
        return recv(fd.get(), &c, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
    }
};

TEST_F(ControlServerTest, AnswersLinesHoweverTheyAreCut) {
    UniqueFd c = socket.connect_to();
    write_all(c, R"({"jsonrpc":"2.0","id":1,"me)");
    turn();
    EXPECT_TRUE(methods.empty());
    write_all(c, "thod\":\"one\"}\n{\"jsonrpc\":\"2.0\",\"method\":\"two\"}\n");
    turn();
    EXPECT_EQ(methods, (std::vector<std::string>{"one", "two"}));
    EXPECT_EQ(read_some(c), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":true}\n") << "a notification gets no answer";
}

TEST_F(ControlServerTest, MalformedLinesGetAnErrorAndTheNextOneWorks) {
    UniqueFd c = socket.connect_to();
    write_all(c, "nonsense\n{}\n\x1b[2J\n{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ok\"}\n");
    turn();
    const std::string out = read_some(c);
    EXPECT_NE(out.find("-32700"), std::string::npos) << out;
    EXPECT_NE(out.find("-32600"), std::string::npos) << out;
    EXPECT_EQ(methods, std::vector<std::string>{"ok"});
}

TEST_F(ControlServerTest, AnEndlessLineIsRefusedOnceAndSkipped) {
    UniqueFd c = socket.connect_to();
    for (int i = 0; i < 10; ++i) {
        write_all(c, std::string(8000, 'x'));
        turn(6);
    }
    write_all(c, "\n{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ok\"}\n");
    turn(6);
    const std::string out = read_some(c);
    EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 2) << out;
    EXPECT_NE(out.find("8192"), std::string::npos) << out;
    EXPECT_EQ(methods, std::vector<std::string>{"ok"});
}

TEST_F(ControlServerTest, TakesEightClientsAndRoomAgainWhenOneLeaves) {
    std::vector<UniqueFd> many;
    for (size_t i = 0; i < ControlServer::kClientsMax + 2; ++i) many.push_back(socket.connect_to());
    turn();
    EXPECT_EQ(server.clients(), ControlServer::kClientsMax);
    EXPECT_TRUE(closed(many.back()));
    EXPECT_FALSE(closed(many.front()));
    many.erase(many.begin());
    turn();
    UniqueFd late = socket.connect_to();
    turn();
    EXPECT_EQ(server.clients(), ControlServer::kClientsMax);
    write_all(late, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ok\"}\n");
    turn();
    EXPECT_EQ(methods, std::vector<std::string>{"ok"});
}

TEST_F(ControlServerTest, ASubscriberThatDoesNotReadIsClosedAndOthersAreServed) {
    UniqueFd deaf = socket.connect_to();
    UniqueFd good = socket.connect_to();
    for (UniqueFd* c : {&deaf, &good}) write_all(*c, "{\"jsonrpc\":\"2.0\",\"method\":\"events\"}\n");
    turn();
    ASSERT_TRUE(server.has_subscribers());
    size_t got = 0;
    for (int i = 0; i < 200; ++i) {
        server.publish("{\"event\":\"test\",\"fill\":\"" + std::string(8000, 'x') + "\"}");
        turn(1);
        got += read_some(good).size();
    }
    EXPECT_EQ(server.clients(), 1u);
    for (int i = 0; i < 50; ++i) {
        turn(1);
        got += read_some(good).size();
    }
    EXPECT_GT(got, 200u * 8000u);
}

TEST_F(ControlServerTest, ManyLargeAnswersToOneClientAreBounded) {
    UniqueFd c = socket.connect_to();
    for (int i = 0; i < 8; ++i) write_all(c, "{\"jsonrpc\":\"2.0\",\"method\":\"big\"}\n");
    turn(10);
    EXPECT_EQ(server.clients(), 0u);
}

TEST_F(ControlServerTest, OnlyOurOwnUserAndRootMayConnect) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
    // The directory is 0700: let the stranger reach the socket, so that only the credentials stand in the way.
    const int fd = socket.fd();
    sockaddr_un a{};
    socklen_t size = sizeof a;
    ASSERT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&a), &size), 0);
    const std::string path = a.sun_path;
    ASSERT_EQ(chmod(path.c_str(), 0666), 0);
    ASSERT_EQ(chmod(path.substr(0, path.rfind('/')).c_str(), 0755), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        if (setuid(12345) != 0) _exit(3);
        UniqueFd c(::socket(AF_UNIX, SOCK_STREAM, 0));
        if (connect(c.get(), reinterpret_cast<const sockaddr*>(&a), size) != 0) _exit(4);
        write_all(c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"secret\"}\n");
        char b = 0;
        pollfd p{.fd = c.get(), .events = POLLIN, .revents = 0};
        poll(&p, 1, 5000);
        _exit(recv(c.get(), &b, 1, MSG_DONTWAIT) <= 0 ? 0 : 5);
    }
    int status = -1;
    while (waitpid(child, &status, WNOHANG) == 0) turn(1);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0) << "3: setuid, 4: connect, 5: it got an answer";
    EXPECT_TRUE(methods.empty());
}

TEST_F(ControlServerTest, SaysWhenAUserNamespaceHidesWhoConnects) {
    EXPECT_FALSE(server.by_file_permissions()) << "here everybody has a name";
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        if (unshare(CLONE_NEWUSER) != 0) _exit(77);
        ControlServer blind(listener(), [](ClientId, const RpcRequest&) {});
        _exit(blind.by_file_permissions() ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "no user namespaces here";
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace sealcall::ui
