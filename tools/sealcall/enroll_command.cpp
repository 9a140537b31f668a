// `sealcall enroll`: the exchange with an authority in a directory.
#include <iostream>

#include "commands.h"
#include "directory_authority.h"
#include "files.h"
#include "problem.h"
#include "sealcall/base/time.h"
#include "set_up.h"

namespace sealcall::cli {

int run_enroll(const Context& context) {
    const EnrolOptions& o = context.options.enrol;
    const ProfilePaths& paths = context.paths();
    const auto facts = context.store.facts();
    if (!facts)
        throw Problem("The profile " + paths.profile + " has no keys yet.", "sealcall init", exit_status::kNotSetUp);
    const UniqueFd lock = lock_file(paths.lock_file(), "The phone of this profile runs, or is being set up.",
                                    "End it first, then try again.");
    const PhoneConfig config = load_config(paths.config_file);
    EnrolmentWish wish{
        .uri = o.uri.empty() ? config.uri : o.uri, .host_names = o.host_names, .replace_device = o.replace_device};
    if (wish.uri.empty())
        throw Problem("Your own address is not set.", "Give it once: sealcall enroll --uri sip:NAME@DOMAIN ...",
                      exit_status::kUsage);
    if (!config.uri.empty() && config.uri != wish.uri)
        throw Problem("The configuration says that your address is " + config.uri + ", not " + wish.uri + ".",
                      "Change it first: sealcall init --uri " + wish.uri, exit_status::kUsage);
    if (wish.host_names.empty()) wish.host_names = default_host_names(config.sip.listen);
    authority::DirectoryAuthority service(authority::Store::open(o.authority_dir), wall_ms);
    const TpmUse tpm{.software = facts->software_tpm, .measurement_pcr = facts->measurement_pcr};
    const auto provisioning = start_provisioning(paths, tpm, roles_directory(context.options.global));
    const Enrolment done = enrol(context.store, wish, service, *provisioning);
    if (config.uri.empty()) {
        const std::string text =
            read_file(paths.config_file, kConfigMax).value_or(config_template(wish.uri, TpmChoice::automatic));
        make_private(paths.config_file.parent_path());
        write_file(paths.config_file, with_uri(text, wish.uri), 0600);
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
        std::cout << "The TPM is genuine: its maker vouches for it.\n";
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
