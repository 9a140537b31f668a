// The authority's pin: who signs bundles stands in an index that is locked once written, and the version in a counter,
// so that nobody who holds the profile can bring an older bundle back. A counter only counts by one: the pin holds the
// version that its value stood for.
#include "enclave/tpm/esys_tpm.h"

namespace sealcall::tpm {

namespace {

constexpr ESYS_TR kNone = ESYS_TR_NONE;
constexpr TPMA_NV kPinned = TPMA_NV_WRITTEN | TPMA_NV_WRITELOCKED;
constexpr uint8_t kPinIndex = 0, kVersionIndex = 1;  // of AuthFor::authority

struct PinContents {
    Digest signer{};
    uint64_t version = 0, counter = 0;
    static constexpr auto fields = std::tuple{&PinContents::signer, &PinContents::version, &PinContents::counter};
};
static_assert(ipc::max_size<PinContents>() == kPinSize);

}  // namespace

Status EsysTpm::make_version_counter() {
    TRY(const bool have, exists(kVersionHandle));
    if (have) return {};
    Handle handle;
    TRY_STATUS(define_nv(version_public(0), AuthFor::authority, kVersionIndex, handle));
    return increment(handle.get());
}

Status EsysTpm::write_pin(const Digest& signer, uint64_t version) {
    TRY(const NvIndex counter, open_nv(version_public(TPMA_NV_WRITTEN), AuthFor::authority, kVersionIndex));
    TRY(const Bytes value, read_nv(counter.handle.get(), 8));
    TRY(const uint64_t count, ByteReader(value).u64());
    Handle handle;
    TRY_STATUS(define_nv(pin_public(0), AuthFor::authority, kPinIndex, handle));
    const Bytes contents = ipc::encode(PinContents{.signer = signer, .version = version, .counter = count});
    TPM2B_MAX_NV_BUFFER data{};
    TRY_STATUS(fill(data.size, data.buffer, contents));
    const ESYS_TR nv = handle.get();
    TRY(const ESYS_TR writer, sessions_->hmac(0));
    TRY_STATUS(esys_->call("TPM2_NV_Write",
                           [&](ESYS_CONTEXT* e) { return Esys_NV_Write(e, nv, nv, writer, kNone, kNone, &data, 0); }));
    TRY(const ESYS_TR locker, sessions_->hmac(0));
    return esys_->call("TPM2_NV_WriteLock",
                       [&](ESYS_CONTEXT* e) { return Esys_NV_WriteLock(e, nv, nv, locker, kNone, kNone); });
}

Status EsysTpm::pin_authority(const Digest& signer, uint64_t version) {
    TRY_STATUS(open_srk());
    TRY_STATUS(make_version_counter());
    TRY(const auto pin, authority_pin());
    if (pin && pin->signer == signer) return version > pin->oldest_version ? accept_version(version) : Status();
    // Managed, only the administrator changes who signs bundles: sealcall-guard provision forgets the pin.
    if (pin && !options_.auth_value.empty()) return Error{Errc::refused_by_policy, "another authority is pinned", 0};
    // Another authority, or a pin that was cut off half way.
    TRY(const bool have, exists(kPinHandle));
    if (have) TRY_STATUS(undefine_nv(kPinHandle));
    if (signer == Digest{}) return {};
    return write_pin(signer, version);
}

Result<AuthorityPin> EsysTpm::read_pin() {
    TRY(const NvIndex pin, open_nv(pin_public(kPinned), AuthFor::authority, kPinIndex));
    TRY(const NvIndex counter, open_nv(version_public(TPMA_NV_WRITTEN), AuthFor::authority, kVersionIndex));
    TRY(const Bytes contents, read_nv(pin.handle.get(), kPinSize));
    TRY(const auto pinned, ipc::decode<PinContents>(contents));
    TRY(const Bytes value, read_nv(counter.handle.get(), 8));
    TRY(const uint64_t count, ByteReader(value).u64());
    // A counter never counts back, not even undefined and made anew (Part 1, 37.2.4): this pin is not of this TPM.
    if (count < pinned.counter) return Error{Errc::tpm_not_provisioned, "the bundle's counter", kVersionHandle};
    return AuthorityPin{.signer = pinned.signer, .oldest_version = pinned.version + (count - pinned.counter)};
}

Result<std::optional<AuthorityPin>> EsysTpm::authority_pin() {
    TRY_STATUS(open_srk());
    auto pin = once_more([&] { return read_pin(); });
    if (pin) return std::optional(*pin);
    if (pin.error().code == Errc::tpm_not_provisioned || pin.error().code == Errc::tpm_auth_refused)
        return std::optional<AuthorityPin>();
    return pin.error();
}

Status EsysTpm::accept_version(uint64_t version) {
    TRY(const auto pin, authority_pin());
    if (!pin) return Error{Errc::tpm_not_provisioned, "no authority is pinned", kPinHandle};
    if (version <= pin->oldest_version) return {};
    TRY(const NvIndex counter, open_nv(version_public(TPMA_NV_WRITTEN), AuthFor::authority, kVersionIndex));
    const uint64_t steps = std::min(version - pin->oldest_version, kVersionStepsAtOnce);
    for (uint64_t i = 0; i < steps; ++i) TRY_STATUS(increment(counter.handle.get()));
    return {};
}

}  // namespace sealcall::tpm
