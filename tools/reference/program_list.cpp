#include "program_list.h"

#include <algorithm>
#include <sstream>

#include "attestation/binding.h"
#include "attestation/cel.h"
#include "files.h"
#include "problem.h"

namespace sealcall::reference {
namespace {

using attestation::MeasuredRole;
constexpr size_t kRolesMax = 8, kFilesMax = 128, kNameMax = 255;

[[noreturn]] void wrong(size_t line) {
    throw cli::Problem("Line " + std::to_string(line) + " is not of a list of programs.",
                       "Make the list with sealcall-approve DIR.");
}

void take(const std::vector<std::string>& words, std::vector<MeasuredRole>& out, size_t line) {
    if (words[0] == "role" && words.size() == 2 && out.size() < kRolesMax) {
        if (std::ranges::find(out, words[1], &MeasuredRole::role) != out.end()) wrong(line);
        out.push_back({.role = words[1], .files = {}});
        return;
    }
    if (words[0] != "file" || words.size() != 4 || out.empty() || out.back().files.size() >= kFilesMax) wrong(line);
    const auto digest = cli::from_hex(words[1]);
    const std::string name = words[2].substr(words[2].rfind('/') + 1);
    if (!digest || digest->size() != sizeof(Digest) || !words[2].starts_with('/') || name.empty() ||
        name.size() > kNameMax)
        wrong(line);
    attestation::MeasuredFile file{.name = name, .digest = {}};
    std::ranges::copy(*digest, file.digest.begin());
    out.back().files.push_back(std::move(file));
}

std::vector<MeasuredRole> parse(std::string_view list) {
    std::vector<MeasuredRole> out;
    std::istringstream lines{std::string(list)};
    size_t number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        std::istringstream in(line.substr(0, line.find('#')));
        std::vector<std::string> words;
        for (std::string word; words.size() < 5 && in >> word;) words.push_back(word);
        if (!words.empty()) take(words, out, number);
    }
    const auto empty = [](const MeasuredRole& r) { return r.files.empty(); };
    if (out.size() < 2 || out.front().role != "guard" || out.back().role != "enclave" ||
        std::ranges::any_of(out, empty))
        throw cli::Problem("This list does not begin with the guard and end with the enclave.",
                           "Make the list with sealcall-approve DIR.");
    return out;
}

/// What the guard extends last: from there on nobody gets the boot secret (enclave/guard/boot.cpp).
MeasuredRole cap() {
    return {.role = "cap", .files = {{.name = "cap", .digest = attestation::sha256(as_bytes("sealcall cap 1"))}}};
}

}  // namespace

rats::ReferenceKind kind_of_role(std::string_view role) {
    return role == "guard" ? rats::ReferenceKind::measurer : rats::ReferenceKind::sealcall;
}

std::vector<Entry> from_program_list(std::string_view list, const std::string& source) {
    if (list.size() > kProgramListMax) throw cli::Problem("The list of programs is too long.", "");
    auto roles = parse(list);
    roles.push_back(cap());
    std::vector<Entry> out;
    for (const MeasuredRole& role : roles)
        out.push_back({.value = {.id = 0,
                                 .pcr = kMeasurementPcr,
                                 .kind = kind_of_role(role.role),
                                 .digest = attestation::cel_digest(role)},
                       .state = EntryState::waiting,
                       .text = "sealcall-" + role.role,
                       .source = source});
    return out;
}

Digest measured_state(std::string_view list) {
    if (list.size() > kProgramListMax) throw cli::Problem("The list of programs is too long.", "");
    Digest value{};
    for (const MeasuredRole& role : parse(list))
        value = attestation::sha256(ByteWriter().bytes(value).bytes(attestation::cel_digest(role)).view());
    return value;
}

}  // namespace sealcall::reference
