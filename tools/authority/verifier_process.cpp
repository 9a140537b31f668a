#include "verifier_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <csignal>
#include <semaphore>

#include "attestation/binding.h"
#include "sealcall/ipc/link.h"

namespace sealcall::authority {
namespace {

using attestation::VerifierWord;

/// Killed and reaped at its end, whatever it does.
class Process {
  public:
    /// With `theirs` at the descriptor of its one link, and nothing else of ours.
    Process(const std::filesystem::path& program, int theirs) {
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t none, all;
        sigemptyset(&none);
        sigfillset(&all);
        posix_spawn_file_actions_init(&actions);
        posix_spawnattr_init(&attributes);
        // Through a number above it: a descriptor that is duplicated onto itself would keep its close-on-exec flag.
        constexpr int kHigh = 100;
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
        posix_spawn_file_actions_adddup2(&actions, theirs, kHigh);
        posix_spawn_file_actions_adddup2(&actions, kHigh, ipc::fd::kControl);
        posix_spawn_file_actions_addclosefrom_np(&actions, ipc::fd::kControl + 1);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &all);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        std::string name = program.string();
        char* arguments[] = {name.data(), nullptr};
        char* environment[] = {nullptr};
        if (posix_spawn(&pid_, name.c_str(), &actions, &attributes, arguments, environment) != 0) pid_ = -1;
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
    }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
        }
    }
    [[nodiscard]] bool started() const { return pid_ > 0; }

  private:
    pid_t pid_ = -1;
};

Status queue_all(ipc::Link& link, Bytes message, const attestation::RequestLogs& logs) {
    TRY_STATUS(link.send_bytes(std::move(message)));
    for (ByteSpan left : {logs.boot, logs.runtime})
        while (!left.empty()) {
            const ByteSpan piece = left.first(std::min(left.size(), rats::kVerifierLogPart));
            TRY_STATUS(link.send(rats::VerifierLog{.bytes = BoundedBytes<rats::kVerifierLogPart>(piece)}));
            left = left.subspan(piece.size());
        }
    return {};
}

Result<VerifierWord> converse(ipc::Link& link, Bytes message, const attestation::RequestLogs& logs,
                              BootInstant deadline) {
    const Digest echo = attestation::sha256(message);
    TRY_STATUS(queue_all(link, std::move(message), logs));
    VerifierWord out;
    Bytes buffer(ipc::kMessageMax + 1);
    for (;;) {
        const auto left = std::chrono::ceil<Millis>(deadline - BootClock::now()).count();
        pollfd p{.fd = link.fd(), .events = link.events(), .revents = 0};
        if (left <= 0 || ::poll(&p, 1, static_cast<int>(left)) == 0) return Error{Errc::timeout, "verifier", 0};
        if ((p.revents & POLLOUT) != 0) TRY_STATUS(link.flush());
        auto got = link.receive(buffer);
        if (!got && got.error().code == Errc::would_block) continue;
        if (!got) return got.error();
        if (auto part = ipc::decode_message<rats::VerifierRuntime>(*got)) {
            auto& all = out.measured.runtime;
            all.insert(all.end(), part->digests.begin(), part->digests.end());
            if (all.size() > rats::kRuntimeEventsMax) return Error{Errc::too_large, "runtime list", 0};
            continue;
        }
        TRY(out.response, ipc::decode_message<rats::VerifierResponse>(*got));
        if (out.response.request != echo || out.response.runtime_events != out.measured.runtime.size())
            return Error{Errc::bad_value, "the answer to something else", 0};
        out.measured.events = out.response.events.items();
        out.measured.startup_locality = out.response.startup_locality;
        return out;
    }
}

std::optional<VerifierWord> ask(const std::filesystem::path& program, const rats::VerifierRequest& request,
                                const attestation::RequestLogs& logs) {
    static std::counting_semaphore<kVerifiersAtOnce> room(kVerifiersAtOnce);
    if (!room.try_acquire_for(std::chrono::milliseconds(kVerifierDeadline))) return {};
    const struct Leave {
        ~Leave() { room.release(); }
    } leave;
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return {};
    ipc::Link link{UniqueFd(ends[0])};
    UniqueFd theirs(ends[1]);
    const Process process(program, theirs.get());
    theirs.reset();
    if (!process.started()) return {};
    auto word = converse(link, ipc::encode_message(request), logs, BootClock::now() + Millis{kVerifierDeadline});
    if (word) return *std::move(word);
    std::fprintf(stderr, "event=verifier_failed why=\"%s\"\n", word.error().what);
    return {};
}

}  // namespace

attestation::AskVerifier verifier_process(std::filesystem::path program) {
    return [program = std::move(program)](const rats::VerifierRequest& request, const attestation::RequestLogs& logs) {
        return ask(program, request, logs);
    };
}

}  // namespace sealcall::authority
