#include "tests/audio/pulse_server.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

namespace sealcall::audio::test {

PulseServer::PulseServer(const Directory& directory) : directory_(directory) {
    ::mkdir(directory.path("home").c_str(), 0700);
    ::mkdir(directory.path("run").c_str(), 0700);
    std::ofstream(directory.path("default.pa"))
        << "load-module module-native-protocol-unix auth-anonymous=1 socket=" << directory.path("native") << "\n"
        << "load-module module-null-sink sink_name=bus rate=48000 format=s16le channels=2 "
           "channel_map=front-left,front-right\n"
        << "load-module module-remap-sink sink_name=mic_in master=bus channels=1 channel_map=mono "
           "master_channel_map=front-left remix=no\n"
        << "load-module module-remap-sink sink_name=spk_out master=bus channels=1 channel_map=mono "
           "master_channel_map=front-right remix=no\n"
        << "load-module module-remap-source source_name=mic master=bus.monitor channels=1 channel_map=mono "
           "master_channel_map=front-left remix=no\n"
        << "set-default-sink spk_out\nset-default-source mic\n";
}

bool PulseServer::installed() { return ::access("/usr/bin/pulseaudio", X_OK) == 0; }

std::vector<std::string> PulseServer::environment() const {
    return {"HOME=" + directory_.path("home"), "XDG_RUNTIME_DIR=" + directory_.path("run"),
            "PULSE_SERVER=unix:" + directory_.path("native"), "PATH=/usr/bin:/bin"};
}

bool PulseServer::start() {
    ::unlink(directory_.path("native").c_str());
    daemon_ = spawn({"pulseaudio", "-n", "-F", directory_.path("default.pa"), "--exit-idle-time=-1", "--daemonize=no",
                     "--disable-shm=no", "--use-pid-file=no", "--realtime=no", "--high-priority=no"},
                    environment(), directory_.path("pulse.log"));
    int status = -1;
    for (int i = 0; i < 100 && status != 0; ++i) {
        ::usleep(50'000);
        run({"pactl", "info"}, status, environment());
    }
    // Without a reader the monitor of a null sink wakes every 2 s only.
    keep_alive_ = spawn({"parec", "-d", "bus.monitor", "--latency-msec=10", "/dev/null"}, environment(),
                        directory_.path("parec.log"));
    return status == 0;
}

void PulseServer::stop() {
    end(keep_alive_, SIGKILL);
    end(daemon_, SIGKILL);
    keep_alive_ = daemon_ = -1;
}

pid_t PulseServer::play_to_microphone(const std::string& wav) {
    return spawn({"paplay", "-d", "mic_in", "--latency-msec=20", wav}, environment(), directory_.path("paplay.log"));
}

pid_t PulseServer::record_room(const std::string& wav) {
    return spawn({"parec", "-d", "bus.monitor", "--latency-msec=10", "--rate=48000", "--channels=2", "--format=s16le",
                  "--file-format=wav", wav},
                 environment(), directory_.path("record.log"));
}

}  // namespace sealcall::audio::test
