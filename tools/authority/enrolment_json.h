// The exchange as JSON, as docs/authority-api.yaml describes it: both sides of it. Binary values are base64 (RFC 4648
// 4, padded). What is read is foreign: at most kBodyMax bytes, four levels deep, no unknown and no repeated members.
#pragma once

#include <nlohmann/json.hpp>

#include "enrolment_service.h"

namespace sealcall::authority {

inline constexpr size_t kBodyMax = 64 * 1024;  ///< bytes

/// Throws Refusal (bad_request) for anything that is not one JSON object within the bounds.
nlohmann::json parse_body(std::string_view text);

/// Throw Refusal (bad_request). A request names no user: its `uri` stays empty.
EnrolmentRequest request_from_json(std::string_view text);
ActivatedCredential activation_from_json(std::string_view text);
EnrolmentChallenge challenge_from_json(std::string_view text);
EnrolmentGrant grant_from_json(std::string_view text);

nlohmann::json to_json(const EnrolmentRequest& request);
nlohmann::json to_json(const ActivatedCredential& answer);
nlohmann::json to_json(const EnrolmentChallenge& challenge);
nlohmann::json to_json(const EnrolmentGrant& grant);

std::string base64(ByteSpan bytes);
/// Canonical text only. Error: bad_value.
Result<Bytes> from_base64(std::string_view text);

/// Members by name, each at most once read; `finish` refuses what nobody asked for.
class Members {
  public:
    explicit Members(nlohmann::json object) : object_(std::move(object)) {}
    /// Throw Refusal (bad_request) if the member is missing or of another type.
    std::string text(const char* name, size_t most);
    std::string text_or(const char* name, size_t most, const std::string& other);
    bool flag_or(const char* name, bool other);
    uint64_t number_or(const char* name, uint64_t other);
    nlohmann::json take(const char* name);
    [[nodiscard]] bool has(const char* name) const { return object_.contains(name); }
    void finish() const;

  private:
    nlohmann::json object_;
};

}  // namespace sealcall::authority
