// The small languages inside of the strings of a policy file: times, limits, offsets, addresses.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy/document.h"

namespace sealcall::policy_language {

inline constexpr const char* kDurationForm = "a time like \"30s\", \"10m\", \"2h\" or \"1d\"";
inline constexpr const char* kLimitForm = "a limit like \"6 per 1m\" or \"100 per 1h\", of at most a day";
inline constexpr const char* kOffsetForm = "an offset from UTC like \"+01:00\" or \"-05:30\", of at most 14 hours";
inline constexpr const char* kWhenForm = "times like \"mon-fri 08:00-18:00\", \"sat,sun\" or \"daily 22:00-06:00\"";
inline constexpr const char* kAddressForm =
    "\"sip:NAME@DOMAIN\", a domain like \"example.com\", or \"*.example.com\" for all domains below it";

/// Seconds, at least 1 and at most a year.
std::optional<uint32_t> read_duration(const std::string& text);
/// "365d".
std::optional<uint16_t> read_days(const std::string& text);
std::string say_duration(uint32_t seconds);
std::optional<policy::Limit> read_limit(const std::string& text);
/// As Document::utc_offset.
std::optional<uint16_t> read_offset(const std::string& text);
std::string say_offset(uint16_t offset);
/// What crosses midnight becomes two windows.
std::optional<std::vector<policy::Window>> read_when(const std::string& text);
std::string say_window(const policy::Window& window);
/// As Name::text.
std::optional<std::string> read_address(const std::string& text);
/// "*.example.com" again.
std::string say_address(std::string_view name);
bool looks_like_address(std::string_view text);

}  // namespace sealcall::policy_language
