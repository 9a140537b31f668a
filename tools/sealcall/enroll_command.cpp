// `sealcall enroll`: the exchange with an authority in a directory or over the network.
#include <iostream>

#include "attestation/certificates.h"
#include "check_request.h"
#include "commands.h"
#include "directory_authority.h"
#include "files.h"
#include "https_url.h"
#include "problem.h"
#include "remote_authority.h"
#include "sealcall/base/time.h"
#include "set_up.h"
#include "vault_access.h"

namespace sealcall::cli {
namespace fs = std::filesystem;
namespace {

std::string trimmed(std::string text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
    return text;
}

std::optional<authority::Bearer> token_of(const EnrolOptions& o) {
    std::string text = o.token;
    if (o.token_file == "-")
        std::getline(std::cin, text);
    else if (!o.token_file.empty())
        text = read_file(o.token_file).value_or("");
    text = trimmed(text);
    if (text.empty()) return std::nullopt;
    const auto bearer = authority::parse_bearer(text);
    if (!bearer || bearer->kind != authority::BearerKind::enrolment)
        throw Problem("This is not an enrolment token: it begins with sct1_ and has 90 characters.",
                      "Copy it whole, as the administrator gave it.", exit_status::kUsage);
    return *bearer;
}

Digest root_of(const EnrolOptions& o, const std::optional<authority::Bearer>& token,
               const std::optional<Enrolment>& before) {
    if (!o.root_file.empty()) {
        const auto der = attestation::certificate_from_pem(as_bytes(read_file(o.root_file).value_or("")));
        if (!der)
            throw Problem("The file " + o.root_file + " holds no certificate in PEM form.",
                          "Name the authority's root.cert.pem.", exit_status::kUsage);
        return digest_of(*der);
    }
    if (token) return token->root;
    return digest_of(before->anchors.front().view());
}

std::unique_ptr<authority::EnrolmentService> remote(const Context& context, const std::string& url) {
    const EnrolOptions& o = context.options.enrol;
    const auto token = o.renew ? std::nullopt : token_of(o);
    const auto before = context.store.enrolment();
    if (!token && !(o.renew && before))
        throw Problem(o.renew ? "This profile is not enrolled, so there is nothing to renew."
                              : "A token of the authority's administrator is needed.",
                      "Ask for a token, then: sealcall enroll https://HOST:PORT --token-file FILE",
                      o.renew ? exit_status::kNotSetUp : exit_status::kUsage);
    authority::RemoteOptions options{.host = {}, .port = 0, .root = root_of(o, token, before), .token = token};
    if (!parse_https_url(url, options.host, options.port))
        throw Problem("This is not the address of an authority: " + printable(url, 300), "Use https://HOST:PORT.",
                      exit_status::kUsage);
    return std::make_unique<authority::RemoteAuthority>(std::move(options));
}

/// Who answers: the directory, the address given, or for a renewal the address of the time before.
std::unique_ptr<authority::EnrolmentService> service_of(const Context& context, const std::string& url) {
    const EnrolOptions& o = context.options.enrol;
    if (o.authority_dir.empty() == url.empty())
        throw Problem("Say where to enrol: an address https://HOST:PORT, or --authority DIR.",
                      "See `sealcall enroll "
                      "--help`.",
                      exit_status::kUsage);
    if (!url.empty()) return remote(context, url);
    return std::make_unique<authority::DirectoryAuthority>(authority::Store::open(o.authority_dir), wall_ms);
}

}  // namespace

int run_enroll(const Context& context) {
    const EnrolOptions& o = context.options.enrol;
    const ProfilePaths& paths = context.paths();
    const auto facts = context.store.facts();
    if (o.authority_dir.empty() && o.url.empty() && !o.renew)
        throw Problem("Say where to enrol: an address https://HOST:PORT, or --authority DIR.",
                      "See `sealcall enroll --help`.", exit_status::kUsage);
    if (!facts)
        throw Problem("The profile " + paths.profile + " has no keys yet.", "sealcall init", exit_status::kNotSetUp);
    const UniqueFd lock = lock_file(paths.lock_file(), "The phone of this profile runs, or is being set up.",
                                    "End it first, then try again.");
    const PhoneConfig config = load_config(paths.config_file);
    const auto before = context.store.enrolment();
    const std::string url = o.url.empty() && o.authority_dir.empty() && before ? before->authority_url : o.url;
    EnrolmentWish wish{.uri = o.uri.empty() ? config.uri : o.uri,
                       .host_names = o.host_names,
                       .replace_device = o.replace_device,
                       .profile = !o.device_profile.empty() ? o.device_profile
                                  : facts->managed()        ? "managed"
                                                            : "embedded",
                       .partner = o.partner,
                       .authority_url = url};
    if (wish.uri.empty() && url.empty())
        throw Problem("Your own address is not set.", "Give it once: sealcall enroll --uri sip:NAME@DOMAIN ...",
                      exit_status::kUsage);
    if (!config.uri.empty() && !wish.uri.empty() && config.uri != wish.uri)
        throw Problem("The configuration says that your address is " + config.uri + ", not " + wish.uri + ".",
                      "Change it first: sealcall init --uri " + wish.uri, exit_status::kUsage);
    // Whom the token names is known too late: a vault decides who this phone is.
    if (wish.uri.empty() && fs::exists(paths.vault())) wish.uri = own_address(context.store);
    if (!wish.uri.empty()) refuse_other_address(context.store, wish.uri);
    if (wish.host_names.empty()) wish.host_names = default_host_names(config.sip.listen);
    const auto service = service_of(context, url);
    const auto provisioning = start_provisioning(paths, tpm_of(*facts), roles_directory(context.options.global));
    const Enrolment done = enrol(context.store, wish, *service, *provisioning);
    if (config.uri.empty()) {
        const std::string text =
            read_file(paths.config_file, kConfigMax).value_or(config_template(done.uri, TpmChoice::automatic));
        make_private(paths.config_file.parent_path());
        write_file(paths.config_file, with_uri(text, done.uri), 0600);
    }
    if (context.json()) {
        print_json({{"ok", true},
                    {"profile", paths.profile},
                    {"uri", done.uri},
                    {"authority", done.authority},
                    {"endorsement", done.endorsement},
                    {"software_tpm", facts->software_tpm},
                    {"sip_transport_certificate", !done.tls_certificate_pem.empty()}});
        return exit_status::kOk;
    }
    std::cout << printable(done.authority, 128) << " certifies this phone as " << done.uri << ".\n";
    if (done.endorsement == "vendor")
        std::cout << (authority::is_managed(wish.profile)
                          ? "The TPM is genuine: its maker vouches for it.\n"
                          : "The TPM is genuine: its maker vouches for it. This phone runs embedded, where other "
                            "programs may use the TPM too, so others see at most level 1, Known device.\n");
    else if (done.endorsement == "lab")
        std::cout << "LAB: a laboratory vouches for the TPM. That is never the same as a genuine one.\n";
    else
        std::cout << "Nobody vouches for the TPM, so others see at most level 1, Known device.\n";
    if (done.tls_certificate_pem.empty())
        std::cout << "No certificate for the SIP transport: the authority certifies none of the names of this machine. "
                     "Name one with --host, or set [sip] tls_certificate.\n";
    std::cout << "Next: sealcall phone\n";
    return exit_status::kOk;
}

}  // namespace sealcall::cli
