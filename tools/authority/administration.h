// What administrators do: tokens, roles, revocations, escrow, lists. Every change is audited with who did it, in the
// transaction of the change. Who may do what by role is decided by the caller (api.h); the command line acts as the
// keeper of the directory.
#pragma once

#include <functional>

#include "enroller.h"
#include "escrow.h"

namespace sealcall::authority {

inline constexpr uint64_t kTokenLifeMax = 90ULL * 24 * 3600 * 1000;   ///< ms
inline constexpr uint64_t kTokenLifeUsual = 7ULL * 24 * 3600 * 1000;  ///< ms
inline constexpr uint64_t kTokenLifeMin = 60ULL * 1000;               ///< ms

struct TokenWish {
    std::string uri;
    std::string profile = "embedded";
    uint64_t life_ms = kTokenLifeUsual;
    bool replaces = false;
};

/// A secret that is shown once.
struct CreatedBearer {
    std::string id;
    std::string text;  ///< bearer_text
    uint64_t expires_ms = 0;
};

struct DeviceView {
    DeviceRecord device;
    std::vector<UserRecord> users;
    std::vector<KeyRecord> keys;  ///< attestation keys
};

struct OpenedEscrow {
    EscrowRecord record;
    HierarchyAuthorisations authorisations;
};

/// What the next bundle must say.
struct BundleGround {
    uint64_t above = 0;  ///< the newest version that was given; 0: none
    uint64_t now_ms = 0;
    std::vector<Digest> revoked;  ///< SHA-256 of SubjectPublicKeyInfo, in order
};
struct SignedBundle {
    uint64_t version = 0, next_update_ms = 0;
    Bytes bytes;
    std::vector<Digest> learned = {};  ///< keys that the bundle strikes off and the database does not know as such
};
/// What is struck off with a bundle, or not at all.
struct StrikeOff {
    std::vector<std::string> users;  ///< addresses
    std::vector<std::string> keys;   ///< SHA-256 of SubjectPublicKeyInfo, in hex; known here or not
};

/// Any thread. Throws Refusal (bad_request, not_found, conflict) or DatabaseError.
class Administration {
  public:
    Administration(const Store& store, Registry& registry, Enroller::Clock clock);

    CreatedBearer create_token(const Actor& actor, const TokenWish& wish);
    std::vector<TokenRecord> list_tokens();
    void revoke_token(const Actor& actor, const std::string& id);

    CreatedBearer create_admin(const Actor& actor, const std::string& name, Role role);
    std::vector<AdminRecord> list_admins();
    /// The last administrator of role admin stays.
    void revoke_admin(const Actor& actor, const std::string& id);
    /// The administrator of a token's text; nothing if there is none, or it was revoked.
    std::optional<AdminRecord> authenticate(std::string_view text);

    std::vector<DeviceView> list_devices();
    std::vector<UserRecord> list_users();
    /// Was a phone ever enrolled for this address, or the address revoked?
    bool knows_user(const std::string& uri);
    std::vector<CertificateRecord> list_certificates();
    /// Revoking twice changes nothing. An address that no phone has yet gets none.
    void revoke_device(const Actor& actor, const std::string& id, const std::string& reason);
    void revoke_user(const Actor& actor, const std::string& uri, const std::string& reason);
    void revoke_attestation_key(const Actor& actor, const std::string& spki, const std::string& reason);

    /// For a signed list: SHA-256 of SubjectPublicKeyInfo.
    std::vector<Digest> revoked_attestation_keys();
    std::vector<Digest> revoked_identity_keys();

    /// Strikes off, has `sign` make the next bundle, records it, and puts it into the directory: one at a time, whoever
    /// signs. `sign` may be called again when the database was busy; what it throws leaves everything as it was.
    SignedBundle publish_bundle(const Actor& actor, const StrikeOff& strike_off,
                                const std::function<SignedBundle(const BundleGround&)>& sign);

    /// Version of the newest bundle; 0: none was signed yet.
    uint64_t newest_bundle();

    /// Newest first; the reading itself is audited.
    std::vector<OpenedEscrow> read_escrow(const Actor& actor, const std::string& device);

    std::vector<AuditRecord> read_audit(uint64_t after, size_t most);
    AuditCheck check_audit();

  private:
    Settings settings_;
    std::filesystem::path dir_;
    Digest root_{};
    attestation::PkeyPtr escrow_key_;
    Registry& registry_;
    Enroller::Clock clock_;
};

}  // namespace sealcall::authority
