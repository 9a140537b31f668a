// The part of the command line that approves platforms: `sealcall reference ...`, `sealcall bundle ...` and `sealcall
// authority bundle`.
#include "command_line.h"
#include "problem.h"

namespace sealcall::cli {

void CommandLine::define_references() {
    ReferenceOptions& o = options_.reference;
    const auto store = [&](CLI::App* app) {
        return app->add_option("--store", o.store, "Directory of the reference store")->type_name(kTypeDir);
    };
    const auto publishing = [&](CLI::App* app) {
        app->add_option("--days", o.days, "Until the next bundle is due; after that nobody can be checked")
            ->type_name("N")
            ->check(CLI::Range(1, 400).description(""));
        app->add_flag("--fewer", o.fewer,
                      "Sign although the bundle loses what the one before has: values, PCRs, partners");
    };

    CLI::App* reference =
        add(*app_, "reference", "Approve platforms: what may start on the machines of a fleet",
            {.text = "A reference store is a directory with one line of JSON for each value: fit for a version control "
                     "system, with a text for every id. What is imported waits until somebody approves it; what is "
                     "approved goes into the next bundle, which the authority signs and phones check.",
             .examples = {{"sealcall reference import --store refs --log golden.log --ima golden.ima",
                           "take over what a golden machine started"},
                          {"sealcall reference approve --store refs --all --authority /srv/authority",
                           "approve it, and sign the next bundle"}},
             .exits = {}});
    reference->require_subcommand(1);

    CLI::App* import = add(
        *reference, "import", "Take values over from a golden machine's logs, or from a signed list",
        {.text = "Look at the logs first: `sealcall evidence replay LOG --ima LIST --pcrs FILE` says whether they are "
                 "what that machine's TPM recorded. Entries of the kernel's list that are not what their hash says, "
                 "and files that changed while they were read, are left out and counted.\n\n"
                 "--pcrs says which PCRs must be approved whole for level 3; 10 is not among them, for the kernel's "
                 "list decides on level 4.",
         .examples = {{"sealcall reference import --store refs --log binary_bios_measurements --pcrs 0,2,4,7",
                       "firmware, option ROMs, boot loader and Secure Boot"},
                      {"sealcall reference import --store refs --evidence golden.evidence --authority /srv/authority",
                       "all of it, and sealcall itself, as the machine's TPM signed it"},
                      {"sealcall reference import --store refs --allow-list vendor.jsonl --key vendor.pem",
                       "a list that another administrator signed"}},
         .exits = {{exit_status::kRefused, "the signature of the list does not hold, or the Evidence does not"}}});
    store(import)->required();
    import
        ->add_option("--log,--evidence", o.log,
                     "Event log of the firmware, or a golden machine's own Evidence (`sealcall evidence collect`)")
        ->type_name(kTypeFile);
    import->add_option("--ima", o.ima, "The kernel's list of files (IMA)")->type_name(kTypeFile);
    import->add_option("--sealcall-log", o.sealcall_log, "sealcall's own measurement log (CEL)")->type_name(kTypeFile);
    import->add_option("--authority", o.authority, "Directory of the authority that enrolled the golden machine")
        ->type_name(kTypeDir);
    import->add_option("--pcrs", o.pcrs, "PCRs to take from the log, and to approve whole (default: the store's)")
        ->type_name("LIST");
    import->add_option("--allow-list", o.allow_list, "A list that `reference export` wrote; its signature is FILE.sig")
        ->type_name(kTypeFile);
    import->add_option("--corim", o.corim, "A CoRIM whose measurement keys are PCRs")->type_name(kTypeFile);
    import->add_option("--key", o.key, "PEM certificate (CoRIM: or JWK) of who signed it")->type_name(kTypeFile);

    CLI::App* exporting =
        add(*reference, "export", "Write the approved values as a signed list",
            {.text = "The list and beside it FILE.sig, signed with the root key of the authority.",
             .examples = {{"sealcall reference export --store refs --authority /srv/authority out.jsonl",
                           "for an administrator elsewhere"}},
             .exits = {}});
    store(exporting)->required();
    exporting->add_option("--authority", o.authority, "Directory of the authority that signs")
        ->type_name(kTypeDir)
        ->required();
    exporting->add_option("out", o.out, "File to write")->type_name(kTypeFile)->required();

    CLI::App* approve = add(
        *reference, "approve", "Approve, forbid or withdraw values, and sign the next bundle",
        {.text = "Before an update: --predict takes the new boot loader or kernel as it will lie in the EFI system "
                 "partition, computes what the firmware will extend for it (the Authenticode hash, PCR 4; and the "
                 "file's own hash, PCR 9, which is what GRUB extends) and approves that, so that the machines are "
                 "trusted right after the reboot. --predict-file PATH=FILE does it for a program that the kernel will "
                 "measure. What cannot be computed from a file is given as --predict-digest PCR:SHA256:TEXT.\n\n"
                 "--predict-programs does it for an update of sealcall itself on managed computers. With --approvals "
                 "the state "
                 "that their guards will measure is signed for the TPM (PolicyAuthorize): they keep their keys over "
                 "the update, and what was approved before counts no more once the new one was started.\n\n"
                 "With --authority the next bundle is signed at once.",
         .examples = {{"sealcall reference approve --store refs --all", "everything that waits"},
                      {"sealcall reference approve --store refs --forbid 17 --authority /srv/authority",
                       "level X for whoever starts it"},
                      {"sealcall reference approve --store refs --predict vmlinuz-6.1.0-30 --authority /srv/authority",
                       "before the new kernel is started anywhere"},
                      {"sealcall reference approve --store refs --predict-programs approved.new --approvals approvals "
                       "--authority /srv/authority",
                       "before sealcall itself is updated"}},
         .exits = {}});
    store(approve)->required();
    approve->add_flag("--all", o.all, "Everything that waits");
    approve->add_option("--id", o.ids, "This entry")->type_name("N");
    approve->add_option("--forbid", o.forbid, "Whoever starts this entry fails")->type_name("N");
    approve->add_option("--withdraw", o.withdraw, "This entry no longer counts")->type_name("N");
    approve->add_option("--predict", o.predict, "A boot loader or kernel to come")->type_name(kTypeFile);
    approve->add_option("--predict-file", o.predict_file, "PATH=FILE: a program to come, and where it will lie")
        ->type_name("PATH=FILE");
    approve->add_option("--predict-digest", o.predict_digest, "PCR:SHA256:TEXT")->type_name("VALUE");
    approve
        ->add_option("--predict-programs", o.predict_programs,
                     "Programs of sealcall that a guard will measure: a list that sealcall-approve made of them")
        ->type_name(kTypeFile);
    approve->add_option("--approvals", o.approvals, "Where to sign their state, for /etc/sealcall/guard/approvals")
        ->type_name(kTypeFile);
    approve->add_option("--authority", o.authority, "Directory of the authority that signs")->type_name(kTypeDir);
    publishing(approve);

    CLI::App* diff =
        add(*reference, "diff", "Say which PCR and which event differ: two logs, or a log and the store",
            {.text = "Each difference is a sentence. With --store: what of the log nobody has approved, and what is "
                     "forbidden.",
             .examples = {{"sealcall reference diff before.log after.log", "what an update changed"},
                          {"sealcall reference diff --store refs now.log --ima now.ima",
                           "why that machine is not level 3"}},
             .exits = {{0, "no difference"}, {exit_status::kDoesNotHold, "there is one"}}});
    store(diff);
    diff->add_option("log", o.log, "Event log of the firmware")->type_name(kTypeFile)->required();
    diff->add_option("second", o.second_log, "Another one, to compare with")->type_name(kTypeFile);
    diff->add_option("--ima", o.ima, "The kernel's list of files, against the store")->type_name(kTypeFile);

    CLI::App* authority = app_->get_subcommand("authority");
    CLI::App* make = add(
        *authority, "bundle", "Sign the next bundle of anchors, approved values and struck off devices",
        {.text =
             "A bundle has a version that only rises and a date when the next one is due. Phones that have seen a "
             "newer one refuse it, and phones that have none in time trust nobody: refresh it before it is due.\n\n"
             "Every key that `authority revoke` ended is in it. --revoke strikes off what the database does not "
             "know: a certificate (PEM or DER), or the SHA-256 of a public key. An address is revoked as a user.\n\n"
             "The authority remembers the reference store that it signed last. A bundle without values that the "
             "one before has is not signed, unless --fewer says that this is meant.",
         .examples = {{"sealcall authority bundle /srv/authority", "refresh it, for seven days"},
                      {"sealcall authority bundle /srv/authority --revoke stolen-ak.pem",
                       "a key that was certified elsewhere"}},
         .exits = {}});
    make->add_option("dir", o.authority, "Directory of the authority")->type_name(kTypeDir)->required();
    make->add_option("--store", o.store, "Directory of the reference store (default: that of the bundle before)")
        ->type_name(kTypeDir);
    make->add_option("--revoke", o.revoke, "Strike off an address, a certificate or a key")->type_name("WHO");
    publishing(make);

    CLI::App* bundle = add(*app_, "bundle", "Look at the authority's bundle, or put a newer one into the profile",
                           {.text = {}, .examples = {}, .exits = {}});
    bundle->require_subcommand(1);
    CLI::App* show = add(
        *bundle, "show", "Verify a bundle and say what is in it",
        {.text = "Without FILE: the one of this profile.",
         .examples = {{"sealcall bundle show bundle.bin --signer root.cert.pem", "without a profile that is enrolled"}},
         .exits = {{exit_status::kDoesNotHold, "it does not hold, or its next update is overdue"}}});
    show->add_option("file", o.bundle, "The bundle")->type_name(kTypeFile);
    show->add_option("--signer", o.signer, "PEM certificate of who must have signed it (default: as enrolled)")
        ->type_name(kTypeFile);
    CLI::App* install = add(
        *bundle, "install", "Put a newer bundle into the profile",
        {.text = "Without FROM: from the service that this phone is enrolled at. It must be signed by the authority of "
                 "the enrolment, and not be older than the one that is there. A running phone takes it within "
                 "seconds. The first bundle of an authority is shown to the TPM, so the phone must not run.",
         .examples = {{"sealcall bundle install", "ask the authority; by a timer"},
                      {"sealcall bundle install bundle.bin", "as the administrator sent it"}},
         .exits = {{exit_status::kRefused, "it is not the authority's, or older; or there is none"},
                   {exit_status::kNobody, "the authority does not answer"}}});
    install->add_option("from", o.bundle, "A file, or https://HOST:PORT of the authority")->type_name("FROM");
}

}  // namespace sealcall::cli
