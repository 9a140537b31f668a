// The life of each call's secret as lines and as a picture. All text comes from a log, which may be anybody's.
#pragma once

#include "audit_calls.h"

namespace sealcall::cli {

/// A stretch of a secret's life.
struct KeySpan {
    uint64_t from_ms = 0, to_ms = 0;
    bool plain = false;  ///< media keys are in memory; else only the sealed secret is left
};

struct KeyLifeLine {
    CallStory call;
    std::vector<KeyStep> steps;
    std::vector<KeySpan> spans;
    bool ended = false;   ///< the counter moved on
    bool proven = false;  ///< the TPM signed making and end
};

struct Timeline {
    std::vector<KeyLifeLine> lives;  ///< of calls with a key
    size_t calls_without_key = 0;
};
Timeline make_timeline(const AuditReport& log);

/// One page without scripts and links; everything from the log is escaped.
std::string timeline_html(const AuditTrail& trail, const AnchorReport& report, const Timeline& timeline,
                          const attestation::foreign::Findings& findings);

}  // namespace sealcall::cli
