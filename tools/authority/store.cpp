#include "store.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <sstream>

#include "attestation/certificates.h"
#include "files.h"
#include "paths.h"
#include "problem.h"

namespace sealcall::authority {
namespace fs = std::filesystem;
using cli::Problem;
using Json = nlohmann::json;

namespace {

constexpr uint64_t kDay = 24ULL * 3600 * 1000;  // ms
constexpr uint64_t kRootLife = 3653 * kDay;
constexpr size_t kRecordsMax = 64 * 1024 * 1024;  // bytes

[[noreturn]] void damaged(const fs::path& file) {
    throw Problem("The file " + file.string() + " of the authority is damaged.", "Restore it from a copy.");
}

template <class T>
T must(Result<T> result, const char* what) {
    if (!result)
        throw Problem(
            std::string(what) + " failed: " + result.error().what + " (" + std::to_string(result.error().detail) + ").",
            "");
    return std::move(result).value();
}

std::string dump(const Json& json, int indent) { return json.dump(indent, ' ', true, Json::error_handler_t::replace); }

Json to_json(const Device& d) {
    return {{"uri", d.uri},           {"ek", d.ek},          {"serial", d.serial}, {"endorsement", d.endorsement},
            {"first_ms", d.first_ms}, {"last_ms", d.last_ms}};
}
Device device_from(const Json& j) {
    return {.uri = j.at("uri"),
            .ek = j.at("ek"),
            .serial = j.at("serial"),
            .endorsement = j.at("endorsement"),
            .first_ms = j.at("first_ms"),
            .last_ms = j.at("last_ms")};
}

/// The certificates of a PEM file, each as PEM text of its own.
std::vector<std::string> pem_blocks(const std::string& text) {
    const std::string begin = "-----BEGIN CERTIFICATE-----", end = "-----END CERTIFICATE-----";
    std::vector<std::string> out;
    for (size_t at = text.find(begin); at != std::string::npos; at = text.find(begin, at + 1)) {
        const size_t stop = text.find(end, at);
        if (stop == std::string::npos) break;
        out.push_back(text.substr(at, stop + end.size() - at) + "\n");
    }
    return out;
}

fs::path roots_file(const fs::path& dir, bool lab) { return dir / "ek-roots" / (lab ? "lab.pem" : "vendor.pem"); }

}  // namespace

bool Store::exists(const fs::path& dir) {
    std::error_code error;
    return fs::exists(dir / "authority.json", error);
}

Store Store::create(const fs::path& dir, const Settings& settings, uint64_t now_ms) {
    if (exists(dir)) throw Problem("There is an authority in " + dir.string() + " already.", "Use another directory.");
    if (settings.name.empty() || settings.name.size() > 64)
        throw Problem("The name of an authority has 1 to 64 characters.", "Give it with --name.",
                      cli::exit_status::kUsage);
    cli::make_private(dir);
    cli::make_private(dir / "ek-roots");
    cli::make_private(dir / "issued");
    const auto key = must(attestation::make_software_key(), "Making the root key");
    const Bytes certificate =
        must(attestation::make_authority_root(key.get(), settings.name,
                                              {.not_before_ms = now_ms - kDay, .not_after_ms = now_ms + kRootLife}),
             "Making the root certificate");
    cli::write_file(dir / "root.key.pem", must(attestation::key_to_pem(key.get()), "Writing the root key"), 0600);
    cli::write_file(dir / "root.cert.pem",
                    must(attestation::certificate_to_pem(certificate), "Writing the root certificate"), 0644);
    const Json json = {
        {"name", settings.name}, {"domain", settings.domain}, {"accept_unproven_ek", settings.accept_unproven_ek}};
    cli::write_file(dir / "authority.json", dump(json, 2) + "\n",
                    0600);  // last: it is what says that the authority is whole
    return open(dir);
}

Store Store::open(const fs::path& dir) {
    const auto text = cli::read_file(dir / "authority.json");
    if (!text)
        throw Problem("There is no authority in " + dir.string() + ".",
                      "Make one: sealcall authority init " + dir.string() + " --name NAME", cli::exit_status::kUsage);
    Store out;
    out.dir_ = dir;
    try {
        const Json json = Json::parse(*text);
        out.settings_ = {
            .name = json.at("name"), .domain = json.at("domain"), .accept_unproven_ek = json.at("accept_unproven_ek")};
    } catch (const Json::exception&) {
        damaged(dir / "authority.json");
    }
    const std::string pem = cli::read_file(dir / "root.cert.pem").value_or("");
    auto certificate = attestation::certificate_from_pem(as_bytes(pem));
    if (!certificate) damaged(dir / "root.cert.pem");
    out.root_certificate_ = std::move(certificate).value();
    return out;
}

Bytes Store::root_key_pem() const {
    const auto pem = cli::read_file(dir_ / "root.key.pem");
    if (!pem)
        throw Problem("The root key of the authority in " + dir_.string() + " is missing.", "Restore it from a copy.");
    return to_bytes(as_bytes(*pem));
}

size_t Store::add_ek_roots(const fs::path& pem_file, bool lab) const {
    const auto text = cli::read_file(pem_file);
    const auto blocks = pem_blocks(text.value_or(""));
    if (blocks.empty())
        throw Problem("The file " + pem_file.string() + " holds no certificate in PEM form.",
                      "Name the file with the vendor's or laboratory's certificates.", cli::exit_status::kUsage);
    std::string known = cli::read_file(roots_file(dir_, lab)).value_or("");
    for (const auto& block : blocks) {
        auto der = attestation::certificate_from_pem(as_bytes(block));
        if (!der)
            throw Problem("The file " + pem_file.string() + " holds a certificate that cannot be read.", "",
                          cli::exit_status::kUsage);
        const Bytes canonical = must(attestation::certificate_to_pem(*der), "Writing a certificate");
        if (known.find(as_chars(canonical)) == std::string::npos) known += as_chars(canonical);
    }
    cli::write_file(roots_file(dir_, lab), known, 0644);
    return blocks.size();
}

std::vector<Bytes> Store::ek_roots(bool lab) const {
    std::vector<Bytes> out;
    const fs::path file = roots_file(dir_, lab);
    for (const auto& block : pem_blocks(cli::read_file(file).value_or(""))) {
        auto der = attestation::certificate_from_pem(as_bytes(block));
        if (!der) damaged(file);
        out.push_back(std::move(der).value());
    }
    return out;
}

std::vector<Device> Store::devices() const {
    const fs::path file = dir_ / "devices.json";
    const auto text = cli::read_file(file, kRecordsMax);
    std::vector<Device> out;
    if (!text) return out;
    try {
        for (const Json& entry : Json::parse(*text)) out.push_back(device_from(entry));
    } catch (const Json::exception&) {
        damaged(file);
    }
    return out;
}

std::vector<Issued> Store::issued() const {
    const fs::path file = dir_ / "issued" / "log.jsonl";
    std::vector<Issued> out;
    std::istringstream in(cli::read_file(file, kRecordsMax).value_or(""));
    try {
        for (std::string line; std::getline(in, line);) {
            const Json j = Json::parse(line);
            out.push_back({.wall_ms = j.at("wall_ms"),
                           .device = device_from(j.at("device")),
                           .ak_certificate = j.at("ak_certificate"),
                           .identity_certificate = j.at("identity_certificate"),
                           .host_certificate = j.at("host_certificate"),
                           .host_names = j.at("host_names"),
                           .replaced = j.at("replaced")});
        }
    } catch (const Json::exception&) {
        damaged(file);
    }
    return out;
}

void Store::record(const Issued& issued) const {
    cli::append_line(dir_ / "issued" / "log.jsonl",
                     dump({{"wall_ms", issued.wall_ms},
                           {"device", to_json(issued.device)},
                           {"ak_certificate", issued.ak_certificate},
                           {"identity_certificate", issued.identity_certificate},
                           {"host_certificate", issued.host_certificate},
                           {"host_names", issued.host_names},
                           {"replaced", issued.replaced}},
                          -1),
                     0600);
    auto all = devices();
    const auto same = std::ranges::find(all, issued.device.uri, &Device::uri);
    if (same == all.end())
        all.push_back(issued.device);
    else
        *same = issued.device;
    Json json = Json::array();
    for (const Device& d : all) json.push_back(to_json(d));
    cli::write_file(dir_ / "devices.json", dump(json, 2) + "\n", 0600);
}

UniqueFd Store::lock() const {
    UniqueFd fd(::open((dir_ / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd.valid())
        throw Problem("The authority in " + dir_.string() + " may not be written by you.", "Ask whoever keeps it.");
    while (::flock(fd.get(), LOCK_EX) != 0)
        if (errno != EINTR) throw Problem("The authority in " + dir_.string() + " could not be locked.", "");
    return fd;
}

}  // namespace sealcall::authority
