// Records of the authority as JSON, with the names of docs/authority-api.yaml: the same over HTTPS and on the command
// line. No secret, and no hash of one, is among them.
#pragma once

#include <nlohmann/json.hpp>

#include "audit_trail.h"
#include "records.h"

namespace sealcall::authority {

/// Without the device's users and keys.
nlohmann::json record_json(const DeviceRecord& device);
nlohmann::json record_json(const TokenRecord& token);
nlohmann::json record_json(const AdminRecord& admin);
nlohmann::json record_json(const AuditRecord& record);

}  // namespace sealcall::authority
