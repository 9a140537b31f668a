// Taking into use what provisioning made, after a look at what it really is: a thing with other attributes than ours is
// an attack or another program's, and is never used.
#include <tss2/tss2_mu.h>

#include "enclave/tpm/esys_tpm.h"

namespace sealcall::tpm {

namespace {

constexpr ESYS_TR kNone = ESYS_TR_NONE;

// nameAlg || H(public area) (Part 1, 16), computed here: sessions are salted to the key with this Name.
Result<Bytes> name_of(const TPMS_NV_PUBLIC& pub) {
    Bytes area(sizeof(TPMS_NV_PUBLIC));
    size_t used = 0;
    const TSS2_RC rc = Tss2_MU_TPMS_NV_PUBLIC_Marshal(&pub, as_u8(area.data()), area.size(), &used);
    if (rc != TSS2_RC_SUCCESS) return Error{Errc::tpm_bad_response, "TPMS_NV_PUBLIC", rc};
    ByteWriter out;
    out.u16(TPM2_ALG_SHA256).bytes(sha256(ByteSpan(area).first(used)));
    return out.take();
}

// ESYS computes the authorisation of each command from this Name: it must be the one that was checked.
Status expect_name(Esys& esys, ESYS_TR tr, ByteSpan wanted) {
    EsysPtr<TPM2B_NAME> name;
    TRY_STATUS(esys.call("Esys_TR_GetName", [&](ESYS_CONTEXT* e) { return Esys_TR_GetName(e, tr, name.out()); }));
    if (!equal_bytes(view(name->size, name->name), wanted)) return Error{Errc::tpm_bad_response, "Name", 0};
    return {};
}

Result<Handle> open_existing(Esys& esys, TPM2_HANDLE handle) {
    ESYS_TR tr = kNone;
    TRY_STATUS(esys.call("TPM2_ReadPublic",
                         [&](ESYS_CONTEXT* e) { return Esys_TR_FromTPMPublic(e, handle, kNone, kNone, kNone, &tr); }));
    return Handle(esys, tr, Handle::End::close);
}

}  // namespace

EsysTpm::~EsysTpm() { wipe(options_.auth_value.data(), options_.auth_value.size()); }

Bytes EsysTpm::auth_of(AuthFor purpose, uint8_t index) const {
    if (purpose == AuthFor::approval) return {};
    // A counter's must not be empty even in embedded mode, so that nobody increments it by accident.
    const bool shared = purpose == AuthFor::counter || purpose == AuthFor::authority || purpose == AuthFor::audit ||
                        purpose == AuthFor::vault_counter;
    if (options_.auth_value.empty() && !shared) return {};
    const Secret<32> value = derive_auth(options_.auth_value, purpose, index);
    return to_bytes(value.reveal(SecretAccess{}));
}

Status EsysTpm::set_auth(ESYS_TR object, AuthFor purpose, uint8_t index) {
    TPM2B_AUTH auth{};
    Bytes value = auth_of(purpose, index);
    TRY_STATUS(fill(auth.size, auth.buffer, value));
    auto status = esys_->call("authValue", [&](ESYS_CONTEXT* e) { return Esys_TR_SetAuth(e, object, &auth); });
    wipe(&auth, sizeof(auth));
    wipe(value.data(), value.size());
    return status;
}

Status EsysTpm::ready() const {
    if (!identity_.valid()) return Error{Errc::wrong_state, "the TPM's keys are not loaded", 0};
    return {};
}

// A private TPM outlives an enclave that was killed, and still holds its objects and sessions: three of each fill it.
// The kernel does this for /dev/tpmrm0.
Status EsysTpm::flush_leftovers() {
    if (options_.kind == ipc::TpmKind::device) return {};
    for (const TPM2_HANDLE first : {TPM2_TRANSIENT_FIRST, TPM2_LOADED_SESSION_FIRST, TPM2_ACTIVE_SESSION_FIRST}) {
        TRY(const auto left, capability(TPM2_CAP_HANDLES, first, 64));
        for (const TPM2_HANDLE handle : left) TRY_STATUS(esys_->flush_number(handle));
    }
    return {};
}

// A TPM that stopped without TPM2_Shutdown cannot know whether its Clock says something twice, and says so in every
// quote (clockInfo.safe, Part 2, 10.11.1), for which a peer must refuse it. Clock is written to NV at least every 2^22
// ms (Part 1, 36.3.2): beyond that it is new for certain. Only for our own TPM; a chip's clock belongs to the machine.
Status EsysTpm::settle_clock() {
    constexpr uint64_t kPastAnythingSaid = uint64_t{1} << 23;
    if (options_.kind == ipc::TpmKind::device) return {};
    EsysPtr<TPMS_TIME_INFO> info;
    TRY_STATUS(esys_->call("TPM2_ReadClock",
                           [&](ESYS_CONTEXT* e) { return Esys_ReadClock(e, kNone, kNone, kNone, info.out()); }));
    if (info->clockInfo.safe == TPM2_YES) return {};
    const uint64_t later = info->clockInfo.clock + kPastAnythingSaid;
    TRY(const ESYS_TR session, sessions_->hmac(0));
    return esys_->call("TPM2_ClockSet", [&](ESYS_CONTEXT* e) {
        return Esys_ClockSet(e, ESYS_TR_RH_OWNER, session, kNone, kNone, later);
    });
}

Status EsysTpm::open_srk() {
    if (sessions_) return {};
    TRY_STATUS(flush_leftovers());
    TRY(const bool have, exists(kSrkHandle));
    if (!have) return Error{Errc::tpm_not_provisioned, "the TPM has no storage key at 0x81000001", 0};
    TRY(Handle srk, open_existing(*esys_, kSrkHandle));
    EsysPtr<TPM2B_PUBLIC> pub;
    EsysPtr<TPM2B_NAME> name, qualified;
    TRY_STATUS(esys_->call("TPM2_ReadPublic", [&](ESYS_CONTEXT* e) {
        return Esys_ReadPublic(e, srk.get(), kNone, kNone, kNone, pub.out(), name.out(), qualified.out());
    }));
    if (!is_storage_key(pub->publicArea))
        return Error{Errc::tpm_not_provisioned, "0x81000001 in the TPM is not a storage key", 0};
    TRY(Bytes computed, public_name(pub->publicArea));
    TRY_STATUS(expect_name(*esys_, srk.get(), computed));
    if (!options_.srk_name.empty() && options_.srk_name != computed)
        return Error{Errc::bad_key, "the TPM's storage key is not the pinned one", 0};
    srk_ = std::move(srk);
    srk_name_ = std::move(computed);
    sessions_.emplace(*esys_, srk_.get());
    return {};
}

Result<Bytes> EsysTpm::srk_name() {
    TRY_STATUS(open_srk());
    return srk_name_;
}

Result<EsysTpm::NvIndex> EsysTpm::open_nv(const TPMS_NV_PUBLIC& wanted, AuthFor purpose, uint8_t index) {
    TRY(const bool have, exists(wanted.nvIndex));
    if (!have) return Error{Errc::tpm_not_provisioned, "an NV index is missing in the TPM", wanted.nvIndex};
    TRY(Handle nv, open_existing(*esys_, wanted.nvIndex));
    EsysPtr<TPM2B_NV_PUBLIC> pub;
    EsysPtr<TPM2B_NAME> name;
    TRY_STATUS(esys_->call("TPM2_NV_ReadPublic", [&](ESYS_CONTEXT* e) {
        return Esys_NV_ReadPublic(e, nv.get(), kNone, kNone, kNone, pub.out(), name.out());
    }));
    if (!same_nv_public(pub->nvPublic, wanted))
        return Error{Errc::tpm_not_provisioned, "an NV index in the TPM is not as sealcall makes them", wanted.nvIndex};
    TRY(Bytes computed, name_of(wanted));
    TRY_STATUS(expect_name(*esys_, nv.get(), computed));
    TRY_STATUS(set_auth(nv.get(), purpose, index));
    return NvIndex{.handle = std::move(nv), .name = std::move(computed)};
}

Status EsysTpm::open_counter(uint8_t slot) {
    counters_[slot].handle.reset();  // first: ESYS gives the same ESYS_TR for the same index, and closes it once
    TRY(counters_[slot], open_nv(counter_public(slot, TPMA_NV_WRITTEN), AuthFor::counter, slot));
    return {};
}

Status EsysTpm::load(const IdentityBlobs& identity) {
    identity_.reset();
    make_room();
    TRY_STATUS(open_srk());
    for (uint8_t slot = 0; slot < kSlots; ++slot) TRY_STATUS(open_counter(slot));
    TRY_STATUS(open_audit());
    TRY_STATUS(settle_clock());
    TRY_STATUS(measure_lease());
    aks_.clear();
    TRY_STATUS(make_ak({}));
    return load_identity(identity);
}

// Whoever knows the template can make the same primary with an authValue of their own. So with a boot secret the
// template itself holds a value that only its holders know.
Status EsysTpm::make_ak(std::string_view partner) {
    make_room();
    Digest unique{};
    if (!options_.auth_value.empty()) std::ranges::copy(auth_of(AuthFor::attestation_unique, 0), unique.begin());
    if (!partner.empty()) unique = sha256(ByteWriter{}.bytes(unique).bytes(as_bytes(partner)).view());
    TPMT_PUBLIC made{};
    AttestationKey ak{.partner = std::string(partner), .context = {}, .public_area = {}};
    const Bytes auth = auth_of(AuthFor::attestation_key, 0);
    TRY(ak_, create_primary(ESYS_TR_RH_ENDORSEMENT, ak_template(unique), auth, true, made));
    TRY(ak.public_area, marshal_public(made));
    TRY_STATUS(set_auth(ak_.get(), AuthFor::attestation_key, 0));
    TRY_STATUS(esys_->call("TPM2_ContextSave",
                           [&](ESYS_CONTEXT* e) { return Esys_ContextSave(e, ak_.get(), ak.context.out()); }));
    ak_in_use_ = aks_.size();
    aks_.push_back(std::move(ak));
    return {};
}

Status EsysTpm::use_ak(std::string_view partner) {
    TRY_STATUS(ready());
    const auto known = std::ranges::find(aks_, partner, &AttestationKey::partner);
    if (known == aks_.end()) {
        if (aks_.size() > kPartnersMax) return Error{Errc::too_large, "partners with an AK of their own", 0};
        return make_ak(partner);
    }
    const auto index = static_cast<size_t>(known - aks_.begin());
    if (index != ak_in_use_) make_room();
    ak_in_use_ = index;
    return {};
}

Status EsysTpm::need_ak() {
    if (ak_.valid()) return {};
    CHECK(ak_in_use_ < aks_.size());
    const TPMS_CONTEXT* saved = aks_[ak_in_use_].context.get();
    ESYS_TR tr = kNone;
    TRY_STATUS(esys_->call("TPM2_ContextLoad", [&](ESYS_CONTEXT* e) { return Esys_ContextLoad(e, saved, &tr); }));
    ak_ = Handle(*esys_, tr, Handle::End::flush);
    return set_auth(tr, AuthFor::attestation_key, 0);
}

Status EsysTpm::load_identity(const IdentityBlobs& identity) {
    TPM2B_PUBLIC pub{};
    TPM2B_PRIVATE priv{};
    size_t pub_used = 0, priv_used = 0;
    const auto& a = identity.public_area;
    const auto& b = identity.private_area;
    if (Tss2_MU_TPM2B_PUBLIC_Unmarshal(as_u8(a.data()), a.size(), &pub_used, &pub) != TSS2_RC_SUCCESS ||
        Tss2_MU_TPM2B_PRIVATE_Unmarshal(as_u8(b.data()), b.size(), &priv_used, &priv) != TSS2_RC_SUCCESS ||
        pub_used != a.size() || priv_used != b.size())
        return Error{Errc::bad_key, "the stored identity key is damaged", 0};
    if (!is_identity_key(pub.publicArea)) return Error{Errc::bad_key, "the stored identity key is of another kind", 0};
    TRY(identity_, load_object(priv, pub));
    TRY(identity_public_, marshal_public(pub.publicArea));
    return set_auth(identity_.get(), AuthFor::identity_key, 0);
}

Result<rats::TpmPublic> EsysTpm::ak_public() {
    TRY_STATUS(ready());
    return rats::TpmPublic::from(aks_[ak_in_use_].public_area);
}

Result<rats::TpmPublic> EsysTpm::identity_public() {
    TRY_STATUS(ready());
    return rats::TpmPublic::from(identity_public_);
}

Status EsysTpm::shutdown() {
    identity_.reset();
    make_room();
    if (sessions_) sessions_->drop();
    // A chip belongs to the machine: its kernel shuts it down. A private TPM ends with us.
    if (options_.kind == ipc::TpmKind::device) return {};
    return esys_->call("TPM2_Shutdown",
                       [](ESYS_CONTEXT* e) { return Esys_Shutdown(e, kNone, kNone, kNone, TPM2_SU_CLEAR); });
}

}  // namespace sealcall::tpm
