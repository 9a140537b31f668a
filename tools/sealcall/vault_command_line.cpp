// The commands about what is the person's own: PIN, vault, contacts, history.
#include "command_line.h"
#include "problem.h"

namespace sealcall::cli {

void CommandLine::define_vault() {
    const std::pair<int, std::string> refused{exit_status::kRefused,
                                              "the PIN was wrong, or the TPM does not open the vault"};
    CLI::App* pin =
        add(*app_, "pin", "Set and change the PIN of this phone", {.text = {}, .examples = {}, .exits = {}});
    pin->require_subcommand(1);
    const std::string how =
        "The PIN is the authorisation of one object in the TPM, which counts wrong tries and locks after ten; then it "
        "takes one more every ten minutes. No phone of the profile may run. Without a terminal the PINs are read as "
        "lines of standard input, each once: the one that is set, and before the new one.";
    add(*pin, "set", "Set a PIN",
        {.text = how,
         .examples = {{"sealcall pin set", "asks for it twice, and shows nothing of it"}},
         .exits = {refused}});
    add(*pin, "change", "Change the PIN, or remove it", {.text = how, .examples = {}, .exits = {refused}})
        ->add_flag("--remove", options_.vault.remove, "No PIN from now on");
    add(*pin, "status", "Show whether there is a PIN, and how many tries are left",
        {.text = {}, .examples = {}, .exits = {}});
    const char* reset = "Empty the vault, PIN included: for a PIN that is forgotten";
    const std::string lost =
        "SIP password, contacts, history and the memory of other phones are lost: nobody can open the vault without "
        "its "
        "PIN, the administrator neither. Keys, certificates and the audit log stay.";
    add(*pin, "reset", reset, {.text = lost, .examples = {}, .exits = {}})
        ->add_flag("--yes", options_.vault.yes, "Yes, lose what is in the vault");
    define_vault_content(refused, lost);
    add(*app_, "lock", "Lock the running phone",
        {.text =
             "Vault and media keys leave its memory; calls that run are held, those with ordinary phones end. The PIN "
             "at the phone's screen brings them back.",
         .examples = {},
         .exits = {{exit_status::kNoPhone, "no phone of this profile runs"}}});
}

void CommandLine::define_vault_content(const std::pair<int, std::string>& refused, const std::string& lost) {
    VaultOptions& o = options_.vault;
    const auto group = [&](const char* name, const char* what) {
        CLI::App* app = add(*app_, name, what, {.text = {}, .examples = {}, .exits = {}});
        app->require_subcommand(1);
        return app;
    };
    CLI::App* vault = group("vault", "Look at the vault, and put the account at the proxy into it");
    add(*vault, "status", "Show whether the vault can be opened, and how much is in it",
        {.text = "Without a PIN it also shows what is in it. Neither this nor any other command shows the password.",
         .examples = {},
         .exits = {refused}});
    CLI::App* login = add(
        *vault, "login", "Put user name and password for the SIP proxy into the vault",
        {.text = "The enclave answers the proxy's challenges; the part of the phone that speaks SIP never sees the "
                 "password or its hash. Without a terminal the PIN, if one is set, and then the password are read as "
                 "lines of standard input.",
         .examples = {{"sealcall vault login", "asks for the password"}},
         .exits = {refused}});
    login->add_option("--username", o.username, "User name (default: the name in your address)")->type_name("NAME");
    login->add_option("--realm", o.realm, "Answer challenges of this realm only (default: the domain of your address)")
        ->type_name("REALM");
    login->add_flag("--remove", o.remove, "Take the account out");
    add(*vault, "reset", "Empty the vault, PIN included", {.text = lost, .examples = {}, .exits = {}})
        ->add_flag("--yes", o.yes, "Yes, lose what is in the vault");

    CLI::App* contacts = group("contacts", "Keep contacts in the vault");
    add(*contacts, "list", "List the contacts", {.text = {}, .examples = {}, .exits = {refused}});
    CLI::App* one = add(*contacts, "add", "Add a contact, or replace the one with that address",
                        {.text = {},
                         .examples = {{"sealcall contacts add sip:bob@example.com --name \"Bob Builder\"", ""}},
                         .exits = {refused}});
    one->add_option("address", o.uri, "Its address")->type_name("URI")->required();
    one->add_option("--name", o.name, "What the person is called (default: the name in the address)")
        ->type_name("TEXT");
    one->add_option("--note", o.note, "A note")->type_name("TEXT");
    add(*contacts, "import", "Take contacts from a vCard file",
        {.text =
             "vCard 3.0 and 4.0, at most 4 MiB and 4096 cards; the vault keeps 512 contacts. All are taken, or none. "
             "Cards without a SIP address are left out, and counted.",
         .examples = {{"sealcall contacts import people.vcf", "adds them, or replaces those with the same address"}},
         .exits = {refused}})
        ->add_option("file", o.file, "The file")
        ->type_name(kTypeFile)
        ->required();
    const auto writes = [&o](CLI::App* command) {
        command->add_option("file", o.file, "The file (default: standard output)")->type_name(kTypeFile);
        command->add_flag("--force", o.force, "Write over a file that is there");
    };
    writes(
        add(*contacts, "export", "Write the contacts as vCard 4.0", {.text = {}, .examples = {}, .exits = {refused}}));
    add(*contacts, "remove", "Forget a contact", {.text = {}, .examples = {}, .exits = {refused}})
        ->add_option("address", o.uri, "Its address")
        ->type_name("URI")
        ->required();

    CLI::App* history = group("history", "Look at the calls of before");
    CLI::App* out = add(
        *history, "export", "List the calls, or write them as JSON or CSV",
        {.text = "The newest 255 calls. In CSV what a spreadsheet would take for a formula gets an apostrophe before "
                 "it. An address that nobody proved is marked: says, or as dialled.",
         .examples = {{"sealcall history export --format csv calls.csv", "for a spreadsheet"}},
         .exits = {refused}});
    writes(out);
    out->add_option("--format", o.format, "How")
        ->check(CLI::IsMember({"text", "json", "csv"}).description(""))
        ->type_name("text|json|csv");
    add(*history, "clear", "Forget the calls", {.text = {}, .examples = {}, .exits = {refused}})
        ->add_flag("--yes", o.yes, "Yes, forget them");

    CLI::App* peers = group("peers", "Look at what is remembered of other phones");
    add(*peers, "list", "List who proved themselves, how well, and with which keys",
        {.text = "Somebody on this list who proves less, or has another key on another device, is refused: it may be "
                 "somebody else, or something on the way.",
         .examples = {},
         .exits = {refused}});
    add(*peers, "forget", "Forget a phone, so that its next proof counts as its first",
        {.text =
             "For a person who has a new computer, or one that proves less for a good reason: ask them first, through "
             "another line.",
         .examples = {{"sealcall peers forget sip:bob@example.com", "bob may come with another device"}},
         .exits = {refused}})
        ->add_option("address", o.uri, "Their address")
        ->type_name("URI")
        ->required();

    CLI::App* settings = group("settings", "Take the settings to another computer");
    writes(add(*settings, "export", "Write the settings as TOML", {.text = {}, .examples = {}, .exits = {}}));
    add(*settings, "import", "Take settings from a TOML file",
        {.text = "They are checked first; those of before are kept beside them. An address that is not the vault's is "
                 "refused.",
         .examples = {},
         .exits = {}})
        ->add_option("file", o.file, "The file")
        ->type_name(kTypeFile)
        ->required();
}

}  // namespace sealcall::cli
