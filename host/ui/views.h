// What a person sees: pure functions from the model to lines. Names and levels come from the enclave; what the network
// says is shown as `says: "..."` only.
#pragma once

#include "host/ui/line.h"
#include "host/ui/model.h"

namespace sealcall::ui {

/// `[2] Measured LAB`: digit or shape, word, and LAB wherever a laboratory vouches. Word, shape and colour together.
Line level_mark(rats::Level level, bool lab, const Look& look);

/// Who is on the other end, as far as it is proven: the name of the certificate, or what is merely said.
Line who(const Call& call, const Look& look);
/// The short name for one-line views.
std::string short_name(const Call& call, const Look& look);

/// Why the policy answers so: a sentence, and the rule by number and name.
std::string rule_sentence(const policy::Decision& decision, const Look& look);
/// The card of an incoming call, with the keys at its foot.
Lines incoming_card(const Call& call, const Look& look);
/// The card of an outgoing call before sound: whom we call, what is known by now.
Lines outgoing_card(const Call& call, const Look& look);
/// The one line of a call under way, and below it only what has changed for the worse.
Lines call_lines(const Call& call, const Look& look);
/// How a call ended, why, and what to do next.
Lines ended_summary(const Call& call, const Look& look);
/// Everything for experts: reasons unfolded, both views, key life, media, phases.
Lines details_page(const Call& call, const Look& look);

/// The phone itself: profile, name, network, TPM.
Line state_line(const Phone& phone, std::string_view profile, const Look& look);

/// "3 s", "12 min", "2 h".
std::string age(uint64_t ms);
/// "12:04", "1:02:03".
std::string clock_of(uint64_t seconds);
/// Local time with offset: "2026-11-20 23:09:42 +0100".
std::string local_time(uint64_t wall_ms);

/// What the PIN is asked for: who, and the reasons that are recorded with it.
std::string consent_sentence(const ipc::AskConsent& question, const Look& look);

}  // namespace sealcall::ui
