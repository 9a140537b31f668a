// What is said on the socket of sealcall-guard: a launcher asks for the enclave, anybody who may connect asks how
// things are. SOCK_SEQPACKET, one message a packet; the kernel says who connected (SO_PEERCRED). Nothing that the asker
// says chooses a file, a user or a key: it hands over the enclave's links and gets it running, or a sentence.
#pragma once

#include "sealcall/ipc/schema.h"

namespace sealcall::ipc {

inline constexpr const char* kGuardSocket = "/run/sealcall/guard.sock";

namespace fd {
inline constexpr int kEnclaveLast = kEnclaveVault;  ///< the last that a launcher gives
/// A pipe with GuardHandover; closed when a launcher started the enclave.
inline constexpr int kEnclaveGuard = kEnclaveLast + 1;
}  // namespace fd

/// asker -> guard: start the approved enclave. Its descriptors come with this packet (SCM_RIGHTS): what it finds at 2
/// to fd::kEnclaveLast, in that order, without fd::kEnclaveTpm. The enclave lives as long as this connection.
struct GuardStart {
    static constexpr uint16_t kId = 700;
    BoundedString<64> build;  ///< equal to the guard's
    static constexpr auto fields = std::tuple{&GuardStart::build};
};
inline constexpr size_t kGuardDescriptors = fd::kEnclaveLast - 2;

/// guard -> asker: the enclave ended; the connection ends with it.
struct GuardEnded {
    static constexpr uint16_t kId = 703;
    uint8_t signal = 0;
    uint8_t exit_status = 0;
    static constexpr auto fields = std::tuple{&GuardEnded::signal, &GuardEnded::exit_status};
};

/// asker -> guard: how are things?
struct GuardAsk {
    static constexpr uint16_t kId = 704;
    static constexpr auto fields = std::tuple{};
};

/// What the guard's keys are good for in this boot.
enum class GuardKeys : uint8_t {
    ready,       ///< measured, unsealed, capped
    not_set_up,  ///< `sealcall-guard provision` has not run, or another list is approved than the secret is sealed to
    already_capped,  ///< somebody extended the PCR before this start: the guard itself, ended since, or another program
    ended,           ///< a program that nobody approved was to be started: until the next boot nothing works
};
template <>
struct EnumRange<GuardKeys> {
    static constexpr auto last = GuardKeys::ended;
};

/// guard -> asker: the answer to both.
struct GuardStatus {
    static constexpr uint16_t kId = 705;
    GuardKeys keys{};
    BoundedString<256> problem;  ///< one or two sentences for a person; empty: the keys are ready, or it was started
    uint32_t pid = 0;            ///< of the enclave that runs, to look it up in /proc; 0: none, or refused
    TpmKind tpm{};
    uint8_t measurement_pcr = 13;
    BoundedBytes<8192> log;     ///< CEL-TLV of what the guard extended: guard, roles, cap; empty: nothing that counts
    BoundedBytes<1024> escrow;  ///< CMS for the authority: the hierarchies' authorisations; empty: none was made
    static constexpr auto fields = std::tuple{&GuardStatus::keys,  &GuardStatus::problem,         &GuardStatus::pid,
                                              &GuardStatus::tpm,   &GuardStatus::measurement_pcr, &GuardStatus::log,
                                              &GuardStatus::escrow};
};

/// guard -> enclave, through a pipe at descriptor fd::kEnclaveGuard: it overrules what the launcher configures.
struct GuardHandover {
    static constexpr uint16_t kId = 710;
    TpmKind tpm{};
    uint8_t measurement_pcr = 13;
    BoundedBytes<32> auth_value;
    BoundedBytes<8192> log;
    static constexpr auto fields = std::tuple{&GuardHandover::tpm, &GuardHandover::measurement_pcr,
                                              &GuardHandover::auth_value, &GuardHandover::log};
};

}  // namespace sealcall::ipc
