// sealcall-audio: sound card or WAV files on one side, Opus frames for the enclave on the other.
#include "enclave/audio/role.h"

int main() {
    using namespace sealcall;
    audio::AudioRole role{UniqueFd(ipc::fd::kControl), UniqueFd(ipc::fd::kAudioEnclave)};
    return role.run();
}
