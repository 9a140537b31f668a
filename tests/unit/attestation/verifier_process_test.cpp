// The real sealcall-verifier over its one link: request in, answer out, and nothing for garbage.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <csignal>

#include "sealcall/ipc/link.h"
#include "tests/unit/attestation/software_tpm.h"

namespace sealcall::attestation::test {
namespace {

/// One verifier; killed with this process, and reaped here.
class Verifier {
  public:
    Verifier() {
        std::array<int, 2> pair{};
        CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) == 0);
        const pid_t parent = getpid();
        pid_ = fork();
        CHECK(pid_ >= 0);
        if (pid_ == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() != parent) _exit(120);
            // dup2 onto itself would keep the close-on-exec flag.
            const int high = fcntl(pair[1], F_DUPFD, 10);
            dup2(high, 3);
            close(high);
            char* argv[] = {const_cast<char*>(SEALCALL_VERIFIER), nullptr};
            char* envp[] = {nullptr};
            execve(SEALCALL_VERIFIER, argv, envp);
            _exit(121);
        }
        close(pair[1]);
        link_ = ipc::Link(UniqueFd(pair[0]));
    }
    ~Verifier() {
        if (pid_ > 0) {
            kill(pid_, SIGKILL);
            waitpid(pid_, nullptr, 0);
        }
    }
    Verifier(const Verifier&) = delete;
    Verifier& operator=(const Verifier&) = delete;

    void send(Bytes message) { ASSERT_TRUE(link_.send_bytes(std::move(message))); }
    void hang_up() { link_.close(); }
    /// The answer, or the error after at most ten seconds.
    Result<Bytes> receive() {
        Bytes buffer(ipc::kMessageMax + 1);
        pollfd p{.fd = link_.fd(), .events = POLLIN, .revents = 0};
        if (poll(&p, 1, 10000) != 1) return Error{Errc::timeout, "verifier", 0};
        TRY(ByteSpan m, link_.receive(buffer));
        return to_bytes(m);
    }
    int exit_status() {
        int status = 0;
        waitpid(pid_, &status, 0);
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    }

  private:
    pid_t pid_ = -1;
    ipc::Link link_;
};

TEST(VerifierProcess, AnswersOneRequestAndEnds) {
    Verifier v;
    const Bytes message = ipc::encode_message(request_of(make_case({})));
    v.send(message);
    auto answer = v.receive();
    ASSERT_TRUE(answer);
    auto response = ipc::decode_message<rats::VerifierResponse>(*answer);
    ASSERT_TRUE(response);
    EXPECT_EQ(response->request, sha256(message));
    EXPECT_EQ(response->level, rats::Level::trusted_runtime) << "no objection";
    EXPECT_EQ(response->events.size(), 2u);
    EXPECT_EQ(v.exit_status(), 0);
}

TEST(VerifierProcess, SaysFailedForForgedEvidence) {
    Verifier v;
    Scenario s;
    s.quote_signer = keys().other_ak.get();
    v.send(ipc::encode_message(request_of(make_case(s))));
    auto answer = v.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(ipc::decode_message<rats::VerifierResponse>(*answer)->level, rats::Level::failed);
    EXPECT_EQ(v.exit_status(), 0);
}

TEST(VerifierProcess, EndsWithoutAnAnswerOnGarbage) {
    Bytes trailing = ipc::encode_message(request_of(make_case({})));
    trailing.push_back(std::byte{0});
    const std::vector<Bytes> garbage{Bytes(1), Bytes(4000, std::byte{0xee}), trailing,
                                     ipc::encode_message(rats::VerifierResponse{})};
    for (const Bytes& g : garbage) {
        Verifier v;
        v.send(g);
        EXPECT_FALSE(v.receive());
        EXPECT_EQ(v.exit_status(), 1);
    }
}

TEST(VerifierProcess, EndsInOrderWhenNobodyAsks) {
    Verifier v;
    v.hang_up();
    EXPECT_EQ(v.exit_status(), 0);
}

}  // namespace
}  // namespace sealcall::attestation::test
