// The methods of the control socket (docs/control.md, phone_ui.h). A method can do what a key can do, and nothing more.
#include <algorithm>

#include "host/ui/json_write.h"
#include "host/ui/names.h"
#include "host/ui/phone_ui.h"

namespace sealcall::ui {
namespace {

struct ActionMethod {
    std::string_view name;
    Verb on;   ///< without a flag, or when the flag is true
    Verb off;  ///< when the flag is false
    std::string_view flag;
};

constexpr ActionMethod kActions[] = {
    {"answer", Verb::answer, Verb::answer_listening, "microphone"},
    {"refuse", Verb::refuse, Verb::refuse, ""},
    {"hangup", Verb::hang_up, Verb::hang_up, ""},
    {"hold", Verb::hold, Verb::resume, "on"},
    {"mute", Verb::microphone_off, Verb::microphone_on, "on"},
    {"recheck", Verb::recheck, Verb::recheck, ""},
};

/// Errors: bad_value when a parameter is not one of `names` or has another kind.
Status check_params(const RpcRequest& r, std::initializer_list<std::pair<std::string_view, RpcScalar::Kind>> known) {
    for (const auto& [name, value] : r.params) {
        const auto at =
            std::ranges::find_if(known, [&name = name](const auto& k) { return !k.first.empty() && k.first == name; });
        if (at == known.end()) return Error{Errc::bad_value, "unknown parameter", 0};
        if (at->second != value.kind) return Error{Errc::bad_value, "a parameter has the wrong type", 0};
    }
    return {};
}

}  // namespace

void PhoneUi::on_request(ClientId client, const RpcRequest& r) {
    const RpcScalar id = r.id.value_or(RpcScalar{});
    const auto refuse = [&](RpcCode code, const char* why) {
        if (r.id) control_.send(client, rpc_error(id, code, why, ""));
    };
    if (!started_ || quit_us_ != 0) return refuse(RpcCode::not_possible_now, "the phone is starting or ending");
    if (std::ranges::find(kActions, r.method, &ActionMethod::name) != std::end(kActions))
        return rpc_action(client, id, r);
    if (r.method == "call") return rpc_call(client, id, r);
    const bool plain =
        r.method == "status" || r.method == "calls" || r.method == "events" || r.method == "quit" || r.method == "lock";
    if (!plain) return refuse(RpcCode::method_not_found, "there is no such method");
    if (!r.params.empty()) return refuse(RpcCode::invalid_params, "this method takes no parameters");
    if (r.method == "status") return rpc_status(client, id);
    if (r.method == "calls") return rpc_calls(client, id);
    if (r.method == "lock") return rpc_lock(client, r);
    if (r.id) control_.send(client, rpc_result(id, "true"));
    if (r.method == "events") return control_.subscribe(client);
    quit_by_person();
}

void PhoneUi::rpc_action(ClientId client, const RpcScalar& id, const RpcRequest& r) {
    const ActionMethod& method = *std::ranges::find(kActions, r.method, &ActionMethod::name);
    const auto refuse = [&](RpcCode code, const char* why) {
        if (r.id) control_.send(client, rpc_error(id, code, why, ""));
    };
    if (Status s = check_params(r, {{"call", RpcScalar::Kind::number}, {method.flag, RpcScalar::Kind::boolean}}); !s)
        return refuse(RpcCode::invalid_params, s.error().what);
    std::optional<CallId> call;
    if (const RpcScalar* p = r.param("call")) {
        if (p->negative || p->number > UINT32_MAX) return refuse(RpcCode::invalid_params, "call is out of range");
        call = CallId{static_cast<uint32_t>(p->number)};
    }
    const RpcScalar* flag = r.param(method.flag);
    auto action = choose(flag != nullptr && !flag->boolean ? method.off : method.on, phone_, call);
    if (!action) {
        return refuse(RpcCode::not_possible_now, action.error().code == Errc::not_found
                                                     ? "there is no such call"
                                                     : "this call cannot do that in its present state");
    }
    act(*action, By::control);
    if (r.id) control_.send(client, rpc_result(id, JsonObject().number("call", action->call.value).take()));
}

void PhoneUi::rpc_call(ClientId client, const RpcScalar& id, const RpcRequest& r) {
    const auto refuse = [&](RpcCode code, const char* why) {
        if (r.id) control_.send(client, rpc_error(id, code, why, ""));
    };
    if (Status s = check_params(r, {{"uri", RpcScalar::Kind::string}, {"label", RpcScalar::Kind::string}}); !s)
        return refuse(RpcCode::invalid_params, s.error().what);
    const RpcScalar* uri = r.param("uri");
    const RpcScalar* label = r.param("label");
    if (uri == nullptr) return refuse(RpcCode::invalid_params, "uri is needed");
    const Callee callee = find_callee(uri->string, phone_);
    if (callee.uri.empty() && callee.reason == ipc::EndReason::none)
        return refuse(RpcCode::invalid_params, "uri is neither a SIP address nor a name");
    if (callee.uri.empty()) {
        const std::string data = JsonObject().text("reason", name_of(callee.reason)).text("next", "").take();
        if (r.id) control_.send(client, rpc_error(id, RpcCode::refused, callee.problem, data));
        return;
    }
    const std::string_view l = label != nullptr ? std::string_view(label->string) : std::string_view();
    if (l.size() > 64) return refuse(RpcCode::invalid_params, "label is longer than 64 bytes");
    const std::optional<ClientId> reply_to = r.id ? std::optional(client) : std::nullopt;
    if (!dial(callee.uri, l, By::control, reply_to, id)) refuse(RpcCode::unavailable, "the phone cannot dial now");
}

void PhoneUi::rpc_calls(ClientId client, const RpcScalar& id) {
    JsonArray calls;
    for (const Call& c : phone_.calls())
        if (c.state != ipc::CallState::offered) calls.raw(json_call(c));
    control_.send(client, rpc_result(id, calls.take()));
}

/// Answered when it is so: whoever walks away from the phone relies on it.
void PhoneUi::rpc_lock(ClientId client, const RpcRequest& r) {
    const RpcScalar id = r.id.value_or(RpcScalar{});
    const auto refuse = [&](RpcCode code, const char* why) {
        if (r.id) control_.send(client, rpc_error(id, code, why, ""));
    };
    if (!screen_.pin_set()) return refuse(RpcCode::not_possible_now, "this phone has no PIN to lock with");
    if (locks_.size() >= kPendingMax) return refuse(RpcCode::unavailable, "too many questions at once");
    if (r.id) locks_.push_back({.client = client, .id = id, .deadline_us = Stamp::now().boot_us + kLockWaitUs});
    lock();  // locked or not: a PIN may be on its way
}

void PhoneUi::finish_locks(std::string_view refusal) {
    for (const PendingLock& p : std::exchange(locks_, {}))
        control_.send(p.client, refusal.empty() ? rpc_result(p.id, "true")
                                                : rpc_error(p.id, RpcCode::not_possible_now, refusal, ""));
}

void PhoneUi::rpc_status(ClientId client, const RpcScalar& id) {
    if (statuses_.size() >= kPendingMax)
        return control_.send(client, rpc_error(id, RpcCode::unavailable, "too many questions at once", ""));
    PendingStatus p{.client = client, .id = id, .request = RequestId{++last_request_}};
    p.deadline_us = Stamp::now().boot_us + kStatusWaitUs;
    statuses_.push_back(std::move(p));
    const RequestId request = statuses_.back().request;
    // Whoever cannot be asked is missing in the answer, and the answer says so.
    if (enclave_.link.open()) {
        if (Status s = enclave_.link.send(ipc::QueryStatus{.request = request}); !s) peer_failed(enclave_, s.error());
    }
    if (Status s = launcher_.link.send(ipc::QueryProcesses{.request = request}); !s) peer_failed(launcher_, s.error());
}

void PhoneUi::on(const ipc::ProcessReport& m) {
    static constexpr size_t kProcessesMax = 16;
    for (PendingStatus& p : statuses_)
        if (p.request == m.request && p.processes.size() < kProcessesMax) p.processes.push_back(m);
}

void PhoneUi::on(const ipc::ProcessReportEnd& m) {
    for (PendingStatus& p : statuses_)
        if (p.request == m.request) p.processes_done = true;
    finish_ready_statuses();
}

void PhoneUi::finish_ready_statuses() {
    const uint64_t now = Stamp::now().boot_us;
    for (PendingStatus& p : statuses_)
        if ((p.enclave && p.processes_done) || now >= p.deadline_us) finish_status(p);
    std::erase_if(statuses_,
                  [&](const PendingStatus& p) { return (p.enclave && p.processes_done) || now >= p.deadline_us; });
}

void PhoneUi::finish_status(PendingStatus& p) {
    JsonArray warnings, processes;
    for (const ipc::ProcessReport& m : p.processes) {
        processes.raw(json_process(m));
        for (const std::string& s : missing_protections(m)) warnings.text(s);
    }
    for (const std::string& s : status_warnings(p.enclave, phone_, p.processes_done)) warnings.text(s);
    if (control_.by_file_permissions())
        warnings.text("sealcall-ui: it cannot see who controls it; only the control socket's file permissions decide");
    JsonObject o;
    o.text("profile", config_.profile.view());
    p.enclave ? o.raw("enclave", json_enclave(*p.enclave)) : o.null("enclave");
    phone_.host() && !phone_.host_lost() ? o.raw("host", json_host(*phone_.host())) : o.null("host");
    o.raw("processes", processes.take()).raw("warnings", warnings.take());
    control_.send(p.client, rpc_result(p.id, o.take()));
}

}  // namespace sealcall::ui
