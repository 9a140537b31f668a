// Administrators, tokens, the enrolments under way, certificates and escrow.
#include "records.h"

namespace sealcall::authority {
namespace {

constexpr const char* kAdmin = "SELECT id, name, role, secret_hash, created_ms, revoked_ms FROM admins ";
constexpr const char* kToken =
    "SELECT id, secret_hash, uri, profile, replaces, created_ms, created_by, expires_ms, failures, used_ms, used_by, "
    "revoked_ms FROM tokens ";
constexpr const char* kEnrolment =
    "SELECT ticket, kind, token, keys, request, request_hash, credential_hash, blob, secret, state, result, "
    "created_ms, until_ms FROM enrolments ";

AdminRecord admin_of(const Row& r) {
    const auto role = role_of(r.text(2));
    if (!role) throw DatabaseError(DatabaseError::Kind::failed, "a role in the database is not known");
    return {.id = r.text(0),
            .name = r.text(1),
            .role = *role,
            .secret_hash = r.text(3),
            .created_ms = r.number(4),
            .revoked_ms = r.number(5)};
}

TokenRecord token_of(const Row& r) {
    return {.id = r.text(0),
            .secret_hash = r.text(1),
            .uri = r.text(2),
            .profile = r.text(3),
            .replaces = r.number(4) != 0,
            .created_ms = r.number(5),
            .created_by = r.text(6),
            .expires_ms = r.number(7),
            .failures = r.number(8),
            .used_ms = r.number(9),
            .used_by = r.text(10),
            .revoked_ms = r.number(11)};
}

EnrolmentRecord enrolment_of(const Row& r) {
    return {.ticket = r.text(0),
            .kind = r.text(1),
            .token = r.text(2),
            .keys = r.text(3),
            .request = r.text(4),
            .request_hash = r.text(5),
            .credential_hash = r.text(6),
            .blob = r.text(7),
            .secret = r.text(8),
            .state = r.text(9),
            .result = r.text(10),
            .created_ms = r.number(11),
            .until_ms = r.number(12)};
}

}  // namespace

const char* role_word(Role role) {
    switch (role) {
        case Role::viewer:
            return "viewer";
        case Role::enroller:
            return "enroller";
        case Role::admin:
            return "admin";
    }
    return "viewer";
}

std::optional<Role> role_of(const std::string& word) {
    for (const Role role : {Role::viewer, Role::enroller, Role::admin})
        if (word == role_word(role)) return role;
    return std::nullopt;
}

void insert(Database& db, const AdminRecord& a) {
    db.run("INSERT INTO admins (id, name, role, secret_hash, created_ms) VALUES ($1, $2, $3, $4, $5)",
           {a.id, a.name, std::string(role_word(a.role)), a.secret_hash, number(a.created_ms)});
}
std::vector<AdminRecord> admins(Database& db) {
    return all_as<AdminRecord>(db.run(std::string(kAdmin) + "ORDER BY created_ms, id"), admin_of);
}
std::optional<AdminRecord> admin_by_secret(Database& db, const std::string& secret_hash) {
    return first_as<AdminRecord>(db.run(std::string(kAdmin) + "WHERE secret_hash = $1", {secret_hash}), admin_of);
}
void revoke_admin(Database& db, const std::string& id, uint64_t now_ms) {
    db.run("UPDATE admins SET revoked_ms = $1 WHERE id = $2 AND revoked_ms IS NULL", {number(now_ms), id});
}

void insert(Database& db, const TokenRecord& t) {
    db.run(
        "INSERT INTO tokens (id, secret_hash, uri, profile, replaces, created_ms, created_by, expires_ms) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        {t.id, t.secret_hash, t.uri, t.profile, number(t.replaces ? 1 : 0), number(t.created_ms), t.created_by,
         number(t.expires_ms)});
}
std::vector<TokenRecord> tokens(Database& db) {
    return all_as<TokenRecord>(db.run(std::string(kToken) + "ORDER BY created_ms, id"), token_of);
}
std::optional<TokenRecord> token_by_secret(Database& db, const std::string& secret_hash) {
    return first_as<TokenRecord>(db.run(std::string(kToken) + "WHERE secret_hash = $1", {secret_hash}), token_of);
}
std::optional<TokenRecord> token_by_id(Database& db, const std::string& id) {
    return first_as<TokenRecord>(db.run(std::string(kToken) + "WHERE id = $1", {id}), token_of);
}
void revoke_token(Database& db, const std::string& id, uint64_t now_ms) {
    db.run("UPDATE tokens SET revoked_ms = $1 WHERE id = $2 AND revoked_ms IS NULL", {number(now_ms), id});
}
void count_token_failure(Database& db, const std::string& id) {
    db.run("UPDATE tokens SET failures = failures + 1 WHERE id = $1", {id});
}
bool use_token(Database& db, const std::string& id, const std::string& keys, uint64_t now_ms) {
    return !db.run("UPDATE tokens SET used_ms = $1, used_by = $2 WHERE id = $3 AND used_ms IS NULL RETURNING id",
                   {number(now_ms), keys, id})
                .empty();
}

void insert(Database& db, const CertificateRecord& c) {
    db.run(
        "INSERT INTO certificates (sha256, kind, device, uri, spki, der, enrolment, issued_ms, not_after_ms) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        {c.sha256, c.kind, c.device, c.uri, c.spki, c.der, c.enrolment, number(c.issued_ms), number(c.not_after_ms)});
}
std::vector<CertificateRecord> certificates(Database& db) {
    const auto rows = db.run(
        "SELECT sha256, kind, device, uri, spki, der, enrolment, issued_ms, not_after_ms FROM certificates "
        "ORDER BY issued_ms, enrolment, kind");
    return all_as<CertificateRecord>(rows, [](const Row& r) {
        return CertificateRecord{.sha256 = r.text(0),
                                 .kind = r.text(1),
                                 .device = r.text(2),
                                 .uri = r.text(3),
                                 .spki = r.text(4),
                                 .der = r.text(5),
                                 .enrolment = r.text(6),
                                 .issued_ms = r.number(7),
                                 .not_after_ms = r.number(8)};
    });
}

void insert(Database& db, const EnrolmentRecord& e) {
    db.run(
        "INSERT INTO enrolments (ticket, kind, token, keys, request, request_hash, credential_hash, blob, secret, "
        "state, created_ms, until_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        {e.ticket, e.kind, text_or_null(e.token), e.keys, e.request, e.request_hash, e.credential_hash, e.blob,
         e.secret, e.state, number(e.created_ms), number(e.until_ms)});
}
std::optional<EnrolmentRecord> enrolment_by_ticket(Database& db, const std::string& ticket) {
    return first_as<EnrolmentRecord>(db.run(std::string(kEnrolment) + "WHERE ticket = $1", {ticket}), enrolment_of);
}
std::optional<EnrolmentRecord> open_enrolment(Database& db, const std::string& kind, const std::string& token,
                                              const std::string& request_hash, uint64_t now_ms) {
    return first_as<EnrolmentRecord>(
        db.run(std::string(kEnrolment) + "WHERE state = 'open' AND kind = $1 AND COALESCE(token, '') = $2 "
                                         "AND request_hash = $3 AND until_ms > $4",
               {kind, token, request_hash, number(now_ms)}),
        enrolment_of);
}
uint64_t open_enrolments(Database& db, const std::string& kind, const std::string& token, uint64_t now_ms) {
    return db
        .run(
            "SELECT COUNT(*) FROM enrolments WHERE state = 'open' AND kind = $1 AND COALESCE(token, '') = $2 "
            "AND until_ms > $3",
            {kind, token, number(now_ms)})
        .front()
        .number(0);
}
void end_enrolment(Database& db, const std::string& ticket, const std::string& state, const std::string& result) {
    db.run("UPDATE enrolments SET state = $1, result = $2 WHERE ticket = $3", {state, text_or_null(result), ticket});
}
void forget_enrolments(Database& db, uint64_t before_ms) {
    db.run("DELETE FROM enrolments WHERE until_ms < $1", {number(before_ms)});
}

void insert(Database& db, const EscrowRecord& e) {
    db.run("INSERT INTO escrows (id, device, sealed, created_ms) VALUES ($1, $2, $3, $4)",
           {e.id, e.device, e.sealed, number(e.created_ms)});
}
std::vector<EscrowRecord> escrows_of(Database& db, const std::string& device) {
    const auto rows = db.run(
        "SELECT id, device, sealed, created_ms FROM escrows WHERE device = $1 ORDER BY created_ms DESC, id", {device});
    return all_as<EscrowRecord>(rows, [](const Row& r) {
        return EscrowRecord{.id = r.text(0), .device = r.text(1), .sealed = r.text(2), .created_ms = r.number(3)};
    });
}

}  // namespace sealcall::authority
