// The reference store: one line of JSON for each value that may (or must not) be extended, so that `git diff` of it is
// something to read. The lists of a bundle are made from it (compile.h).
//   references.jsonl   {"id":3,"pcr":4,"kind":"approved","state":"waiting","digest":"...","text":"...","source":"..."}
//   store.json         {"boot_pcrs":[0,2,4,7]}
// Ids only grow and are never given twice: people and old verdicts name entries by them. Throws Problem.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "sealcall/base/unique_fd.h"
#include "sealcall/rats/bundle.h"

namespace sealcall::reference {

inline constexpr size_t kStoreMax = size_t{64} * 1024 * 1024;  ///< bytes of references.jsonl
inline constexpr size_t kEntriesMax = 200'000;
inline constexpr size_t kTextMax = 512;  ///< bytes; longer texts are cut
inline constexpr uint32_t kDefaultBootPcrs = 1u << 0 | 1u << 2 | 1u << 4 | 1u << 7;

enum class EntryState : uint8_t {
    waiting,    ///< imported; nobody has approved it: in no bundle
    approved,   ///< in every bundle from now on
    withdrawn,  ///< was approved once; kept for its id and text
};

struct Entry {
    rats::Reference value;
    EntryState state = EntryState::waiting;
    std::string text;    ///< what it is, for people
    std::string source;  ///< where it came from
    bool operator==(const Entry&) const = default;
};

const char* name_of(EntryState state);
const char* name_of(rats::ReferenceKind kind);

class ReferenceStore {
  public:
    static bool exists(const std::filesystem::path& dir);
    /// An empty store when the directory has none; Problem when it is damaged.
    static ReferenceStore open(const std::filesystem::path& dir);
    /// The same for who will save it: makes the directory, and nobody else changes the store as long as this one is
    /// there. Problem when somebody does.
    static ReferenceStore open_to_change(const std::filesystem::path& dir);
    /// Every line of a store or of an exported list. `what` names it in a Problem.
    static std::vector<Entry> parse(std::string_view lines, const std::string& what);
    [[nodiscard]] static std::string format(const std::vector<Entry>& entries);

    [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
    [[nodiscard]] uint32_t boot_pcrs() const { return boot_pcrs_; }
    void set_boot_pcrs(uint32_t pcrs) { boot_pcrs_ = pcrs; }
    [[nodiscard]] const Entry* find(uint8_t pcr, const Digest& digest) const;
    [[nodiscard]] Entry* find_id(uint32_t id);

    /// Adds what is new, as waiting, with ids of its own. Returns how many were.
    size_t add(std::vector<Entry> found);
    void save() const;

  private:
    std::filesystem::path dir_;
    UniqueFd lock_;
    std::vector<Entry> entries_;
    uint32_t boot_pcrs_ = kDefaultBootPcrs;
};

}  // namespace sealcall::reference
