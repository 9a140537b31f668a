// What a person reads: one sentence about the world for every level, reason, rule and way a call can end, and what to
// do about it. One voice for screen, log and command line. Whoever prints adds names and times; nothing here needs an
// expert.
#pragma once

#include <string_view>

#include "sealcall/ipc/schema.h"
#include "sealcall/policy/types.h"

namespace sealcall::policy {

/// `next_step` is empty where nobody has to do anything.
struct Text {
    std::string_view sentence;
    std::string_view next_step;
};

/// How a level looks: word, shape and colour always together.
struct LevelText {
    char digit;  ///< "X" or "0" to "4"
    std::string_view word;
    std::string_view ascii;   ///< "[2]"
    std::string_view shape;   ///< UTF-8
    std::string_view colour;  ///< ANSI SGR parameters
    std::string_view meaning;
};

namespace detail {
template <class E>
inline constexpr size_t kCount = static_cast<size_t>(ipc::EnumRange<E>::last) + 1;

using rats::Level;
using rats::Reason;

template <class E>
struct Row {
    E key;
    Text text;
};

/// Rows stand in the order of their enumerators: checked when this header is compiled.
template <class E, size_t N>
constexpr bool complete(const Row<E> (&rows)[N]) {
    if (N != kCount<E>) return false;
    for (size_t i = 0; i < N; ++i)
        if (static_cast<size_t>(rows[i].key) != i || rows[i].text.sentence.empty()) return false;
    return true;
}

inline constexpr LevelText kLevels[] = {
    {'X', "Failed", "[X]", "\u2BC3", "31", "A check was made, and what it found is wrong."},
    {'0', "Unverified", "[0]", "\u25CB", "90", "Nothing is known about that device, or it could not be checked."},
    {'1', "Known device", "[1]", "\u25CF", "34", "An enrolled device, proven now; what runs on it is not known."},
    {'2', "Measured", "[2]", "\u25B2", "33",
     "A genuine security chip reports what was started; nobody has approved it yet."},
    {'3', "Trusted boot", "[3]", "\u26E8", "32", "The device started with approved software only."},
    {'4', "Trusted runtime", "[4]", "\u26E8\u26E8", "32",
     "The device started with approved software, and runs nothing else."},
};
static_assert(std::size(kLevels) == kCount<Level>);

inline constexpr std::string_view kAskThemAdmin =
    "Ask the other person to have their administrator look at their device.";
inline constexpr std::string_view kRefuseAndTell =
    "Do not talk about anything confidential; tell your administrator, and reach the person another way.";
inline constexpr std::string_view kTryAgain = "Try the call again; if it happens again, tell your administrator.";

inline constexpr Row<Reason> kReasons[] = {
    {Reason::none, {"There is nothing to say about this.", ""}},
    {Reason::quote_fresh_and_bound, {"The other device proved its state for this very call.", ""}},
    {Reason::identity_key_in_tpm,
     {"The key that names the caller lives in that device's security chip and cannot be copied.", ""}},
    {Reason::device_enrolled, {"The device is enrolled with an authority that this phone trusts.", ""}},
    {Reason::tpm_genuine, {"The security chip is genuine: its maker's certificate was checked at enrolment.", ""}},
    {Reason::tpm_genuine_lab,
     {"LAB: the security chip is vouched for by a laboratory only, not by a maker.",
      "Good for trying things out; for real calls the administrator enrols a device with a maker's certificate."}},
    {Reason::log_replays, {"The list of what was started on that device matches what its security chip recorded.", ""}},
    {Reason::secure_boot_on, {"Secure Boot was on when that computer started.", ""}},
    {Reason::boot_approved, {"Its firmware and its start are as the administrator approved them.", ""}},
    {Reason::measurement_approved,
     {"The phone software there is an approved release, and the system confirms it.", ""}},
    {Reason::runtime_approved, {"Every program that was started on that computer is approved.", ""}},
    {Reason::vouched_by_partner,
     {"The other organisation's own verifier checked that device for this call; this phone saw the result only.", ""}},
    {Reason::tpm_not_proven_genuine,
     {"The security chip is not proven to be genuine; it may be software.",
      "The administrator can enrol the device again with the chip maker's certificate."}},
    {Reason::boot_not_approved,
     {"How that computer starts is not something anybody has approved.",
      "The administrator can approve its firmware and its operating system."}},
    {Reason::secure_boot_off,
     {"Secure Boot was off when that computer started: anything could have been started before its system.",
      "The other person's administrator switches Secure Boot on in the firmware."}},
    {Reason::runtime_not_known,
     {"Which programs run on that computer is not known.",
      "The administrator can switch on the measuring of programs (IMA)."}},
    {Reason::runtime_not_approved,
     {"A program was started on that computer that nobody has approved.",
      "The administrator can see which one (sealcall evidence explain), and approve or remove it."}},
    {Reason::measurement_self_vouched,
     {"The phone software on that device vouches for itself; nobody else has confirmed it.",
      "The administrator can set up the managed mode, in which the system confirms the phone."}},
    {Reason::embedded_mode,
     {"The phone runs as an ordinary program; other programs of the same person could interfere with it.",
      "The administrator can install the managed mode."}},
    {Reason::log_withheld, {"The device does not say what was started on it.", kAskThemAdmin}},
    {Reason::not_supported,
     {"This is an ordinary phone: nothing is known about it.", "Ask the person to call with sealcall."}},
    {Reason::not_enrolled,
     {"The device is not enrolled with any authority.", "Its owner can enrol it: sealcall enroll."}},
    {Reason::partner_not_pinned,
     {"Whoever vouches for that device is nobody that this phone's administrator has agreed to believe.",
      "The administrator can pin the other organisation's verifier (sealcall authority partner)."}},
    {Reason::partner_level_limit,
     {"The other organisation may vouch for less than it said; the agreed limit counts.",
      "The administrator can change the limit (sealcall authority partner add --at-most)."}},
    {Reason::partner_result_expired,
     {"What the other organisation's verifier said is not valid now: it is too old, or from the future.",
      "Check the clock of this computer, then ask for a new check."}},
    {Reason::partner_result_missing,
     {"The other organisation's verifier said nothing about that device.",
      "The other person's administrator looks whether their authority can be reached and knows the device."}},
    {Reason::could_not_check, {"The check could not be made; that says nothing about the other device.", kTryAgain}},
    {Reason::no_answer_in_time, {"The other device did not prove its state in time.", kTryAgain}},
    {Reason::not_rechecked,
     {"The device has not been checked again since a while.", "Ask for a new check, or hang up and call again."}},
    {Reason::clock_wrong,
     {"This computer's clock is wrong, so certificates cannot be checked.", "Set the clock, then call again."}},
    {Reason::revocation_list_stale,
     {"This phone does not know which devices have been struck off lately, so nobody can be checked.",
      "Get the newest bundle from the administrator: sealcall bundle install FILE."}},
    {Reason::certificate_untrusted, {"The certificate comes from nobody that this phone trusts.", kRefuseAndTell}},
    {Reason::certificate_expired,
     {"The certificate is not valid today: it has expired, or does not count yet.",
      "The other person's administrator renews it; also check the clock of this computer."}},
    {Reason::certificate_wrong_name,
     {"The certificate is not made out to a person's address, or to one that its authority may not name.",
      kRefuseAndTell}},
    {Reason::reflected_key, {"Somebody sent this phone its own proof back.", kRefuseAndTell}},
    {Reason::not_bound_to_channel,
     {"The proof was made for another connection: somebody in the middle passes on another device's answer.",
      kRefuseAndTell}},
    {Reason::quote_signature_bad, {"The signature under the proof is wrong.", kRefuseAndTell}},
    {Reason::quote_malformed, {"The proof is not in the form that a security chip gives it.", kRefuseAndTell}},
    {Reason::pcr_values_do_not_match,
     {"The state that was sent is not the one that the security chip signed.", kRefuseAndTell}},
    {Reason::log_does_not_replay,
     {"The list of what was started on that device does not match what its security chip recorded.", kRefuseAndTell}},
    {Reason::key_not_in_quoted_tpm,
     {"The key that names the caller is not in the security chip that gave the proof.", kRefuseAndTell}},
    {Reason::key_attributes_wrong,
     {"A key of that device could be copied or used without its protection.", kAskThemAdmin}},
    {Reason::attestation_key_revoked,
     {"The device has been struck off: its authority no longer vouches for it.", kRefuseAndTell}},
    {Reason::tpm_clock_unsafe,
     {"The security chip was switched off without notice, and its clock cannot be relied on yet.",
      "The other person restarts their computer in the ordinary way and calls again."}},
    {Reason::tpm_was_reset,
     {"The other computer restarted and has not been checked again.", "Hang up and call again."}},
    {Reason::fingerprint_mismatch,
     {"The sound connection does not belong to the device that was checked.", kRefuseAndTell}},
    {Reason::exporter_mismatch, {"Somebody stands between the two phones on the sound connection.", kRefuseAndTell}},
    {Reason::passport_mismatch,
     {"The identity that the network passed on is not the one that was proven.", kRefuseAndTell}},
    {Reason::partner_result_invalid,
     {"What was shown as the word of the other organisation's verifier is not, or not about this call.",
      kRefuseAndTell}},
    {Reason::component_forbidden,
     {"Something was started on that computer that the administrator has forbidden.", kRefuseAndTell}},
    {Reason::verifier_disagrees,
     {"A second check of the same proof came to a worse result, and the worse one counts.", kTryAgain}},
    {Reason::answered_by_other,
     {"Somebody else answered than the one who was called.",
      "Make sure that you want to talk to the person who answered."}},
    {Reason::relay_rewrote_offer,
     {"A server on the way changed the call's description; the phones go by what they told each other directly.",
      "Nothing to do now; the administrator may want to know which server that is."}},
    {Reason::downgrade,
     {"This was a verified phone before and is not now; something on the way may be interfering.",
      "Call back through another line."}},
    {Reason::new_key,
     {"This name used another device until now, and another key.",
      "Ask the person through another line whether they have a new device."}},
    {Reason::lower_level,
     {"This phone proves less than it did before.", "Ask the person what has changed on their computer."}},
};
static_assert(complete(kReasons));

inline constexpr Row<Rule> kRules[] = {
    {Rule::default_deny, {"No rule allows this call, so it is refused.", "The administrator can change the policy."}},
    {Rule::failed_is_refused, {"A check failed, and a failed check is always refused.", kRefuseAndTell}},
    {Rule::downgrade_is_refused,
     {"This phone used to prove itself and does not now, so the call is refused.", "Call back through another line."}},
    {Rule::ordinary_refused,
     {"The policy does not let ordinary phones through.",
      "Ask the person to call with sealcall, or change the policy."}},
    {Rule::ordinary_warned, {"The policy lets ordinary phones through with a warning.", "Say nothing confidential."}},
    {Rule::below_minimum_refused,
     {"The policy asks for a higher level than this device has proven.", "The reasons above say what is missing."}},
    {Rule::below_minimum_warned,
     {"The policy asks for a higher level, and lets this call through with a warning.", "Say nothing confidential."}},
    {Rule::lab_does_not_count,
     {"The device is vouched for by a laboratory only, and the policy does not count that.",
      "The administrator enrols a device with a maker's certificate, or lets laboratories count."}},
    {Rule::meets_minimum, {"The policy is satisfied.", ""}},
    {Rule::blocked, {"The administrator's policy blocks this address.", "Ask the administrator if that is a mistake."}},
    {Rule::label_unknown,
     {"The call has a label that this phone's policy does not know, so it is refused.",
      "Agree on a label that both sides know: `sealcall policy status` lists those of this phone."}},
    {Rule::unknown_caller_refused,
     {"The administrator's policy refuses callers that it does not name.",
      "Put the person into the contacts, or ask the administrator."}},
    {Rule::downgrade_takes_pin,
     {"This phone used to prove more than it does now; going on takes the PIN.", "Call back through another line."}},
    {Rule::document_rule,
     {"A rule of the administrator's policy decided this.", "`sealcall policy explain` says why that rule."}},
    {Rule::document_bound,
     {"A rule of the administrator's policy asks for more than was proven, and less proof gets no more than it gives.",
      "The reasons above say what is missing."}},
    {Rule::policy_missing,
     {"The administrator's policy of this phone cannot be read or believed, so every call is refused.",
      "Get the newest bundle from the administrator: sealcall bundle install FILE."}},
    {Rule::address_unclear,
     {"This address can be read in more than one way, so nobody is called.",
      "Write it as sip:name@domain, without \";\", \"?\" and \"%\" in the name and without a password."}},
    {Rule::pin_not_set,
     {"The policy asks for the PIN of this phone, and none is set, so the call is refused.",
      "Set one: sealcall pin set."}},
    {Rule::takes_pin,
     {"This is less than your policy asks for; going on takes your PIN.", "Call back through another line."}},
    {Rule::accepted_with_pin, {"Going on took your PIN, and you entered it.", "Say nothing confidential."}},
};
static_assert(complete(kRules));

using ipc::EndReason;
inline constexpr Row<EndReason> kEndReasons[] = {
    {EndReason::none, {"The call has not ended.", ""}},
    {EndReason::hung_up_here, {"You hung up.", ""}},
    {EndReason::hung_up_there, {"The other person hung up.", ""}},
    {EndReason::refused_here, {"You refused the call.", ""}},
    {EndReason::refused_by_policy,
     {"This phone's policy refused the call.", "The reasons above say why; the administrator can change the policy."}},
    {EndReason::refused_there, {"The other side refused the call.", "Try another time or another way."}},
    {EndReason::busy, {"The other phone is busy.", "Try again later."}},
    {EndReason::no_answer, {"Nobody answered.", "Try again later."}},
    {EndReason::not_found, {"There is nobody at this address.", "Check the address for a typing mistake."}},
    {EndReason::not_reachable,
     {"The other phone could not be reached.", "Check the network on this side with sealcall doctor, then try again."}},
    {EndReason::peer_failed_attestation, {"The other device failed the check, so there was no call.", kRefuseAndTell}},
    {EndReason::peer_not_acceptable,
     {"The other device proved too little for this phone's policy.", "The reasons above say what is missing."}},
    {EndReason::we_were_not_acceptable,
     {"The other side did not accept what this device could prove.",
      "Run sealcall status to see this device's own level, and ask your administrator."}},
    {EndReason::peer_is_ordinary,
     {"The other phone is an ordinary one, and the policy refuses those.",
      "Ask the person to use sealcall, or change the policy."}},
    {EndReason::channel_broken, {"The protected connection between the phones broke.", kTryAgain}},
    {EndReason::certificate_refused,
     {"One side did not accept the other's certificate, so nothing was said.",
      "Check that both devices are enrolled with authorities that the other trusts."}},
    {EndReason::own_tpm_refused,
     {"This device's security chip refused to sign: the phone's software is not what was enrolled.",
      "Do not use this device for calls; install sealcall again and enrol it, or ask your administrator."}},
    {EndReason::own_tpm_failed,
     {"This device's security chip did not answer, was locked, or was too slow.",
      "Run sealcall doctor; a restart often helps."}},
    {EndReason::media_failed,
     {"No sound connection between the two phones came about.", "Check firewalls on both sides, then try again."}},
    {EndReason::fingerprint_mismatch,
     {"The sound connection did not belong to the device that was checked, so it was cut.", kRefuseAndTell}},
    {EndReason::too_many_calls,
     {"There are already as many calls as this phone can protect.", "End one of them first."}},
    {EndReason::not_enrolled, {"This phone is not enrolled yet.", "Enrol it: sealcall enroll."}},
    {EndReason::locked, {"This phone is locked.", "Enter the PIN, then try again."}},
    {EndReason::downgrade,
     {"The other phone proved less than it did before, or had another key: something on the way may be interfering.",
      "Call back through another line; if this is expected: sealcall peers forget ADDRESS."}},
    {EndReason::host_lost,
     {"The part of the phone that talks to the network stopped.",
      "Start the phone again; if it happens again, tell your administrator."}},
    {EndReason::internal,
     {"Something inside this phone went wrong, so it ended the call.",
      "Start the phone again; if it happens again, tell your administrator."}},
};
static_assert(complete(kEndReasons));

inline constexpr std::string_view kNewBundle =
    "Get the newest bundle from the administrator: sealcall bundle install FILE.";
inline constexpr std::string_view kEnrolAgain = "Tell your administrator; sealcall enroll sets it right.";
using ipc::BundleState;
inline constexpr Row<BundleState> kBundleStates[] = {
    {BundleState::none, {"The authority publishes no list of approved and struck off devices.", ""}},
    {BundleState::good, {"The authority's list of approved and struck off devices is up to date.", ""}},
    {BundleState::stale,
     {"The authority's list of struck off devices is out of date: nobody can be checked.", kNewBundle}},
    {BundleState::clock_wrong,
     {"This computer's clock is behind the authority's list, so nobody can be checked.", "Set the clock."}},
    {BundleState::rolled_back,
     {"Somebody put an older list of struck off devices in place: nobody can be checked.", kNewBundle}},
    {BundleState::bad, {"The list of struck off devices is not the authority's: nobody can be checked.", kNewBundle}},
    {BundleState::missing, {"The authority's list of struck off devices is gone: nobody can be checked.", kNewBundle}},
    {BundleState::not_pinned,
     {"The security chip does not confirm who may sign the list of struck off devices: nobody can be checked.",
      kEnrolAgain}},
};
static_assert(complete(kBundleStates));
}  // namespace detail

/// The word of a policy file.
constexpr std::string_view word(Action action) {
    constexpr std::string_view kWords[] = {"refuse", "pin", "receive-only", "warn", "allow"};
    return kWords[static_cast<size_t>(action)];
}
/// What it means for the call, for a screen.
constexpr std::string_view consequence(Action action) {
    constexpr std::string_view kWords[] = {"refused", "only with your PIN", "you can listen, not speak",
                                           "with a warning", "fine"};
    return kWords[static_cast<size_t>(action)];
}

constexpr const LevelText& text(rats::Level level) { return detail::kLevels[static_cast<size_t>(level)]; }
constexpr const Text& text(rats::Reason reason) { return detail::kReasons[static_cast<size_t>(reason)].text; }
constexpr const Text& text(Rule rule) { return detail::kRules[static_cast<size_t>(rule)].text; }
constexpr const Text& text(ipc::BundleState state) { return detail::kBundleStates[static_cast<size_t>(state)].text; }
constexpr const Text& text(ipc::EndReason reason) { return detail::kEndReasons[static_cast<size_t>(reason)].text; }

}  // namespace sealcall::policy
