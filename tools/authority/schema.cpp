#include "schema.h"

#include <array>

namespace sealcall::authority {
namespace {

/// Times are ms since 1970 UTC, NULL: never. Digests are hex, DER and TPM structures hex as well. Nothing of a bearer
/// token is stored but its SHA-256.
constexpr const char* kTables = R"(
CREATE TABLE admins (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, role TEXT NOT NULL CHECK (role IN ('viewer', 'enroller', 'admin')),
    secret_hash TEXT NOT NULL UNIQUE, created_ms BIGINT NOT NULL, revoked_ms BIGINT);
CREATE TABLE users (
    uri TEXT PRIMARY KEY, device TEXT, bound_ms BIGINT, created_ms BIGINT NOT NULL, revoked_ms BIGINT, reason TEXT);
CREATE TABLE devices (
    id TEXT PRIMARY KEY, ek TEXT NOT NULL UNIQUE, ek_certificate TEXT, endorsement TEXT NOT NULL,
    profile TEXT NOT NULL, software_tpm BIGINT NOT NULL, first_ms BIGINT NOT NULL, last_ms BIGINT NOT NULL,
    revoked_ms BIGINT, reason TEXT);
CREATE TABLE attestation_keys (
    spki TEXT PRIMARY KEY, device TEXT NOT NULL REFERENCES devices (id), partner TEXT NOT NULL, label TEXT NOT NULL,
    created_ms BIGINT NOT NULL, revoked_ms BIGINT, reason TEXT);
CREATE INDEX attestation_keys_device ON attestation_keys (device);
CREATE TABLE identity_keys (
    spki TEXT PRIMARY KEY, device TEXT NOT NULL REFERENCES devices (id), uri TEXT NOT NULL REFERENCES users (uri),
    created_ms BIGINT NOT NULL, revoked_ms BIGINT, reason TEXT);
CREATE INDEX identity_keys_uri ON identity_keys (uri);
CREATE TABLE certificates (
    sha256 TEXT PRIMARY KEY, kind TEXT NOT NULL CHECK (kind IN ('ak', 'identity', 'host')),
    device TEXT NOT NULL REFERENCES devices (id), uri TEXT NOT NULL, spki TEXT NOT NULL, der TEXT NOT NULL,
    enrolment TEXT NOT NULL, issued_ms BIGINT NOT NULL, not_after_ms BIGINT NOT NULL);
CREATE INDEX certificates_device ON certificates (device);
CREATE TABLE tokens (
    id TEXT PRIMARY KEY, secret_hash TEXT NOT NULL UNIQUE, uri TEXT NOT NULL, profile TEXT NOT NULL,
    replaces BIGINT NOT NULL, created_ms BIGINT NOT NULL, created_by TEXT NOT NULL, expires_ms BIGINT NOT NULL,
    failures BIGINT NOT NULL DEFAULT 0, used_ms BIGINT, used_by TEXT, revoked_ms BIGINT);
CREATE TABLE enrolments (
    ticket TEXT PRIMARY KEY, kind TEXT NOT NULL CHECK (kind IN ('token', 'renewal', 'directory')), token TEXT,
    keys TEXT NOT NULL, request TEXT NOT NULL, request_hash TEXT NOT NULL, credential_hash TEXT NOT NULL,
    blob TEXT NOT NULL, secret TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('open', 'failed', 'granted')),
    result TEXT, created_ms BIGINT NOT NULL, until_ms BIGINT NOT NULL);
CREATE INDEX enrolments_until ON enrolments (until_ms);
CREATE TABLE escrows (
    id TEXT PRIMARY KEY, device TEXT NOT NULL REFERENCES devices (id), sealed TEXT NOT NULL, created_ms BIGINT NOT NULL);
CREATE INDEX escrows_device ON escrows (device);
CREATE TABLE audit (
    seq BIGINT PRIMARY KEY, wall_ms BIGINT NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL,
    detail TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL UNIQUE);
)";

/// The audit trail can only grow, and the bond of a device and its EK never changes, whatever program asks.
constexpr const char* kSqliteRules = R"(
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit trail only grows'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit trail only grows'); END;
CREATE TRIGGER device_is_its_ek BEFORE UPDATE OF id, ek ON devices
    WHEN old.id <> new.id OR old.ek <> new.ek BEGIN SELECT RAISE(ABORT, 'a device is its EK'); END;
CREATE TRIGGER key_stays_with_device BEFORE UPDATE OF device ON attestation_keys
    WHEN old.device <> new.device BEGIN SELECT RAISE(ABORT, 'an AK stays with its device'); END;
)";
constexpr const char* kPostgresRules = R"(
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0]; END $$;
CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION refuse_change('the audit trail only grows');
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('the audit trail only grows');
CREATE TRIGGER device_is_its_ek BEFORE UPDATE OF id, ek ON devices
    FOR EACH ROW WHEN (old.id <> new.id OR old.ek <> new.ek) EXECUTE FUNCTION refuse_change('a device is its EK');
CREATE TRIGGER key_stays_with_device BEFORE UPDATE OF device ON attestation_keys
    FOR EACH ROW WHEN (old.device <> new.device) EXECUTE FUNCTION refuse_change('an AK stays with its device');
)";

/// Versions of bundles only rise, so what was given once is never forgotten. `revoked_keys` holds keys of which nothing
/// else is known here; those of this authority's devices are revoked in their own tables.
constexpr const char* kBundles = R"(
CREATE TABLE bundles (
    version BIGINT PRIMARY KEY, sha256 TEXT NOT NULL, issued_ms BIGINT NOT NULL, next_update_ms BIGINT NOT NULL);
CREATE TABLE revoked_keys (spki TEXT PRIMARY KEY, reason TEXT NOT NULL, revoked_ms BIGINT NOT NULL);
CREATE INDEX certificates_spki ON certificates (spki);
)";
constexpr const char* kSqliteBundleRules = R"(
CREATE TRIGGER bundles_no_update BEFORE UPDATE ON bundles BEGIN SELECT RAISE(ABORT, 'bundles only follow'); END;
CREATE TRIGGER bundles_no_delete BEFORE DELETE ON bundles BEGIN SELECT RAISE(ABORT, 'bundles only follow'); END;
)";
constexpr const char* kPostgresBundleRules = R"(
CREATE TRIGGER bundles_no_change BEFORE UPDATE OR DELETE ON bundles
    FOR EACH ROW EXECUTE FUNCTION refuse_change('bundles only follow');
CREATE TRIGGER bundles_no_truncate BEFORE TRUNCATE ON bundles
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('bundles only follow');
)";

struct Step {
    const char* both;
    const char* sqlite;
    const char* postgresql;
};
constexpr std::array kSteps = {Step{kTables, kSqliteRules, kPostgresRules},
                               Step{kBundles, kSqliteBundleRules, kPostgresBundleRules}};

uint64_t version_of(Database& database) {
    const auto rows = database.run("SELECT number FROM schema_version");
    return rows.empty() ? 0 : rows.front().number(0);
}

}  // namespace

int newest_schema() { return static_cast<int>(kSteps.size()); }

void migrate(Database& database) {
    Transaction transaction(database);
    database.run_script("CREATE TABLE IF NOT EXISTS schema_version (number BIGINT NOT NULL)");
    const uint64_t found = version_of(database);
    if (found > kSteps.size())
        throw DatabaseError(DatabaseError::Kind::failed,
                            "the database is of a newer sealcall (schema " + std::to_string(found) + ")");
    for (uint64_t i = found; i < kSteps.size(); ++i) {
        database.run_script(kSteps[i].both);
        database.run_script(database.dialect() == Dialect::sqlite ? kSteps[i].sqlite : kSteps[i].postgresql);
    }
    if (found == 0)
        database.run("INSERT INTO schema_version (number) VALUES ($1)", {number(kSteps.size())});
    else if (found < kSteps.size())
        database.run("UPDATE schema_version SET number = $1", {number(kSteps.size())});
    transaction.commit();
}

}  // namespace sealcall::authority
