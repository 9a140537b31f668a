#include "values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "policy/sip_name.h"

namespace sealcall::policy_language {
namespace {

using policy::kDayMinutes;
using policy::Window;

constexpr std::array<const char*, 7> kDays{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
constexpr uint8_t kEveryDay = 127;

std::optional<uint32_t> read_number(std::string_view text) {
    uint32_t n = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), n);
    if (text.empty() || end.ec != std::errc() || end.ptr != text.data() + text.size()) return {};
    return n;
}

/// "08:30" in minutes; 24:00 is the end of the day.
std::optional<uint16_t> read_clock(std::string_view text) {
    if (text.size() != 5 || text[2] != ':') return {};
    const auto h = read_number(text.substr(0, 2)), m = read_number(text.substr(3));
    if (!h || !m || *m > 59 || *h > 24 || (*h == 24 && *m != 0)) return {};
    return static_cast<uint16_t>(*h * 60 + *m);
}

std::optional<size_t> day_index(std::string_view word) {
    const auto found = std::ranges::find(kDays, word);
    if (found == kDays.end()) return {};
    return static_cast<size_t>(found - kDays.begin());
}

/// "mon-fri", "sat,sun", "daily"; "fri-mon" goes over the weekend.
std::optional<uint8_t> read_days(std::string_view text) {
    if (text == "daily") return kEveryDay;
    unsigned days = 0;
    while (!text.empty()) {
        const std::string_view part = text.substr(0, text.find(','));
        text.remove_prefix(std::min(text.size(), part.size() + 1));
        const auto first = day_index(part.substr(0, 3));
        const auto last = part.size() == 7 && part[3] == '-' ? day_index(part.substr(4)) : first;
        if (!first || !last || (part.size() != 3 && part.size() != 7)) return {};
        for (size_t d = *first;; d = (d + 1) % 7) {
            days |= 1U << d;
            if (d == *last) break;
        }
    }
    return days == 0 ? std::optional<uint8_t>() : static_cast<uint8_t>(days);
}

std::string clock_text(uint16_t minutes) {
    std::array<char, 8> out{};
    std::snprintf(out.data(), out.size(), "%02u:%02u", minutes / 60U % 100U, minutes % 60U);
    return out.data();
}

bool host_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == ':' || c == '[' || c == ']';
}

bool user_letter(char c) {
    return static_cast<unsigned char>(c) > ' ' && c != 127 &&
           std::string_view("<>\"@;?").find(c) == std::string_view::npos;
}

}  // namespace

std::optional<uint32_t> read_duration(const std::string& text) {
    if (text.size() < 2) return {};
    const size_t unit = std::string_view("smhd").find(text.back());
    constexpr std::array<uint32_t, 4> kSeconds{1, 60, 3600, 24 * 3600};
    const auto n = read_number(std::string_view(text).substr(0, text.size() - 1));
    if (unit == std::string_view::npos || !n || *n == 0 || *n > 365 * 24 * 3600U / kSeconds[unit]) return {};
    return *n * kSeconds[unit];
}

std::optional<uint16_t> read_days(const std::string& text) {
    const auto n = text.ends_with('d') ? read_number(std::string_view(text).substr(0, text.size() - 1)) : std::nullopt;
    return n && *n >= 1 && *n <= policy::kKeepDaysMax ? std::optional(static_cast<uint16_t>(*n)) : std::nullopt;
}

std::string say_duration(uint32_t seconds) {
    for (const auto& [unit, word] : {std::pair(24U * 3600, "d"), std::pair(3600U, "h"), std::pair(60U, "m")})
        if (seconds % unit == 0) return std::to_string(seconds / unit) + word;
    return std::to_string(seconds) + "s";
}

std::optional<policy::Limit> read_limit(const std::string& text) {
    const size_t per = text.find(" per ");
    if (per == std::string::npos) return {};
    const auto calls = read_number(std::string_view(text).substr(0, per));
    const auto seconds = read_duration(text.substr(per + 5));
    if (!calls || *calls == 0 || *calls > 65535 || !seconds || *seconds > policy::kLimitSecondsMax) return {};
    return policy::Limit{.calls = static_cast<uint16_t>(*calls), .seconds = *seconds};
}

std::optional<uint16_t> read_offset(const std::string& text) {
    if (text.size() != 6 || (text[0] != '+' && text[0] != '-')) return {};
    const auto minutes = read_clock(std::string_view(text).substr(1));
    if (!minutes || *minutes > policy::kOffsetZero) return {};
    return static_cast<uint16_t>(text[0] == '+' ? policy::kOffsetZero + *minutes : policy::kOffsetZero - *minutes);
}

std::string say_offset(uint16_t offset) {
    const bool east = offset >= policy::kOffsetZero;
    return (east ? "+" : "-") +
           clock_text(static_cast<uint16_t>(east ? offset - policy::kOffsetZero : policy::kOffsetZero - offset));
}

std::optional<std::vector<Window>> read_when(const std::string& text) {
    const size_t space = text.find(' ');
    const auto days = read_days(std::string_view(text).substr(0, space));
    if (!days) return {};
    if (space == std::string::npos) return std::vector<Window>{{.days = *days, .from = 0, .until = kDayMinutes}};
    const std::string_view hours = std::string_view(text).substr(space + 1);
    if (hours.size() != 11 || hours[5] != '-') return {};
    const auto from = read_clock(hours.substr(0, 5)), until = read_clock(hours.substr(6));
    if (!from || !until || *from == *until || *from == kDayMinutes) return {};
    if (*from < *until) return std::vector<Window>{{.days = *days, .from = *from, .until = *until}};
    const auto next = static_cast<uint8_t>((*days << 1 | *days >> 6) & kEveryDay);
    std::vector<Window> out{{.days = *days, .from = *from, .until = kDayMinutes}};
    if (*until != 0) out.push_back({.days = next, .from = 0, .until = *until});
    return out;
}

std::string say_window(const Window& w) {
    std::string out;
    for (size_t d = 0; d < kDays.size(); ++d)
        if ((w.days >> d & 1) != 0) out += (out.empty() ? "" : ",") + std::string(kDays[d]);
    if (w.days == kEveryDay) out = "daily";
    return out + " " + clock_text(w.from) + "-" + clock_text(w.until);
}

std::optional<std::string> read_address(const std::string& text) {
    std::string_view rest = text;
    const bool person = rest.starts_with("sip:") || rest.starts_with("sips:");
    if (rest.starts_with("*.")) rest.remove_prefix(1);
    const std::string uri = policy::canonical_uri(rest);
    const policy::SipName name = policy::sip_name(uri);
    if (uri.size() > 256 || name.host.empty() || name.host == "." || person == name.user.empty() ||
        !std::ranges::all_of(name.host, host_letter) || !std::ranges::all_of(name.user, user_letter) ||
        name.host.find("..") != std::string_view::npos)
        return {};
    std::string out = person ? uri : std::string(name.host);
    // A port or a parameter was written, and would not count: better said than silently dropped.
    std::string as_given(person ? rest.substr(rest.find(':') + 1) : rest);
    const size_t at = as_given.rfind('@');
    std::transform(as_given.begin() + static_cast<ptrdiff_t>(at == std::string::npos ? 0 : at), as_given.end(),
                   as_given.begin() + static_cast<ptrdiff_t>(at == std::string::npos ? 0 : at),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (as_given != (person ? out.substr(4) : out)) return {};
    return out;
}

std::string say_address(std::string_view name) {
    return name.starts_with('.') ? "*" + std::string(name) : std::string(name);
}

bool looks_like_address(std::string_view text) { return text.find_first_of(".:@*") != std::string_view::npos; }

}  // namespace sealcall::policy_language
