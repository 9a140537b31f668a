#include "https_url.h"

#include <charconv>

namespace sealcall::cli {

Status parse_https_url(std::string_view url, std::string& host, int& port) {
    const Error bad{Errc::bad_value, "address of an authority", 0};
    constexpr std::string_view kScheme = "https://";
    if (!url.starts_with(kScheme) || url.size() > 300) return bad;
    url.remove_prefix(kScheme.size());
    if (url.ends_with('/')) url.remove_suffix(1);
    const size_t close = url.starts_with('[') ? url.find(']') : 0;
    if (close == std::string_view::npos) return bad;
    const size_t colon = url.find(':', close);
    host = close ? url.substr(1, close - 1) : url.substr(0, colon);
    port = 443;
    if (host.empty() || host.find_first_of("/?#@ ") != std::string::npos) return bad;
    if (colon == std::string_view::npos) return close && close + 1 != url.size() ? Status(bad) : Status();
    const std::string_view digits = url.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc() || end != digits.data() + digits.size() || port < 1 || port > 65535) return bad;
    return {};
}

}  // namespace sealcall::cli
