// Runs the launcher in a process of its own (it locks itself down) and prints what comes of it; launcher_test reads it.
// argv: phone|provision|hold  executables  profile  [key=value ...]   keys: ui host enclave isolation
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <map>
#include <string>

#include "sealcall/base/hex.h"
#include "tools/sealcall/launcher/phone.h"
#include "tools/sealcall/launcher/provisioner.h"

namespace {

using namespace sealcall;
using namespace sealcall::launcher;

using Options = std::map<std::string, std::string>;

void say(const std::string& line) {
    const std::string whole = "probe " + line + "\n";
    (void)!::write(1, whole.data(), whole.size());
}

GroundPlan ground_of(const Options& o) {
    GroundPlan g;
    g.executables = o.at("executables");
    g.profile_dir = o.at("profile");
    g.tpm = SoftwareTpm{.state_dir = g.profile_dir / "tpm"};
    if (o.contains("device")) g.tpm = DeviceTpm{.device = o.at("device")};
    if (o.contains("managed")) g.tpm = GuardedTpm{.socket = o.at("managed")};
    if (o.contains("isolation")) g.isolation = Isolation::directory;
    g.log_fd = 1;
    return g;
}

std::string value(const Options& o, const char* key) { return o.contains(key) ? o.at(key) : std::string(); }

int run_phone(const Options& o) {
    PhonePlan plan;
    plan.ground = ground_of(o);
    plan.ui.profile = BoundedString<64>(value(o, "ui"));
    plan.host.own_uri = BoundedString<256>(value(o, "host"));
    plan.enclave.own_uri = BoundedString<256>(value(o, "enclave"));
    plan.audio.input = plan.audio.output = ipc::AudioSource::wav;
    plan.ui.mode = ipc::UiMode::lines;
    if (o.contains("devices")) plan.audio.input = ipc::AudioSource::device;
    std::string problem;
    const BootInstant before = BootClock::now();
    auto phone = Phone::start(std::move(plan), problem);
    if (!phone) {
        say("failed problem=\"" + problem + "\"");
        return 40;
    }
    const auto took = std::chrono::duration_cast<Millis>(BootClock::now() - before);
    say("started isolation=" + std::to_string(static_cast<int>((*phone)->isolation())) +
        " log=" + to_hex((*phone)->measurement_log()));
    say("took_ms=" + std::to_string(took.count()));
    const PhoneEnd end = (*phone)->run({});
    say("ended status=" + std::to_string(end.exit_status) + " sentence=\"" + end.sentence + "\"");
    return 0;
}

int run_provisioner(const Options& o) {
    std::string problem;
    auto p = Provisioner::start(ground_of(o), problem);
    if (!p) {
        say("failed problem=\"" + problem + "\"");
        return 40;
    }
    auto made = (*p)->provision({}, Millis(5000));
    say(std::string("provisioned=") + (made && made->ok ? made->problem.str() : "no"));
    const auto report = (*p)->report();
    say("seccomp=" + std::to_string(report.seccomp) + " log=" + to_hex((*p)->measurement_log()));
    auto activated = (*p)->activate({}, Millis(5000));
    say(std::string("activated=") + (activated ? "yes" : "no") + " how=\"" + (*p)->how() + "\"");
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) return 64;
    Options o{{"executables", argv[2]}, {"profile", argv[3]}};
    for (int i = 4; i < argc; ++i)
        if (const char* eq = std::strchr(argv[i], '='))
            o[std::string(argv[i], static_cast<size_t>(eq - argv[i]))] = eq + 1;
    return std::strcmp(argv[1], "phone") == 0 ? run_phone(o) : run_provisioner(o);
}
