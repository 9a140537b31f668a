// The sealed boot secret as it lies on disk. It says nothing to whoever copies it: only this TPM, after this
// measurement and before the cap, opens it.
#pragma once

#include <filesystem>

#include "enclave/guard/files.h"
#include "sealcall/ipc/link.h"

namespace sealcall::guard {

struct SealedBoot {
    static constexpr uint16_t kId = 720;
    BoundedBytes<64> srk_name;        ///< the storage key that sessions are salted to
    BoundedBytes<2048> public_area;   ///< TPM2B_PUBLIC
    BoundedBytes<2048> private_area;  ///< TPM2B_PRIVATE
    static constexpr auto fields =
        std::tuple{&SealedBoot::srk_name, &SealedBoot::public_area, &SealedBoot::private_area};
};

inline Result<SealedBoot> read_sealed(const std::filesystem::path& path) {
    TRY(const Bytes raw, read_own_file(path, 8192));
    return ipc::decode_message<SealedBoot>(raw);
}

}  // namespace sealcall::guard
