#include "enclave/guard/approved.h"

#include "sealcall/base/hex.h"

namespace sealcall::guard {
namespace {

constexpr size_t kRolesMax = 8, kFilesMax = 128, kPathMax = 512, kNameMax = 255;

/// The words of a line, at most `max` and one to show that there are more.
std::vector<std::string_view> words_of(std::string_view line, size_t max) {
    std::vector<std::string_view> out;
    while (out.size() <= max) {
        const size_t begin = line.find_first_not_of(' ');
        if (begin == std::string_view::npos) break;
        line.remove_prefix(begin);
        const size_t end = std::min(line.find(' '), line.size());
        out.push_back(line.substr(0, end));
        line.remove_prefix(end);
    }
    return out;
}

bool is_plain_path(std::string_view path) {
    const auto visible = [](char c) { return c > ' ' && c < 0x7f; };
    return path.size() > 1 && path.size() <= kPathMax && path.front() == '/' && path.back() != '/' &&
           path.size() - path.rfind('/') <= kNameMax + 1 && path.find("/../") == std::string_view::npos &&
           path.find("//") == std::string_view::npos && !path.ends_with("/..") && std::ranges::all_of(path, visible);
}

bool is_role(std::string_view name) {
    return !name.empty() && name.size() <= 16 && std::ranges::all_of(name, [](char c) { return c >= 'a' && c <= 'z'; });
}

/// True when the line made sense.
bool take_line(std::string_view line, std::vector<ApprovedRole>& out) {
    const auto words = words_of(line.substr(0, line.find('#')), 4);
    if (words.empty()) return true;
    if (words[0] == "role" && words.size() == 2) {
        const bool again = std::ranges::any_of(out, [&](const ApprovedRole& r) { return r.role == words[1]; });
        const bool nothing_in_the_last = !out.empty() && out.back().files.empty();
        if (!is_role(words[1]) || words[1] == "cap" || again || nothing_in_the_last || out.size() >= kRolesMax)
            return false;
        out.push_back({.role = std::string(words[1]), .files = {}});
        return true;
    }
    if (words[0] != "file" || words.size() != 4 || out.empty() || out.back().files.size() >= kFilesMax) return false;
    ApprovedFile file{.digest = {}, .place = std::string(words[2]), .source = std::string(words[3])};
    if (!from_hex(words[1], file.digest) || !is_plain_path(words[2]) || !is_plain_path(words[3])) return false;
    out.back().files.push_back(std::move(file));
    return true;
}

}  // namespace

attestation::MeasuredRole ApprovedRole::measured() const {
    attestation::MeasuredRole out{.role = role, .files = {}};
    for (const ApprovedFile& f : files)
        out.files.push_back({.name = f.place.substr(f.place.rfind('/') + 1), .digest = f.digest});
    return out;
}

Result<std::vector<ApprovedRole>> parse_approved(std::string_view text) {
    if (text.size() > kApprovedMax) return Error{Errc::too_large, "list of approved programs", 0};
    std::vector<ApprovedRole> out;
    uint32_t number = 0;
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        ++number;
        if (!take_line(text.substr(0, end), out)) return Error{Errc::bad_config, "list of approved programs", number};
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (out.size() < 2 || out.front().role != "guard" || out.back().role != "enclave" || out.back().files.empty())
        return Error{Errc::bad_config, "list of approved programs: guard first, enclave last", number};
    return out;
}

}  // namespace sealcall::guard
