#include "tools/sealcall/launcher/measure.h"

#include <openssl/evp.h>

#include "tools/sealcall/launcher/role_process.h"

namespace sealcall::launcher {
namespace {

constexpr Millis kTpmDeadline{5000};

}  // namespace

Result<PreparedRoles> prepare_roles(const PrivateStore& store, const std::filesystem::path& executables,
                                    std::string& failed) {
    PreparedRoles out;
    FileStore files(store.root());
    for (ipc::ProcessRole role : kMeasuredOrder) {
        failed = name_of(role);
        PreparedRole prepared;
        TRY(prepared.closure, find_closure(executables / (std::string("sealcall-") + name_of(role))));
        prepared.root = store.root() / name_of(role);
        TRY(attestation::MeasuredRole measured, files.place(prepared.closure, name_of(role), prepared.root));
        prepared.digest = attestation::cel_digest(measured);
        out.measured.push_back(std::move(measured));
        out.roles.emplace(role, std::move(prepared));
    }
    failed.clear();
    return out;
}

Result<Digest> replay(const std::vector<attestation::MeasuredRole>& measured) {
    Digest value{};
    for (const auto& role : measured) {
        const Digest next = attestation::cel_digest(role);
        std::array<std::byte, 64> both;
        std::ranges::copy(value, both.begin());
        std::ranges::copy(next, both.begin() + 32);
        if (EVP_Digest(both.data(), both.size(), as_u8(value.data()), nullptr, EVP_sha256(), nullptr) != 1)
            return Error{Errc::crypto_failed, "SHA-256", 0};
    }
    return value;
}

Result<Bytes> measure(const PreparedRoles& prepared, TpmConnection& tpm, uint8_t pcr) {
    TRY(Bytes log, attestation::encode_cel(prepared.measured, pcr));
    TRY(const Digest expected, replay(prepared.measured));
    TRY(const Digest now, tpm_raw::read_pcr(tpm.fd(), tpm.wire(), pcr, kTpmDeadline));
    if (now == expected) return log;
    for (const auto& role : prepared.measured)
        TRY_STATUS(tpm_raw::extend_pcr(tpm.fd(), tpm.wire(), pcr, attestation::cel_digest(role), kTpmDeadline));
    return log;
}

}  // namespace sealcall::launcher
