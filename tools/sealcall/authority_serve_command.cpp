// `sealcall authority serve`: the HTTPS service in the foreground, until a signal ends it.
#include <pthread.h>

#include <csignal>
#include <iostream>
#include <thread>

#include "authority_access.h"
#include "commands.h"
#include "https_server.h"
#include "https_url.h"
#include "problem.h"
#include "remote_authority.h"
#include "verifier_process.h"

namespace sealcall::cli {
namespace {

authority::ServerOptions server_options(const AuthorityOptions& o) {
    authority::ServerOptions out;
    // The same form as in an address of an authority; there port 0 has no meaning, here the kernel picks one.
    const bool any = o.listen.ends_with(":0");
    const std::string text = any ? o.listen.substr(0, o.listen.size() - 1) + "1" : o.listen;
    if (!parse_https_url("https://" + text, out.host, out.port))
        throw Problem("This is not an address to listen on: " + printable(o.listen, 300),
                      "Use HOST:PORT, for example 0.0.0.0:7443 or [::]:7443.", exit_status::kUsage);
    if (any) out.port = 0;
    out.host_names = o.host_names;
    if (out.host_names.empty() && (out.host == "0.0.0.0" || out.host == "::"))
        throw Problem("Phones need a name or address to reach the authority by.", "Give it with --host.",
                      exit_status::kUsage);
    return out;
}

}  // namespace

int run_authority_serve(const Context& context) {
    const AuthorityOptions& o = context.options.authority;
    const authority::ServerOptions options = server_options(o);
    LocalAuthority local(authority::Store::open(o.dir));
    authority::Enroller enroller(local.store, local.registry, wall_ms);
    authority::RateLimits limits;
    limits.per_second = o.requests_per_second;
    limits.burst = 4.0 * o.requests_per_second;
    authority::PassportDesk passports(
        local.store, local.registry, wall_ms,
        authority::verifier_process(roles_directory(context.options.global) / "sealcall-verifier"));
    authority::Api api(local.store, enroller, local.administration, passports, limits, wall_ms);

    // Blocked before any thread is made, so that every thread leaves them to the one that waits for them.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    authority::HttpsServer server(local.store, api, options);
    std::thread waiter([&] {
        int got = 0;
        sigwait(&signals, &got);
        server.stop();
    });
    const std::string host = options.host.find(':') == std::string::npos ? options.host : "[" + options.host + "]";
    const std::string url = "https://" + host + ":" + std::to_string(server.port());
    if (context.json())
        print_json({{"ok", true}, {"url", url}, {"port", server.port()}});
    else
        std::cout << printable(local.store.settings().name, 64) << " enrols phones at " << url << std::endl;
    std::cout.flush();
    const bool asked = server.run();
    pthread_kill(waiter.native_handle(), SIGTERM);  // if it was not a signal that ended the service
    waiter.join();
    if (!asked)
        throw Problem("The system gives the service no connections any more, so it ended.",
                      "Look at the limits of this machine (open files, memory), then start it again.");
    return exit_status::kOk;
}

}  // namespace sealcall::cli
