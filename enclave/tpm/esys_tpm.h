// Tpm over ESYS. A TPM has three slots for objects, and a persistent parent takes one while it is used. The identity
// key keeps one; the AK gives up its own whenever something is created or loaded, and comes back from its saved
// context.
#pragma once

#include <optional>
#include <string>

#include "enclave/tpm/policy_digest.h"
#include "enclave/tpm/sessions.h"
#include "enclave/tpm/templates.h"
#include "enclave/tpm/tpm.h"

namespace sealcall::tpm {

class EsysTpm final : public Tpm {
  public:
    EsysTpm(std::unique_ptr<Esys> esys, Options options) : options_(std::move(options)), esys_(std::move(esys)) {}
    ~EsysTpm() override;
    /// Asks who the TPM is; the first answer of the connection.
    Status identify();

    std::string name() const override { return name_; }
    Status provision() override;
    Result<IdentityBlobs> create_identity() override;
    Status load(const IdentityBlobs& identity) override;
    Result<Bytes> srk_name() override;
    Result<Endorsement> endorsement() override;
    Status use_ak(std::string_view partner) override;
    Result<rats::TpmPublic> ak_public() override;
    Result<rats::TpmPublic> identity_public() override;
    Result<Bytes> activate_credential(ByteSpan blob, ByteSpan secret) override;
    Result<Bytes> sign_identity(const Digest& digest) override;
    Result<AttestedBlob> certify_identity(const Digest& qualifying_data) override;
    Result<Quotes> quote(const Digest& qualifying_data) override;
    Result<Digest> read_pcr(uint8_t pcr) override;
    Result<uint64_t> end_slot(uint8_t slot) override;
    Result<SealedSecret> seal(uint8_t slot, const Secret<32>& secret) override;
    Result<Secret<32>> unseal(const SealedSecret& sealed) override;
    Result<SealedSecret> renew(const SealedSecret& sealed) override;
    Status pin_authority(const Digest& signer, uint64_t version) override;
    Result<std::optional<AuthorityPin>> authority_pin() override;
    Status accept_version(uint64_t version) override;
    Millis lease() const override { return lease_; }
    Result<IdentityBlobs> seal_vault(const Secret<32>& key, ByteSpan pin) override;
    Result<Secret<32>> unseal_vault(const IdentityBlobs& sealed, ByteSpan pin) override;
    Result<PinTries> pin_tries() override;
    Result<uint64_t> vault_counter(uint8_t index, Count how) override;
    Status authorise(const HierarchyAuths* previous) override;
    Status forget_indices() override;
    Status set_hierarchy_auths(const HierarchyAuths& auths) override;
    Result<IdentityBlobs> seal_boot(const Secret<32>& secret, const Digest& state) override;
    Result<Secret<32>> unseal_boot(const IdentityBlobs& sealed) override;
    Result<IdentityBlobs> seal_approved(const Secret<32>& secret, const rats::Approver& approver) override;
    Result<Secret<32>> unseal_approved(const IdentityBlobs& sealed, const rats::Approver& approver,
                                       const rats::StateApproval& approval) override;
    Status accept_approval(uint64_t number) override;
    Result<Digest> audit_value() override;
    Result<Digest> extend_audit(const Digest& head) override;
    Result<AttestedBlob> certify_audit(const Digest& qualifying_data) override;
    Result<AttestedBlob> certify_counter(uint8_t slot, const Digest& qualifying_data) override;
    Result<AttestedBlob> certify_sealed(const SealedSecret& sealed, const Digest& qualifying_data) override;
    Status shutdown() override;

  private:
    struct Created {
        TPM2B_PUBLIC pub;
        TPM2B_PRIVATE priv;
        Bytes data, ticket;  ///< TPMS_CREATION_DATA, TPMT_TK_CREATION
    };
    struct NvIndex {
        Handle handle;
        Bytes name;
    };
    struct Clock {
        uint64_t clock_ms;
        uint32_t reset_count, restart_count;
    };
    struct Quoted {
        AttestedBlob blob;
        Digest pcr_digest;
        Clock clock;
    };
    struct Ek {
        Handle handle;
        bool policy_secret;
        TPMT_PUBLIC pub;
    };

    // tpm_provision.cpp
    Result<std::vector<uint32_t>> capability(TPM2_CAP kind, uint32_t first, uint32_t count);
    Result<uint32_t> property(uint32_t name);
    Status use_hierarchy_auths();
    Result<bool> exists(TPM2_HANDLE handle);
    Status make_srk();
    Status set_dictionary_attack_parameters();
    Status make_counter(uint8_t slot);
    Status define_nv(const TPMS_NV_PUBLIC& wanted, AuthFor purpose, uint8_t index, Handle& out);
    Status undefine_nv(TPM2_HANDLE handle);
    // tpm_load.cpp
    Result<NvIndex> open_nv(const TPMS_NV_PUBLIC& wanted, AuthFor purpose, uint8_t index);
    Status open_srk();
    Status flush_leftovers();
    Status settle_clock();
    Status open_counter(uint8_t slot);
    Status make_ak(std::string_view partner);
    Status need_ak();
    void make_room() { ak_.reset(); }
    Status load_identity(const IdentityBlobs& identity);
    Status set_auth(ESYS_TR object, AuthFor purpose, uint8_t index);
    Bytes auth_of(AuthFor purpose, uint8_t index) const;
    // tpm_keys.cpp
    Result<Created> create(const TPM2B_PUBLIC& pub, ByteSpan auth, ByteSpan data);
    Result<Handle> load_object(const TPM2B_PRIVATE& priv, const TPM2B_PUBLIC& pub);
    static Result<IdentityBlobs> to_blobs(const Created& made);
    Status assert_pcr(ESYS_TR policy_session);
    Status assert_pcr_and_auth(ESYS_TR policy_session);
    Result<Handle> create_primary(ESYS_TR hierarchy, const TPM2B_PUBLIC& pub, ByteSpan auth, bool encrypt,
                                  TPMT_PUBLIC& made);
    Result<Bytes> sign_once(const Digest& digest);
    // tpm_endorsement.cpp
    Result<Ek> open_ek(const EkKind& kind);
    Result<Bytes> read_certificate(TPM2_HANDLE index);
    Result<size_t> choose_ek();
    Result<Bytes> activate_once(const EkKind& kind, const TPM2B_ID_OBJECT& id, const TPM2B_ENCRYPTED_SECRET& seed);
    // tpm_quote.cpp
    Result<Quoted> quote_pcrs(uint32_t pcrs, ByteSpan qualifying_data);
    Result<Quoted> current_state();
    Result<Digest> read_pcr_once(uint8_t pcr);
    Result<std::array<Digest, 15>> read_pcrs();
    // tpm_approval.cpp
    Result<NvIndex> open_approval_index(TPMA_NV written);
    Result<TPMT_TK_VERIFIED> check_approval(const rats::Approver& approver, const rats::StateApproval& approval,
                                            const Digest& policy);
    Status assert_approval(ESYS_TR policy_session, const rats::Approver& approver, const rats::StateApproval& approval);
    // tpm_authority.cpp
    Status make_version_counter();
    Status write_pin(const Digest& signer, uint64_t version);
    Result<AuthorityPin> read_pin();
    // tpm_audit.cpp
    Status open_audit();
    Status extend_index(const Digest& head);
    Result<AttestedBlob> certify_nv(ESYS_TR nv, uint16_t size, const Digest& qualifying_data);
    // tpm_vault.cpp
    [[nodiscard]] Secret<32> vault_auth(ByteSpan pin) const;
    // tpm_seal.cpp
    Result<Bytes> read_nv(ESYS_TR nv, uint16_t size);
    Status increment(ESYS_TR nv);
    Result<Clock> clock();
    Result<uint64_t> counter_value(uint8_t slot);
    Result<SealedSecret> seal_once(uint8_t slot, uint64_t counter, const Secret<32>& secret);
    Result<Handle> load_sealed(ByteSpan public_area, ByteSpan private_area);
    Result<Secret<32>> unseal_loaded(ESYS_TR object, ESYS_TR policy_session);
    Result<Secret<32>> unseal_once(const SealedSecret& sealed);
    Status assert_call_policy(ESYS_TR policy_session, const SealedSecret& sealed, const Clock& now);
    Status measure_lease();
    void account_create(Millis took);

    Status ready() const;

    Options options_;
    std::unique_ptr<Esys> esys_;
    std::string name_;
    Handle srk_;
    Bytes srk_name_;
    std::optional<Sessions> sessions_;
    std::array<NvIndex, kSlots> counters_;
    NvIndex audit_;
    Handle ak_, identity_;
    struct AttestationKey {
        std::string partner;
        EsysPtr<TPMS_CONTEXT> context;  ///< saved, so that it takes a slot in the TPM only while it is used
        Bytes public_area;
    };
    std::vector<AttestationKey> aks_;  ///< the first one is for everybody
    size_t ak_in_use_ = 0;             ///< the one that `ak_` is, or will be
    Bytes identity_public_;
    std::optional<size_t> ek_choice_;
    Millis lease_{60'000};
};

/// Runs `f` again when its session was lost (suspend, another resource manager): the second time it gets a new one.
template <class F>
auto once_more(F&& f) -> decltype(f()) {
    auto result = f();
    if (result) return result;
    const TSS2_RC rc = result.error().detail;
    const bool lost = bare_rc(rc) == TPM2_RC_HANDLE || (rc >= TPM2_RC_REFERENCE_H0 && rc <= TPM2_RC_REFERENCE_S6);
    return lost ? f() : std::move(result);
}

/// The contents of a TPM2B_ATTEST and the signature over them, as bytes. Errors: tpm_bad_response, too_large.
Result<AttestedBlob> to_blob(const TPM2B_ATTEST& attest, const TPMT_SIGNATURE& signature);

}  // namespace sealcall::tpm
