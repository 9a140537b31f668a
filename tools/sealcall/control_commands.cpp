// Commands that ask the running phone: status, answer, refuse, hangup, hold, ctl, and call when a phone runs.
#include <iostream>

#include "call_outcome.h"
#include "commands.h"
#include "control_client.h"
#include "files.h"
#include "problem.h"
#include "running_phone.h"

namespace sealcall::cli {
namespace {

using Json = nlohmann::json;

ControlClient need_phone(const Context& context) {
    auto client = ControlClient::connect(context.paths().control_socket);
    if (!client)
        throw Problem("No phone of the profile " + context.paths().profile + " runs.", "Start it: sealcall phone",
                      exit_status::kNoPhone);
    return std::move(*client);
}

std::string text_of(const Json& object, const char* key) {
    const auto at = object.find(key);
    return at != object.end() && at->is_string() ? printable(at->get<std::string>()) : std::string();
}
bool flag_of(const Json& object, const char* key) {
    const auto at = object.find(key);
    return at != object.end() && at->is_boolean() && at->get<bool>();
}
uint64_t number_of(const Json& object, const char* key) {
    const auto at = object.find(key);
    return at != object.end() && at->is_number_unsigned() ? at->get<uint64_t>() : 0;
}
Json member(const Json& object, const char* key) {
    const auto at = object.find(key);
    return at != object.end() && at->is_object() ? *at : Json::object();
}
Json list_of(const Json& object, const char* key) {
    const auto at = object.find(key);
    return at != object.end() && at->is_array() ? *at : Json::array();
}

int act(const Context& context, const char* method, Json params, const char* done) {
    ControlClient client = need_phone(context);
    if (!context.options.call_id.empty()) params["call"] = std::stoul(context.options.call_id);
    const Json result = client.request(method, params);
    if (context.json())
        print_json({{"ok", true}, {"result", result}});
    else
        std::cout << done << " (call " << number_of(result, "call") << ")\n";
    return exit_status::kOk;
}

void print_call(const Json& call) {
    const Json card = member(call, "card");
    std::cout << "Call " << number_of(call, "call") << "  " << text_of(call, "state")
              << (flag_of(call, "held_here") ? ", on hold" : "");
    if (!card.empty())
        std::cout << "  [" << text_of(card, "level") << "] " << text_of(card, "word")
                  << (flag_of(card, "lab") ? " LAB" : "") << "  " << text_of(card, "peer_uri")
                  << (flag_of(card, "name_proven") ? "" : " (not proven)");
    std::cout << "\n";
}

void print_process(const Json& process) {
    std::cout << "  " << text_of(process, "role") << "  pid " << number_of(process, "pid") << "  "
              << number_of(process, "pss_kib") << " KiB ";
    for (const char* wall : {"seccomp", "landlock", "no_new_privs", "undumpable", "user_namespace", "mount_namespace",
                             "network_namespace", "no_capabilities"})
        std::cout << " " << (flag_of(process, wall) ? "" : "NOT:") << wall;
    std::cout << "\n";
}

void print_status(const Json& status, const Json& calls) {
    const Json enclave = member(status, "enclave"), host = member(status, "host");
    std::cout << "Phone " << text_of(status, "profile") << "  <" << text_of(enclave, "own_uri") << ">\n"
              << "  "
              << (flag_of(enclave, "enrolled") ? "certified by " + text_of(enclave, "vouched_by")
                                               : std::string("not enrolled"))
              << "\n"
              << "  TPM " << text_of(enclave, "tpm_name")
              << (flag_of(enclave, "software_tpm") ? " (a software TPM)" : "")
              << (flag_of(enclave, "tpm_ready") ? "" : ", not ready") << "\n"
              << (flag_of(enclave, "locked") ? "  locked: enter the PIN at its screen\n" : "") << "  listening on "
              << text_of(host, "listening") << ", registration: " << text_of(host, "registration") << "\n";
    if (!text_of(host, "error").empty()) std::cout << "  " << text_of(host, "error") << "\n";
    for (const Json& call : calls)
        if (call.is_object()) print_call(call);
    std::cout << "Processes\n";
    for (const Json& process : list_of(status, "processes"))
        if (process.is_object()) print_process(process);
    for (const Json& warning : list_of(status, "warnings"))
        if (warning.is_string()) std::cout << "Warning: " << printable(warning.get<std::string>()) << "\n";
}

/// Nobody answers: what the files say.
int status_from_files(const Context& context) {
    const auto facts = context.store.facts();
    const auto enrolment = context.store.enrolment();
    const PhoneConfig config = load_config(context.paths().config_file);
    if (context.json()) {
        Json out = {{"ok", false},
                    {"running", false},
                    {"profile", context.paths().profile},
                    {"status", exit_status::kNoPhone},
                    {"uri", config.uri},
                    {"keys", facts.has_value()},
                    {"enrolled", enrolment.has_value()}};
        if (facts)
            out.update(
                {{"software_tpm", facts->software_tpm}, {"managed", facts->managed()}, {"tpm_name", facts->tpm_name}});
        if (enrolment)
            out.update({{"authority", enrolment->authority},
                        {"endorsement", enrolment->endorsement},
                        {"enrolled_ms", enrolment->enrolled_ms}});
        print_json(out);
        return exit_status::kNoPhone;
    }
    std::cout << "No phone of the profile " << context.paths().profile << " runs.\n";
    if (!facts)
        std::cout << "It has no keys yet. Next: sealcall init\n";
    else
        std::cout << "  keys in " << (facts->software_tpm ? "a software TPM" : "the TPM") << ", made "
                  << local_time(facts->made_ms) << "\n"
                  << (facts->managed() ? "  managed: sealcall-guard keeps the TPM\n"
                                       : "  embedded mode: no sealcall-guard keeps the TPM from your other programs; "
                                         "others see level 1 at most (2 LAB)\n");
    if (enrolment)
        std::cout << "  certified by " << printable(enrolment->authority, 128) << " as " << printable(enrolment->uri)
                  << "\nNext: sealcall phone\n";
    else if (facts)
        std::cout << "  not enrolled. Next: sealcall enroll --authority DIR\n";
    return exit_status::kNoPhone;
}

/// One line for a person about an event of the call.
void print_event(const Json& event) {
    const std::string kind = text_of(event, "event");
    if (kind == "card")
        std::cout << "[" << text_of(event, "level") << "] " << text_of(event, "word")
                  << (flag_of(event, "lab") ? " LAB" : "") << "  " << text_of(event, "peer_uri") << "\n";
    else if (kind == "recheck")
        std::cout << text_of(event, "sentence") << "\n";
    else if (kind == "state" && text_of(event, "state") == "ended")
        std::cout << "Ended. " << text_of(event, "sentence") << "\n"
                  << (text_of(event, "next").empty() ? "" : text_of(event, "next") + "\n");
    else if (kind == "state")
        std::cout << text_of(event, "state") << "\n";
    std::cout.flush();
}

}  // namespace

int run_answer(const Context& context) {
    Json params = Json::object();
    if (context.options.listen_only) params["microphone"] = false;
    return act(context, "answer", params, "Answered");
}
int run_refuse(const Context& context) { return act(context, "refuse", Json::object(), "Refused"); }
int run_hangup(const Context& context) { return act(context, "hangup", Json::object(), "Hung up"); }
int run_lock(const Context& context) {
    ControlClient client = need_phone(context);
    client.request("lock", Json::object());
    if (context.json())
        print_json({{"ok", true}});
    else
        std::cout << "Locked.\n";
    return exit_status::kOk;
}
int run_hold(const Context& context) {
    return act(context, "hold", {{"on", !context.options.hold_off}}, context.options.hold_off ? "Resumed" : "On hold");
}

/// Asks, then follows the events of that call until the round has ended one way or the other.
int run_recheck(const Context& context) {
    ControlClient client = need_phone(context);
    client.request("events", Json::object());
    Json params = Json::object();
    if (!context.options.call_id.empty()) params["call"] = std::stoul(context.options.call_id);
    const uint64_t call = number_of(client.request("recheck", params), "call");
    while (const auto event = client.next_event()) {
        if (number_of(*event, "call") != call) continue;
        const std::string kind = text_of(*event, "event"), outcome = text_of(*event, "outcome");
        const bool ended = kind == "state" && text_of(*event, "state") == "ended";
        const bool over = outcome == "as_before" || outcome == "worse" || outcome == "unanswered";
        if (!ended && (kind != "recheck" || (!over && outcome != "overdue"))) continue;
        if (context.json())
            print_json(*event);
        else
            std::cout << text_of(*event, "sentence") << "\n";
        std::cout.flush();
        if (ended || over) return outcome == "as_before" ? exit_status::kOk : exit_status::kRefused;
    }
    throw Problem("The phone ended before the other side was checked.", "See what it said on its screen or in its log.",
                  exit_status::kNotSetUp);
}

int run_ctl(const Context& context) {
    Json params = Json::object();
    for (const auto& argument : context.options.ctl_arguments) {
        const size_t at = argument.find('=');
        if (at == std::string::npos || at == 0)
            throw Problem("\"" + printable(argument, 60) + "\" is not a parameter.",
                          "Write name=value, for example call=1.", exit_status::kUsage);
        const std::string value = argument.substr(at + 1);
        const Json parsed = Json::parse(value, nullptr, false);
        const bool scalar = parsed.is_boolean() || parsed.is_number_integer();
        params[argument.substr(0, at)] = scalar ? parsed : Json(value);
    }
    ControlClient client = need_phone(context);
    const Json result = client.request(context.options.ctl_method, params);
    if (context.json()) {
        print_json({{"ok", true}, {"result", result}});
        return exit_status::kOk;
    }
    std::cout << result.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
    while (context.options.ctl_method == "events") {
        const auto event = client.next_event();
        if (!event) break;
        print_json(*event);
        std::cout.flush();
    }
    return exit_status::kOk;
}

int run_status(const Context& context) {
    auto client = ControlClient::connect(context.paths().control_socket);
    if (!client) return status_from_files(context);
    Json status = client->request("status", Json::object());
    const Json calls = client->request("calls", Json::object());
    if (!status.is_object() || !calls.is_array())
        throw Problem("The phone's answer has another form than expected.", "Are both of the same version?");
    if (context.json()) {
        status.update({{"ok", true}, {"running", true}, {"calls", calls}});
        print_json(status);
    } else {
        print_status(status, calls);
    }
    return exit_status::kOk;
}

int call_through(const Context& context, ControlClient& client) {
    const CallOptions& o = context.options.call;
    if (!o.in.empty() || !o.out.empty() || o.hang_up_after > 0 || o.hold_after > 0 || o.hold_for > 0)
        throw Problem(
            "A phone of this profile runs and has the sound devices, so --in, --out and timed actions cannot be used.",
            "End that phone first, or leave the options out.", exit_status::kUsage);
    client.request("events", Json::object());
    Json params = {{"uri", o.uri}};
    if (!o.label.empty()) params["label"] = o.label;
    const Json placed = client.request("call", params);
    const uint64_t call = number_of(placed, "call");
    bool reached_media = false;
    while (const auto event = client.next_event()) {
        if (number_of(*event, "call") != call) continue;
        if (context.json()) {
            print_json(*event);
            std::cout.flush();
        } else {
            print_event(*event);
        }
        if (text_of(*event, "event") != "state") continue;
        const std::string state = text_of(*event, "state");
        reached_media = reached_media || state == "media";
        if (state == "ended") return status_of_end(text_of(*event, "reason"), reached_media);
    }
    throw Problem("The phone ended during the call.", "See what it said on its screen or in its log.",
                  exit_status::kNotSetUp);
}

}  // namespace sealcall::cli
