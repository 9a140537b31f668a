// What each route of the interface does, once its caller is known.
#include "api.h"
#include "files.h"
#include "record_json.h"

namespace sealcall::authority {
namespace {

using Json = nlohmann::json;
constexpr size_t kAuditPage = 500;

Admission by_token(const ApiRequest& request) {
    const auto bearer = parse_bearer(request.bearer);
    // An unreadable token and an unknown one get the same answer, from the same place.
    Bearer none;
    none.kind = BearerKind::administrator;
    return Admission::by_token(bearer && bearer->kind == BearerKind::enrolment ? *bearer : none);
}

ActivatedCredential activation(const ApiRequest& request, const std::string& ticket) {
    ActivatedCredential out = activation_from_json(request.body);
    const auto bytes = cli::from_hex(ticket);
    if (!bytes || bytes->size() != out.ticket.size())
        throw Refusal("This enrolment was not begun, or took too long.", "Enrol again.", Refusal::Kind::gone);
    std::ranges::copy(*bytes, out.ticket.begin());
    return out;
}

uint64_t after_of(const ApiRequest& request) {
    uint64_t after = 0;
    for (const char c : request.after.substr(0, 15)) {
        if (c < '0' || c > '9')
            throw Refusal("\"after\" is not a number.", "See /openapi.yaml.", Refusal::Kind::bad_request);
        after = after * 10 + static_cast<uint64_t>(c - '0');
    }
    return after;
}

ApiReply created(Json body) { return {.status = 201, .body = std::move(body), .text = {}}; }
ApiReply ok(Json body) { return {.status = 200, .body = std::move(body), .text = {}}; }

Json hex_list(const std::vector<Digest>& digests) {
    Json out = Json::array();
    for (const Digest& digest : digests) out.push_back(cli::to_hex(digest));
    return out;
}

Json device_json(const DeviceView& view) {
    Json users = Json::array(), keys = Json::array();
    for (const auto& u : view.users) users.push_back(u.uri);
    for (const auto& k : view.keys)
        keys.push_back({{"spki", k.spki}, {"partner", k.partner}, {"device", k.label}, {"revoked_ms", k.revoked_ms}});
    Json out = record_json(view.device);
    out["users"] = users;
    out["attestation_keys"] = keys;
    return out;
}

}  // namespace

ApiReply Api::describe(const ApiRequest&, const Actor&, const std::string&) {
    return {.status = 200, .body = {}, .text = kOpenApi};
}

ApiReply Api::about(const ApiRequest&, const Actor&, const std::string&) {
    return ok({{"name", store_.settings().name},
               {"root_certificate", base64(enroller_.root_certificate())},
               {"escrow_key", base64(enroller_.escrow_public())}});
}

ApiReply Api::bundle(const ApiRequest& request, const Actor&, const std::string&) {
    const uint64_t after = after_of(request);
    const Bytes bytes = administration_.newest_bundle() > after ? store_.bundle() : Bytes();
    if (bytes.empty()) return {.status = 204, .body = {}, .text = {}};
    return {.status = 200, .body = {}, .text = std::string(as_chars(bytes)), .text_type = "application/octet-stream"};
}

ApiReply Api::begin_enrolment(const ApiRequest& request, const Actor&, const std::string&) {
    return created(to_json(enroller_.begin(by_token(request), request_from_json(request.body))));
}
ApiReply Api::finish_enrolment(const ApiRequest& request, const Actor&, const std::string& ticket) {
    return ok(to_json(enroller_.finish(by_token(request), activation(request, ticket))));
}
ApiReply Api::begin_renewal(const ApiRequest& request, const Actor&, const std::string&) {
    return created(to_json(enroller_.begin(Admission::by_renewal(), request_from_json(request.body))));
}
ApiReply Api::finish_renewal(const ApiRequest& request, const Actor&, const std::string& ticket) {
    return ok(to_json(enroller_.finish(Admission::by_renewal(), activation(request, ticket))));
}

ApiReply Api::issue_passport(const ApiRequest& request, const Actor&, const std::string&) {
    auto stamped = passports_.issue(as_bytes(request.body));
    if (request.accept == "application/eat+jwt")
        return {.status = 200, .body = {}, .text = std::move(stamped.jwt), .text_type = "application/eat+jwt"};
    const Bytes fields = ipc::encode(stamped.passport);
    return {.status = 200, .body = {}, .text = std::string(as_chars(fields)), .text_type = "application/octet-stream"};
}

ApiReply Api::create_token(const ApiRequest& request, const Actor& actor, const std::string&) {
    Members m(parse_body(request.body));
    TokenWish wish;
    wish.uri = m.text("user", 256);
    wish.profile = m.text_or("profile", 16, "embedded");
    const uint64_t seconds = m.number_or("life_s", kTokenLifeUsual / 1000);
    wish.life_ms = seconds > kTokenLifeMax / 1000 ? kTokenLifeMax + 1 : seconds * 1000;
    wish.replaces = m.flag_or("replaces", false);
    m.finish();
    const CreatedBearer made = administration_.create_token(actor, wish);
    return created({{"id", made.id}, {"token", made.text}, {"expires_ms", made.expires_ms}});
}

ApiReply Api::list_tokens(const ApiRequest&, const Actor&, const std::string&) {
    Json list = Json::array();
    for (const auto& t : administration_.list_tokens()) list.push_back(record_json(t));
    return ok({{"tokens", list}});
}

ApiReply Api::revoke_token(const ApiRequest&, const Actor& actor, const std::string& id) {
    administration_.revoke_token(actor, id);
    return ok(Json::object());
}

ApiReply Api::list_devices(const ApiRequest&, const Actor&, const std::string&) {
    Json list = Json::array();
    for (const auto& view : administration_.list_devices()) list.push_back(device_json(view));
    return ok({{"devices", list}});
}

ApiReply Api::list_users(const ApiRequest&, const Actor&, const std::string&) {
    Json list = Json::array();
    for (const auto& u : administration_.list_users())
        list.push_back({{"uri", u.uri},
                        {"device", u.device},
                        {"bound_ms", u.bound_ms},
                        {"revoked_ms", u.revoked_ms},
                        {"reason", u.reason}});
    return ok({{"users", list}});
}

ApiReply Api::revoke(const ApiRequest& request, const Actor& actor, const std::string&) {
    Members m(parse_body(request.body));
    const std::string kind = m.text("kind", 32), id = m.text("id", 256), reason = m.text_or("reason", 200, "");
    m.finish();
    if (kind == "device")
        administration_.revoke_device(actor, id, reason);
    else if (kind == "user")
        administration_.revoke_user(actor, id, reason);
    else if (kind == "attestation_key")
        administration_.revoke_attestation_key(actor, id, reason);
    else
        throw Refusal("This kind of thing cannot be revoked.", "It is device, user or attestation_key.",
                      Refusal::Kind::bad_request);
    return ok(Json::object());
}

ApiReply Api::list_revocations(const ApiRequest&, const Actor&, const std::string&) {
    return ok({{"attestation_keys", hex_list(administration_.revoked_attestation_keys())},
               {"identity_keys", hex_list(administration_.revoked_identity_keys())}});
}

ApiReply Api::read_escrow(const ApiRequest&, const Actor& actor, const std::string& device) {
    Json list = Json::array();
    for (const auto& e : administration_.read_escrow(actor, device))
        list.push_back({{"created_ms", e.record.created_ms},
                        {"owner", base64(e.authorisations.owner.view())},
                        {"endorsement", base64(e.authorisations.endorsement.view())},
                        {"lockout", base64(e.authorisations.lockout.view())}});
    return ok({{"escrows", list}});
}

ApiReply Api::create_admin(const ApiRequest& request, const Actor& actor, const std::string&) {
    Members m(parse_body(request.body));
    const std::string name = m.text("name", 64);
    const auto role = role_of(m.text("role", 16));
    m.finish();
    if (!role) throw Refusal("This role is not known.", "It is viewer, enroller or admin.", Refusal::Kind::bad_request);
    const CreatedBearer made = administration_.create_admin(actor, name, *role);
    return created({{"id", made.id}, {"token", made.text}});
}

ApiReply Api::list_admins(const ApiRequest&, const Actor&, const std::string&) {
    Json list = Json::array();
    for (const auto& a : administration_.list_admins()) list.push_back(record_json(a));
    return ok({{"admins", list}});
}

ApiReply Api::revoke_admin(const ApiRequest&, const Actor& actor, const std::string& id) {
    administration_.revoke_admin(actor, id);
    return ok(Json::object());
}

ApiReply Api::read_audit(const ApiRequest& request, const Actor&, const std::string&) {
    const uint64_t after = after_of(request);
    Json list = Json::array();
    for (const auto& r : administration_.read_audit(after, kAuditPage)) list.push_back(record_json(r));
    return ok({{"records", list}});
}

}  // namespace sealcall::authority
