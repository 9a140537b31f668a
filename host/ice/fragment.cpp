#include "host/ice/fragment.h"

#include <arpa/inet.h>

#include <charconv>

namespace sealcall::host {
namespace {

bool ice_chars(std::string_view s) {
    return std::ranges::all_of(s, [](unsigned char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '+' || c == '/';
    });
}

std::string_view next_word(std::string_view& in) {
    size_t n = std::min(in.find(' '), in.size());
    std::string_view word = in.substr(0, n);
    in.remove_prefix(std::min(n + 1, in.size()));
    return word;
}

template <class U>
bool number(std::string_view s, U& out) {
    auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), out);
    return ec == std::errc() && end == s.data() + s.size() && !s.empty();
}

bool numeric_address(const std::string& s) {
    in6_addr a{};
    return inet_pton(AF_INET, s.c_str(), &a) == 1 || inet_pton(AF_INET6, s.c_str(), &a) == 1;
}

bool same_word(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b,
                              [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

}  // namespace

Result<CandidateFacts> parse_candidate(std::string_view value) {
    const Error bad{Errc::bad_sdp, "candidate", 0};
    if (value.size() > 200) return bad;
    if (std::ranges::any_of(value, [](unsigned char c) { return c < 0x20 || c > 0x7e; })) return bad;
    std::string_view in = value;
    std::string_view foundation = next_word(in);
    CandidateFacts c;
    uint32_t priority = 0;
    if (foundation.empty() || foundation.size() > 32 || !ice_chars(foundation)) return bad;
    if (!number(next_word(in), c.component) || c.component < 1 || c.component > 2) return bad;
    if (!same_word(next_word(in), "UDP")) return bad;
    if (!number(next_word(in), priority) || priority == 0) return bad;
    c.address = std::string(next_word(in));
    if (!number(next_word(in), c.port) || c.port == 0 || !numeric_address(c.address)) return bad;
    if (next_word(in) != "typ") return bad;
    c.type = std::string(next_word(in));
    if (c.type != "host" && c.type != "srflx" && c.type != "prflx" && c.type != "relay") return bad;
    return c;
}

Result<bool> take_ice_attribute(std::string_view name, std::string_view value, IceDescription& ice) {
    if (name == "ice-ufrag") {
        if (value.size() < 4 || value.size() > 24 || !ice_chars(value)) return Error{Errc::bad_sdp, "ice-ufrag", 0};
        ice.ufrag = std::string(value);
    } else if (name == "ice-pwd") {
        if (value.size() < 22 || value.size() > 256 || !ice_chars(value)) return Error{Errc::bad_sdp, "ice-pwd", 0};
        ice.pwd = std::string(value);
    } else if (name == "ice-lite") {
        ice.lite = true;
    } else if (name == "end-of-candidates") {
        ice.end_of_candidates = true;
    } else if (name == "candidate") {
        if (ice.candidates.size() < kCandidatesMax && parse_candidate(value)) ice.candidates.emplace_back(value);
    } else {
        return false;
    }
    return true;
}

Result<IceDescription> parse_fragment(std::string_view in) {
    if (in.size() > kFragmentMax) return Error{Errc::too_large, "fragment", static_cast<uint32_t>(in.size())};
    IceDescription ice;
    uint32_t line_number = 0;
    while (!in.empty()) {
        ++line_number;
        size_t n = std::min(in.find('\n'), in.size());
        std::string_view line = in.substr(0, n);
        in.remove_prefix(std::min(n + 1, in.size()));
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty()) continue;
        if (line.size() < 3 || line[1] != '=') return Error{Errc::bad_sdp, "fragment line", line_number};
        if (line[0] == 'm') continue;  // RFC 8840 9.3 lets pseudo m= lines stand before candidates
        if (line[0] != 'a') return Error{Errc::bad_sdp, "fragment line", line_number};
        std::string_view body = line.substr(2);
        size_t colon = body.find(':');
        std::string_view value = colon == body.npos ? std::string_view() : body.substr(colon + 1);
        TRY([[maybe_unused]] bool taken, take_ice_attribute(body.substr(0, colon), value, ice));
    }
    if (!ice.present()) return Error{Errc::bad_sdp, "fragment without credentials", line_number};
    return ice;
}

std::string encode_fragment(const IceDescription& ice) {
    std::string out = "a=ice-ufrag:" + ice.ufrag + "\r\na=ice-pwd:" + ice.pwd + "\r\n";
    if (ice.lite) out += "a=ice-lite\r\n";
    for (const auto& c : ice.candidates) out += "a=candidate:" + c + "\r\n";
    if (ice.end_of_candidates) out += "a=end-of-candidates\r\n";
    return out;
}

}  // namespace sealcall::host
