// What every process of a phone knows: limits, file descriptors, the roles, and the first message on a link.
#pragma once

#include "sealcall/ipc/codec.h"

namespace sealcall::ipc {

inline constexpr uint32_t kProtocolVersion = 1;
inline constexpr size_t kDatagramMax = 1500;   ///< bytes of one DTLS or SRTP packet
inline constexpr size_t kAudioFrameMax = 400;  ///< bytes of one Opus packet
inline constexpr size_t kMessageMax = 64 * 1024;

/// File descriptors that a role finds open when it starts. 0 and 1 are /dev/null but in ui; 2 is the log.
namespace fd {
inline constexpr int kControl = 3;  ///< every role: link to the launcher. The verifier: its one request
inline constexpr int kUiEnclave = 4, kUiHost = 5, kUiControlSocket = 6;
inline constexpr int kHostEnclave = 4, kHostUi = 5;
inline constexpr int kEnclaveHost = 4, kEnclaveUi = 5, kEnclaveAudio = 6, kEnclaveTpm = 7, kEnclaveAudit = 8;
inline constexpr int kEnclaveVerifier0 = 9, kEnclaveVerifierSlots = 2;  ///< 9 and 10
inline constexpr int kEnclaveBundle = 11;                            ///< read-only; /dev/null when the profile has none
inline constexpr int kEnclaveBootLog = 12, kEnclaveRuntimeLog = 13;  ///< the machine's own logs, or /dev/null
inline constexpr int kEnclaveVault = 14;                             ///< the profile's vault, for reading and writing
inline constexpr int kAudioEnclave = 4, kAudioWavIn = 5, kAudioWavOut = 6;
}  // namespace fd

enum class ProcessRole : uint8_t { launcher, ui, host, enclave, verifier, audio };

/// First message on every link, both ways. Unequal version or build: both sides end.
struct LinkHello {
    static constexpr uint16_t kId = 2;
    uint32_t version = kProtocolVersion;
    BoundedString<64> build;
    ProcessRole role{};
    static constexpr auto fields = std::tuple{&LinkHello::version, &LinkHello::build, &LinkHello::role};
};

enum class TpmKind : uint8_t { swtpm_socket, device };

}  // namespace sealcall::ipc

SEALCALL_ENUM_LAST(sealcall::ipc::ProcessRole, audio);
SEALCALL_ENUM_LAST(sealcall::ipc::TpmKind, device);
