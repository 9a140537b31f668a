// The HTTP interface of the authority without HTTP: a request as values goes in, a status and JSON come out. One table
// of routes says who may call what; docs/authority-api.yaml describes the same routes, and a test compares the two.
// Everything in a request is foreign.
#pragma once

#include <functional>

#include "administration.h"
#include "enrolment_json.h"
#include "passport_desk.h"
#include "rate_limit.h"

namespace sealcall::authority {

struct ApiRequest {
    std::string method, path;
    std::string bearer;  ///< text behind "Bearer " of the Authorization field; empty: none
    std::string body;
    std::string address;  ///< of the peer, numeric
    std::string after;    ///< query parameter of the audit trail and the bundle
    std::string accept;   ///< media type that is wanted; empty: any
};

struct ApiReply {
    int status = 200;
    nlohmann::json body = nlohmann::json::object();
    std::string text;                            ///< instead of `body`, if not empty
    const char* text_type = "application/yaml";  ///< what `text` is
};

enum class Access : uint8_t { anyone, phone, viewer, enroller, admin };

class Api {
  public:
    Api(const Store& store, Enroller& enroller, Administration& administration, PassportDesk& passports,
        RateLimits limits, Enroller::Clock clock);

    /// Never throws. Any thread.
    ApiReply answer(const ApiRequest& request);

    struct Route {
        const char* method;
        const char* path;  ///< with {name} for one segment
        Access access;
        ApiReply (Api::*run)(const ApiRequest& request, const Actor& actor, const std::string& segment);
    };
    [[nodiscard]] static std::span<const Route> routes();
    /// The route of a request; nullptr with `known_path` set when only the method is wrong.
    static const Route* find_route(const std::string& method, const std::string& path, std::string& segment,
                                   bool& known_path);

  private:
    ApiReply route(const ApiRequest& request);
    /// Who it is; throws Refusal, or answers through `status` (401, 403).
    Actor authorise(const Route& route, const ApiRequest& request, int& status);

    ApiReply describe(const ApiRequest&, const Actor&, const std::string&);
    ApiReply bundle(const ApiRequest&, const Actor&, const std::string&);
    ApiReply about(const ApiRequest&, const Actor&, const std::string&);
    ApiReply begin_enrolment(const ApiRequest&, const Actor&, const std::string&);
    ApiReply finish_enrolment(const ApiRequest&, const Actor&, const std::string&);
    ApiReply begin_renewal(const ApiRequest&, const Actor&, const std::string&);
    ApiReply finish_renewal(const ApiRequest&, const Actor&, const std::string&);
    ApiReply issue_passport(const ApiRequest&, const Actor&, const std::string&);
    ApiReply create_token(const ApiRequest&, const Actor&, const std::string&);
    ApiReply list_tokens(const ApiRequest&, const Actor&, const std::string&);
    ApiReply revoke_token(const ApiRequest&, const Actor&, const std::string&);
    ApiReply list_devices(const ApiRequest&, const Actor&, const std::string&);
    ApiReply list_users(const ApiRequest&, const Actor&, const std::string&);
    ApiReply revoke(const ApiRequest&, const Actor&, const std::string&);
    ApiReply list_revocations(const ApiRequest&, const Actor&, const std::string&);
    ApiReply read_escrow(const ApiRequest&, const Actor&, const std::string&);
    ApiReply create_admin(const ApiRequest&, const Actor&, const std::string&);
    ApiReply list_admins(const ApiRequest&, const Actor&, const std::string&);
    ApiReply revoke_admin(const ApiRequest&, const Actor&, const std::string&);
    ApiReply read_audit(const ApiRequest&, const Actor&, const std::string&);

    Enroller& enroller_;
    Administration& administration_;
    PassportDesk& passports_;
    Store store_;
    RateLimiter limiter_;
    Enroller::Clock clock_;
};

/// The one route whose body is no JSON, and longer.
inline constexpr const char* kPassportPath = "/v1/passports";

/// docs/authority-api.yaml, as it was when this program was built.
extern const char* const kOpenApi;

}  // namespace sealcall::authority
