// Devices, users and their keys.
#include "records.h"

#include <algorithm>

#include "files.h"

namespace sealcall::authority {
namespace {

constexpr const char* kDevice =
    "SELECT id, ek, ek_certificate, endorsement, profile, software_tpm, first_ms, last_ms, revoked_ms, reason "
    "FROM devices ";
constexpr const char* kUser = "SELECT uri, device, bound_ms, created_ms, revoked_ms, reason FROM users ";
constexpr const char* kAttestationKey =
    "SELECT spki, device, partner, label, created_ms, revoked_ms, reason FROM attestation_keys ";

DeviceRecord device_of(const Row& r) {
    return {.id = r.text(0),
            .ek = r.text(1),
            .ek_certificate = r.text(2),
            .endorsement = r.text(3),
            .profile = r.text(4),
            .software_tpm = r.number(5) != 0,
            .first_ms = r.number(6),
            .last_ms = r.number(7),
            .revoked_ms = r.number(8),
            .reason = r.text(9)};
}

UserRecord user_of(const Row& r) {
    return {.uri = r.text(0),
            .device = r.text(1),
            .bound_ms = r.number(2),
            .created_ms = r.number(3),
            .revoked_ms = r.number(4),
            .reason = r.text(5)};
}

KeyRecord attestation_key_of(const Row& r) {
    return {.spki = r.text(0),
            .device = r.text(1),
            .partner = r.text(2),
            .label = r.text(3),
            .uri = {},
            .created_ms = r.number(4),
            .revoked_ms = r.number(5),
            .reason = r.text(6)};
}

std::vector<Digest> digests(const std::vector<Row>& rows) {
    std::vector<Digest> out;
    for (const Row& row : rows) {
        const auto bytes = cli::from_hex(row.text(0));
        if (!bytes || bytes->size() != sizeof(Digest))
            throw DatabaseError(DatabaseError::Kind::failed, "a key's digest in the database is damaged");
        std::ranges::copy(*bytes, out.emplace_back().begin());
    }
    return out;
}

}  // namespace

void insert(Database& db, const DeviceRecord& d) {
    db.run(
        "INSERT INTO devices (id, ek, ek_certificate, endorsement, profile, software_tpm, first_ms, last_ms) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        {d.id, d.ek, text_or_null(d.ek_certificate), d.endorsement, d.profile, number(d.software_tpm ? 1 : 0),
         number(d.first_ms), number(d.last_ms)});
}

void touch_device(Database& db, const DeviceRecord& d) {
    db.run(
        "UPDATE devices SET ek_certificate = $1, endorsement = $2, profile = $3, software_tpm = $4, last_ms = $5 "
        "WHERE id = $6",
        {text_or_null(d.ek_certificate), d.endorsement, d.profile, number(d.software_tpm ? 1 : 0), number(d.last_ms),
         d.id});
}

std::vector<DeviceRecord> devices(Database& db) {
    return all_as<DeviceRecord>(db.run(std::string(kDevice) + "ORDER BY first_ms, id"), device_of);
}
std::optional<DeviceRecord> device_by_id(Database& db, const std::string& id) {
    return first_as<DeviceRecord>(db.run(std::string(kDevice) + "WHERE id = $1", {id}), device_of);
}
std::optional<DeviceRecord> device_by_ek(Database& db, const std::string& ek) {
    return first_as<DeviceRecord>(db.run(std::string(kDevice) + "WHERE ek = $1", {ek}), device_of);
}
void revoke_device(Database& db, const std::string& id, const std::string& reason, uint64_t now_ms) {
    db.run("UPDATE devices SET revoked_ms = $1, reason = $2 WHERE id = $3 AND revoked_ms IS NULL",
           {number(now_ms), reason, id});
}

std::vector<UserRecord> users(Database& db) {
    return all_as<UserRecord>(db.run(std::string(kUser) + "ORDER BY uri"), user_of);
}
std::optional<UserRecord> user_by_uri(Database& db, const std::string& uri) {
    return first_as<UserRecord>(db.run(std::string(kUser) + "WHERE uri = $1", {uri}), user_of);
}
void bind_user(Database& db, const std::string& uri, const std::string& device, uint64_t now_ms) {
    const auto user = user_by_uri(db, uri);
    if (!user)
        db.run("INSERT INTO users (uri, device, bound_ms, created_ms) VALUES ($1, $2, $3, $3)",
               {uri, device, number(now_ms)});
    else if (user->device != device)
        db.run("UPDATE users SET device = $1, bound_ms = $2 WHERE uri = $3", {device, number(now_ms), uri});
}
void revoke_user(Database& db, const std::string& uri, const std::string& reason, uint64_t now_ms) {
    if (!user_by_uri(db, uri)) db.run("INSERT INTO users (uri, created_ms) VALUES ($1, $2)", {uri, number(now_ms)});
    db.run("UPDATE users SET revoked_ms = $1, reason = $2 WHERE uri = $3 AND revoked_ms IS NULL",
           {number(now_ms), reason, uri});
}

void insert_attestation_key(Database& db, const KeyRecord& k) {
    db.run("INSERT INTO attestation_keys (spki, device, partner, label, created_ms) VALUES ($1, $2, $3, $4, $5)",
           {k.spki, k.device, k.partner, k.label, number(k.created_ms)});
}
std::vector<KeyRecord> attestation_keys(Database& db) {
    return all_as<KeyRecord>(db.run(std::string(kAttestationKey) + "ORDER BY created_ms, spki"), attestation_key_of);
}
std::optional<KeyRecord> attestation_key(Database& db, const std::string& spki) {
    return first_as<KeyRecord>(db.run(std::string(kAttestationKey) + "WHERE spki = $1", {spki}), attestation_key_of);
}
void revoke_attestation_key(Database& db, const std::string& spki, const std::string& reason, uint64_t now_ms) {
    db.run("UPDATE attestation_keys SET revoked_ms = $1, reason = $2 WHERE spki = $3 AND revoked_ms IS NULL",
           {number(now_ms), reason, spki});
}

void insert_identity_key(Database& db, const KeyRecord& k) {
    db.run("INSERT INTO identity_keys (spki, device, uri, created_ms) VALUES ($1, $2, $3, $4)",
           {k.spki, k.device, k.uri, number(k.created_ms)});
}
std::optional<KeyRecord> identity_key(Database& db, const std::string& spki) {
    const auto rows =
        db.run("SELECT spki, device, uri, created_ms, revoked_ms, reason FROM identity_keys WHERE spki = $1", {spki});
    return first_as<KeyRecord>(rows, [](const Row& r) {
        return KeyRecord{.spki = r.text(0),
                         .device = r.text(1),
                         .partner = {},
                         .label = {},
                         .uri = r.text(2),
                         .created_ms = r.number(3),
                         .revoked_ms = r.number(4),
                         .reason = r.text(5)};
    });
}
void revoke_identity_keys(Database& db, const std::string& uri, const std::string& but, const std::string& reason,
                          uint64_t now_ms) {
    db.run("UPDATE identity_keys SET revoked_ms = $1, reason = $2 WHERE uri = $3 AND spki <> $4 AND revoked_ms IS NULL",
           {number(now_ms), reason, uri, but});
}

namespace {

constexpr uint64_t kCertificateGrace = 24ULL * 3600 * 1000;  // ms: clocks of phones differ

constexpr const char* kRevokedAttestationKeys =
    "SELECT k.spki FROM attestation_keys k JOIN devices d ON d.id = k.device WHERE (k.revoked_ms IS NOT NULL "
    "OR d.revoked_ms IS NOT NULL "
    "OR (EXISTS (SELECT 1 FROM users u WHERE u.device = d.id) "
    "AND NOT EXISTS (SELECT 1 FROM users u WHERE u.device = d.id AND u.revoked_ms IS NULL)))";
constexpr const char* kRevokedIdentityKeys =
    "SELECT k.spki FROM identity_keys k JOIN devices d ON d.id = k.device JOIN users u ON u.uri = k.uri "
    "WHERE (k.revoked_ms IS NOT NULL OR d.revoked_ms IS NOT NULL OR u.revoked_ms IS NOT NULL)";
constexpr const char* kHasCertificate =
    " AND EXISTS (SELECT 1 FROM certificates c WHERE c.spki = k.spki AND c.not_after_ms > $1)";

}  // namespace

std::vector<Digest> revoked_attestation_keys(Database& db) {
    return digests(db.run(std::string(kRevokedAttestationKeys) + " ORDER BY k.spki"));
}

std::vector<Digest> revoked_identity_keys(Database& db) {
    return digests(db.run(std::string(kRevokedIdentityKeys) + " ORDER BY k.spki"));
}

std::vector<Digest> struck_off(Database& db, uint64_t now_ms) {
    const Value since = number(now_ms > kCertificateGrace ? now_ms - kCertificateGrace : 0);
    std::vector<Digest> out = digests(db.run("SELECT spki FROM revoked_keys"));
    for (const char* query : {kRevokedAttestationKeys, kRevokedIdentityKeys})
        for (const Digest& key : digests(db.run(std::string(query) + kHasCertificate, {since}))) out.push_back(key);
    std::ranges::sort(out);
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

bool revoke_key(Database& db, const std::string& spki, const std::string& reason, uint64_t now_ms) {
    // Who is struck off may have been enrolled since.
    const bool certified = !db.run(
                                  "SELECT 1 FROM attestation_keys WHERE spki = $1 AND revoked_ms IS NULL UNION ALL "
                                  "SELECT 1 FROM identity_keys WHERE spki = $1 AND revoked_ms IS NULL",
                                  {spki})
                                .empty();
    const bool known = is_struck_off(db, spki);
    revoke_attestation_key(db, spki, reason, now_ms);
    db.run("UPDATE identity_keys SET revoked_ms = $1, reason = $2 WHERE spki = $3 AND revoked_ms IS NULL",
           {number(now_ms), reason, spki});
    if (!known)
        db.run("INSERT INTO revoked_keys (spki, reason, revoked_ms) VALUES ($1, $2, $3)",
               {spki, reason, number(now_ms)});
    return certified || !known;
}

bool is_struck_off(Database& db, const std::string& spki) {
    return !db.run("SELECT 1 FROM revoked_keys WHERE spki = $1", {spki}).empty();
}

void insert(Database& db, const BundleRecord& b) {
    db.run("INSERT INTO bundles (version, sha256, issued_ms, next_update_ms) VALUES ($1, $2, $3, $4)",
           {number(b.version), b.sha256, number(b.issued_ms), number(b.next_update_ms)});
}
uint64_t newest_bundle(Database& db) {
    return db.run("SELECT COALESCE(MAX(version), 0) FROM bundles").front().number(0);
}

}  // namespace sealcall::authority
