// config.toml: what a person may set. The parser takes bytes and gives values or problems with line, column and remedy;
// it touches no file. Everything that is not set has the default below.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sealcall/policy/types.h"

namespace sealcall::cli {

inline constexpr size_t kConfigMax = 64 * 1024;  ///< bytes

enum class TpmChoice : uint8_t { automatic, device, swtpm };
enum class Switch : uint8_t { automatic, on, off };

struct SipConfig {
    std::string listen = "127.0.0.1";  ///< numeric address
    uint16_t port = 0;                 ///< 0: any free one
    std::string proxy;                 ///< "sip:proxy.example.com:5061;transport=tls"; empty: direct calls
    std::string proxy_name;            ///< name that its certificate must have; empty: the host of `proxy`
    bool register_ = false;
    std::string tls_certificate, tls_key, tls_ca;  ///< PEM files; empty: those of the enrolment
};

struct AudioConfig {
    std::string input, output;  ///< part of a device name; empty: the default device
    uint32_t bitrate = 48000;   ///< bits/s
    bool echo_cancel = true;
};

/// Logs that this machine keeps of what was started on it.
struct LogConfig {
    std::string boot;     ///< file of the firmware's log; empty: the kernel's own, if the TPM is the machine's
    std::string runtime;  ///< file of the kernel's list (IMA), the same way
    std::vector<std::string> show_to;  ///< domains whose phones may see them
};

/// Whose phones get a passport of our own authority instead of this machine's Evidence.
struct PassportConfig {
    std::string authority;        ///< "https://HOST[:PORT]"; empty: the one that enrolled this phone
    std::vector<std::string> to;  ///< domains; "*": everybody but our own
};

/// What becomes of the audit log.
struct AuditConfig {
    std::vector<std::string> send_to;  ///< journald, udp://HOST:PORT, tcp://HOST:PORT, unix:PATH
    uint32_t keep_days = 0;            ///< 0: for ever
    uint32_t file_mib = 16;            ///< a larger file is put away when the phone starts
};

struct PhoneConfig {
    std::string uri;
    SipConfig sip;
    std::string media_address = "127.0.0.1";
    std::vector<std::string> dns_servers;
    AudioConfig audio;
    policy::Policy policy;                        ///< where no administrator's policy is in force
    policy::Policy wishes = policy::no_wishes();  ///< beside one: what [policy] sets, and only that
    LogConfig logs;
    PassportConfig passport;
    AuditConfig audit;
    TpmChoice tpm = TpmChoice::automatic;
    uint8_t measurement_pcr = 13;
    uint16_t lock_after_minutes = 0;  ///< 0: never by itself
    Switch colour = Switch::automatic;
    Switch unicode = Switch::automatic;
};

/// What is wrong with a configuration, at which place (both from 1), in one sentence with what was meant.
struct ConfigProblem {
    uint32_t line = 0;
    uint32_t column = 0;
    std::string text;
    bool operator==(const ConfigProblem&) const = default;
};

/// The configuration, or every problem that was found.
using ConfigOutcome = std::variant<PhoneConfig, std::vector<ConfigProblem>>;

/// Unknown keys and sections, wrong types and values out of range are problems.
ConfigOutcome parse_config(std::string_view text);

/// A new profile's config.toml: every key with its default, commented out, but those that are given.
std::string config_template(const std::string& uri, TpmChoice tpm);

/// `text` with the top-level `uri` set to this address: replaces a line that sets it, or puts one at the beginning.
std::string with_uri(const std::string& text, const std::string& uri);

/// The same of `text` that came from `name`; throws Problem with every problem found.
PhoneConfig checked_config(std::string_view text, const std::filesystem::path& name);

/// The names of files in it, those that are set.
std::vector<std::string*> file_names(PhoneConfig& config);

/// Reads the file of a profile; a missing file is the defaults. Throws Problem with every problem found. Relative file
/// names in it are made relative to the file.
PhoneConfig load_config(const std::filesystem::path& file);

}  // namespace sealcall::cli
