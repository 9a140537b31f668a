// sealcall-enclave, but for two things. It tells the search for secrets what to look for: master keys and salts of
// media, a call's secret and the vault's key go to its log with every bit of kMask turned round, so that telling them
// does not leave them anywhere. And its kernel seems to have no memfd_secret, so that root can look into its heap,
// which then lies in locked memory. The functions are wrapped by the linker (CMakeLists.txt). Never installed.
#include <sys/syscall.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>

#include "enclave/srtp/media.h"
#include "enclave/tpm/esys_tpm.h"

namespace sealcall::telling {
namespace {

constexpr unsigned kMask = 0x5a;

template <size_t... N>
void tell(const char* what, const Secret<N>&... secrets) {
    std::string line = "event=told what=" + std::string(what) + " masked=";
    const auto add = [&line](ByteSpan bytes) {
        for (const std::byte b : bytes) {
            char hex[3];
            (void)std::snprintf(hex, sizeof hex, "%02x", std::to_integer<unsigned>(b) ^ kMask);
            line += hex;
        }
    };
    (add(secrets.reveal(SecretAccess{})), ...);
    (void)std::fprintf(stderr, "%s\n", line.c_str());
}

}  // namespace

using Media = Result<std::unique_ptr<srtp::Media>>;
using Key = Result<Secret<32>>;
using Sealed = Result<tpm::SealedSecret>;

Media real_create(dtls::MediaKeys keys,
                  uint8_t payload_type) asm("__real__ZN8sealcall4srtp5Media6createENS_4dtls9MediaKeysEh");
Media create(dtls::MediaKeys keys,
             uint8_t payload_type) asm("__wrap__ZN8sealcall4srtp5Media6createENS_4dtls9MediaKeysEh");
Key real_unseal_vault(tpm::EsysTpm* self, const tpm::IdentityBlobs& sealed, ByteSpan pin) asm(
    "__real__ZN8sealcall3tpm7EsysTpm12unseal_vaultERKNS0_13IdentityBlobsESt4spanIKSt4byteLm18446744073709551615EE");
Key unseal_vault(tpm::EsysTpm* self, const tpm::IdentityBlobs& sealed, ByteSpan pin) asm(
    "__wrap__ZN8sealcall3tpm7EsysTpm12unseal_vaultERKNS0_13IdentityBlobsESt4spanIKSt4byteLm18446744073709551615EE");
Sealed real_seal(tpm::EsysTpm* self, uint8_t slot,
                 const Secret<32>& secret) asm("__real__ZN8sealcall3tpm7EsysTpm4sealEhRKNS_6SecretILm32EEE");
Sealed seal(tpm::EsysTpm* self, uint8_t slot,
            const Secret<32>& secret) asm("__wrap__ZN8sealcall3tpm7EsysTpm4sealEhRKNS_6SecretILm32EEE");

extern "C" long __real_syscall(long number, ...);
extern "C" long __wrap_syscall(long number, ...) {
    if (number == SYS_memfd_secret) {
        errno = ENOSYS;
        return -1;
    }
    long a[6];
    va_list all;
    va_start(all, number);
    for (long& one : a) one = va_arg(all, long);
    va_end(all);
    return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

Media create(dtls::MediaKeys keys, uint8_t payload_type) {
    tell("media_master", keys.send_key, keys.send_salt);
    tell("media_master", keys.receive_key, keys.receive_salt);
    return real_create(std::move(keys), payload_type);
}

Key unseal_vault(tpm::EsysTpm* self, const tpm::IdentityBlobs& sealed, ByteSpan pin) {
    Key key = real_unseal_vault(self, sealed, pin);
    if (key) tell("vault_key", *key);
    return key;
}

Sealed seal(tpm::EsysTpm* self, uint8_t slot, const Secret<32>& secret) {
    tell("call_secret", secret);
    return real_seal(self, slot, secret);
}

}  // namespace sealcall::telling
