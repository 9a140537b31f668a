#include "call_outcome.h"

#include <algorithm>
#include <array>

namespace sealcall::cli {

int status_of_end(std::string_view reason, bool reached_media) {
    constexpr std::array<std::string_view, 9> refused = {
        "refused_by_policy",      "peer_failed_attestation", "peer_not_acceptable",
        "we_were_not_acceptable", "peer_is_ordinary",        "channel_broken",
        "certificate_refused",    "fingerprint_mismatch",    "downgrade"};
    constexpr std::array<std::string_view, 6> no_talk = {"refused_here", "refused_there", "busy",
                                                         "no_answer",    "not_found",     "not_reachable"};
    if (reason == "hung_up_here" || reason == "hung_up_there") return reached_media ? 0 : 4;
    if (std::ranges::find(refused, reason) != refused.end()) return 3;
    if (std::ranges::find(no_talk, reason) != no_talk.end()) return 4;
    return reason == "media_failed" ? 6 : 5;
}

}  // namespace sealcall::cli
