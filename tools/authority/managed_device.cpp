#include "managed_device.h"

#include "attestation/binding.h"
#include "attestation/cel.h"
#include "attestation/checks.h"

namespace sealcall::authority {

bool is_bound_to_guard(const attestation::PublicArea& identity, ByteSpan log, uint8_t measurement_pcr) {
    const auto records = attestation::parse_cel(log);
    if (!records || records->size() < 3) return false;
    if (records->front().role != "guard" || records->back().role != "cap" ||
        (*records)[records->size() - 2].role != "enclave")
        return false;
    Digest value{};
    for (const auto& record : *records) {
        if (!attestation::is_honest(record) || record.pcr != measurement_pcr) return false;
        value = attestation::sha256(ByteWriter().bytes(value).bytes(record.digest).view());
    }
    return equal_bytes(identity.auth_policy, attestation::identity_auth_policy(measurement_pcr, value));
}

}  // namespace sealcall::authority
