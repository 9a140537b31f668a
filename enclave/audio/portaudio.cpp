#include "enclave/audio/portaudio.h"

#include <alsa/asoundlib.h>
#include <dlfcn.h>
#include <jack/jack.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace sealcall::audio {
namespace {

void ignore_alsa(const char*, int, const char*, int, const char*, ...) {}
void ignore_jack(const char*) {}

// A file that exists in memory only, as `variable` of the environment. It can be opened anew after lock-down.
void configure(const char* variable, const std::string& text) {
    const int fd = ::memfd_create(variable, MFD_CLOEXEC);
    if (fd < 0) return;
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    if (::pwrite(fd, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()) &&
        ::access(path.c_str(), R_OK) == 0)
        ::setenv(variable, path.c_str(), 1);
}

// PulseAudio's client library: no shared memory, because with it the library hangs for ever when the daemon dies,
// holding the lock of our callback (seen with 16.1); and never start a daemon. The system's own settings stay in force.
void configure_pulse() {
    constexpr const char* kSystem = "/etc/pulse/client.conf";
    const std::string include = ::access(kSystem, R_OK) == 0 ? std::string(".include ") + kSystem + "\n" : "";
    configure("PULSE_CLIENTCONFIG", include + "enable-shm = no\nautospawn = no\n");
}

// ALSA: cards and the sound server. PortAudio tries every device that is configured, and the other packaged ones load
// encoders and their whole families (libavcodec, librsvg: 15 MiB) into this process.
void configure_alsa() {
    configure("ALSA_CONFIG_PATH",
              "</usr/share/alsa/alsa.conf>\n"
              "!@hooks [ { func load files ["
              " \"/etc/alsa/conf.d/50-pulseaudio.conf\" \"/etc/alsa/conf.d/50-pipewire.conf\""
              " \"/etc/alsa/conf.d/99-pulse.conf\" \"/etc/alsa/conf.d/99-pulseaudio-default.conf\""
              " \"/etc/alsa/conf.d/99-pipewire-default.conf\" \"/etc/asound.conf\""
              " ] errors false } ]\n");
}

int collect(dl_phdr_info* info, size_t, void* out) {
    if (info->dlpi_name != nullptr && info->dlpi_name[0] == '/')
        static_cast<std::vector<std::string>*>(out)->emplace_back(info->dlpi_name);
    return 0;
}

// ALSA loads these by the names that the configuration gives, when a device is opened, and unloads them again.
void load_alsa_plugins(const std::string& libasound) {
    const std::string directory = libasound.substr(0, libasound.rfind('/')) + "/alsa-lib/";
    for (const char* kind : {"conf", "pcm", "ctl"})
        for (const char* server : {"pulse", "pipewire"}) {
            const std::string name = directory + "libasound_module_" + kind + "_" + server + ".so";
            (void)::dlopen(name.c_str(), RTLD_NOW | RTLD_NODELETE);
        }
}

// Looking for devices loads whatever plugins the configuration names, and ending PortAudio unloads them: keep them, so
// that looking again after lock-down maps nothing.
void keep_libraries() {
    std::vector<std::string> names;
    ::dl_iterate_phdr(collect, &names);
    for (const std::string& name : names)
        if (name.find("/libasound.so") != std::string::npos) load_alsa_plugins(name);
    names.clear();
    ::dl_iterate_phdr(collect, &names);
    for (const std::string& name : names) (void)::dlopen(name.c_str(), RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

}  // namespace

Result<PortAudio> PortAudio::create() {
    ::setenv("JACK_NO_START_SERVER", "1", 1);  // asking for JACK must never start a daemon
    [[maybe_unused]] static const bool configured = (configure_pulse(), configure_alsa(), true);
    ::snd_lib_error_set_handler(&ignore_alsa);
    ::jack_set_error_function(&ignore_jack);
    ::jack_set_info_function(&ignore_jack);
    TRY_STATUS(pa_check(Pa_Initialize(), "the sound system cannot be initialised"));
    [[maybe_unused]] static const bool once = (keep_libraries(), true);
    return PortAudio();
}

PortAudio::~PortAudio() {
    if (owned_) Pa_Terminate();
}

}  // namespace sealcall::audio
