// `sealcall audit export`.
#include <csignal>
#include <iostream>
#include <thread>

#include "audit_commands.h"
#include "audit_follow.h"
#include "files.h"
#include "problem.h"

namespace sealcall::cli {
namespace {

volatile std::sig_atomic_t ended = 0;

/// Heads of other phones' logs that this one keeps: who has it, of whom, since when.
std::string witnesses(const AuditReport& log) {
    std::string out;
    for (const CallStory& call : call_stories(log)) {
        if (!call.proven_peer) continue;
        for (const size_t i : call.records) {
            const AuditRecord& r = log.records[i];
            if (r.event != "peer_verdict") continue;
            const nlohmann::ordered_json line = {{"of", call.peer},
                                                 {"head", r.text("witness")},
                                                 {"kept_by", log.records[call.start].text("uri")},
                                                 {"wall_ms", r.wall_ms},
                                                 {"seq", r.seq}};
            out += line.dump() + "\n";
        }
    }
    return out;
}

std::string lines(const AuditReport& log) {
    std::string out;
    for (const AuditRecord& r : log.records) out += r.line() + "\n";
    return out;
}

int follow(const Context& context) {
    const AuditOptions& o = context.options.audit;
    std::signal(SIGINT, [](int) { ended = 1; });
    std::signal(SIGTERM, [](int) { ended = 1; });
    const std::filesystem::path file =
        o.files.empty() ? context.paths().audit_log() : std::filesystem::path(o.files.back());
    AuditFollower follower(file, o.from ? *o.from : AuditFollower::end_of(file));
    const auto stop = [] { return ended != 0; };
    if (!o.to.empty()) {
        follow_audit(std::move(follower), o.to, stop);
        return exit_status::kOk;
    }
    for (bool last = false; !last;) {
        last = stop();
        for (const AuditRecord& r : follower.next()) std::cout << r.line() << "\n" << std::flush;
        if (!last) std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
    return exit_status::kOk;
}

}  // namespace

int run_audit_export(const Context& context) {
    const AuditOptions& o = context.options.audit;
    if (o.follow) return follow(context);
    const AuditTrail trail = trail_of(context);
    const std::string text = o.for_witnesses ? witnesses(trail.log) : lines(trail.log);
    for (const std::string& place : o.to) {
        const auto sink = make_audit_sink(place);
        for (const AuditRecord& r : trail.log.records)
            if (!sink->send(r))
                throw Problem("Record " + std::to_string(r.seq) + " could not be sent to " + shown(place, 200) + ".",
                              "Check that somebody listens there; what went out before it has arrived.");
    }
    if (!o.out.empty()) write_file(o.out, text, 0600);
    if (o.out.empty() && o.to.empty()) std::cout << text;
    if (!trail.log.holds())
        throw Problem("The chain of the audit log is broken. " + trail.log.problem,
                      "What stands before was exported; keep the file as evidence.");
    return exit_status::kOk;
}

}  // namespace sealcall::cli
