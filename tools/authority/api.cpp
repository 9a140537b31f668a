// Routes, who may call them, and how failures become statuses.
#include "api.h"

#include <algorithm>
#include <array>
#include <iostream>

#include "files.h"

namespace sealcall::authority {
namespace {

using Json = nlohmann::json;
using Kind = Refusal::Kind;

int status_of(Kind kind) {
    switch (kind) {
        case Kind::refused:
            return 403;
        case Kind::bad_request:
            return 400;
        case Kind::not_authentic:
            return 401;
        case Kind::conflict:
            return 409;
        case Kind::not_found:
            return 404;
        case Kind::gone:
            return 410;
        case Kind::busy:
            return 503;
    }
    return 500;
}

ApiReply failure(int status, const std::string& error, const std::string& next) {
    return {.status = status, .body = {{"error", error}, {"next", next}}, .text = {}};
}

/// One path segment against one of a route's: "{name}" takes 1 to 64 characters of letters, digits, '-' and '_'.
bool segment_fits(std::string_view pattern, std::string_view text, std::string& taken) {
    if (!pattern.starts_with('{')) return pattern == text;
    const bool fits = !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    });
    if (fits) taken = text;
    return fits;
}

bool path_fits(std::string_view pattern, std::string_view path, std::string& taken) {
    for (;;) {
        const size_t p = pattern.find('/'), q = path.find('/');
        if (!segment_fits(pattern.substr(0, p), path.substr(0, q), taken)) return false;
        if (p == std::string_view::npos || q == std::string_view::npos) return p == q;
        pattern.remove_prefix(p + 1);
        path.remove_prefix(q + 1);
    }
}

}  // namespace

Api::Api(const Store& store, Enroller& enroller, Administration& administration, PassportDesk& passports,
         RateLimits limits, Enroller::Clock clock)
    : enroller_(enroller),
      administration_(administration),
      passports_(passports),
      store_(store),
      limiter_(limits),
      clock_(std::move(clock)) {}

std::span<const Api::Route> Api::routes() {
    static constexpr std::array kAll = {
        Route{"GET", "/openapi.yaml", Access::anyone, &Api::describe},
        Route{"GET", "/v1/authority", Access::anyone, &Api::about},
        Route{"GET", "/v1/bundle", Access::anyone, &Api::bundle},
        Route{"POST", "/v1/enrolments", Access::phone, &Api::begin_enrolment},
        Route{"POST", "/v1/enrolments/{ticket}/activation", Access::phone, &Api::finish_enrolment},
        Route{"POST", "/v1/renewals", Access::anyone, &Api::begin_renewal},
        Route{"POST", "/v1/renewals/{ticket}/activation", Access::anyone, &Api::finish_renewal},
        Route{"POST", "/v1/passports", Access::anyone, &Api::issue_passport},
        Route{"GET", "/v1/tokens", Access::enroller, &Api::list_tokens},
        Route{"POST", "/v1/tokens", Access::enroller, &Api::create_token},
        Route{"POST", "/v1/tokens/{id}/revocation", Access::enroller, &Api::revoke_token},
        Route{"GET", "/v1/devices", Access::viewer, &Api::list_devices},
        Route{"GET", "/v1/devices/{id}/escrow", Access::admin, &Api::read_escrow},
        Route{"GET", "/v1/users", Access::viewer, &Api::list_users},
        Route{"GET", "/v1/revocations", Access::viewer, &Api::list_revocations},
        Route{"POST", "/v1/revocations", Access::admin, &Api::revoke},
        Route{"GET", "/v1/admins", Access::admin, &Api::list_admins},
        Route{"POST", "/v1/admins", Access::admin, &Api::create_admin},
        Route{"POST", "/v1/admins/{id}/revocation", Access::admin, &Api::revoke_admin},
        Route{"GET", "/v1/audit", Access::viewer, &Api::read_audit},
    };
    return kAll;
}

const Api::Route* Api::find_route(const std::string& method, const std::string& path, std::string& segment,
                                  bool& known_path) {
    known_path = false;
    for (const Route& route : routes()) {
        std::string taken;
        if (!path_fits(route.path, path, taken)) continue;
        known_path = true;
        if (method != route.method) continue;
        segment = taken;
        return &route;
    }
    return nullptr;
}

ApiReply Api::answer(const ApiRequest& request) {
    const uint64_t now = clock_();
    if (!limiter_.admit(request.address, now)) return failure(429, "Too many requests.", "Try again in a minute.");
    ApiReply reply;
    try {
        reply = route(request);
    } catch (const Refusal& refusal) {
        reply = failure(status_of(refusal.kind()), refusal.what(), refusal.next());
    } catch (const std::exception& error) {
        // What went wrong inside is for the log of the authority, not for whoever asked.
        std::cerr << "event=authority-error path=" << request.path << " what=\"" << error.what() << "\"" << std::endl;
        reply = failure(503, "The authority cannot do this now.", "Try again in a few minutes.");
    }
    if (reply.status == 401) limiter_.failed(request.address, now);
    return reply;
}

Actor Api::authorise(const Route& route, const ApiRequest& request, int& status) {
    if (route.access == Access::anyone || route.access == Access::phone) return {"phone"};
    const auto admin = administration_.authenticate(request.bearer);
    if (!admin) {
        status = 401;
        return {};
    }
    const Role needed = route.access == Access::viewer     ? Role::viewer
                        : route.access == Access::enroller ? Role::enroller
                                                           : Role::admin;
    if (admin->role < needed) status = 403;
    return {"admin:" + admin->name};
}

ApiReply Api::route(const ApiRequest& request) {
    std::string segment;
    bool known_path = false;
    const Route* route = find_route(request.method, request.path, segment, known_path);
    if (!route)
        return known_path ? failure(405, "This method is not for this address.", "See /openapi.yaml.")
                          : failure(404, "There is nothing at this address.", "See /openapi.yaml.");
    int status = 200;
    const Actor actor = authorise(*route, request, status);
    if (status == 401) return failure(401, "This administrator's token is not valid.", "Ask for another one.");
    if (status == 403) return failure(403, "Your role may not do this.", "Ask somebody with role admin.");
    return (this->*route->run)(request, actor, segment);
}

}  // namespace sealcall::authority
