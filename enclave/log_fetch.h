// The relying party's side of logs in a call: which bytes to ask for, and what was seen in earlier calls. Foreign bytes
// are kept, compared with their digest, and handed to a verifier; they are not parsed here.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "sealcall/rats/wire.h"

namespace sealcall::enclave {

using LogBytes = std::shared_ptr<const Bytes>;

/// Logs of peers that called before. A warm call transfers nothing; of a list that grew, only what is new.
class LogCache {
  public:
    static constexpr size_t kEntriesMax = 16;
    static constexpr size_t kBytesMax = 6 * 1024 * 1024;  ///< of all entries; the oldest goes first

    /// The newest log of this device; null: none. `device`: SHA-256 of its AK certificate.
    [[nodiscard]] LogBytes find(const Digest& device, rats::LogKind kind) const;
    void keep(const Digest& device, rats::LogKind kind, LogBytes log);

  private:
    struct Entry {
        Digest device{};
        rats::LogKind kind{};
        LogBytes log;
    };
    std::deque<Entry> entries_;
};

/// Both logs of one Evidence.
class LogFetch {
  public:
    LogFetch(LogCache& cache, const Digest& device, rats::LogOffer boot, rats::LogOffer runtime);

    /// What to ask for now; nothing while an answer is on its way, and when all is there or withheld.
    [[nodiscard]] std::optional<rats::LogRequest> next();
    [[nodiscard]] bool complete() const;
    /// Errors: wrong_state (not what was asked for), too_large, bad_evidence (the digest is another one).
    Status on_part(const rats::LogPart& part);

    /// Null: not offered, or not shown to us.
    [[nodiscard]] LogBytes boot() const { return wanted_[0].log; }
    [[nodiscard]] LogBytes runtime() const { return wanted_[1].log; }
    /// Bytes that are still to come at most.
    [[nodiscard]] size_t outstanding() const;

  private:
    struct Wanted {
        rats::LogKind kind{};
        rats::LogOffer offer;
        Bytes bytes;  ///< so far
        LogBytes log;
        bool from_cache = false;  ///< `bytes` begins with what an earlier call brought
        bool done = false;
        size_t asked_until = 0;  ///< of the answer that is on its way
    };
    void begin(Wanted& wanted, LogBytes cached);
    Status finish(Wanted& wanted);

    LogCache& cache_;
    Digest device_;
    std::array<Wanted, 2> wanted_;
};

}  // namespace sealcall::enclave
