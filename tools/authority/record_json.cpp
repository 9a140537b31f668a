#include "record_json.h"

namespace sealcall::authority {

nlohmann::json record_json(const DeviceRecord& device) {
    return {{"id", device.id},
            {"ek", device.ek},
            {"endorsement", device.endorsement},
            {"profile", device.profile},
            {"software_tpm", device.software_tpm},
            {"first_ms", device.first_ms},
            {"last_ms", device.last_ms},
            {"revoked_ms", device.revoked_ms},
            {"reason", device.reason}};
}

nlohmann::json record_json(const TokenRecord& token) {
    return {{"id", token.id},
            {"user", token.uri},
            {"profile", token.profile},
            {"replaces", token.replaces},
            {"created_ms", token.created_ms},
            {"created_by", token.created_by},
            {"expires_ms", token.expires_ms},
            {"used_ms", token.used_ms},
            {"revoked_ms", token.revoked_ms},
            {"failures", token.failures}};
}

nlohmann::json record_json(const AdminRecord& admin) {
    return {{"id", admin.id},
            {"name", admin.name},
            {"role", role_word(admin.role)},
            {"created_ms", admin.created_ms},
            {"revoked_ms", admin.revoked_ms}};
}

nlohmann::json record_json(const AuditRecord& record) {
    return {{"seq", record.seq},           {"wall_ms", record.wall_ms}, {"actor", record.actor},
            {"action", record.action},     {"subject", record.subject}, {"detail", record.detail},
            {"previous", record.previous}, {"hash", record.hash}};
}

}  // namespace sealcall::authority
