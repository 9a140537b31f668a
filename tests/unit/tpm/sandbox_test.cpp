// Everything that the TPM worker does, behind the enclave's lock-down: a library that opens or maps something late
// would end the process.
#include <poll.h>
#include <sys/wait.h>

#include "enclave/sandbox/sandbox.h"
#include "enclave/tpm/worker.h"
#include "tests/unit/tpm/private_tpm.h"

namespace sealcall::tpm::test {
namespace {

bool use_everything(Tpm& tpm) {
    auto sealed = tpm.seal(0, {});
    if (!sealed || !tpm.unseal(*sealed)) return false;
    auto renewed = tpm.renew(*sealed);
    if (!renewed || !tpm.unseal(*renewed)) return false;
    if (!tpm.sign_identity({}) || !tpm.quote({}) || !tpm.certify_identity({}) || !tpm.end_slot(0)) return false;
    auto refused = tpm.unseal(*renewed);
    if (refused || refused.error().code != Errc::tpm_policy_refused) return false;
    return tpm.endorsement() && !tpm.activate_credential(Bytes(50), Bytes(70)) && tpm.read_pcr(13) && tpm.shutdown();
}

/// In a process of its own; 0 when all went well.
int run_locked_down(UniqueFd connection, Options options, const IdentityBlobs& identity) {
    auto tpm = Tpm::open(std::move(connection), std::move(options));
    if (!tpm || !(*tpm)->load(identity)) return 1;
    auto worker = Worker::create(std::move(*tpm));
    if (!worker) return 2;
    if (!sandbox::enter(ipc::ProcessRole::enclave)) return 3;
    bool ok = false, done = false;
    if (!(*worker)->post(
            Urgency::own_call, [&](Tpm& t) { ok = use_everything(t); }, [&] { done = true; }))
        return 4;
    while (!done) {
        pollfd p{(*worker)->fd(), POLLIN, 0};
        if (::poll(&p, 1, 30'000) <= 0) return 5;
        (*worker)->dispatch();
    }
    worker->reset();  // the thread ends under seccomp too
    return ok ? 0 : 6;
}

class Sandboxed : public PhoneTest {};

TEST_F(Sandboxed, TheWorkerNeedsNothingThatTheEnclaveMayNotDo) {
    tpm_.reset();
    const pid_t pid = ::fork();
    if (pid == 0) ::_exit(run_locked_down(swtpm_->connect(), options(), identity_));
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace sealcall::tpm::test
