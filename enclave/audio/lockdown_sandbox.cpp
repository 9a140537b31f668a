#include "enclave/audio/lockdown.h"
#include "enclave/sandbox/sandbox.h"

namespace sealcall::audio {

Status lock_down(Reach reach) {
    return sandbox::enter_audio(reach == Reach::devices ? sandbox::AudioUse::devices : sandbox::AudioUse::wav);
}

}  // namespace sealcall::audio
