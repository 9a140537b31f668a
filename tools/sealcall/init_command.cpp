// `sealcall init`: the profile, its TPM, its keys, its configuration. Every step keeps what is there.
#include <iostream>

#include "commands.h"
#include "files.h"
#include "problem.h"
#include "set_up.h"
#include "software_tpm.h"
#include "tools/sealcall/launcher/guard_client.h"
#include "vault_access.h"

namespace sealcall::cli {
namespace fs = std::filesystem;
namespace {

struct Outcome {
    ProfileFacts facts;
    std::string uri;
    std::string lab_root;  ///< empty: not a software TPM that we made
    bool made_keys = false, made_tpm = false, made_config = false;
};

TpmChoice choice_of(const std::string& word, TpmChoice configured) {
    if (word == "device") return TpmChoice::device;
    if (word == "swtpm") return TpmChoice::swtpm;
    return configured;
}

/// Writes a new configuration, or sets the address in the one that is there.
bool keep_config(const fs::path& file, const InitOptions& o, PhoneConfig& config) {
    const auto text = read_file(file, kConfigMax);
    if (text && (o.uri.empty() || o.uri == config.uri)) return false;
    if (!text) make_private(file.parent_path());
    const TpmChoice tpm = choice_of(o.tpm, TpmChoice::automatic);
    const std::string wanted = text ? with_uri(*text, o.uri) : config_template(o.uri, tpm);
    const ConfigOutcome check = parse_config(wanted);
    const auto* parsed = std::get_if<PhoneConfig>(&check);
    if (!parsed || parsed->uri != o.uri)
        throw Problem("The address could not be put into " + file.string() + ".",
                      "Write uri = \"" + o.uri + "\" at its top yourself.", exit_status::kUsage);
    write_file(file, wanted, 0600);
    config.uri = o.uri;
    return !text;
}

/// Where an administrator runs the guard, the machine's TPM is behind it. Empty: no guard.
std::string guard_for(const InitOptions& o, TpmChoice choice) {
    if (!o.guard.empty()) {
        if (launcher::guard_answers(o.guard)) return fs::absolute(o.guard);
        throw Problem("No sealcall-guard answers at " + printable(o.guard) + ", or you may not speak to it.",
                      "Ask your administrator: systemctl status sealcall-guard, and the group sealcall.",
                      exit_status::kNotSetUp);
    }
    return choice != TpmChoice::swtpm && launcher::guard_answers(ipc::kGuardSocket) ? ipc::kGuardSocket : "";
}

Outcome set_up(const Context& context) {
    const InitOptions& o = context.options.init;
    const ProfilePaths& paths = context.paths();
    make_private(paths.state_dir);
    const UniqueFd lock = lock_file(paths.lock_file(), "The phone of this profile runs, or is being set up.",
                                    "End it first, then try again.");
    PhoneConfig config = load_config(paths.config_file);
    const auto known = context.store.facts();
    if (known && o.tpm != "auto" && known->software_tpm != (o.tpm == "swtpm"))
        throw Problem(std::string("The keys of this profile are in ") +
                          (known->software_tpm ? "a software TPM" : "the TPM of this machine") + " already.",
                      "Use another profile (--profile NAME) for the other TPM.", exit_status::kUsage);
    if (!o.uri.empty() && o.uri != config.uri) refuse_other_address(context.store, o.uri);
    Outcome out;
    out.made_config = keep_config(paths.config_file, o, config);
    out.uri = config.uri;
    const bool keys_needed = !known || o.renew_identity;
    const TpmChoice choice = choice_of(o.tpm, config.tpm);
    const std::string guard = known ? known->guard : guard_for(o, choice);
    const bool software = known ? known->software_tpm : guard.empty() && decide_software_tpm(choice);
    const fs::path lab = o.lab_ek_dir.empty() ? paths.lab_dir() : fs::path(o.lab_ek_dir);
    if (software && !software_tpm_exists(paths.tpm_dir())) {
        if (known && !o.renew_identity)
            throw Problem("The software TPM of this profile is gone, and its keys with it.",
                          "Restore " + paths.tpm_dir().string() + ", or make new keys: sealcall init --renew-identity",
                          exit_status::kNotSetUp);
        make_software_tpm(paths.tpm_dir(), lab);
        out.made_tpm = true;
    }
    if (software && fs::exists(lab / "lab-ek-root.pem")) out.lab_root = fs::absolute(lab / "lab-ek-root.pem").string();
    if (keys_needed) {
        const TpmUse tpm{.software = software, .guard = guard, .measurement_pcr = config.measurement_pcr};
        const auto provisioning = start_provisioning(paths, tpm, roles_directory(context.options.global));
        out.facts = make_keys(context.store, tpm, *provisioning);
        out.made_keys = true;
    } else {
        out.facts = *known;
    }
    return out;
}

}  // namespace

int run_init(const Context& context) {
    const Outcome done = set_up(context);
    const bool enrolled = context.store.enrolment().has_value();
    const ProfilePaths& paths = context.paths();
    if (context.json()) {
        print_json({{"ok", true},
                    {"profile", paths.profile},
                    {"uri", done.uri},
                    {"software_tpm", done.facts.software_tpm},
                    {"managed", done.facts.managed()},
                    {"tpm_name", done.facts.tpm_name},
                    {"measurement_pcr", done.facts.measurement_pcr},
                    {"made_tpm", done.made_tpm},
                    {"made_keys", done.made_keys},
                    {"made_config", done.made_config},
                    {"enrolled", enrolled},
                    {"config", paths.config_file.string()},
                    {"state", paths.state_dir.string()},
                    {"lab_ek_root", done.lab_root}});
        return exit_status::kOk;
    }
    std::cout << "Profile " << paths.profile << (done.uri.empty() ? "" : " <" + printable(done.uri) + ">") << "\n"
              << "  TPM     "
              << (done.facts.software_tpm ? "a software TPM: it proves less than a real one"
                  : done.facts.managed()  ? "behind sealcall-guard"
                                          : "the TPM of this machine")
              << (done.facts.tpm_name.empty() ? "" : " (" + printable(done.facts.tpm_name, 128) + ")") << "\n"
              << "  Mode    "
              << (done.facts.managed() ? "managed: sealcall-guard keeps the TPM from your other programs"
                                       : "embedded: your other programs may use the TPM too, so others see level 1 at "
                                         "most (2 LAB)")
              << "\n"
              << "  Keys    "
              << (done.made_keys ? "made now, bound to the software that is installed"
                                 : "made " + local_time(done.facts.made_ms))
              << "\n"
              << "  Config  " << paths.config_file.string() << "\n"
              << "  State   " << paths.state_dir.string() << "\n";
    if (!done.lab_root.empty())
        std::cout << "  LAB     " << done.lab_root << " is what an authority must trust to believe this software TPM\n";
    if (done.uri.empty())
        std::cout << "Next: sealcall init --uri sip:NAME@DOMAIN\n";
    else if (enrolled)
        std::cout << "Enrolled. Next: sealcall phone\n";
    else
        std::cout << "Next: sealcall enroll --authority DIR\n";
    return exit_status::kOk;
}

}  // namespace sealcall::cli
