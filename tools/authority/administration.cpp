#include "administration.h"

#include <algorithm>

#include "attestation/certificates.h"
#include "attestation/x509_checks.h"
#include "enroller_parts.h"
#include "files.h"

namespace sealcall::authority {
namespace {

using Kind = Refusal::Kind;
constexpr size_t kNameMax = 64, kReasonMax = 200;

[[noreturn]] void no_such(const char* what) {
    throw Refusal(std::string("There is no such ") + what + " here.", "Look at the list first.", Kind::not_found);
}

void strike_user(Database& db, const Actor& actor, const std::string& uri, const std::string& reason, uint64_t now) {
    const auto user = user_by_uri(db, uri);
    if (user && user->revoked_ms) return;
    revoke_user(db, uri, reason, now);
    append_audit(db, actor, now, "user.revoked", uri, reason);
}

void strike_key(Database& db, const Actor& actor, const std::string& spki, const std::string& reason, uint64_t now) {
    if (revoke_key(db, spki, reason, now)) append_audit(db, actor, now, "key.revoked", spki, reason);
}

void check_reason(const std::string& reason) {
    const bool fits = reason.size() <= kReasonMax &&
                      std::ranges::all_of(reason, [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
    if (!fits) throw Refusal("A reason is one line of at most 200 characters.", "Shorten it.", Kind::bad_request);
}

bool is_admin_name(const std::string& name) {
    return !name.empty() && name.size() <= kNameMax && std::ranges::all_of(name, [](unsigned char c) {
        return (std::isalnum(c) && c < 0x80) || c == '.' || c == '-' || c == '_' || c == '@';
    });
}

void check_user(const std::string& uri) {
    if (uri.size() > 256 || !attestation::is_sip_address(uri) || uri.find_first_of(";?") != std::string::npos)
        throw Refusal("This is not an address that can be certified.", "Use the form sip:NAME@DOMAIN.",
                      Kind::bad_request);
}

}  // namespace

Administration::Administration(const Store& store, Registry& registry, Enroller::Clock clock)
    : settings_(store.settings()),
      dir_(store.dir()),
      root_(cli::digest_of(store.root_certificate())),
      escrow_key_(whole(attestation::key_from_pem(store.escrow_key_pem()), "the escrow key cannot be read")),
      registry_(registry),
      clock_(std::move(clock)) {}

CreatedBearer Administration::create_token(const Actor& actor, const TokenWish& wish) {
    check_user(wish.uri);
    check_address(wish.uri, settings_);
    if (!is_device_profile(wish.profile))
        throw Refusal("This profile is not known.", kDeviceProfiles, Kind::bad_request);
    if (wish.life_ms < kTokenLifeMin || wish.life_ms > kTokenLifeMax)
        throw Refusal("A token lives for one minute to 90 days.", "Choose another time.", Kind::bad_request);
    const Bearer bearer = new_bearer(BearerKind::enrolment, root_);
    const uint64_t now = clock_();
    const TokenRecord token{.id = random_hex(6),
                            .secret_hash = secret_hash(bearer),
                            .uri = wish.uri,
                            .profile = wish.profile,
                            .replaces = wish.replaces,
                            .created_ms = now,
                            .created_by = actor.name,
                            .expires_ms = now + wish.life_ms};
    registry_.write([&](Database& db) {
        const auto user = user_by_uri(db, wish.uri);
        if (user && user->revoked_ms)
            throw Refusal(wish.uri + " was revoked at this authority.", "Use another address.", Kind::conflict);
        insert(db, token);
        append_audit(db, actor, now, "token.created", token.id,
                     wish.uri + ", " + wish.profile + (wish.replaces ? ", replaces" : ""));
        return true;
    });
    return {.id = token.id, .text = bearer_text(bearer), .expires_ms = token.expires_ms};
}

std::vector<TokenRecord> Administration::list_tokens() {
    return registry_.read([](Database& db) { return tokens(db); });
}

void Administration::revoke_token(const Actor& actor, const std::string& id) {
    registry_.write([&](Database& db) {
        const auto token = token_by_id(db, id);
        if (!token) no_such("token");
        if (token->revoked_ms) return true;
        authority::revoke_token(db, id, clock_());
        append_audit(db, actor, clock_(), "token.revoked", id, token->uri);
        return true;
    });
}

CreatedBearer Administration::create_admin(const Actor& actor, const std::string& name, Role role) {
    if (!is_admin_name(name))
        throw Refusal("This cannot be the name of an administrator.", "Use letters, digits, '.', '-', '_' and '@'.",
                      Kind::bad_request);
    const Bearer bearer = new_bearer(BearerKind::administrator, root_);
    const AdminRecord admin{
        .id = random_hex(6), .name = name, .role = role, .secret_hash = secret_hash(bearer), .created_ms = clock_()};
    registry_.write([&](Database& db) {
        for (const AdminRecord& known : admins(db))
            if (known.name == name)
                throw Refusal("There is an administrator of this name already.",
                              "Names are used once, so that the audit trail says who it was.", Kind::conflict);
        insert(db, admin);
        append_audit(db, actor, admin.created_ms, "admin.created", admin.id, name + ", " + role_word(role));
        return true;
    });
    return {.id = admin.id, .text = bearer_text(bearer)};
}

std::vector<AdminRecord> Administration::list_admins() {
    return registry_.read([](Database& db) { return admins(db); });
}

void Administration::revoke_admin(const Actor& actor, const std::string& id) {
    registry_.write([&](Database& db) {
        const auto all = admins(db);
        const auto found = std::ranges::find(all, id, &AdminRecord::id);
        if (found == all.end()) no_such("administrator");
        if (found->revoked_ms) return true;
        const bool another = std::ranges::any_of(
            all, [&](const AdminRecord& a) { return a.id != id && !a.revoked_ms && a.role == Role::admin; });
        if (found->role == Role::admin && !another)
            throw Refusal("This is the last administrator of role admin.", "Make another one first.", Kind::conflict);
        authority::revoke_admin(db, id, clock_());
        append_audit(db, actor, clock_(), "admin.revoked", id, found->name);
        return true;
    });
}

std::optional<AdminRecord> Administration::authenticate(std::string_view text) {
    const auto bearer = parse_bearer(text);
    if (!bearer || bearer->kind != BearerKind::administrator) return std::nullopt;
    auto admin = registry_.read([&](Database& db) { return admin_by_secret(db, secret_hash(*bearer)); });
    if (admin && admin->revoked_ms) return std::nullopt;
    return admin;
}

std::vector<DeviceView> Administration::list_devices() {
    return registry_.read([](Database& db) {
        const auto all_users = users(db);
        const auto keys = attestation_keys(db);
        std::vector<DeviceView> out;
        for (auto& device : devices(db)) {
            DeviceView view{.device = std::move(device), .users = {}, .keys = {}};
            for (const auto& user : all_users)
                if (user.device == view.device.id) view.users.push_back(user);
            for (const auto& key : keys)
                if (key.device == view.device.id) view.keys.push_back(key);
            out.push_back(std::move(view));
        }
        return out;
    });
}

std::vector<UserRecord> Administration::list_users() {
    return registry_.read([](Database& db) { return users(db); });
}

bool Administration::knows_user(const std::string& uri) {
    return registry_.read([&](Database& db) { return user_by_uri(db, uri).has_value(); });
}

std::vector<CertificateRecord> Administration::list_certificates() {
    return registry_.read([](Database& db) { return certificates(db); });
}

void Administration::revoke_device(const Actor& actor, const std::string& id, const std::string& reason) {
    check_reason(reason);
    registry_.write([&](Database& db) {
        const auto device = device_by_id(db, id);
        if (!device) no_such("device");
        if (device->revoked_ms) return true;
        authority::revoke_device(db, id, reason, clock_());
        append_audit(db, actor, clock_(), "device.revoked", id, reason);
        return true;
    });
}

void Administration::revoke_user(const Actor& actor, const std::string& uri, const std::string& reason) {
    check_user(uri);
    check_reason(reason);
    registry_.write([&](Database& db) {
        strike_user(db, actor, uri, reason, clock_());
        return true;
    });
}

void Administration::revoke_attestation_key(const Actor& actor, const std::string& spki, const std::string& reason) {
    check_reason(reason);
    registry_.write([&](Database& db) {
        const auto key = attestation_key(db, spki);
        if (!key) no_such("attestation key");
        if (key->revoked_ms) return true;
        authority::revoke_attestation_key(db, spki, reason, clock_());
        append_audit(db, actor, clock_(), "attestation-key.revoked", spki, reason);
        return true;
    });
}

std::vector<Digest> Administration::revoked_attestation_keys() {
    return registry_.read([](Database& db) { return authority::revoked_attestation_keys(db); });
}
std::vector<Digest> Administration::revoked_identity_keys() {
    return registry_.read([](Database& db) { return authority::revoked_identity_keys(db); });
}

SignedBundle Administration::publish_bundle(const Actor& actor, const StrikeOff& strike_off,
                                            const std::function<SignedBundle(const BundleGround&)>& sign) {
    return registry_.write([&](Database& db) {
        const uint64_t now = clock_();
        for (const std::string& uri : strike_off.users) strike_user(db, actor, uri, {}, now);
        for (const std::string& key : strike_off.keys) strike_key(db, actor, key, {}, now);
        SignedBundle out =
            sign(BundleGround{.above = authority::newest_bundle(db), .now_ms = now, .revoked = struck_off(db, now)});
        for (const Digest& key : out.learned) strike_key(db, actor, cli::to_hex(key), "the last bundle knew it", now);
        insert(db, BundleRecord{.version = out.version,
                                .sha256 = hash_hex(out.bytes),
                                .issued_ms = now,
                                .next_update_ms = out.next_update_ms});
        append_audit(db, actor, now, "bundle.signed", std::to_string(out.version), hash_hex(out.bytes));
        // Inside of the transaction, or an older bundle could replace a newer one. Should the commit fail after it, the
        // file still tells its version to the next signer.
        cli::write_file(dir_ / kBundleFile, out.bytes, 0644);
        return out;
    });
}

uint64_t Administration::newest_bundle() {
    return registry_.read([](Database& db) { return authority::newest_bundle(db); });
}

std::vector<OpenedEscrow> Administration::read_escrow(const Actor& actor, const std::string& device) {
    return registry_.write([&](Database& db) {
        const auto found = device_by_id(db, device);
        if (!found) no_such("device");
        std::vector<OpenedEscrow> out;
        for (auto& record : escrows_of(db, device)) {
            auto opened = open_escrow(escrow_key_.get(), found->ek, bytes_from_hex(record.sealed));
            out.push_back({.record = std::move(record),
                           .authorisations = whole(std::move(opened), "an escrow cannot be opened")});
        }
        append_audit(db, actor, clock_(), "escrow.read", device, std::to_string(out.size()) + " records");
        return out;
    });
}

std::vector<AuditRecord> Administration::read_audit(uint64_t after, size_t most) {
    return registry_.read([&](Database& db) { return authority::read_audit(db, after, most); });
}
AuditCheck Administration::check_audit() {
    return registry_.read([](Database& db) { return authority::check_audit(db); });
}

}  // namespace sealcall::authority
