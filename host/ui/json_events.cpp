#include "host/ui/json_events.h"

#include "host/ui/json_write.h"
#include "host/ui/names.h"
#include "host/ui/pin_entry.h"
#include "host/ui/plain_events.h"
#include "host/ui/words.h"

namespace sealcall::ui {
namespace {

JsonObject event(std::string_view name, Stamp at) {
    JsonObject o;
    o.text("event", name).number("wall_ms", at.wall_ms).number("boot_us", at.boot_us);
    return o;
}

std::string with_members(JsonObject head, std::string_view object) {
    // Both are finished or unfinished objects of ours: {"a":1 + {"b":2}
    std::string out = head.take();
    out.pop_back();
    if (object.size() > 2) out.append(",").append(object.substr(1, object.size() - 2));
    out.push_back('}');
    return out;
}

std::string json_reason(rats::Reason r) {
    static constexpr const char* kWeights[] = {"affirming", "missing", "wrong", "notice"};
    return JsonObject()
        .text("code", name_of(r))
        .text("weight", kWeights[static_cast<size_t>(weight_of(r))])
        .text("sentence", sentence_of(r))
        .text("next", next_step_of(r))
        .take();
}

JsonObject& add_end(JsonObject& o, ipc::EndReason reason, std::string_view detail) {
    return o.text("reason", name_of(reason))
        .text("sentence", reason == ipc::EndReason::none ? "" : sentence_of(reason))
        .text("next", reason == ipc::EndReason::none ? "" : next_step_of(reason))
        .text("detail", detail);
}

std::string json_media(const ipc::MediaStats& m) {
    return JsonObject()
        .number("sent", m.sent)
        .number("received", m.received)
        .number("lost", m.lost)
        .number("rejected", m.rejected)
        .number("late", m.late)
        .number("longest_gap_ms", m.longest_gap_ms)
        .number("jitter_us", m.jitter_us)
        .number("peer_reported_lost", m.peer_reported_lost)
        .text("srtp_profile", m.srtp_profile.view())
        .take();
}

std::string json_key(const ipc::KeyLife& m) {
    return JsonObject()
        .text("what", name_of(m.event))
        .number("context", m.context)
        .number("slot", m.slot)
        .number("counter", m.counter)
        .number("at_wall_ms", m.wall_ms)
        .number("tpm_rc", m.tpm_rc)
        .take();
}

}  // namespace

Stamp Stamp::now() {
    return {::sealcall::wall_ms(), static_cast<uint64_t>(BootClock::now().time_since_epoch().count())};
}

const char* name_of(By by) {
    switch (by) {
        case By::person:
            return "person";
        case By::control:
            return "control";
        case By::script:
            return "script";
    }
    return "unknown";
}

std::string json_decision(const policy::Decision& d) {
    return JsonObject()
        .text("action", name_of(d.action))
        .text("rule", name_of(d.rule))
        .text("sentence", sentence_of(d.rule))
        .number("number", d.number)
        .text("name", d.name.view())
        .text("on_worse", name_of(d.on_worse))
        .flag("silent", d.silent)
        .take();
}

std::string json_level(rats::Level level, bool lab) {
    return JsonObject().text("level", digit_of(level)).text("word", word_of(level)).flag("lab", lab).take();
}

std::string json_card(const ipc::CallCard& m) {
    const Call call{.id = m.call, .direction = m.direction, .has_card = true, .card = m};
    JsonArray reasons;
    for (rats::Reason r : m.theirs.reasons) reasons.raw(json_reason(r));
    JsonObject o;
    o.number("call", m.call.value)
        .text("direction", name_of(m.direction))
        .text("peer_uri", m.peer_uri.view())
        .flag("name_proven", call.name_proven())
        .text("vouched_by", m.vouched_by.view())
        .text("result_by", m.result_by.view())
        .text("dialled_uri", m.dialled_uri.view())
        .text("says", m.hearsay_name.view())
        .text("label", m.label.view())
        .flag("ordinary", m.ordinary)
        .flag("answered_by_other", m.answered_by_other)
        .text("level", digit_of(m.theirs.level))
        .text("word", word_of(m.theirs.level))
        .flag("lab", m.theirs.lab)
        .flag("software_tpm", m.theirs.software_tpm)
        .raw("reasons", reasons.take())
        .number("checked_at_ms", m.theirs_at_ms);
    if (m.ours_known) {
        o.raw("they_see", json_level(m.ours, m.ours_lab));
    } else {
        o.null("they_see");
    }
    o.raw("decision", json_decision(m.decision));
    o.text("peer_answer", name_of(m.peer_answer));
    return o.text("protection", name_of(m.protection)).take();
}

std::string json_enclave(const ipc::EnclaveStatus& m) {
    return JsonObject()
        .text("own_uri", m.own_uri.view())
        .flag("enrolled", m.enrolled)
        .flag("software_tpm", m.software_tpm)
        .flag("secret_memory", m.secret_memory)
        .flag("tpm_ready", m.tpm_ready)
        .text("vouched_by", m.vouched_by.view())
        .text("tpm_name", m.tpm_name.view())
        .hex("measurement", m.measurement)
        .number("calls", m.calls)
        .number("dropped", m.dropped)
        .text("bundle", name_of(m.bundle))
        .number("bundle_version", m.bundle_version)
        .number("bundle_next_update_ms", m.bundle_next_update_ms)
        .flag("pin_set", m.pin_set)
        .flag("locked", m.locked)
        .take();
}

std::string json_host(const ipc::HostState& m) {
    return JsonObject()
        .text("registration", name_of(m.registration))
        .number("sip_status", m.sip_status)
        .text("listening", m.listening.view())
        .text("error", m.error.view())
        .number("malformed", m.malformed)
        .take();
}

std::string json_process(const ipc::ProcessReport& m) {
    JsonArray missing;
    for (const std::string& s : missing_protections(m)) missing.text(s);
    return JsonObject()
        .text("role", name_of(m.role))
        .number("pid", m.pid)
        .number("uid", m.uid)
        .flag("seccomp", m.seccomp)
        .flag("no_new_privs", m.no_new_privs)
        .flag("landlock", m.landlock)
        .flag("undumpable", m.undumpable)
        .flag("user_namespace", m.user_namespace)
        .flag("mount_namespace", m.mount_namespace)
        .flag("network_namespace", m.network_namespace)
        .flag("no_capabilities", m.no_capabilities)
        .number("pss_kib", m.pss_kib)
        .number("cpu_ms", m.cpu_ms)
        .hex("executable", m.executable)
        .raw("missing", missing.take())
        .take();
}

std::string json_call(const Call& c) {
    JsonObject o;
    o.number("call", c.id.value)
        .text("state", name_of(c.state))
        .flag("held_here", c.held_here)
        .flag("held_there", c.held_there)
        .flag("microphone", c.microphone)
        .flag("reached_media", c.reached_media)
        .text("contact", c.contact);
    add_end(o, c.reason, c.detail);
    JsonObject phases;
    for (size_t i = 0; i < kPhases; ++i)
        if (c.phases[i] != 0) phases.number(name_of(static_cast<ipc::Phase>(i)), c.phases[i]);
    o.raw("phases", phases.take());
    JsonArray keys;
    for (const ipc::KeyLife& k : c.keys) keys.raw(json_key(k));
    o.raw("keys", keys.take());
    c.has_media ? o.raw("media", json_media(c.media)) : o.null("media");
    c.has_card ? o.raw("card", json_card(c.card)) : o.null("card");
    return o.take();
}

std::string json_event(const ipc::CallCard& m, Stamp at) { return with_members(event("card", at), json_card(m)); }
std::string json_event(const ipc::CallPhase& m, Stamp at) {
    return event("phase", at)
        .number("call", m.call.value)
        .text("phase", name_of(m.phase))
        .number("at_boot_us", m.boot_us)
        .take();
}
std::string json_event(const ipc::CallStateChanged& m, Stamp at) {
    JsonObject o = event("state", at);
    o.number("call", m.call.value).text("state", name_of(m.state));
    return add_end(o, m.reason, m.detail.view())
        .flag("held_here", m.held_here)
        .flag("held_there", m.held_there)
        .flag("microphone", m.microphone)
        .take();
}
std::string json_event(const ipc::KeyLife& m, Stamp at) {
    return with_members(std::move(event("key", at).number("call", m.call.value)), json_key(m));
}
std::string json_event(const ipc::MediaStats& m, Stamp at) {
    return with_members(std::move(event("media", at).number("call", m.call.value)), json_media(m));
}
std::string json_event(const ipc::Rechecked& m, Stamp at) {
    return event("recheck", at)
        .number("call", m.call.value)
        .number("round", m.round)
        .text("outcome", name_of(m.outcome))
        .text("before", digit_of(m.before))
        .text("level", digit_of(m.after))
        .text("done", name_of(m.done))
        .text("sentence", recheck_sentence(m, "The other phone", Look{.charset = Charset::ascii}))
        .take();
}
std::string json_event(const ipc::Notice& m, Stamp at) {
    return event("notice", at).text("kind", name_of(m.kind)).text("text", m.text.view()).take();
}
std::string json_event(const ipc::EnclaveStatus& m, Stamp at) {
    return with_members(event("enclave", at), json_enclave(m));
}
std::string json_event(const ipc::HostState& m, Stamp at) { return with_members(event("host", at), json_host(m)); }
std::string json_event(const ipc::LockState& m, Stamp at) {
    return event("lock", at).flag("pin_set", m.pin_set).flag("locked", m.locked).take();
}
std::string json_event(const ipc::AskConsent& m, Stamp at) {
    JsonObject o = event("consent", at);
    o.number("question", m.question.value)
        .number("call", m.call.value)
        .flag("wanted", m.wanted)
        .text("peer", m.peer.view());
    if (m.why == rats::Reason::none)
        o.null("why");
    else
        o.raw("why", json_reason(m.why));
    o.raw("decision", json_decision(m.decision));
    return with_members(std::move(o), json_level(m.level, m.lab));
}
std::string json_event(const ipc::PinReply& m, Stamp at) {
    return event("pin", at)
        .text("trouble", pin_word(m))
        .text("sentence", pin_sentence(m))
        .number("tries_left", m.tries.left)
        .number("tries_most", m.tries.most)
        .number("one_more_in_s", m.tries.one_more_in_s)
        .flag("consented", m.consented)
        .take();
}
std::string json_past_call(const Call& call, Stamp ended) {
    const uint64_t dialled_us = call.phases[static_cast<size_t>(ipc::Phase::dialled)];
    const uint64_t ago_ms = dialled_us == 0 ? 0 : (ended.boot_us - std::min(dialled_us, ended.boot_us)) / 1000;
    const auto with_label = [&](std::string_view label) {
        return JsonObject()
            .number("began_ms", ended.wall_ms - ago_ms)
            .number("talked_s", call.reached_media ? call.talk_seconds(ended.boot_us) : 0)
            .text("direction", name_of(call.direction))
            .flag("ordinary", call.card.ordinary)
            .flag("name_proven", call.name_proven())
            .text("level", digit_of(call.card.theirs.level))
            .flag("lab", call.card.theirs.lab)
            .text("label", label)
            .text("reason", name_of(call.reason))
            .text("ended", sentence_of(call.reason))
            .take();
    };
    // A label of what JSON escapes takes six bytes for one.
    std::string_view label = call.card.label.view();
    std::string out = with_label(label);
    while (out.size() > kPastCallMax && !label.empty()) {
        size_t last = 0;
        for (size_t at = 0; at < label.size();) {
            last = at;
            (void)next_code_point(label, at);
        }
        label = label.substr(0, last);
        out = with_label(label);
    }
    return out;
}
std::string json_ready(const ipc::ConfigureUi& m, Stamp at) {
    return event("ready", at).text("profile", m.profile.view()).text("own_uri", m.own_uri.view()).take();
}
std::string json_dial(const ipc::DialReply& m, std::string_view uri, std::string_view label, By by, Stamp at) {
    JsonObject o = event("dial", at);
    o.number("call", m.call.value).text("uri", uri).text("label", label).text("by", name_of(by));
    return add_end(o, m.call.value != 0 ? ipc::EndReason::none : m.reason, "").take();
}
std::string json_command(std::string_view command, CallId call, By by, Stamp at) {
    return event("command", at).text("command", command).number("call", call.value).text("by", name_of(by)).take();
}
std::string json_lost(ipc::ProcessRole role, Stamp at) { return event("lost", at).text("role", name_of(role)).take(); }
std::string json_exit(ExitStatus status, ipc::EndReason reason, std::string_view sentence, Stamp at) {
    return event("exit", at)
        .number("status", static_cast<uint64_t>(status))
        .text("reason", name_of(reason))
        .text("sentence", sentence)
        .take();
}

std::string json_dropped(size_t lines, Stamp at) { return event("dropped", at).number("lines", lines).take(); }

}  // namespace sealcall::ui
