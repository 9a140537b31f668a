// The part of the command line about the audit log and the life of keys: `sealcall audit ...`, `sealcall keys ...`.
#include "command_line.h"
#include "problem.h"

namespace sealcall::cli {
namespace {

void add_files(CLI::App& app, AuditOptions& o) {
    app.add_option("--file", o.files, "Other files than the profile's, the oldest first")->type_name(kTypeFile);
}

void add_trust(CLI::App& app, TrustOptions& o) {
    app.add_option("--authority", o.authority,
                   "Whom to believe: an authority's directory (with its bundle, if it has signed one) or its root "
                   "certificate, PEM or DER")
        ->type_name(kTypeDir);
    app.add_option("--bundle", o.bundle,
                   "The authority's signed bundle: anchors, struck off devices. Without --authority it counts by being "
                   "named here")
        ->type_name(kTypeFile);
}

void add_force(CLI::App& app, AuditOptions& o) {
    app.add_flag("--force", o.force, "Replace the file of --out if there is one");
}

}  // namespace

void CommandLine::define_audit() {
    CLI::App* audit = add(*app_, "audit", "Read and check the audit log",
                          {.text = "The phone writes what it decided and what became of each key; its TPM signs. All "
                                   "commands work on the file alone, on any machine.",
                           .examples = {},
                           .exits = {}});
    audit->require_subcommand(1);
    CLI::App* show = add(*audit, "show", "List the audit log and check its chain",
                         {.text = "Each record holds the hash of the one before. A record that was changed, removed or "
                                  "put in shows as a broken chain. Whoever can write the file can make another whole "
                                  "chain: `audit verify` checks it against what the TPM signed.",
                          .examples = {},
                          .exits = {{exit_status::kFailed, "the chain is broken"}}});
    add_files(*show, options_.audit);
    CLI::App* verify = add(
        *audit, "verify", "Was a record changed, removed, put in, cut off or rolled back?",
        {.text = "Follows the chain, replays the anchors that the TPM took into its index, and checks what its "
                 "attestation key signed, down to the authority that certified the key. Offline, a tail that was cut "
                 "off after the last signature does not show: --live asks this computer's TPM what it has seen, and "
                 "--witness compares with heads that other phones keep.",
         .examples = {{"sealcall audit verify --authority /srv/authority", "the log of this profile"},
                      {"sealcall audit verify --file audit.log --authority root.cert.pem --witness bob.jsonl --json",
                       "somebody's log, with what Bob's phone knows of it"}},
         .exits = {{0, "it holds: every finding is good, or only informs"},
                   {exit_status::kFailed, "a file is not there, or cannot be read"},
                   {exit_status::kDoesNotHold,
                    "it does not hold, or is not proven: nobody vouches for it; the findings say why"}}});
    add_files(*verify, options_.audit);
    add_trust(*verify, options_.audit.trust);
    verify
        ->add_option("--witness", options_.audit.witnesses,
                     "A head that somebody keeps, 64 hexadecimal digits, or a file of `audit export --witnesses`")
        ->type_name("HEX|FILE");
    verify->add_flag("--live", options_.audit.live,
                     "Ask this computer's TPM too; the phone of the profile must not run");
    verify
        ->add_option(
            "--keep-days", options_.audit.keep_days,
            "How long the enterprise wants records kept, 0: for ever. A log that lacks older ones says only by "
            "which rule of its own they went")
        ->type_name("DAYS");
    CLI::App* timeline =
        add(*audit, "timeline", "Draw the life of each key: created, sealed, held, unsealed, rekeyed, destroyed",
            {.text = "One line for each step, with the TPM's counters, its counts of resets and restarts, and its "
                     "clock; --html writes a page with a picture, without scripts and links. The number before a call "
                     "is what `sealcall keys proof` takes.",
             .examples = {{"sealcall audit timeline", "in the terminal"},
                          {"sealcall audit timeline --html keys.html --authority /srv/authority", "as a page"}},
             .exits = {{exit_status::kFailed, "a file could not be read, or the page not be written"},
                       {exit_status::kDoesNotHold, "the log does not hold; what is shown may be made up"}}});
    add_files(*timeline, options_.audit);
    add_trust(*timeline, options_.audit.trust);
    timeline->add_option("--html", options_.audit.html, "Write a page to this file")->type_name(kTypeFile);
    CLI::App* exported = add(
        *audit, "export", "Write the records as JSON lines, to a file, to journald or to syslog",
        {.text = "Each line is a record as the phone wrote it, so that the export can be verified like the log. --to "
                 "sends each record once: journald, or syslog (RFC 5424) by udp://HOST:PORT, tcp://HOST:PORT or "
                 "unix:/dev/log. With --follow it goes on as records are written, until it is ended.\n\n"
                 "--witnesses writes only which heads of other phones' logs this phone keeps, for their `audit verify "
                 "--witness`.",
         .examples = {{"sealcall audit export > audit.jsonl", "all records"},
                      {"sealcall audit export --follow --to journald", "as they happen"},
                      {"sealcall audit export --witnesses > bob.jsonl", "what this phone knows of others' logs"}},
         .exits = {{exit_status::kFailed,
                    "the chain is broken, the file is there already, or the place cannot be reached"}}});
    add_files(*exported, options_.audit);
    exported->add_option("--out", options_.audit.out, "File to write (default: standard output)")->type_name(kTypeFile);
    add_force(*exported, options_.audit);
    exported->add_option("--to", options_.audit.to, "journald, udp://HOST:PORT, tcp://HOST:PORT or unix:PATH")
        ->type_name("PLACE");
    exported->add_flag("--follow", options_.audit.follow, "Go on as records are written");
    exported->add_option("--sent", options_.audit.sent, "File with how far each place is")->group("");
    exported->add_flag("--witnesses", options_.audit.for_witnesses, "Only heads of others that this phone keeps");

    CLI::App* keys =
        add(*app_, "keys", "Prove what became of a call's keys", {.text = {}, .examples = {}, .exits = {}});
    keys->require_subcommand(1);
    CLI::App* proof = add(
        *keys, "proof", "Write the proof that a call's sealed secret is dead",
        {.text = "Takes from the audit log what the TPM signed: that it made the secret to open only at one value of a "
                 "counter (TPM2_CertifyCreation), and that the counter has moved on (TPM2_NV_Certify). A counter never "
                 "goes back, so nobody can open a copy.",
         .examples = {{"sealcall keys proof last --out proof.json", "of the last call with a key"}},
         .exits = {{exit_status::kFailed, "the log cannot be read, or the file is there already"},
                   {exit_status::kDoesNotHold, "there is no such call, or its end is not signed yet"}}});
    add_files(*proof, options_.audit);
    proof->add_option("call", options_.audit.call, "Number of the call in `audit timeline`, or \"last\"")
        ->type_name("CALL")
        ->required();
    proof->add_option("--out", options_.audit.out, "File to write (default: standard output)")->type_name(kTypeFile);
    add_force(*proof, options_.audit);
    CLI::App* check =
        add(*keys, "verify-proof", "Check a file of `keys proof`, on any machine",
            {.text = "Needs the file and the authority's root certificate, nothing else.",
             .examples = {{"sealcall keys verify-proof proof.json --authority root.cert.pem",
                           "is that call's secret dead?"}},
             .exits = {{0, "it holds: nobody can open that secret any more"},
                       {exit_status::kFailed, "the file cannot be read"},
                       {exit_status::kDoesNotHold, "it does not hold, or is not proven; the findings say why"}}});
    check->add_option("file", options_.audit.proof, "File of `keys proof`")->type_name(kTypeFile)->required();
    add_trust(*check, options_.audit.trust);
}

}  // namespace sealcall::cli
