// The part of the command line that looks at evidence from elsewhere: `sealcall evidence ...`.
#include "command_line.h"
#include "problem.h"

namespace sealcall::cli {

void CommandLine::define_evidence() {
    CLI::App* evidence =
        add(*app_, "evidence", "Look at evidence from files, one question a command",
            {.text = "Works on files alone: no phone, no profile, no TPM and no network is needed. What a file says is "
                     "never believed because it stands there.",
             .examples = {{"sealcall evidence replay binary_bios_measurements --pcrs pcrs.txt",
                           "does this log explain these PCR values?"}},
             .exits = {}});
    evidence->require_subcommand(1);

    CLI::App* replay = add(
        *evidence, "replay", "Replay the logs of a boot and show the PCR values that follow",
        {.text =
             "Reads the event log of the firmware (SHA-1 or crypto-agile form) and extends its events again, bank by "
             "bank. Without --pcrs it says what the log claims; with --pcrs it says whether the values are the "
             "log's.",
         .examples = {{"sealcall evidence replay /sys/kernel/security/tpm0/binary_bios_measurements",
                       "what this machine's firmware measured"},
                      {"sealcall evidence replay log.bin --pcrs pcrs.txt --json",
                       "compare with PCR values from a quote"}},
         .exits = {{0, "it holds: the log was read, and every value to compare is the log's"},
                   {exit_status::kFailed, "a file could not be read, or is not what it should be"},
                   {exit_status::kDoesNotHold, "it was read, and a value to compare is not the log's"}}});
    replay->add_option("log", options_.replay.log, "Event log of the firmware")->type_name(kTypeFile)->required();
    replay->add_option("--pcrs", options_.replay.pcrs, "Compare with the PCR values in this file")
        ->type_name(kTypeFile);
}

}  // namespace sealcall::cli
