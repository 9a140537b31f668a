// The control socket: a listening AF_UNIX stream socket that the launcher made, for `sealcall status` and people's
// scripts. Clients are programs of root, of our own user, or of the user who made the socket (the launcher's), by
// SO_PEERCRED; what they send is foreign all the same. Lines in, lines out (docs/control.md); all bounds are here. No
// thread; the owner polls.
#pragma once

#include <poll.h>

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "host/ui/json_read.h"
#include "sealcall/base/strong.h"
#include "sealcall/base/unique_fd.h"

namespace sealcall::ui {

using ClientId = Strong<uint32_t, struct ClientIdTag>;

// JSON-RPC 2.0 5.1, and ours from -32000 down.
enum class RpcCode : int {
    parse_error = -32700,
    invalid_request = -32600,
    method_not_found = -32601,
    invalid_params = -32602,
    not_possible_now = -32000,  ///< there is no such call, or it cannot do that in its state
    refused = -32001,           ///< the phone refused to dial; `data` says why
    unavailable = -32002,       ///< a process of the phone did not answer in time
};

std::string rpc_result(const RpcScalar& id, std::string_view result_json);
/// `data_json` may be empty.
std::string rpc_error(const RpcScalar& id, RpcCode code, std::string_view message, std::string_view data_json);

class ControlServer {
  public:
    static constexpr size_t kClientsMax = 8;
    static constexpr size_t kUnsentMax = 512 * 1024;  ///< bytes; a client that does not read is closed
    using Handler = std::function<void(ClientId, const RpcRequest&)>;

    /// `listener` may be invalid: then there is no control socket.
    ControlServer(UniqueFd listener, Handler handler);

    /// True if the credentials of a peer cannot be told apart here (a user namespace without a map for the maker of the
    /// socket): then the permissions of the socket's file are what keeps other users out.
    [[nodiscard]] bool by_file_permissions() const { return by_file_permissions_; }
    /// Appends what to wait for.
    void add_poll(std::vector<pollfd>& fds) const;
    /// Looks at the entries that `add_poll` appended.
    void handle(const std::vector<pollfd>& fds);

    /// Queues one line; ignored when the client is gone.
    void send(ClientId client, std::string_view json);
    void subscribe(ClientId client);
    /// One event to every subscriber.
    void publish(std::string_view event_json);
    [[nodiscard]] bool has_subscribers() const;
    [[nodiscard]] size_t clients() const { return clients_.size(); }
    /// At the end: what fits into the sockets now.
    void flush();

  private:
    struct Client {
        ClientId id;
        UniqueFd fd;
        std::string in{};
        std::string out{};
        bool subscribed = false;
        bool overlong = false;  ///< inside a line that is too long: skip to its end
    };
    void accept_all();
    void read_from(Client& c);
    void take_lines(Client& c);
    void one_line(ClientId id, std::string_view line);
    static void write_to(Client& c);
    Client* find(ClientId id);

    [[nodiscard]] bool may_control(int fd) const;

    UniqueFd listener_;
    std::vector<uint32_t> allowed_uids_;
    bool by_file_permissions_ = false;
    Handler handler_;
    std::deque<Client> clients_;
    uint32_t last_id_ = 0;
};

}  // namespace sealcall::ui
