// What the exit status of `sealcall call` means. The one table; docs/control.md repeats it for people.
#pragma once

#include <cstdint>

#include "sealcall/ipc/schema.h"

namespace sealcall::ui {

enum class ExitStatus : uint8_t {
    ok = 0,           ///< the call reached media and was ended by hanging up
    refused = 3,      ///< by policy or attestation, on either side
    no_talk = 4,      ///< not found, not reachable, busy, refused by the person, or no answer
    own_trouble = 5,  ///< this phone: its TPM, enrolment, a process that ended
    media_failed = 6,
};

/// Total: every reason has a status.
constexpr ExitStatus exit_status_of(ipc::EndReason reason, bool reached_media) {
    using R = ipc::EndReason;
    switch (reason) {
        case R::hung_up_here:
        case R::hung_up_there:
            return reached_media ? ExitStatus::ok : ExitStatus::no_talk;
        case R::refused_by_policy:
        case R::peer_failed_attestation:
        case R::peer_not_acceptable:
        case R::we_were_not_acceptable:
        case R::peer_is_ordinary:
        case R::downgrade:
        case R::channel_broken:
        case R::certificate_refused:
        case R::fingerprint_mismatch:
            return ExitStatus::refused;
        case R::refused_here:
        case R::refused_there:
        case R::busy:
        case R::no_answer:
        case R::not_found:
        case R::not_reachable:
            return ExitStatus::no_talk;
        case R::media_failed:
            return ExitStatus::media_failed;
        case R::none:
        case R::own_tpm_refused:
        case R::own_tpm_failed:
        case R::too_many_calls:
        case R::not_enrolled:
        case R::locked:
        case R::host_lost:
        case R::internal:
            return ExitStatus::own_trouble;
    }
    return ExitStatus::own_trouble;
}

}  // namespace sealcall::ui
