// `sealcall audit export`.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <sstream>
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

/// As it is; on a terminal without what a terminal would act upon.
void print(const std::string& text) {
    if (::isatty(STDOUT_FILENO) == 0) {
        std::cout << text << std::flush;
        return;
    }
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) std::cout << printable(line, line.size()) << std::endl;
}

int follow(const Context& context) {
    const AuditOptions& o = context.options.audit;
    std::signal(SIGINT, [](int) { ended = 1; });
    std::signal(SIGTERM, [](int) { ended = 1; });
    const std::filesystem::path file =
        o.files.empty() ? context.paths().audit_log() : std::filesystem::path(o.files.back());
    const auto stop = [] { return ended != 0; };
    if (!o.to.empty()) {
        follow_audit(file, o.to, o.sent, stop);
        return exit_status::kOk;
    }
    AuditFollower follower(file, AuditFollower::newest(file));
    for (bool last = false; !last;) {
        last = stop();
        for (auto fresh = follower.next(); !fresh.empty(); fresh = follower.next())
            for (const AuditRecord& r : fresh) print(r.line() + "\n");
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
                throw Problem(
                    "Record " + std::to_string(r.seq) + " could not be sent to " + printable(place, 200) + ".",
                    "Check that somebody listens there; what went out before it has arrived.");
    }
    if (!o.out.empty()) export_file(o.out, text, 0600, o.force);
    if (o.out.empty() && o.to.empty()) print(text);
    if (!trail.log.holds())
        throw Problem("The chain of the audit log is broken. " + trail.log.problem,
                      "What stands before was exported; keep the file as evidence.");
    if (o.out.empty()) return exit_status::kOk;
    const auto written = static_cast<size_t>(std::ranges::count(text, '\n'));
    if (context.json())
        print_json({{"ok", true}, {"file", o.out}, {o.for_witnesses ? "heads" : "records", written}});
    else
        std::cout << "Written: " << counted(written, o.for_witnesses ? "head" : "record") << " to "
                  << printable(o.out, 200) << "\n";
    return exit_status::kOk;
}

}  // namespace sealcall::cli
