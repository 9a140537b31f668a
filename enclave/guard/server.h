// The guard's socket. One thread; one enclave at a time; nobody is believed but the kernel (SO_PEERCRED) and files that
// only root can write.
#pragma once

#include "enclave/guard/boot.h"
#include "enclave/guard/enclave_process.h"

namespace sealcall::guard {

struct ServerPlan {
    std::filesystem::path socket = ipc::kGuardSocket;
    gid_t clients = 0;  ///< the group that may connect, besides root
    EnclavePlan enclave;
};

class Server {
  public:
    /// Listens. Errors: io, not_permitted (detail: errno).
    static Result<std::unique_ptr<Server>> create(ServerPlan plan, Boot boot);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server();

    /// Until `stop` becomes readable.
    void run(int stop);

  private:
    struct Asker {
        UniqueFd fd;
        uid_t uid = 0;
    };
    Server(ServerPlan plan, Boot boot) : plan_(std::move(plan)), boot_(std::move(boot)) {}
    void accept_one();
    bool serve(Asker& asker);  ///< false: done with it
    ipc::GuardStatus start(const ipc::GuardStart& request, std::span<const UniqueFd> fds);
    Status launch(std::span<const UniqueFd> fds);
    ipc::GuardStatus status() const;
    void take_end();
    void end_enclave();

    ServerPlan plan_;
    Boot boot_;
    UniqueFd listening_;
    std::vector<Asker> askers_;
    UniqueFd owner_;  ///< whose enclave runs
    EnclaveProcess process_;
};

}  // namespace sealcall::guard
