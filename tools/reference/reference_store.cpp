#include "reference_store.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "files.h"
#include "problem.h"

namespace sealcall::reference {
namespace {

using Json = nlohmann::json;
using cli::Problem;
using rats::ReferenceKind;

constexpr const char* kEntriesFile = "references.jsonl";
constexpr const char* kKinds[] = {"approved", "sealcall", "measurer", "forbidden"};
constexpr const char* kStates[] = {"waiting", "approved", "withdrawn"};

[[noreturn]] void damaged(const std::string& what, size_t line, const std::string& why) {
    throw Problem("Line " + std::to_string(line) + " of " + what + " cannot be read: " + why + ".",
                  "Correct the line, or take the file of an earlier date.");
}

template <size_t N>
size_t index_in(const char* const (&names)[N], const std::string& name, const std::string& what, size_t line) {
    const auto found = std::ranges::find(names, name, [](const char* n) { return std::string(n); });
    if (found == std::end(names)) damaged(what, line, "\"" + name + "\" is not known");
    return static_cast<size_t>(found - std::begin(names));
}

Entry parse_line(const Json& json, const std::string& what, size_t line) try {
    Entry e;
    e.value.id = json.at("id").get<uint32_t>();
    const auto pcr = json.at("pcr").get<uint32_t>();
    if (pcr >= 24 || e.value.id == 0) damaged(what, line, "id or PCR out of range");
    e.value.pcr = static_cast<uint8_t>(pcr);
    e.value.kind = static_cast<ReferenceKind>(index_in(kKinds, json.at("kind").get<std::string>(), what, line));
    e.state = static_cast<EntryState>(index_in(kStates, json.at("state").get<std::string>(), what, line));
    const auto digest = cli::from_hex(json.at("digest").get<std::string>());
    if (!digest || digest->size() != e.value.digest.size()) damaged(what, line, "the digest is no SHA-256 in hex");
    std::ranges::copy(*digest, e.value.digest.begin());
    e.text = json.at("text").get<std::string>().substr(0, kTextMax);
    e.source = json.at("source").get<std::string>().substr(0, kTextMax);
    return e;
} catch (const Json::exception&) {
    damaged(what, line, "a field is missing or of the wrong kind");
}

bool same_value(const Entry& a, uint8_t pcr, const Digest& digest) {
    return a.value.pcr == pcr && a.value.digest == digest;
}

}  // namespace

const char* name_of(EntryState state) { return kStates[static_cast<size_t>(state)]; }
const char* name_of(ReferenceKind kind) { return kKinds[static_cast<size_t>(kind)]; }

std::vector<Entry> ReferenceStore::parse(std::string_view lines, const std::string& what) {
    std::vector<Entry> out;
    std::set<uint32_t> ids;
    for (size_t number = 1; !lines.empty(); ++number) {
        const size_t end = std::min(lines.find('\n'), lines.size());
        const std::string_view line = lines.substr(0, end);
        lines.remove_prefix(std::min(end + 1, lines.size()));
        if (line.empty()) continue;
        if (out.size() >= kEntriesMax) damaged(what, number, "there are too many entries");
        const Json json = Json::parse(line, nullptr, false);
        if (!json.is_object()) damaged(what, number, "it is no JSON object");
        out.push_back(parse_line(json, what, number));
        if (!ids.insert(out.back().value.id).second) damaged(what, number, "its id stands there twice");
    }
    return out;
}

std::string ReferenceStore::format(const std::vector<Entry>& entries) {
    std::string out;
    for (const Entry& e : entries) {
        // Ordered: the same entry is always the same line.
        nlohmann::ordered_json json = {{"id", e.value.id},
                                       {"pcr", e.value.pcr},
                                       {"kind", name_of(e.value.kind)},
                                       {"state", name_of(e.state)},
                                       {"digest", cli::to_hex(e.value.digest)},
                                       {"text", e.text},
                                       {"source", e.source}};
        out += json.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace) + "\n";
    }
    return out;
}

bool ReferenceStore::exists(const std::filesystem::path& dir) {
    std::error_code failed;
    return std::filesystem::exists(dir / kEntriesFile, failed);
}

ReferenceStore ReferenceStore::open(const std::filesystem::path& dir) {
    ReferenceStore out;
    out.dir_ = dir;
    const auto file = dir / kEntriesFile;
    if (const auto text = cli::read_file(file, kStoreMax)) out.entries_ = parse(*text, file.string());
    if (const auto text = cli::read_file(dir / "store.json")) {
        const Json json = Json::parse(*text, nullptr, false);
        const auto list = json.is_object() ? json.find("boot_pcrs") : json.end();
        if (!json.is_object() || list == json.end() || !list->is_array())
            damaged((dir / "store.json").string(), 1, "it has no list \"boot_pcrs\"");
        out.boot_pcrs_ = 0;
        for (const Json& pcr : *list) {
            if (!pcr.is_number_unsigned() || pcr.get<uint64_t>() >= 24 || pcr.get<uint64_t>() == 10)
                damaged((dir / "store.json").string(), 1, "a boot PCR is one of 0 to 23, and not 10");
            out.boot_pcrs_ |= 1u << pcr.get<uint32_t>();
        }
    }
    return out;
}

ReferenceStore ReferenceStore::open_to_change(const std::filesystem::path& dir) {
    std::error_code failed;
    std::filesystem::create_directories(dir, failed);
    if (failed) throw Problem("The directory " + dir.string() + " cannot be made: " + failed.message() + ".", "");
    // The directory itself is locked: a store is kept in git, and a file for the lock would show there.
    UniqueFd lock(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!lock.valid() || ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        if (lock.valid() && errno == EWOULDBLOCK)
            throw Problem("Somebody else changes the reference store in " + dir.string() + " now.",
                          "Try again when they are ready.");
        throw Problem("The reference store in " + dir.string() + " cannot be changed: " + std::strerror(errno) + ".",
                      "Check its rights, and that its file system has locks.");
    }
    ReferenceStore out = open(dir);
    out.lock_ = std::move(lock);
    return out;
}

const Entry* ReferenceStore::find(uint8_t pcr, const Digest& digest) const {
    const auto found = std::ranges::find_if(entries_, [&](const Entry& e) { return same_value(e, pcr, digest); });
    return found == entries_.end() ? nullptr : &*found;
}

Entry* ReferenceStore::find_id(uint32_t id) {
    const auto found = std::ranges::find(entries_, id, [](const Entry& e) { return e.value.id; });
    return found == entries_.end() ? nullptr : &*found;
}

size_t ReferenceStore::add(std::vector<Entry> found) {
    std::set<std::pair<uint8_t, Digest>> known;
    uint32_t next = 1;
    for (const Entry& e : entries_) {
        known.emplace(e.value.pcr, e.value.digest);
        next = std::max(next, e.value.id + 1);
    }
    size_t added = 0;
    for (Entry& e : found) {
        if (!known.emplace(e.value.pcr, e.value.digest).second) continue;
        if (entries_.size() >= kEntriesMax)
            throw Problem("The store would hold more than " + std::to_string(kEntriesMax) + " entries.",
                          "Import fewer PCRs, or a smaller list.");
        e.value.id = next++;
        e.state = EntryState::waiting;
        entries_.push_back(std::move(e));
        ++added;
    }
    return added;
}

void ReferenceStore::save() const {
    Json pcrs = Json::array();
    for (uint32_t pcr = 0; pcr < 24; ++pcr)
        if ((boot_pcrs_ >> pcr & 1) != 0) pcrs.push_back(pcr);
    cli::write_file(dir_ / "store.json", Json{{"boot_pcrs", pcrs}}.dump(2) + "\n", 0644);
    cli::write_file(dir_ / kEntriesFile, format(entries_), 0644);
}

}  // namespace sealcall::reference
