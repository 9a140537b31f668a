// The part of the command line that keeps an authority: `sealcall authority ...`.
#include "command_line.h"
#include "problem.h"

namespace sealcall::cli {

void CommandLine::define_authority() {
    CLI::App* authority =
        add(*app_, "authority", "Keep an authority that enrols phones",
            {.text = "An authority is a directory with a root key, the endorsement roots it believes, and a database "
                     "of what it certified. Phones are enrolled over the network (authority serve) or by whoever may "
                     "write the directory.",
             .examples = {{"sealcall authority init /srv/authority --name \"Example Corp\" --domain example.com",
                           "make an authority"},
                          {"sealcall authority serve /srv/authority --listen 0.0.0.0:7443 --host enrol.example.com",
                           "enrol phones over the network"}},
             .exits = {}});
    authority->require_subcommand(1);
    CLI::App* init = add(
        *authority, "init", "Make an authority in a directory",
        {.text = "The root key is written with mode 0600: whoever can read it can name phones. A directory that "
                 "already holds an authority is left as it is; endorsement roots that are named are added. The token "
                 "of the first administrator is shown once.",
         .examples = {{"sealcall authority init lab --name Laboratory --lab-ek-root ek/lab-ek-root.pem",
                       "an authority for software TPMs"},
                      {"sealcall authority init corp --name Corp --ek-root /srv/tpm-makers --database "
                       "\"postgres:host=db dbname=sealcall\"",
                       "with PostgreSQL, and a directory of makers' certificates"}},
         .exits = {}});
    init->add_option("dir", options_.authority.dir, "Directory of the authority")->type_name(kTypeDir)->required();
    init->add_option("--name", options_.authority.name, "Its name, as people will see it (\"verified by ...\")")
        ->type_name("TEXT")
        ->required();
    init->add_option("--domain", options_.authority.domain, "Certify addresses of this domain only")
        ->type_name("DOMAIN");
    init->add_option("--ek-root", options_.authority.ek_roots,
                     "File or directory with certificates of TPM makers, PEM or DER")
        ->type_name(kTypeFile);
    init->add_option("--lab-ek-root", options_.authority.lab_ek_roots, "The same of a laboratory for software TPMs")
        ->type_name(kTypeFile);
    init->add_flag("--accept-unproven-ek", options_.authority.accept_unproven_ek,
                   "Also enrol TPMs that nobody vouches for; they reach level 1 at most");
    init->add_option("--expired-intermediates", options_.authority.expired_intermediates,
                     "What to do when the time of a maker's intermediate certificate is over (default: refuse)")
        ->check(CLI::IsMember({"refuse", "warn"}).description(""))
        ->type_name("refuse|warn");
    init->add_option("--database", options_.authority.database,
                     "sqlite:PATH, postgresql://... or postgres:KEY=VALUE (default: a SQLite file in the directory)")
        ->type_name("DATABASE");
    define_authority_admin(*authority);
}

void CommandLine::define_authority_admin(CLI::App& authority) {
    AuthorityOptions& o = options_.authority;
    const auto command = [&](CLI::App& parent, const char* name, const char* what, CommandDoc doc) {
        CLI::App* app = add(parent, name, what, std::move(doc));
        app->add_option("dir", o.dir, "Directory of the authority")->type_name(kTypeDir)->required();
        return app;
    };
    command(authority, "list", "Show the devices and certificates of an authority", {});
    CLI::App* serve = command(
        authority, "serve", "Enrol phones over the network",
        {.text = "HTTPS with TLS 1.3, with a certificate that the authority issues to itself: phones know it by the "
                 "root that their token names. Runs in the foreground until SIGINT or SIGTERM. With port 0 the kernel "
                 "picks one; the address is printed once the service listens.",
         .examples = {{"sealcall authority serve /srv/authority --listen 0.0.0.0:7443 --host enrol.example.com", ""}},
         .exits = {}});
    serve->add_option("--listen", o.listen, "Address and port (default: 127.0.0.1:7443)")->type_name("HOST:PORT");
    serve->add_option("--host", o.host_names, "Name or address that phones use (default: that of --listen)")
        ->type_name("HOST");
    serve->add_option("--rate", o.requests_per_second, "Requests per second from one address (default: 20)")
        ->type_name("NUMBER")
        ->check(CLI::Range(1, 10000).description(""));

    CLI::App* token = add(authority, "token", "Enrolment tokens: one phone each", {});
    token->require_subcommand(1);
    CLI::App* create = command(*token, "create", "Make a token; it is shown once",
                               {.text = {},
                                .examples = {{"sealcall authority token create /srv/authority --user "
                                              "sip:alice@example.com",
                                              "for Alice's phone, for seven days"}},
                                .exits = {{exit_status::kRefused, "the authority certifies no such address"}}});
    create->add_option("--user", o.user, "Address that the phone will be certified for")->type_name("URI")->required();
    create->add_option("--device-profile", o.device_profile, "How the phone runs (default: embedded)")
        ->check(CLI::IsMember({"embedded", "managed", "managed-ima"}).description(""))
        ->type_name("embedded|managed|managed-ima");
    create->add_option("--hours", o.hours, "How long it may be used (default: 168)")
        ->type_name("HOURS")
        ->check(CLI::Range(1, 2160).description(""));
    create->add_flag("--replace-device", o.replace_device, "The phone takes the place of the one that the user has");
    command(*token, "list", "Show tokens, without their secrets", {});
    command(*token, "revoke", "Make a token useless", {})
        ->add_option("id", o.id, "Number of the token")
        ->type_name("ID")
        ->required();

    CLI::App* admin = add(authority, "admin", "Administrators of the service", {});
    admin->require_subcommand(1);
    CLI::App* new_admin = command(*admin, "create", "Make an administrator; the token is shown once", {});
    new_admin->add_option("name", o.id, "Name, as the audit trail will say it")->type_name("TEXT")->required();
    new_admin->add_option("--role", o.role, "What it may do (default: viewer)")
        ->check(CLI::IsMember({"viewer", "enroller", "admin"}).description(""))
        ->type_name("viewer|enroller|admin");
    command(*admin, "list", "Show administrators", {});
    command(*admin, "revoke", "End an administrator's token", {})
        ->add_option("id", o.id, "Number of the administrator")
        ->type_name("ID")
        ->required();

    CLI::App* card = command(
        authority, "card", "Write what a partner organisation pins of this authority",
        {.text = "Name, domain, root and the key that signs passports; nothing of it is secret. Whoever pins it "
                 "decides how far it is trusted.",
         .examples = {{"sealcall authority card /srv/authority --out corp.card.json", ""}},
         .exits = {}});
    card->add_option("--out", o.out, "File (default: print it)")->type_name(kTypeFile);
    card->add_flag("--force", o.force, "Replace the file of --out if there is one");
    CLI::App* partner = add(authority, "partner", "Whose verifiers the phones of this authority believe", {});
    partner->require_subcommand(1);
    CLI::App* pin = command(
        *partner, "add", "Pin a partner's verifier by its card",
        {.text = "Its root becomes an anchor for addresses of its domain, and what it vouches for, by passport or by "
                 "certificate, counts up to the level given. Both with the next bundle.",
         .examples = {{"sealcall authority partner add /srv/authority partner.card.json --at-most 3", ""}},
         .exits = {}});
    pin->add_option("card", o.card, "The partner's card")->type_name(kTypeFile)->required();
    pin->add_option("--at-most", o.at_most, "Highest level that it may vouch for (default: 2)")
        ->type_name("LEVEL")
        ->check(CLI::Range(1, 4).description(""));
    pin->add_flag("--lab", o.lab, "Mark all that it vouches for as LAB");
    command(*partner, "list", "Show the partners", {});
    command(*partner, "remove", "Believe a partner no more", {})
        ->add_option("issuer", o.id, "Its name")
        ->type_name("NAME")
        ->required();

    CLI::App* revoke = command(authority, "revoke", "Revoke a device, a user or an attestation key", {});
    revoke->add_option("--device", o.device, "Number of a device")->type_name("ID");
    revoke->add_option("--user", o.user, "Address of a user")->type_name("URI");
    revoke->add_option("--key", o.key, "Digest of an attestation key")->type_name("HEX");
    revoke->add_option("--reason", o.reason, "Why, for the lists")->type_name("TEXT");
    command(authority, "audit", "List the audit trail and check its chain",
            {.text = {}, .examples = {}, .exits = {{exit_status::kFailed, "the chain is broken"}}})
        ->add_option("--after", o.after, "Only records after this number")
        ->type_name("NUMBER");
    command(authority, "escrow", "Show the hierarchy authorisations of a managed device; this is audited", {})
        ->add_option("device", o.id, "Number of the device")
        ->type_name("ID")
        ->required();
}

}  // namespace sealcall::cli
