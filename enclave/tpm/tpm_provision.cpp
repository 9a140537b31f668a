// Who the TPM is, and making what is missing: storage key, dictionary attack parameters, counters.
#include "enclave/tpm/esys_tpm.h"

namespace sealcall::tpm {

namespace {

constexpr ESYS_TR kNone = ESYS_TR_NONE;
constexpr Millis kDeviceDeadline{10'000};

// Four characters of a property, big-endian; whatever is not printable ASCII is dropped.
void append_characters(std::string& to, uint32_t property) {
    for (int shift = 24; shift >= 0; shift -= 8) {
        const char c = static_cast<char>(property >> shift & 0xff);
        if (c > ' ' && c < 0x7f) to.push_back(c);
    }
}

}  // namespace

Result<std::unique_ptr<Tpm>> Tpm::open(UniqueFd fd, Options options) {
    // A PCR outside 0-9 and 11-14 would not be quoted; 16 and 23 can be reset by anyone, 17-22 by locality.
    if (options.measurement_pcr > 14 || options.measurement_pcr == 10)
        return Error{Errc::bad_config, "measurement PCR must be one of 0-9, 11-14", options.measurement_pcr};
    const bool device = options.kind == ipc::TpmKind::device;
    if (device) options.deadline = std::max(options.deadline, kDeviceDeadline);
    TRY(auto esys, Esys::open(std::move(fd), device ? tpm_raw::Wire::device : tpm_raw::Wire::stream, options.deadline));
    auto tpm = std::make_unique<EsysTpm>(std::move(esys), std::move(options));
    TRY_STATUS(tpm->identify());
    return std::unique_ptr<Tpm>(std::move(tpm));
}

Result<std::vector<uint32_t>> EsysTpm::capability(TPM2_CAP kind, uint32_t first, uint32_t count) {
    TPMI_YES_NO more = 0;
    EsysPtr<TPMS_CAPABILITY_DATA> data;
    TRY_STATUS(esys_->call("TPM2_GetCapability", [&](ESYS_CONTEXT* e) {
        return Esys_GetCapability(e, kNone, kNone, kNone, kind, first, count, &more, data.out());
    }));
    if (data->capability != kind) return Error{Errc::tpm_bad_response, "TPM2_GetCapability", data->capability};
    std::vector<uint32_t> out;
    if (kind == TPM2_CAP_HANDLES) {
        const auto& list = data->data.handles;
        for (const TPM2_HANDLE h : std::span(list.handle).first(std::min<size_t>(list.count, std::size(list.handle))))
            out.push_back(h);
        return out;
    }
    CHECK(kind == TPM2_CAP_TPM_PROPERTIES);
    const auto& list = data->data.tpmProperties;
    const size_t n = std::min<size_t>(list.count, std::size(list.tpmProperty));
    for (size_t i = 0; i < n && list.tpmProperty[i].property == first + i; ++i)
        out.push_back(list.tpmProperty[i].value);
    return out;
}

Result<uint32_t> EsysTpm::property(uint32_t name) {
    TRY(const auto values, capability(TPM2_CAP_TPM_PROPERTIES, name, 1));
    if (values.empty()) return Error{Errc::tpm_bad_response, "TPM2_GetCapability", name};
    return values.front();
}

Result<bool> EsysTpm::exists(TPM2_HANDLE handle) {
    TRY(const auto found, capability(TPM2_CAP_HANDLES, handle, 1));
    return !found.empty() && found.front() == handle;
}

Status EsysTpm::identify() {
    TRY(const auto p, capability(TPM2_CAP_TPM_PROPERTIES, TPM2_PT_MANUFACTURER, 8));
    if (p.size() < 8) return Error{Errc::tpm_bad_response, "TPM properties", static_cast<uint32_t>(p.size())};
    name_ = options_.kind == ipc::TpmKind::swtpm_socket ? "swtpm, " : "";
    append_characters(name_, p[0]);
    name_ += ' ';
    for (size_t i = 1; i < 5; ++i) append_characters(name_, p[i]);
    // FIRMWARE_VERSION_1 and _2 follow the vendor strings and the vendor's TPM type (Part 2, 6.13).
    name_ += " firmware " + std::to_string(p[6] >> 16) + '.' + std::to_string(p[6] & 0xffff) + '.' +
             std::to_string(p[7] >> 16) + '.' + std::to_string(p[7] & 0xffff);
    return use_hierarchy_auths();
}

// Where a guard set the authorisations, those for making the AK and for pinning the authority follow from the secret
// that we got; the lockout's does not.
Status EsysTpm::use_hierarchy_auths() {
    if (options_.auth_value.empty()) return {};
    TRY(const uint32_t permanent, property(TPM2_PT_PERMANENT));
    if ((permanent & TPMA_PERMANENT_OWNERAUTHSET) != 0) TRY_STATUS(set_auth(ESYS_TR_RH_OWNER, AuthFor::owner, 0));
    if ((permanent & TPMA_PERMANENT_ENDORSEMENTAUTHSET) == 0) return {};
    return set_auth(ESYS_TR_RH_ENDORSEMENT, AuthFor::endorsement, 0);
}

Status EsysTpm::provision() {
    TRY(const bool have_srk, exists(kSrkHandle));
    if (!have_srk) TRY_STATUS(make_srk());
    TRY_STATUS(open_srk());
    TRY_STATUS(set_dictionary_attack_parameters());
    for (uint8_t slot = 0; slot < kSlots; ++slot) TRY_STATUS(make_counter(slot));
    return {};
}

Status EsysTpm::make_srk() {
    TPMT_PUBLIC made{};
    TRY(const Handle key, create_primary(ESYS_TR_RH_OWNER, srk_template(), {}, false, made));
    ESYS_TR persistent = kNone;
    TRY_STATUS(esys_->call("TPM2_EvictControl", [&](ESYS_CONTEXT* e) {
        return Esys_EvictControl(e, ESYS_TR_RH_OWNER, key.get(), ESYS_TR_PASSWORD, kNone, kNone, kSrkHandle,
                                 &persistent);
    }));
    const Handle closes(*esys_, persistent, Handle::End::close);
    return {};
}

// Only in a private TPM: a chip is shared with the machine's disk encryption, whose limits are not ours to move.
Status EsysTpm::set_dictionary_attack_parameters() {
    if (options_.kind == ipc::TpmKind::device) return {};
    TRY(const uint32_t permanent, property(TPM2_PT_PERMANENT));
    if ((permanent & TPMA_PERMANENT_LOCKOUTAUTHSET) != 0) return {};
    TRY(const auto now, capability(TPM2_CAP_TPM_PROPERTIES, TPM2_PT_MAX_AUTH_FAIL, 3));
    const std::vector<uint32_t> wanted{kDaMaxTries, kDaRecoverySeconds, kDaLockoutRecoverySeconds};
    if (now == wanted) return {};
    return esys_->call("TPM2_DictionaryAttackParameters", [&](ESYS_CONTEXT* e) {
        return Esys_DictionaryAttackParameters(e, ESYS_TR_RH_LOCKOUT, ESYS_TR_PASSWORD, kNone, kNone, kDaMaxTries,
                                               kDaRecoverySeconds, kDaLockoutRecoverySeconds);
    });
}

Status EsysTpm::define_nv(const TPMS_NV_PUBLIC& wanted, AuthFor purpose, uint8_t index, Handle& out) {
    TPM2B_NV_PUBLIC pub{};
    pub.nvPublic = wanted;
    TPM2B_AUTH auth{};
    const Bytes value = auth_of(purpose, index);
    TRY_STATUS(fill(auth.size, auth.buffer, value));
    TRY(const ESYS_TR session, sessions_->hmac(TPMA_SESSION_DECRYPT));
    ESYS_TR nv = kNone;
    TRY_STATUS(esys_->call("TPM2_NV_DefineSpace", [&](ESYS_CONTEXT* e) {
        return Esys_NV_DefineSpace(e, ESYS_TR_RH_OWNER, session, kNone, kNone, &auth, &pub, &nv);
    }));
    wipe(&auth, sizeof(auth));
    out = Handle(*esys_, nv, Handle::End::close);
    return set_auth(nv, purpose, index);
}

Status EsysTpm::undefine_nv(TPM2_HANDLE handle) {
    ESYS_TR nv = kNone;
    TRY_STATUS(esys_->call("TPM2_ReadPublic", [&](ESYS_CONTEXT* e) {
        return Esys_TR_FromTPMPublic(e, handle, kNone, kNone, kNone, &nv);
    }));
    TRY(const ESYS_TR session, sessions_->hmac(0));
    return esys_->call("TPM2_NV_UndefineSpace", [&](ESYS_CONTEXT* e) {
        return Esys_NV_UndefineSpace(e, ESYS_TR_RH_OWNER, nv, session, kNone, kNone);
    });
}

Status EsysTpm::make_counter(uint8_t slot) {
    TRY(const bool have, exists(kCounterHandle + slot));
    if (have) return open_counter(slot);
    Handle handle;
    TRY_STATUS(define_nv(counter_public(slot, 0), AuthFor::counter, slot, handle));
    TRY_STATUS(increment(handle.get()));
    handle.reset();
    return open_counter(slot);
}

}  // namespace sealcall::tpm
