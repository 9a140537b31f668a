// Two DTLS endpoints and a network between them that can lose, repeat and reorder; for tests and fuzz targets.
#pragma once

#include <functional>
#include <random>
#include <thread>

#include "enclave/dtls/endpoint.h"

namespace sealcall::dtls::test {

struct Pair {
    std::unique_ptr<Identity> alice = std::move(*Identity::create()), bob = std::move(*Identity::create());
    std::unique_ptr<Endpoint> client = std::move(*Endpoint::create(*bob, true, alice->fingerprint()));
    std::unique_ptr<Endpoint> server = std::move(*Endpoint::create(*alice, false, bob->fingerprint()));
    Status client_status, server_status;

    /// What the network makes of one flight of datagrams.
    using Network = std::function<std::vector<Bytes>(std::vector<Bytes>)>;

    static void carry(Endpoint& from, Endpoint& to, Status& status, const Network& network) {
        std::vector<Bytes> flight = from.take_output();
        for (const Bytes& datagram : flight) CHECK(datagram.size() <= 1200);
        for (const Bytes& datagram : network(std::move(flight))) {
            if (auto s = to.handle_datagram(datagram, BootClock::now()); !s) status = s;
        }
    }

    /// Until both are finished or failed, by the endpoints' own deadlines; at most `limit`.
    void run(
        const Network& network = [](auto d) { return d; }, Millis limit = Millis(15000)) {
        const auto end = BootClock::now() + limit;
        client_status = client->start(BootClock::now());
        while (BootClock::now() < end && client_status && server_status &&
               !(client->finished() && server->finished())) {
            carry(*client, *server, server_status, network);
            carry(*server, *client, client_status, network);
            if (client->finished() && server->finished()) break;
            for (auto [endpoint, status] : {std::pair{client.get(), &client_status}, {server.get(), &server_status}})
                if (endpoint->next_deadline() && *endpoint->next_deadline() <= BootClock::now())
                    if (auto s = endpoint->handle_timeout(BootClock::now()); !s) *status = s;
            std::this_thread::sleep_for(Millis(1));
        }
    }
};

}  // namespace sealcall::dtls::test
