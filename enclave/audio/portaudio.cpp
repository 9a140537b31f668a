#include "enclave/audio/portaudio.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "enclave/audio/device.h"

namespace sealcall::audio {
namespace {

// Opened once, before lock-down, and kept: opening it later might not be permitted.
int null_fd() {
    static const int fd = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    return fd;
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

}  // namespace

Hush::Hush() {
    if (null_fd() < 0) return;
    kept_ = UniqueFd(::fcntl(2, F_DUPFD_CLOEXEC, 3));
    if (kept_.valid()) ::dup2(null_fd(), 2);
}

Hush::~Hush() {
    if (kept_.valid()) ::dup2(kept_.get(), 2);
}

Result<PortAudio> PortAudio::create() {
    ::setenv("JACK_NO_START_SERVER", "1", 1);  // asking for JACK must never start a daemon
    Hush hush;
    TRY_STATUS(pa_check(Pa_Initialize(), "the sound system cannot be initialised"));
    return PortAudio();
}

PortAudio::~PortAudio() {
    if (owned_) Pa_Terminate();
}

void Device::keep_libraries() {
    std::vector<std::string> names;
    ::dl_iterate_phdr(collect, &names);
    for (const std::string& name : names)
        if (name.find("/libasound.so") != std::string::npos) load_alsa_plugins(name);
    names.clear();
    ::dl_iterate_phdr(collect, &names);
    for (const std::string& name : names) (void)::dlopen(name.c_str(), RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

}  // namespace sealcall::audio
