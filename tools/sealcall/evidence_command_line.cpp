// The part of the command line that looks at evidence from elsewhere: `sealcall evidence ...`.
#include "command_line.h"
#include "problem.h"

namespace sealcall::cli {

void CommandLine::define_evidence() {
    CLI::App* evidence =
        add(*app_, "evidence", "Collect evidence, and look at it from files, one question a command",
            {.text = "All but `collect` works on files alone: no phone, no profile, no TPM and no network is needed. "
                     "What a file says is never believed because it stands there.",
             .examples = {{"sealcall evidence replay binary_bios_measurements --pcrs pcrs.txt",
                           "does this log explain these PCR values?"}},
             .exits = {}});
    evidence->require_subcommand(1);

    CLI::App* replay = add(
        *evidence, "replay", "Replay the logs of a boot and show the PCR values that follow",
        {.text =
             "Reads the event log of the firmware (SHA-1 or crypto-agile form) and extends its events again, bank by "
             "bank. It tells each event in a sentence; what begins with \"The log says\" is a claim that no digest "
             "proves. Secure Boot is on or off only where PCR 7 proves it.\n\n"
             "--ima adds the kernel's list of files, in either form: each entry must be what its template hash says, "
             "the first entry (boot_aggregate) must fit the log, and PCR 10 may be that of any first part of the "
             "list, which grows while one quotes.\n\n"
             "--pcrs takes what tpm2_pcrread prints, what tpm2_quote -o writes, JSON with banks and PCRs, or lines "
             "like \"7: 65ca...\".",
         .examples = {{"sealcall evidence replay /sys/kernel/security/tpm0/binary_bios_measurements",
                       "what this machine's firmware measured"},
                      {"sealcall evidence replay log.bin --ima ascii_runtime_measurements --pcrs pcrs.txt --json",
                       "do these logs explain the PCR values of a quote?"}},
         .exits = {
             {0, "it holds: all was read, and every value to compare is explained"},
             {exit_status::kFailed, "a file could not be read, or is not what it should be"},
             {exit_status::kDoesNotHold,
              "it was read and does not hold: a value to compare is not explained, an entry of the kernel's list is "
              "not what was measured, or nothing ties that list to the log"}}});
    replay->add_option("log", options_.replay.log, "Event log of the firmware")->type_name(kTypeFile)->required();
    replay->add_option("--ima", options_.replay.ima, "The kernel's list of files (IMA), ascii or binary")
        ->type_name(kTypeFile);
    replay->add_option("--cel", options_.replay.cel, "Canonical event log of what ran later (TLV or JSON)")
        ->type_name(kTypeFile);
    replay->add_option("--pcrs", options_.replay.pcrs, "Compare with the PCR values in this file")
        ->type_name(kTypeFile);
    define_evidence_files(*evidence);
    define_evidence_attest(*evidence);
    define_evidence_results(*evidence);
}

}  // namespace sealcall::cli
