#include "command_line.h"

#include <sstream>

#include "problem.h"
#include "sealcall/ipc/guard.h"

namespace sealcall::cli {
namespace {

CLI::Option* choice(CLI::Option* option, const std::vector<std::string>& values) {
    std::string name;
    for (const auto& v : values) name += (name.empty() ? "" : "|") + v;
    option->check(CLI::IsMember(values).description(""))->type_name(name);
    return option;
}

std::string sip_uri_problem(const std::string& uri) {
    if (!uri.starts_with("sip:")) return "an address begins with \"sip:\", for example sip:alice@example.com";
    if (uri.size() > 256) return "an address has at most 256 characters";
    const size_t at = uri.find('@');
    if (at == std::string::npos || at == 4 || at + 1 == uri.size())
        return "an address is sip:NAME@DOMAIN, for example sip:alice@example.com";
    for (char c : uri)
        if (static_cast<unsigned char>(c) <= ' ' || c == '<' || c == '>' || c == '"' || c == 127)
            return "an address has no spaces, quotes or angle brackets";
    return {};
}

/// One way to read it: nobody is certified under an address with parameters or escapes.
std::string own_address_problem(const std::string& uri) {
    if (uri.find_first_of(";?%") != std::string::npos) return "your own address is sip:NAME@DOMAIN and nothing else";
    return sip_uri_problem(uri);
}

/// An address, with or without its scheme, or the name of a contact.
std::string callee_problem(const std::string& text) {
    if (text.starts_with("sip:")) return sip_uri_problem(text);
    if (const size_t at = text.find('@'); at != std::string::npos)
        return sip_uri_problem(text.find(':') < at ? text : "sip:" + text);  // another scheme is none of ours
    if (text.empty() || text.size() > 256) return "an address or the name of a contact has 1 to 256 characters";
    for (char c : text)
        if (static_cast<unsigned char>(c) < ' ' || c == 127) return "a name has no control characters";
    return {};
}

}  // namespace

std::vector<std::string> choices_of(const std::string& type_name) {
    std::vector<std::string> out;
    if (type_name.find('|') == std::string::npos) return out;
    std::istringstream in(type_name);
    for (std::string word; std::getline(in, word, '|');) out.push_back(word);
    return out;
}

const CLI::App* child(const CLI::App& app, const std::string& name) {
    const auto found = app.get_subcommands([&](const CLI::App* sub) { return sub->get_name() == name; });
    return found.empty() ? nullptr : found.front();
}

CommandLine::CommandLine()
    : app_(std::make_unique<CLI::App>("a softphone for people who must know what is on the other end of the line",
                                      "sealcall")) {
    app_->set_version_flag("--version", std::string("sealcall ") + SEALCALL_VERSION, "Show the version and end");
    app_->set_help_flag("-h,--help", "Show this help and end");
    app_->require_subcommand(1);
    app_->get_formatter()->column_width(34);
    add_common(*app_);
    docs_.emplace_back(
        app_.get(),
        CommandDoc{.text = "sealcall keeps the identity key of a phone in a TPM 2.0. Before anybody answers, each "
                           "phone proves its "
                           "platform to the other one, and both people see the other side's integrity level: X Failed, "
                           "0 Unverified, 1 Known device, 2 Measured, 3 Trusted boot, 4 Trusted runtime.\n\n"
                           "A new phone takes three commands: init, enroll and phone.",
                   .examples = {{"sealcall init --uri sip:alice@example.com", "make a profile and its keys"},
                                {"sealcall enroll --authority /srv/authority", "have an authority certify the keys"},
                                {"sealcall phone", "run the phone in this terminal"}},
                   .exits = {}});
    define_set_up();
    define_authority();
    define_calls();
    define_control();
    define_reports();
    define_references();
    define_policy();
    define_evidence();
    define_vault();
    define_generators();
}

CLI::App* CommandLine::add(CLI::App& parent, const std::string& name, const std::string& description, CommandDoc doc) {
    CLI::App* sub = parent.add_subcommand(name, description);
    std::string footer;
    for (const auto& [line, what] : doc.examples) footer += "  " + line + "\n      " + what + "\n";
    if (!footer.empty()) sub->footer("Examples:\n" + footer);
    docs_.emplace_back(sub, std::move(doc));
    return sub;
}

void CommandLine::add_common(CLI::App& app) {
    app.add_flag("--json", options_.global.json, "Answer in JSON, for programs");
    app.add_option("--profile", options_.global.profile, "The phone that is meant; several can live side by side")
        ->type_name(kTypeProfile);
    app.add_option("--roles", options_.global.roles_dir, "Directory of the role executables")
        ->type_name(kTypeDir)
        ->group("");
}

void CommandLine::define_set_up() {
    CLI::App* init =
        add(*app_, "init", "Make a profile: its TPM, its keys and its configuration",
            {.text = "Uses the TPM of this machine when it may be opened (/dev/tpmrm0), else makes a private software "
                     "TPM, and says "
                     "which: a software TPM proves less. Keys are bound to the software that is installed now. Running "
                     "it again is "
                     "safe: what is there is kept and shown.\n\n"
                     "After an update of sealcall the old identity key no longer works, which is its purpose: "
                     "--renew-identity makes a new one, and enroll certifies it.",
             .examples = {{"sealcall init --uri sip:alice@example.com", "a profile with the best TPM that can be had"},
                          {"sealcall --profile test init --tpm swtpm", "a second phone with a software TPM"}},
             .exits = {}});
    choice(init->add_option("--tpm", options_.init.tpm, "Which TPM: the machine's, a software one, or what is there"),
           {"auto", "device", "swtpm"});
    init->add_option("--uri", options_.init.uri, "Your own address")->type_name("URI")->check(own_address_problem);
    init->add_option("--lab-ek", options_.init.lab_ek_dir,
                     "Laboratory that certifies software TPMs; made if it is not there")
        ->type_name(kTypeDir);
    init->add_option("--guard", options_.init.guard,
                     std::string("Socket of the sealcall-guard that keeps the TPM (default: ") + ipc::kGuardSocket +
                         ", if one answers there)")
        ->type_name(kTypeFile);
    init->add_flag("--renew-identity", options_.init.renew_identity,
                   "Make a new identity key, after an update of the software");

    CLI::App* enroll =
        add(*app_, "enroll", "Have an authority certify this phone's keys",
            {.text = "The authority checks the endorsement certificate of the TPM, challenges the TPM to prove that "
                     "the attestation key "
                     "lives beside it (TPM2_ActivateCredential), checks that the identity key cannot leave it "
                     "(TPM2_Certify), and "
                     "then signs certificates for both keys.",
             .examples = {{"sealcall enroll https://enrol.example.com:7443 --token-file token",
                           "enrol over the network, with a token of the administrator"},
                          {"sealcall enroll --renew", "new certificates for the same keys"},
                          {"sealcall enroll --authority /srv/authority", "enrol at an authority in a directory"}},
             .exits = {{exit_status::kRefused, "the authority said no"}}});
    enroll->add_option("--authority", options_.enrol.authority_dir, "Directory of the authority")->type_name(kTypeDir);
    enroll->add_option("url", options_.enrol.url, "Address of the authority, https://HOST:PORT")->type_name("URL");
    enroll->add_option("--token", options_.enrol.token, "Enrolment token (others may see it in the list of processes)")
        ->type_name("TOKEN");
    enroll->add_option("--token-file", options_.enrol.token_file, "File that holds the token; - is standard input")
        ->type_name(kTypeFile);
    enroll
        ->add_option("--authority-root", options_.enrol.root_file,
                     "Root certificate of the authority in PEM form, instead of what the token says")
        ->type_name(kTypeFile);
    enroll->add_flag("--renew", options_.enrol.renew, "New certificates for the same keys, without a token");
    choice(enroll->add_option("--device-profile", options_.enrol.device_profile,
                              "How this phone runs, if not as it was set up; the token must allow it"),
           {"embedded", "managed", "managed-ima"});
    enroll->add_option("--partner", options_.enrol.partner, "The attestation key is for this partner only")
        ->type_name("NAME");
    enroll->add_option("--uri", options_.enrol.uri, "Your own address, if it is not in the configuration")
        ->type_name("URI")
        ->check(own_address_problem);
    enroll
        ->add_option(
            "--host", options_.enrol.host_names,
            "Name or address for the SIP transport certificate (default: 127.0.0.1, localhost and this host's name)")
        ->type_name("HOST");
    enroll->add_flag("--replace-device", options_.enrol.replace_device,
                     "This TPM takes the place of the one enrolled for this address");
}

void CommandLine::define_calls() {
    CLI::App* phone = add(*app_, "phone", "Run the phone: wait for calls, and make them",
                          {.text = "In a terminal it shows a state line and the card of an incoming call; without one, "
                                   "or with --headless, it writes "
                                   "one line an event (with --json, one JSON object). An answer by policy is recorded "
                                   "as such, never as a person's.",
                           .examples = {{"sealcall phone", "in this terminal, with the sound card"},
                                        {"sealcall phone --headless --answer policy --in hello.wav --out heard.wav",
                                         "an answering machine for tests"}},
                           .exits = {}});
    phone->add_flag("--headless", options_.phone.headless, "No screen: lines, or JSON with --json");
    phone->add_option("--in", options_.phone.in, "Speak this WAV file instead of the microphone")->type_name(kTypeFile);
    phone->add_option("--out", options_.phone.out, "Write what is heard to this WAV file instead of the loudspeaker")
        ->type_name(kTypeFile);
    choice(phone->add_option("--answer", options_.phone.answer,
                             "Who answers: a person, or the policy (default: the configuration)"),
           {"ask", "policy"});

    CLI::App* call =
        add(*app_, "call", "Call somebody",
            {.text = "If a phone of this profile runs, it places the call; otherwise a phone is started for this one "
                     "call. The exit status "
                     "says how the call ended.",
             .examples = {{"sealcall call sip:bob@example.com", "call Bob"},
                          {"sealcall call \"Bob Builder\"", "the same, if he is kept in the contacts under this name"},
                          {"sealcall call sip:bob@example.com --label restricted",
                           "say that restricted matters will be spoken of"},
                          {"sealcall call sip:bob@127.0.0.1:5070 --in a.wav --out b.wav --hang-up-after 10",
                           "ten seconds from and to files"}},
             .exits = {{0, "the call was made, and ended by hanging up"},
                       {exit_status::kRefused, "refused by policy or attestation, on either side"},
                       {4, "not found, not reachable, busy, refused by the person, or no answer"},
                       {exit_status::kNotSetUp, "this phone itself: its TPM, its enrolment, or a process that ended"},
                       {6, "sound could not be connected"}}});
    call->add_option("uri", options_.call.uri, "Whom to call: an address, or the name of a contact")
        ->type_name("WHOM")
        ->required()
        ->check(callee_problem);
    call->add_option("--label", options_.call.label, "Sensitivity of what will be spoken")
        ->type_name("LABEL")
        ->check([](const std::string& s) {
            return s.size() <= 64 ? std::string() : std::string("a label has at most 64 characters");
        });
    call->add_option("--in", options_.call.in, "Speak this WAV file instead of the microphone")->type_name(kTypeFile);
    call->add_option("--out", options_.call.out, "Write what is heard to this WAV file instead of the loudspeaker")
        ->type_name(kTypeFile);
    for (auto& [name, value, text] : std::initializer_list<std::tuple<const char*, double*, const char*>>{
             {"--hang-up-after", &options_.call.hang_up_after, "End the call so long after sound began"},
             {"--hold-after", &options_.call.hold_after, "Put the call on hold so long after sound began"},
             {"--hold-for", &options_.call.hold_for, "Resume it after so long"}})
        call->add_option(name, *value, text)->type_name("SECONDS")->check(CLI::Range(0.0, 86400.0).description(""));
}

void CommandLine::define_control() {
    const auto call_id = [this](CLI::App* app) {
        app->add_option("call", options_.call_id, "Number of the call; needed only when there are several")
            ->type_name("CALL")
            ->check([](const std::string& s) {
                return !s.empty() && s.size() < 10 && s.find_first_not_of("0123456789") == std::string::npos
                           ? std::string()
                           : std::string("a call is a number, as `sealcall status` shows it");
            });
    };
    const CommandDoc running{.text = "Needs a running phone of this profile.",
                             .examples = {},
                             .exits = {{exit_status::kNoPhone, "no phone of this profile runs"}}};
    CLI::App* answer = add(*app_, "answer", "Answer the call that rings", running);
    call_id(answer);
    answer->add_flag("--listen", options_.listen_only, "Without the microphone");
    call_id(add(*app_, "refuse", "Refuse the call that rings", running));
    call_id(add(*app_, "hangup", "End a call", running));
    CLI::App* hold = add(*app_, "hold", "Put a call on hold, or resume it", running);
    call_id(hold);
    hold->add_flag("--off", options_.hold_off, "Resume the call");
    call_id(
        add(*app_, "recheck", "Have the other phone prove its state again, and wait for the result",
            {.text = "Prints the level before and after. The other phone has a minute to answer; silence is level 0. "
                     "A question comes at least 10 seconds after the last one.",
             .examples = {{"sealcall recheck", "check the other side of the only call"}},
             .exits = {{exit_status::kRefused, "the level fell, no answer came, or the call ended"},
                       {exit_status::kNoPhone, "no phone of this profile runs"}}}));
    CLI::App* ctl = add(*app_, "ctl", "Send one request to the running phone and print the answer",
                        {.text = "For programs: one JSON-RPC request over the control socket.",
                         .examples = {{"sealcall ctl status", "the same facts as sealcall status --json"}},
                         .exits = {{exit_status::kNoPhone, "no phone of this profile runs"}}});
    ctl->add_option("method", options_.ctl_method, "Name of the method")->type_name("METHOD")->required();
    ctl->add_option("arguments", options_.ctl_arguments, "Its parameters, as name=value")->type_name("NAME=VALUE");
}

void CommandLine::define_reports() {
    add(*app_, "status", "Show the running phone: its calls, its processes and their protections",
        {.text = "A protection that is missing is a warning. Without a running phone it shows what the files of the "
                 "profile say.",
         .examples = {},
         .exits = {{exit_status::kNoPhone, "no phone of this profile runs"}}});
    add(*app_, "devices", "Show the sound devices", {.text = {}, .examples = {}, .exits = {}});
    add(*app_, "doctor", "Say what this machine can and cannot do, and what to do about it",
        {.text = "Checks the kernel, the TPM, the clock, the configuration, the enrolment, the programs and the sound.",
         .examples = {},
         .exits = {{exit_status::kFailed, "at least one problem; warnings do not count"}}});
    add(*app_, "guard", "Show whether this computer runs managed, and whether the keys are ready",
        {.text = "Managed, sealcall-guard keeps the TPM from your other programs and starts the enclave. Without it a "
                 "phone runs embedded, and others see it at level 1 at most (2 LAB).",
         .examples = {},
         .exits = {{exit_status::kFailed, "no guard answers"}, {exit_status::kRefused, "its keys are not ready"}}})
        ->add_option("--socket", options_.guard_socket, "Socket of the guard")
        ->type_name(kTypeFile);
    define_audit();
    add(*app_, "version", "Show the version", {.text = {}, .examples = {}, .exits = {}});
}

void CommandLine::define_generators() {
    CLI::App* man = add(
        *app_, "man", "Write a manual page",
        {.text = {}, .examples = {{"sealcall man call | man -l -", "read the page of `sealcall call`"}}, .exits = {}});
    man->add_option("command", options_.man_command,
                    "Command to write about, like \"call\" or \"authority-init\" (default: sealcall itself)")
        ->type_name("COMMAND");
    man->add_option("--all", options_.man_dir, "Write all pages into this directory")->type_name(kTypeDir);
    CLI::App* completion =
        add(*app_, "completion", "Write a completion script for a shell",
            {.text = {}, .examples = {{"source <(sealcall completion bash)", "for this shell"}}, .exits = {}});
    choice(completion->add_option("shell", options_.shell, "Which shell"), {"bash", "zsh", "fish"})->required();
    for (const auto& [app, doc] : std::vector(docs_))
        if (app != app_.get() && app->get_subcommands([](const CLI::App*) { return true; }).empty())
            add_common(*const_cast<CLI::App*>(app));
    for (const auto& words : all_commands()) const_cast<CLI::App*>(find(words))->get_formatter()->column_width(34);
}

void CommandLine::forget_definition() {
    app_.reset();
    docs_ = {};
}

void CommandLine::parse(int argc, const char* const* argv) { app_->parse(argc, argv); }

std::vector<std::string> CommandLine::command() const {
    std::vector<std::string> words;
    for (const CLI::App* at = app_.get();;) {
        const auto subs = at->get_subcommands();
        if (subs.empty()) return words;
        at = subs.front();
        words.push_back(at->get_name());
    }
}

namespace {
void walk(const CLI::App* app, std::vector<std::string>& words, std::vector<std::vector<std::string>>& out) {
    out.push_back(words);
    for (const CLI::App* sub : app->get_subcommands([](const CLI::App*) { return true; })) {
        words.push_back(sub->get_name());
        walk(sub, words, out);
        words.pop_back();
    }
}
}  // namespace

std::vector<std::vector<std::string>> CommandLine::all_commands() const {
    std::vector<std::vector<std::string>> out;
    std::vector<std::string> words;
    walk(app_.get(), words, out);
    return out;
}

const CLI::App* CommandLine::find(const std::vector<std::string>& words) const {
    const CLI::App* at = app_.get();
    for (const auto& word : words) {
        at = child(*at, word);
        if (!at) return nullptr;
    }
    return at;
}

const CommandDoc& CommandLine::doc(const std::vector<std::string>& words) const {
    static const CommandDoc none;
    const CLI::App* app = find(words);
    for (const auto& [known, doc] : docs_)
        if (known == app) return doc;
    return none;
}

}  // namespace sealcall::cli
