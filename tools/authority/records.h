// Rows of the authority's tables as values, and the statements on them. All functions run inside of the caller's
// transaction (registry.h) and throw DatabaseError. They record and look up; who may do what is decided in enroller.h
// and administration.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "database.h"
#include "sealcall/base/bytes.h"

namespace sealcall::authority {

enum class Role : uint8_t { viewer, enroller, admin };  ///< each may do what those before it may
const char* role_word(Role role);
std::optional<Role> role_of(const std::string& word);

struct AdminRecord {
    std::string id, name;
    Role role{};
    std::string secret_hash;
    uint64_t created_ms = 0, revoked_ms = 0;
};

/// An enrolment token without its secret.
struct TokenRecord {
    std::string id, secret_hash, uri;
    std::string profile;    ///< "embedded" or "managed": what the phone may be certified as
    bool replaces = false;  ///< the phone takes the place of the one that the user has
    uint64_t created_ms = 0;
    std::string created_by;
    uint64_t expires_ms = 0, failures = 0, used_ms = 0;
    std::string used_by = {};  ///< hash of the keys that used it
    uint64_t revoked_ms = 0;
};

/// A device is a TPM: `id` follows from its EK and never changes.
struct DeviceRecord {
    std::string id, ek, ek_certificate, endorsement, profile;
    bool software_tpm = false;
    uint64_t first_ms = 0, last_ms = 0, revoked_ms = 0;
    std::string reason;
};

struct UserRecord {
    std::string uri, device;
    uint64_t bound_ms = 0, created_ms = 0, revoked_ms = 0;
    std::string reason;
};

/// An attestation key or an identity key; `spki` is hex SHA-256 of its SubjectPublicKeyInfo.
struct KeyRecord {
    std::string spki, device;
    std::string partner;  ///< attestation keys: for whom; empty: for everybody
    std::string label;    ///< attestation keys: the device id in the certificate, which differs from partner to partner
    std::string uri;      ///< identity keys: the user
    uint64_t created_ms = 0, revoked_ms = 0;
    std::string reason;
};

struct CertificateRecord {
    std::string sha256, kind, device, uri, spki, der, enrolment;
    uint64_t issued_ms = 0, not_after_ms = 0;
};

struct EnrolmentRecord {
    std::string ticket, kind, token, keys, request, request_hash, credential_hash, blob, secret, state, result;
    uint64_t created_ms = 0, until_ms = 0;
};

struct EscrowRecord {
    std::string id, device, sealed;
    uint64_t created_ms = 0;
};

void insert(Database& db, const AdminRecord& admin);
std::vector<AdminRecord> admins(Database& db);
std::optional<AdminRecord> admin_by_secret(Database& db, const std::string& secret_hash);
void revoke_admin(Database& db, const std::string& id, uint64_t now_ms);

void insert(Database& db, const TokenRecord& token);
std::vector<TokenRecord> tokens(Database& db);
std::optional<TokenRecord> token_by_secret(Database& db, const std::string& secret_hash);
std::optional<TokenRecord> token_by_id(Database& db, const std::string& id);
void revoke_token(Database& db, const std::string& id, uint64_t now_ms);
void count_token_failure(Database& db, const std::string& id);
/// Only if nobody has used it yet; false otherwise.
bool use_token(Database& db, const std::string& id, const std::string& keys, uint64_t now_ms);

void insert(Database& db, const DeviceRecord& device);
/// What may change of a device when it is certified anew.
void touch_device(Database& db, const DeviceRecord& device);
std::vector<DeviceRecord> devices(Database& db);
std::optional<DeviceRecord> device_by_id(Database& db, const std::string& id);
std::optional<DeviceRecord> device_by_ek(Database& db, const std::string& ek);
void revoke_device(Database& db, const std::string& id, const std::string& reason, uint64_t now_ms);

std::vector<UserRecord> users(Database& db);
std::optional<UserRecord> user_by_uri(Database& db, const std::string& uri);
/// Makes the user if there is none, and binds it to the device.
void bind_user(Database& db, const std::string& uri, const std::string& device, uint64_t now_ms);
/// Makes the user if there is none: tokens for somebody who was never enrolled die as well.
void revoke_user(Database& db, const std::string& uri, const std::string& reason, uint64_t now_ms);

void insert_attestation_key(Database& db, const KeyRecord& key);
std::vector<KeyRecord> attestation_keys(Database& db);
std::optional<KeyRecord> attestation_key(Database& db, const std::string& spki);
void revoke_attestation_key(Database& db, const std::string& spki, const std::string& reason, uint64_t now_ms);
void insert_identity_key(Database& db, const KeyRecord& key);
std::optional<KeyRecord> identity_key(Database& db, const std::string& spki);
/// Every identity key of the user but `but` (empty: all).
void revoke_identity_keys(Database& db, const std::string& uri, const std::string& but, const std::string& reason,
                          uint64_t now_ms);

/// SHA-256 of the SubjectPublicKeyInfo of every AK that counts no more: revoked itself, of a revoked device, or of a
/// device all of whose users are revoked. In order, without repeats: what a signed revocation list holds.
std::vector<Digest> revoked_attestation_keys(Database& db);
/// The same for identity keys: revoked itself, of a revoked user or device.
std::vector<Digest> revoked_identity_keys(Database& db);

/// What a bundle strikes off: both of the above, and `revoked_keys`. Keys whose certificates are all over since a day
/// are left out: nobody accepts them, and the list of a bundle is bounded. In order, without repeats.
std::vector<Digest> struck_off(Database& db, uint64_t now_ms);
/// Strikes a key off, whatever is known of it: also as attestation or identity key, if it is one. False: all of it was
/// so already.
bool revoke_key(Database& db, const std::string& spki, const std::string& reason, uint64_t now_ms);
/// By itself, known here as a key or not.
bool is_struck_off(Database& db, const std::string& spki);

struct BundleRecord {
    uint64_t version = 0;
    std::string sha256;
    uint64_t issued_ms = 0, next_update_ms = 0;
};
void insert(Database& db, const BundleRecord& bundle);
/// 0: none was signed yet.
uint64_t newest_bundle(Database& db);

void insert(Database& db, const CertificateRecord& certificate);
std::vector<CertificateRecord> certificates(Database& db);

void insert(Database& db, const EnrolmentRecord& enrolment);
std::optional<EnrolmentRecord> enrolment_by_ticket(Database& db, const std::string& ticket);
/// The open enrolment of the same request under the same token (empty: none), if there is one.
std::optional<EnrolmentRecord> open_enrolment(Database& db, const std::string& kind, const std::string& token,
                                              const std::string& request_hash, uint64_t now_ms);
uint64_t open_enrolments(Database& db, const std::string& kind, const std::string& token, uint64_t now_ms);
void end_enrolment(Database& db, const std::string& ticket, const std::string& state, const std::string& result);
/// Forgets what was over before `before_ms`; the certificates and the audit trail stay.
void forget_enrolments(Database& db, uint64_t before_ms);

void insert(Database& db, const EscrowRecord& escrow);
/// Newest first.
std::vector<EscrowRecord> escrows_of(Database& db, const std::string& device);

}  // namespace sealcall::authority
