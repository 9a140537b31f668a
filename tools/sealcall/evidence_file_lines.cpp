// The part of the command line about evidence in files: collect, verify, show, explain.
#include "command_line.h"
#include "problem.h"

namespace sealcall::cli {
namespace {

std::string check_file_nonce(const std::string& digits) {
    const std::string bare = digits.starts_with("0x") ? digits.substr(2) : digits;
    return bare.size() == 64 && bare.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos
               ? ""
               : "the nonce is 32 bytes as 64 hexadecimal digits (openssl rand -hex 32)";
}

void add_trust_options(CLI::App& app, TrustOptions& o) {
    app.add_option("--authority", o.authority,
                   "Whom to believe: an authority's directory (with its bundle, if it has signed one) or its root "
                   "certificate, PEM or DER")
        ->type_name(kTypeDir);
    app.add_option("--bundle", o.bundle,
                   "The authority's signed bundle: anchors, approved values, struck off devices. Without --authority "
                   "it counts by being named here")
        ->type_name(kTypeFile);
    app.add_option("--nonce", o.nonce, "What was asked for: 32 bytes")->type_name("HEX")->check(check_file_nonce);
    app.add_option("--at", o.at, "Time of the check, in UTC: 2026-11-21, 2026-11-21T10:00:00Z, or seconds since 1970")
        ->type_name("TIME");
    app.add_option("--measurement-pcr", o.measurement_pcr, "PCR of sealcall's own measurement in that organisation")
        ->type_name("PCR")
        ->check(CLI::Range(11, 14).description(""));
}

}  // namespace

void CommandLine::define_evidence_files(CLI::App& evidence) {
    CLI::App* collect =
        add(evidence, "collect", "Write this device's evidence into a file",
            {.text = "What the phone of this profile proves in a call, over a nonce: a quote of the PCRs, the "
                     "certificate of the quoting key, the certified identity key, sealcall's own log, and the logs of "
                     "firmware and kernel that this user may read. It uses the profile's TPM through the same enclave "
                     "as a call, so the phone must not run meanwhile. The file answers no call: it is signed for "
                     "another purpose. It holds no keys and no names but the device's own; but logs tell what runs "
                     "here and how old it is.",
             .examples = {{"sealcall evidence collect evidence.bin --nonce $(cat nonce.txt)",
                           "answer somebody who made a nonce with `openssl rand -hex 32`"},
                          {"sealcall evidence collect golden.bin", "for a look, or as a golden machine"}},
             .exits = {{exit_status::kFailed, "the TPM did not answer, or the file could not be written"},
                       {exit_status::kNotSetUp, "the profile has no keys, or its TPM cannot be used"}}});
    collect->add_option("file", options_.collect.file, "File to write")->type_name(kTypeFile)->required();
    collect->add_option("--nonce", options_.collect.nonce, "What somebody asked for: 32 bytes. Without, a random one")
        ->type_name("HEX")
        ->check(check_file_nonce);
    collect->add_flag("--without-logs", options_.collect.without_logs,
                      "Leave the logs of firmware and kernel out: level 1 at most");

    CLI::App* verify = add(
        evidence, "verify", "Does this file prove what its device claims?",
        {.text = "Makes the checks of a call on a file of `evidence collect`, offline and with what is named here: "
                 "signatures, keys, certificates, logs replayed to the quoted PCRs, and with a bundle approved values "
                 "and struck off devices. It shows PCRs, claims, the level with its reasons, and what would have to "
                 "change for the next one.\n\nWithout --nonce the evidence may be of any age, and then it does not "
                 "hold unless --any-age says that this does not matter. Nothing is remembered: an older bundle that is "
                 "still in its time is not noticed.",
         .examples = {{"sealcall evidence verify evidence.bin --nonce $(cat nonce.txt) --authority /srv/authority",
                       "is it at least a known device?"},
                      {"sealcall evidence verify evidence.bin --any-age --bundle bundle.bin --at-least 3 --json",
                       "did it start as approved, whenever that was?"}},
         .exits = {{0, "it holds: at least the level that was asked for"},
                   {exit_status::kFailed, "a file is not there, or is not what it should be"},
                   {exit_status::kDoesNotHold, "it does not hold; the findings say why"}}});
    verify->add_option("file", options_.verify.file, "File of `evidence collect`")->type_name(kTypeFile)->required();
    add_trust_options(*verify, options_.verify.trust);
    verify->add_flag("--any-age", options_.verify.any_age, "Do not ask for a nonce");
    verify->add_option("--at-least", options_.verify.at_least, "Level that it must prove")
        ->type_name("1|2|3|4")
        ->check(CLI::Range(1, 4).description(""))
        ->capture_default_str();
    define_evidence_boot(evidence);
}

void CommandLine::define_evidence_boot(CLI::App& evidence) {
    const std::vector<std::pair<int, std::string>> exits = {
        {0, "the file was read and told; that is no verdict"},
        {exit_status::kFailed, "the file could not be read, is neither, or the page could not be written"}};
    CLI::App* show = add(
        evidence, "show", "Show a boot log or evidence: PCR values, events, what is odd",
        {.text = "Of a boot log: replays its strongest bank (SHA-256 where there is one), and shows PCR values, events "
                 "and warnings as a table. A log is a claim until quoted PCR values bind it to a machine. Of a file of "
                 "`evidence collect`: what `evidence verify` shows, without a verdict. --html writes a page with the "
                 "boot chain as a picture: one file, without scripts and links.",
         .examples = {{"sealcall evidence show binary_bios_measurements --html boot.html", "a page about this boot"},
                      {"sealcall evidence show evidence.bin --authority /srv/authority", "what a device has proven"}},
         .exits = exits});
    show->add_option("file", options_.show.file, "Event log of the firmware, or evidence")
        ->type_name(kTypeFile)
        ->required();
    show->add_option("--html", options_.show.html, "Write a page to this file")->type_name(kTypeFile);
    add_trust_options(*show, options_.show.trust);
    CLI::App* explain =
        add(evidence, "explain", "Tell a boot log or evidence in sentences, and what is missing for the next level",
            {.text = "Tells what stands in the log of a boot or in a file of `evidence collect`, and for each level "
                     "what would have to change. With a bundle it names what nobody has approved.",
             .examples = {{"sealcall evidence explain binary_bios_measurements", "why is this machine not level 3?"},
                          {"sealcall evidence explain evidence.bin --bundle bundle.bin", "which program is it?"}},
             .exits = exits});
    explain->add_option("file", options_.show.file, "Event log of the firmware, or evidence")
        ->type_name(kTypeFile)
        ->required();
    add_trust_options(*explain, options_.show.trust);
}

}  // namespace sealcall::cli
