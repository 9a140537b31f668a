// The calls of an audit log and the life of each one's sealed secret, from the records alone.
#pragma once

#include "audit_anchors.h"

namespace sealcall::cli {

/// One call of one run of the phone.
struct CallStory {
    uint64_t id = 0;  ///< number of its first record: what a person gives to `sealcall keys proof`
    uint64_t number = 0;
    size_t start = 0;             ///< index of the record of the run's start
    std::string peer;             ///< by its certificate, else its own word; empty: nobody was reached
    bool proven_peer = false;     ///< by its certificate
    std::vector<size_t> records;  ///< indices
};

/// In order of their beginning. Records before the first start of the log belong to no call that can be told apart.
std::vector<CallStory> call_stories(const AuditReport& log);

/// A step in the life of a secret.
struct KeyStep {
    size_t record = 0;
    std::string what;      ///< created, sealed, renewed, wiped, unsealed, rekeyed, destroyed, unseal_refused, proven,
                           ///< end_proven, proof_missing
    std::string sentence;  ///< for a person, with counter and state
};
std::vector<KeyStep> key_steps(const AuditReport& log, const CallStory& call);

}  // namespace sealcall::cli
