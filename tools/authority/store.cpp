#include "store.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "attestation/certificates.h"
#include "files.h"
#include "paths.h"
#include "problem.h"

namespace sealcall::authority {
namespace fs = std::filesystem;
using cli::Problem;
using Json = nlohmann::json;

namespace {

constexpr const char* kRootKeyFile = "root.key.pem";
constexpr uint64_t kDay = 24ULL * 3600 * 1000;  // ms
constexpr uint64_t kRootLife = 3653 * kDay;
constexpr const char* kReferenceStoreFile = "reference-store";
constexpr size_t kRootsMax = 8 * 1024 * 1024;  // bytes

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

bool is_certificate_name(const fs::path& file) {
    static constexpr std::array kEndings = {".pem", ".crt", ".cer", ".der"};
    return std::ranges::find(kEndings, file.extension().string()) != kEndings.end();
}

/// DER certificates of a file in PEM or DER form. Throws Problem if it holds none, or one that cannot be read.
std::vector<Bytes> certificates_in(const fs::path& file) {
    const auto content = cli::read_file(file, kRootsMax);
    if (!content)
        throw Problem("There is no file " + file.string() + ".",
                      "Name the file with the vendor's or laboratory's certificates.", cli::exit_status::kUsage);
    const std::string& text = *content;
    std::vector<Bytes> out;
    for (const auto& block : pem_blocks(text)) {
        auto der = attestation::certificate_from_pem(as_bytes(block));
        if (!der)
            throw Problem("The file " + file.string() + " holds a certificate that cannot be read.", "",
                          cli::exit_status::kUsage);
        out.push_back(std::move(der).value());
    }
    // A certificate out of a TPM's storage may be padded.
    if (auto der = attestation::trim_certificate(as_bytes(text)); out.empty() && der) {
        if (attestation::certificate_to_pem(*der)) out.push_back(std::move(der).value());
    }
    if (out.empty())
        throw Problem("The file " + file.string() + " holds no certificate in PEM or DER form.",
                      "Name the file with the vendor's or laboratory's certificates.", cli::exit_status::kUsage);
    return out;
}

/// The same of a file, or of all such files of a directory.
std::vector<Bytes> certificates_at(const fs::path& path) {
    std::vector<fs::path> files;
    std::error_code error;
    if (fs::is_directory(path, error))
        for (const auto& entry : fs::directory_iterator(path, error))
            if (is_certificate_name(entry.path())) files.push_back(entry.path());
    if (files.empty() && fs::is_directory(path, error))
        throw Problem("The directory " + path.string() + " holds no certificates: no .pem, .crt, .cer or .der.",
                      "Name the directory with the vendor's or laboratory's certificates.", cli::exit_status::kUsage);
    if (files.empty()) files.push_back(path);
    std::ranges::sort(files);
    std::vector<Bytes> out;
    for (const auto& file : files)
        for (Bytes& der : certificates_in(file)) out.push_back(std::move(der));
    return out;
}

/// Phones may have been enrolled with it: nobody but a person may put it away.
[[noreturn]] void root_key_alone(const fs::path& dir) {
    throw Problem("There is a root key in " + dir.string() + ", without the authority.json that belongs to it.",
                  "Restore authority.json from a copy. If no phone was ever enrolled with this key, move the directory "
                  "away and begin again.",
                  cli::exit_status::kUsage);
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
    if (fs::exists(dir / kRootKeyFile)) root_key_alone(dir);
    cli::make_private(dir / "ek-roots");
    const auto key = must(attestation::make_software_key(), "Making the root key");
    const Bytes certificate =
        must(attestation::make_authority_root(key.get(), settings.name,
                                              {.not_before_ms = now_ms - kDay, .not_after_ms = now_ms + kRootLife}),
             "Making the root certificate");
    // Never over one that is there: of two that begin at once, one goes on.
    const Bytes pem = must(attestation::key_to_pem(key.get()), "Writing the root key");
    if (!cli::write_new_file(dir / kRootKeyFile, as_chars(pem), 0600))
        throw Problem("Somebody else makes an authority in " + dir.string() + " now.", "Use another directory.");
    cli::write_file(dir / "root.cert.pem",
                    must(attestation::certificate_to_pem(certificate), "Writing the root certificate"), 0644);
    const Json json = {{"name", settings.name},
                       {"domain", settings.domain},
                       {"accept_unproven_ek", settings.accept_unproven_ek},
                       {"accept_expired_intermediates", settings.accept_expired_intermediates},
                       {"database", settings.database}};
    cli::write_file(dir / "authority.json", dump(json, 2) + "\n",
                    0600);  // last: it is what says that the authority is whole
    Store made = open(dir);
    made.write_escrow_certificate(now_ms);
    return made;
}

Store Store::open(const fs::path& dir) {
    const auto text = cli::read_file(dir / "authority.json");
    std::error_code error;
    if (!text && fs::exists(dir / kRootKeyFile, error)) root_key_alone(dir);
    if (!text)
        throw Problem("There is no authority in " + dir.string() + ".",
                      "Make one: sealcall authority init " + dir.string() + " --name NAME", cli::exit_status::kUsage);
    Store out;
    out.dir_ = dir;
    try {
        const Json json = Json::parse(*text);
        out.settings_ = {.name = json.at("name"),
                         .domain = json.at("domain"),
                         .accept_unproven_ek = json.at("accept_unproven_ek"),
                         .accept_expired_intermediates = json.value("accept_expired_intermediates", false),
                         .database = json.value("database", std::string())};
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
    const auto pem = cli::read_file(dir_ / kRootKeyFile);
    if (!pem)
        throw Problem("The root key of the authority in " + dir_.string() + " is missing.", "Restore it from a copy.");
    return to_bytes(as_bytes(*pem));
}

void Store::check_ek_roots(const fs::path& path) { (void)certificates_at(path); }

size_t Store::add_ek_roots(const fs::path& path, bool lab) const {
    const auto found = certificates_at(path);
    std::string known = cli::read_file(roots_file(dir_, lab), kRootsMax).value_or("");
    for (const Bytes& der : found) {
        const Bytes canonical = must(attestation::certificate_to_pem(der), "Writing a certificate");
        if (known.find(as_chars(canonical)) == std::string::npos) known += as_chars(canonical);
    }
    cli::write_file(roots_file(dir_, lab), known, 0644);
    return found.size();
}

std::vector<Bytes> Store::ek_roots(bool lab) const {
    std::vector<Bytes> out;
    const fs::path file = roots_file(dir_, lab);
    for (const auto& block : pem_blocks(cli::read_file(file, kRootsMax).value_or(""))) {
        auto der = attestation::certificate_from_pem(as_bytes(block));
        if (!der) damaged(file);
        out.push_back(std::move(der).value());
    }
    return out;
}

Bytes Store::own_key_pem(const char* name) const {
    const fs::path file = dir_ / name;
    if (const auto pem = cli::read_file(file)) return to_bytes(as_bytes(*pem));
    const auto key = must(attestation::make_software_key(), "Making a key of the authority");
    const Bytes pem = must(attestation::key_to_pem(key.get()), "Writing a key of the authority");
    cli::write_new_file(file, as_chars(pem), 0600);  // of two that make it at once, one wins
    return to_bytes(as_bytes(cli::read_file(file).value_or("")));
}

fs::path Store::reference_store() const {
    std::string text = cli::read_file(dir_ / kReferenceStoreFile).value_or("");
    if (text.ends_with('\n')) text.pop_back();
    if (std::ranges::any_of(text, [](unsigned char c) { return c < 0x20; })) damaged(dir_ / kReferenceStoreFile);
    return text.empty() ? fs::path() : dir_ / text;
}

void Store::write_reference_store(const fs::path& dir) const {
    // A store inside of this directory moves with it; if it is a link, that is remembered, and not where it leads.
    fs::path named = fs::absolute(dir);
    if (!named.has_filename()) named = named.parent_path();
    const bool dots = named.filename() == "." || named.filename() == "..";
    const fs::path whole =
        dots ? fs::weakly_canonical(named) : fs::weakly_canonical(named.parent_path()) / named.filename();
    const fs::path inside = whole.lexically_relative(fs::weakly_canonical(fs::absolute(dir_)));
    const bool outside = inside.empty() || *inside.begin() == "..";
    cli::write_file(dir_ / kReferenceStoreFile, (outside ? whole : inside).string() + "\n", 0644);
}

Bytes Store::bundle() const {
    return to_bytes(as_bytes(cli::read_file(dir_ / kBundleFile, kSignedBundleMax).value_or("")));
}
Bytes Store::escrow_key_pem() const { return own_key_pem("escrow.key.pem"); }
Bytes Store::passport_key_pem() const { return own_key_pem("passport.key.pem"); }

void Store::write_escrow_certificate(uint64_t now_ms) const {
    const auto key = must(attestation::key_from_pem(escrow_key_pem()), "Reading the escrow key");
    const Bytes certificate =
        must(attestation::make_authority_root(key.get(), "Escrow of " + settings_.name,
                                              {.not_before_ms = now_ms - kDay, .not_after_ms = now_ms + kRootLife}),
             "Making the escrow certificate");
    cli::write_new_file(dir_ / "escrow.cert.pem",
                        as_chars(must(attestation::certificate_to_pem(certificate), "Writing the escrow certificate")),
                        0644);
}

std::string Store::database_url() const {
    return settings_.database.empty() ? "sqlite:" + (dir_ / "authority.db").string() : settings_.database;
}

EndorsementRoots Store::endorsement_roots() const {
    using Expired = attestation::ExpiredIntermediates;
    return {.vendor = ek_roots(false),
            .lab = ek_roots(true),
            .expired = settings_.accept_expired_intermediates ? Expired::accept : Expired::refuse};
}

}  // namespace sealcall::authority
