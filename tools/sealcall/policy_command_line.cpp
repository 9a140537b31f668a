// The part of the command line for policies: `sealcall policy ...`.
#include "command_line.h"
#include "problem.h"

namespace sealcall::cli {
namespace {

void imagined_call(CLI::App* app, PolicyOptions& o) {
    const auto choice = [](CLI::Option* option, const char* names, const std::vector<std::string>& values) {
        option->check(CLI::IsMember(values).description(""))->type_name(names);
    };
    app->add_option("peer", o.peer, "The other side, as its certificate names it")->type_name("URI");
    choice(app->add_option("--direction", o.direction, "Who calls whom"), "incoming|outgoing",
           {"incoming", "outgoing"});
    app->add_option("--label", o.label, "Sensitivity label (default: none, which is the policy's default label)")
        ->type_name("LABEL");
    app->add_option("--level", o.level, "Integrity level of the other side, -1 for X")
        ->type_name("N")
        ->check(CLI::Range(-1, 4).description(""));
    app->add_flag("--lab", o.lab, "The level is a laboratory's word");
    app->add_flag("--software-tpm", o.software_tpm, "Its TPM is a software one");
    app->add_option("--lacks", o.lacks, "A fact that is not proven although the level is, like secure-boot")
        ->type_name("FACT");
    app->add_flag("--ordinary", o.ordinary, "It is a phone that proves nothing");
    app->add_flag("--downgrade", o.downgrade, "It proved more before");
    app->add_flag("--known", o.known, "It is in the contacts");
    app->add_option("--vouched-by", o.vouched_by, "Name of the authority that certified it")->type_name("NAME");
    app->add_option("--verifier", o.verifier, "Issuer of its passport (default: this phone checks it itself)")
        ->type_name("ISSUER");
    app->add_option("--age", o.age, "Age of the check, like 10m")->type_name("TIME");
    app->add_option("--at", o.at, "When, as 2026-11-23T08:30:00Z (default: now)")->type_name("TIME");
}

}  // namespace

void CommandLine::define_policy() {
    PolicyOptions& o = options_.policy;
    const std::string forms =
        "FILE is the TOML that an administrator writes, or what `policy compile` made of it. docs/policy.md describes "
        "the language.";
    const std::pair<int, std::string> mistakes{exit_status::kUsage,
                                               "the policy has mistakes, or there is no such file"};
    CLI::App* policy = add(
        *app_, "policy", "Write down which level is needed to talk about what and with whom",
        {.text = "An administrator writes a policy in TOML, checks and tries it, and signs it into the next bundle of "
                 "the authority; phones obey it from the moment they have that bundle. The person's own [policy] in "
                 "config.toml can then only make things stricter.",
         .examples = {{"sealcall policy check policy.toml", "mistakes, with line and column"},
                      {"sealcall policy test expected.toml", "does it decide what I expect?"},
                      {"sealcall policy sign policy.toml /srv/authority", "give it to the phones"}},
         .exits = {}});
    policy->require_subcommand(1);
    const auto file = [&](CLI::App* app, const char* what) {
        return app->add_option("file", o.file, what)->type_name(kTypeFile);
    };

    CLI::App* check = add(
        *policy, "check", "Say what is wrong with a policy",
        {.text = forms + "\n\nRules that can never answer are warnings: those that earlier rules "
                         "take every call from, and those whose answer an earlier rule bounds. So is a policy without "
                         "rules, which refuses every call.",
         .examples = {{"sealcall policy check policy.toml --strict", "warnings count as mistakes"}},
         .exits = {mistakes, {exit_status::kDoesNotHold, "--strict, and there are warnings"}}});
    file(check, "The policy")->required();
    check->add_flag("--strict", o.strict, "Warnings are mistakes");

    CLI::App* compile = add(*policy, "compile", "Make the form that phones read",
                            {.text = "The same policy always gives the same bytes. `policy sign` compiles by itself.",
                             .examples = {{"sealcall policy compile policy.toml --out policy.bin", ""}},
                             .exits = {mistakes}});
    file(compile, "The policy")->required();
    compile->add_option("--out", o.out, "Where to write it (default: FILE with .bin for its ending)")
        ->type_name(kTypeFile);

    CLI::App* sign = add(
        *policy, "sign", "Put a policy into the authority's next bundle, and sign that",
        {.text =
             "The authority keeps the policy: later bundles carry it too. `authority serve` hands the bundle out, and "
             "running phones obey it as soon as they have fetched it (sealcall policy install, by a timer). The "
             "approved "
             "values come from the reference store of the bundle before, unless --store names another one.",
         .examples = {{"sealcall policy sign policy.toml /srv/authority", "for seven days"},
                      {"sealcall policy sign --withdraw /srv/authority", "the next bundle carries none"}},
         .exits = {mistakes}});
    sign->add_option("file", o.file, "The policy, then the directory of the authority")
        ->type_name(kTypeFile)
        ->required();
    sign->add_option("dir", o.authority, "Directory of the authority")->type_name(kTypeDir);
    sign->add_option("--store", o.store, "Directory of the reference store (default: that of the bundle before)")
        ->type_name(kTypeDir);
    sign->add_option("--days", o.days, "Until the next bundle is due; after that nobody can be checked")
        ->type_name("N")
        ->check(CLI::Range(1, 400).description(""));
    sign->add_flag("--fewer", o.fewer,
                   "Sign although the bundle loses what the one before has: values, PCRs, partners");
    sign->add_flag("--withdraw", o.withdraw, "The authority's policy is over; only the directory is named then");

    CLI::App* explain = add(
        *policy, "explain", "Say which rule decides a call, and why",
        {.text = "For an imagined call, say what it is like. For a call of the running phone, give --call: what the "
                 "phone knows of the other side is taken from there.\n\nWithout --policy it is the policy of this "
                 "profile's bundle.",
         .examples = {{"sealcall policy explain sip:bob@example.com --label restricted --level 2 --policy policy.toml",
                       "what would happen"},
                      {"sealcall policy explain --call 3", "why a call of this phone was decided so"}},
         .exits = {mistakes, {exit_status::kRefused, "the call would be refused"}}});
    imagined_call(explain, o);
    explain->add_option("--policy", o.file, "The policy (default: the one in force)")->type_name(kTypeFile);
    explain->add_option("--call", o.call, "Number of a call of the running phone")->type_name("CALL");

    CLI::App* test = add(*policy, "test", "Try a file of expected decisions",
                         {.text = "Each [[case]] describes a call as `policy explain` does, and says what to expect.",
                          .examples = {{"sealcall policy test expected.toml", "the file names its policy"}},
                          .exits = {{exit_status::kFailed, "at least one decision is another one"}, mistakes}});
    file(test, "The expected decisions")->required();
    test->add_option("--policy", o.second, "The policy (default: the one that the file names)")->type_name(kTypeFile);

    CLI::App* diff = add(*policy, "diff", "Say in words how two policies differ",
                         {.text = forms,
                          .examples = {{"sealcall policy diff old.toml new.toml", ""}},
                          .exits = {{0, "they decide alike"}, {exit_status::kDoesNotHold, "they differ"}, mistakes}});
    file(diff, "The policy as it was")->required();
    diff->add_option("second", o.second, "The policy as it is")->type_name(kTypeFile)->required();

    CLI::App* install = add(*policy, "install", "Fetch the newest policy: it comes with the authority's bundle",
                            {.text = "The same as `sealcall bundle install`. A running phone obeys it within seconds.",
                             .examples = {{"sealcall policy install", "ask the authority; by a timer"}},
                             .exits = {{exit_status::kRefused, "it is not the authority's, or older; or there is none"},
                                       {exit_status::kNobody, "the authority does not answer"}}});
    install->add_option("from", options_.reference.bundle, "A file, or https://HOST:PORT of the authority")
        ->type_name("FROM");
    CLI::App* status =
        add(*policy, "status", "Say which policy is in force on this phone",
            {.text = "Its name, the version and age of the bundle that brought it, its labels, and whether "
                     "a phone runs with it.",
             .examples = {},
             .exits = {{exit_status::kDoesNotHold, "its bundle does not hold now"}}});
    (void)status;
}

}  // namespace sealcall::cli
