// The file side of config.h: reading it, and writing a new one.
#include <fstream>
#include <sstream>

#include "config.h"
#include "problem.h"

namespace sealcall::cli {
namespace fs = std::filesystem;
namespace {

std::string read_text(const fs::path& file, size_t most) {
    std::ifstream in(file, std::ios::binary);
    if (!in)
        throw Problem("The file " + file.string() + " could not be read.",
                      "Check that it exists and that you may read it.", exit_status::kUsage);
    std::string out(most + 1, '\0');
    in.read(out.data(), static_cast<std::streamsize>(out.size()));
    out.resize(static_cast<size_t>(in.gcount()));
    if (out.size() > most) throw Problem("The file " + file.string() + " is too large.", "", exit_status::kUsage);
    return out;
}

}  // namespace

PhoneConfig checked_config(std::string_view text, const fs::path& name) {
    ConfigOutcome outcome = parse_config(text);
    if (const auto* problems = std::get_if<std::vector<ConfigProblem>>(&outcome)) {
        std::string what =
            "The configuration has " +
            (problems->size() == 1 ? std::string("a mistake:") : std::to_string(problems->size()) + " mistakes:");
        for (const auto& p : *problems)
            what +=
                "\n  " + name.string() + ":" + std::to_string(p.line) + ":" + std::to_string(p.column) + ": " + p.text;
        throw Problem(what, "Correct the file. `sealcall doctor` checks it without starting a phone.",
                      exit_status::kUsage);
    }
    return std::get<PhoneConfig>(std::move(outcome));
}

std::vector<std::string*> file_names(PhoneConfig& config) {
    std::vector<std::string*> out = {&config.sip.tls_certificate, &config.sip.tls_key, &config.sip.tls_ca,
                                     &config.logs.boot, &config.logs.runtime};
    std::erase_if(out, [](const std::string* name) { return name->empty(); });
    return out;
}

PhoneConfig load_config(const fs::path& file) {
    std::error_code error;
    if (!fs::exists(file, error)) return {};
    PhoneConfig config = checked_config(read_text(file, kConfigMax), file);
    for (std::string* name : file_names(config))
        if (fs::path(*name).is_relative()) *name = (file.parent_path() / *name).string();
    return config;
}

std::string config_template(const std::string& uri, TpmChoice tpm) {
    std::string out =
        "# Configuration of sealcall. Lines that begin with # show the defaults. `sealcall doctor` checks this "
        "file.\n\n";
    out += uri.empty() ? "# uri = \"sip:alice@example.com\"   # your own address\n" : "uri = \"" + uri + "\"\n";
    out += R"(
[sip]
# listen = "127.0.0.1"       # numeric address where calls come in; "0.0.0.0" is all of them
# port = 0                   # 0: any free one
# proxy = "sip:proxy.example.com:5061;transport=tls"
# proxy_name = ""            # name that the proxy's certificate must have
# register = false
# the account at the proxy: sealcall vault login
# tls_certificate = ""       # PEM files for the SIP transport; default: those of the enrolment
# tls_key = ""
# tls_ca = ""

[media]
# address = "127.0.0.1"      # numeric address for sound

[audio]
# input = ""                 # part of a name that `sealcall devices` shows
# output = ""
# bitrate = 48000
# echo = true

[policy]
# minimum = 2                # integrity level that a peer needs: 0 to 4
# lab = false                # levels that a laboratory vouches for count as well
# below_minimum = "refuse"   # "refuse", "pin" to be asked for yours, "warn" or "allow"
# ordinary_phones = "refuse" # phones that prove nothing; the same words
# downgrade = "refuse"       # a known phone that proves less or has another key: "refuse" or "pin"
# answer_automatically = false
# early_candidates = false
# on_worse = "mute"          # when a peer's level falls during a call: "mute", "hold" or "end"; a failed check always ends it
# recheck_seconds = 300      # how often a peer is checked again during a call: 30 to 3600
# rekey_seconds = 3600       # how often a call gets new media keys: 60 to 3600

[security]
# lock_after_minutes = 0     # without a call and without a word of yours; 0: never. Needs a PIN: sealcall pin set

[logs]
# boot = ""                  # file; default: the kernel's own, if the TPM is this computer's
# runtime = ""               # the kernel's list of programs (IMA), the same way
# show_to = []               # domains whose phones may see them: ["example.com"]

[audit]
# send_to = []               # where records go as they are written: "journald", "udp://HOST:514", "tcp://HOST:601", "unix:/dev/log"
# keep_days = 0              # files whose records are all older are dropped; 0: never
# file_mib = 16              # a larger file is put away when the phone starts

[passport]
# authority = ""             # "https://HOST:PORT"; default: the authority that enrolled this phone
# to = []                    # domains whose phones get its word instead of this computer's Evidence; ["*"]: all others

[tpm]
)";
    out += tpm == TpmChoice::automatic
               ? "# kind = \"auto\"              # \"auto\", \"device\" or \"swtpm\"\n"
               : std::string("kind = \"") + (tpm == TpmChoice::device ? "device" : "swtpm") + "\"\n";
    out +=
        "# measurement_pcr = 13\n\n[ui]\n# colour = \"auto\"            # \"auto\", \"on\" or \"off\"\n# unicode = "
        "\"auto\"\n";
    return out;
}

std::string with_uri(const std::string& text, const std::string& uri) {
    const std::string line = "uri = \"" + uri + "\"";
    std::istringstream in(text);
    std::string out;
    bool done = false, top_level = true;
    for (std::string at; std::getline(in, at);) {
        const size_t first = at.find_first_not_of(" \t#");
        const bool comment = at.find('#') < first;
        if (first != std::string::npos && at[first] == '[' && !comment) top_level = false;
        const bool sets = top_level && !done && first != std::string::npos && at.compare(first, 3, "uri") == 0 &&
                          at.find_first_not_of(" \t", first + 3) != std::string::npos &&
                          at[at.find_first_not_of(" \t", first + 3)] == '=';
        out += (sets ? line : at) + "\n";
        done = done || sets;
    }
    return done ? out : line + "\n" + out;
}

}  // namespace sealcall::cli
