#include "managed_device.h"

#include <gtest/gtest.h>

#include "attestation/binding.h"
#include "attestation/cel.h"
#include "attestation/checks.h"

namespace sealcall::authority {
namespace {

attestation::MeasuredRole role(const char* name) {
    return {.role = name, .files = {{.name = name, .digest = attestation::sha256(as_bytes(name))}}};
}

Bytes log_of(const std::vector<const char*>& names, uint8_t pcr = 13) {
    std::vector<attestation::MeasuredRole> roles;
    for (const char* name : names) roles.push_back(role(name));
    return attestation::encode_cel(roles, pcr).value();
}

attestation::PublicArea key_bound_to(ByteSpan log) {
    Digest value{};
    const auto records = attestation::parse_cel(log).value();
    for (const auto& r : records) value = attestation::sha256(ByteWriter().bytes(value).bytes(r.digest).view());
    attestation::PublicArea key;
    key.auth_policy = to_bytes(attestation::identity_auth_policy(13, value));
    return key;
}

TEST(ManagedDevice, IsOneWhoseKeyIsBoundToWhatAGuardCapped) {
    const Bytes log = log_of({"guard", "verifier", "host", "ui", "audio", "enclave", "cap"});
    EXPECT_TRUE(is_bound_to_guard(key_bound_to(log), log, 13));
}

TEST(ManagedDevice, IsNotOneWithoutGuardWithoutCapOrWithSomethingBehindIt) {
    for (const auto& names : std::vector<std::vector<const char*>>{{"verifier", "host", "ui", "audio", "enclave"},
                                                                   {"guard", "enclave"},
                                                                   {"enclave", "cap"},
                                                                   {"host", "guard", "enclave", "cap"},
                                                                   {"guard", "enclave", "host", "cap"},
                                                                   {"guard", "enclave", "cap", "host"}}) {
        const Bytes log = log_of(names);
        EXPECT_FALSE(is_bound_to_guard(key_bound_to(log), log, 13)) << names.front() << ' ' << names.back();
    }
}

TEST(ManagedDevice, IsNotOneWhoseKeyIsBoundToSomethingElse) {
    const Bytes log = log_of({"guard", "enclave", "cap"}), other = log_of({"guard", "host", "enclave", "cap"});
    EXPECT_FALSE(is_bound_to_guard(key_bound_to(other), log, 13));
    EXPECT_FALSE(is_bound_to_guard({}, log, 13));
}

TEST(ManagedDevice, IsNotBelievedOfALogThatLies) {
    const Bytes log = log_of({"guard", "enclave", "cap"});
    const auto key = key_bound_to(log);
    EXPECT_FALSE(is_bound_to_guard(key, {}, 13));
    EXPECT_FALSE(is_bound_to_guard(key, log_of({"guard", "enclave", "cap"}, 14), 13));
    for (size_t i = 0; i < log.size(); ++i) {
        Bytes changed = log;
        changed[i] ^= std::byte{1};
        EXPECT_FALSE(is_bound_to_guard(key, changed, 13)) << i;
    }
}

}  // namespace
}  // namespace sealcall::authority
