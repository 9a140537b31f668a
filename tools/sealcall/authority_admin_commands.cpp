// `sealcall authority token|admin|revoke|audit|escrow`: what an administrator does on the authority's own machine.
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <iostream>

#include "authority_access.h"
#include "commands.h"
#include "files.h"
#include "problem.h"
#include "record_json.h"

namespace sealcall::cli {
namespace {

constexpr uint64_t kHour = 3600ULL * 1000;  // ms
constexpr size_t kAuditPage = 500;

LocalAuthority open(const Context& context) {
    return LocalAuthority(authority::Store::open(context.options.authority.dir));
}

/// Runs what the authority may refuse.
template <class F>
auto asked(F f) {
    try {
        return f();
    } catch (const authority::Refusal& refusal) {
        throw Problem(
            refusal.what(), refusal.next(),
            refusal.kind() == authority::Refusal::Kind::bad_request ? exit_status::kUsage : exit_status::kRefused);
    }
}

int done(const Context& context, const std::string& sentence) {
    if (context.json())
        print_json({{"ok", true}});
    else
        std::cout << sentence << "\n";
    return exit_status::kOk;
}

/// What is redirected into a file is the token and nothing else, so that --token-file takes it.
void print_token(const std::string& token, const std::string& notes) {
    std::cout << token << std::endl;
    std::cerr << notes << "\n";
}

const char* token_state(const authority::TokenRecord& t, uint64_t now) {
    if (t.revoked_ms) return "revoked";
    if (t.used_ms) return "used";
    if (t.failures >= authority::kTokenFailuresMax) return "blocked";
    return t.expires_ms <= now ? "expired" : "open";
}

struct Revocation {
    uint64_t revoked_ms = 0;
    std::string reason;
};

/// When and why what the options name was revoked; nothing: it was not.
std::optional<Revocation> revoked_before(LocalAuthority& local, const AuthorityOptions& o) {
    Revocation found;
    for (const auto& view : local.administration.list_devices()) {
        if (view.device.id == o.device) found = {view.device.revoked_ms, view.device.reason};
        for (const auto& key : view.keys)
            if (key.spki == o.key) found = {key.revoked_ms, key.reason};
    }
    for (const auto& user : local.administration.list_users())
        if (user.uri == o.user) found = {user.revoked_ms, user.reason};
    if (found.revoked_ms == 0) return {};
    return found;
}

}  // namespace

authority::Actor LocalAuthority::local_actor() {
    std::array<char, 4096> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    ::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found);
    return {"local:" + (found ? std::string(found->pw_name) : std::to_string(::getuid()))};
}

int run_authority_token_create(const Context& context) {
    const AuthorityOptions& o = context.options.authority;
    LocalAuthority local = open(context);
    const auto made = asked([&] {
        return local.administration.create_token(local.actor, {.uri = o.user,
                                                               .profile = o.device_profile,
                                                               .life_ms = static_cast<uint64_t>(o.hours) * kHour,
                                                               .replaces = o.replace_device});
    });
    if (context.json())
        print_json({{"ok", true},
                    {"id", made.id},
                    {"token", made.text},
                    {"user", o.user},
                    {"profile", o.device_profile},
                    {"expires_ms", made.expires_ms}});
    else
        print_token(made.text, "For " + o.user + ", one phone, until " + local_time(made.expires_ms) +
                                   ". It is shown this once; its number is " + made.id +
                                   ".\nOn the phone: sealcall enroll https://HOST:PORT --token-file FILE");
    return exit_status::kOk;
}

int run_authority_token_list(const Context& context) {
    LocalAuthority local = open(context);
    const uint64_t now = wall_ms();
    auto list = nlohmann::json::array();
    for (const auto& t : local.administration.list_tokens()) {
        if (!context.json()) {
            std::cout << "  " << t.id << "  " << token_state(t, now) << "  " << printable(t.uri) << "  "
                      << printable(t.profile, 16) << "  until " << local_time(t.expires_ms) << "  by "
                      << printable(t.created_by, 64) << "\n";
            continue;
        }
        list.push_back(authority::record_json(t));
        list.back()["state"] = token_state(t, now);
    }
    if (context.json()) print_json({{"ok", true}, {"tokens", list}});
    return exit_status::kOk;
}

int run_authority_token_revoke(const Context& context) {
    const std::string& id = context.options.authority.id;
    LocalAuthority local = open(context);
    asked([&] { return local.administration.revoke_token(local.actor, id), true; });
    return done(context, "The token " + id + " is revoked.");
}

int run_authority_admin_create(const Context& context) {
    const AuthorityOptions& o = context.options.authority;
    LocalAuthority local = open(context);
    const auto role = authority::role_of(o.role).value_or(authority::Role::viewer);
    const auto made = asked([&] { return local.administration.create_admin(local.actor, o.id, role); });
    if (context.json())
        print_json({{"ok", true}, {"id", made.id}, {"name", o.id}, {"role", o.role}, {"token", made.text}});
    else
        print_token(made.text, "For " + o.id + ", role " + o.role + ". It is shown this once.");
    return exit_status::kOk;
}

int run_authority_admin_list(const Context& context) {
    LocalAuthority local = open(context);
    auto list = nlohmann::json::array();
    for (const auto& a : local.administration.list_admins()) {
        if (context.json())
            list.push_back(authority::record_json(a));
        else
            std::cout << "  " << a.id << "  " << authority::role_word(a.role) << "  " << printable(a.name, 64)
                      << "  since " << local_time(a.created_ms)
                      << (a.revoked_ms ? ", REVOKED " + local_time(a.revoked_ms) : "") << "\n";
    }
    if (context.json()) print_json({{"ok", true}, {"admins", list}});
    return exit_status::kOk;
}

int run_authority_admin_revoke(const Context& context) {
    const std::string& id = context.options.authority.id;
    LocalAuthority local = open(context);
    asked([&] { return local.administration.revoke_admin(local.actor, id), true; });
    return done(context, "The administrator " + id + " is revoked.");
}

int run_authority_revoke(const Context& context) {
    const AuthorityOptions& o = context.options.authority;
    const int named = (o.device.empty() ? 0 : 1) + (o.user.empty() ? 0 : 1) + (o.key.empty() ? 0 : 1);
    if (named != 1)
        throw Problem("Say what is to be revoked: one of --device, --user and --key.",
                      "`sealcall authority list` shows them.", exit_status::kUsage);
    LocalAuthority local = open(context);
    const std::string what = o.device + o.user + o.key, next = "Next: sealcall authority bundle " + o.dir;
    if (const auto before = revoked_before(local, o)) {
        if (context.json())
            print_json(
                {{"ok", true}, {"already", true}, {"revoked_ms", before->revoked_ms}, {"reason", before->reason}});
        else
            std::cout << printable(what) << " was revoked already, " << local_time(before->revoked_ms)
                      << (before->reason.empty() ? ", without a reason" : ": " + printable(before->reason, 200))
                      << ". Nothing was changed.\n"
                      << next << "  (if no bundle was signed since)\n";
        return exit_status::kOk;
    }
    const bool nobody = !o.user.empty() && !local.administration.knows_user(o.user);
    asked([&] {
        if (!o.device.empty()) local.administration.revoke_device(local.actor, o.device, o.reason);
        if (!o.user.empty()) local.administration.revoke_user(local.actor, o.user, o.reason);
        if (!o.key.empty()) local.administration.revoke_attestation_key(local.actor, o.key, o.reason);
        return true;
    });
    if (context.json()) {
        print_json({{"ok", true}, {"already", false}, {"enrolled", !nobody}});
        return exit_status::kOk;
    }
    if (nobody)
        return done(context, "No phone was ever enrolled for " + printable(what) +
                                 ", and none will be.\nIs the address right? `sealcall authority list " + o.dir +
                                 "` shows those that there are.");
    return done(context, "Revoked: " + printable(what) + ". Its certificates are renewed no more.\n" + next +
                             "  (phones refuse it with that bundle)");
}

int run_authority_audit(const Context& context) {
    LocalAuthority local = open(context);
    const auto check = local.administration.check_audit();
    auto list = nlohmann::json::array();
    uint64_t after = context.options.authority.after;
    for (auto page = local.administration.read_audit(after, kAuditPage); !page.empty();
         page = local.administration.read_audit(after, kAuditPage)) {
        for (const auto& r : page) {
            after = r.seq;
            if (context.json())
                list.push_back(authority::record_json(r));
            else
                std::cout << "  " << r.seq << "  " << local_time(r.wall_ms) << "  " << printable(r.actor, 64) << "  "
                          << printable(r.action, 64) << "  " << printable(r.subject) << "  " << printable(r.detail)
                          << "\n";
        }
    }
    if (context.json())
        print_json({{"ok", check.holds},
                    {"records", list},
                    {"count", check.records},
                    {"head", check.head},
                    {"broken_at", check.broken_at}});
    else if (check.holds)
        std::cout << "The chain holds: " << check.records << " records, head " << check.head
                  << "\nNote the head elsewhere: records cut from the end show only against it.\n";
    else
        std::cout << "THE CHAIN IS BROKEN at record " << check.broken_at << ". Keep the database as evidence.\n";
    return check.holds ? exit_status::kOk : exit_status::kFailed;
}

int run_authority_escrow(const Context& context) {
    const std::string& device = context.options.authority.id;
    LocalAuthority local = open(context);
    auto list = nlohmann::json::array();
    const auto records = asked([&] { return local.administration.read_escrow(local.actor, device); });
    for (const auto& r : records) {
        const auto& a = r.authorisations;
        const std::string owner = to_hex(a.owner.view()), endorsement = to_hex(a.endorsement.view()),
                          lockout = to_hex(a.lockout.view());
        if (context.json())
            list.push_back({{"created_ms", r.record.created_ms},
                            {"owner", owner},
                            {"endorsement", endorsement},
                            {"lockout", lockout}});
        else
            std::cout << local_time(r.record.created_ms) << "  owner " << owner << "  endorsement " << endorsement
                      << "  lockout " << lockout << "\n";
    }
    if (context.json())
        print_json({{"ok", true}, {"device", device}, {"escrows", list}});
    else if (records.empty())
        std::cout << "Nothing is escrowed for this device.\n";
    return exit_status::kOk;
}

}  // namespace sealcall::cli
