#include "policy/sip_name.h"

#include <algorithm>

namespace sealcall::policy {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool numeric(std::string_view host) {
    if (host.starts_with('[')) return true;
    return !host.empty() && std::ranges::all_of(host, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

}  // namespace

bool same_host(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, [&](char x, char y) { return lower(x) == lower(y); });
}

SipName sip_name(std::string_view uri) {
    for (std::string_view scheme : {"sip:", "sips:"})
        if (uri.size() >= scheme.size() && same_host(uri.substr(0, scheme.size()), scheme)) {
            uri.remove_prefix(scheme.size());
            break;
        }
    SipName name;
    if (const size_t at = uri.find('@'); at != std::string_view::npos) {
        name.user = uri.substr(0, at);  // may hold ; and ? (RFC 3261 25.1), so parameters are cut off behind it only
        uri.remove_prefix(at + 1);
    }
    uri = uri.substr(0, uri.find_first_of(";?>"));
    if (uri.starts_with('[')) {
        const size_t end = uri.find(']');
        name.host = uri.substr(0, end == std::string_view::npos ? end : end + 1);
    } else {
        name.host = uri.substr(0, uri.find(':'));
    }
    return name;
}

bool names_one(std::string_view uri) {
    const SipName name = sip_name(uri);
    if (name.host.empty() || name.host.ends_with('.') || std::ranges::count(uri, '@') > 1) return false;
    const auto plain = [](char c) { return c > ' ' && c < 0x7f; };
    return std::ranges::all_of(uri, plain) && name.user.find_first_of(";?:%<>\"") == std::string_view::npos &&
           name.host.find_first_of("%<>\"") == std::string_view::npos;
}

bool same_person(std::string_view dialled, std::string_view certified) {
    const SipName a = sip_name(dialled), b = sip_name(certified);
    if (numeric(a.host)) return a.user.empty() || a.user == b.user;
    return a.user == b.user && same_host(a.host, b.host);
}

std::string canonical_uri(std::string_view uri) {
    const SipName name = sip_name(uri);
    std::string out = "sip:" + std::string(name.user) + (name.user.empty() ? "" : "@");
    for (char c : name.host) out += lower(c);
    return out;
}

}  // namespace sealcall::policy
