#include "profile_store.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "files.h"
#include "problem.h"

namespace sealcall::cli {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::json;

[[noreturn]] void damaged(const fs::path& file) {
    throw Problem("The file " + file.string() + " is damaged.",
                  "Run `sealcall init --renew-identity` and `sealcall enroll`, or restore the file.",
                  exit_status::kNotSetUp);
}

std::optional<Json> read_json(const fs::path& file) {
    const auto text = read_file(file);
    if (!text) return std::nullopt;
    Json value = Json::parse(*text, nullptr, false);
    if (!value.is_object()) damaged(file);
    return value;
}

template <class T>
T member(const Json& object, const char* key, const fs::path& file) {
    try {
        return object.at(key).get<T>();
    } catch (const Json::exception&) {
        damaged(file);
    }
}

template <class B>
B read_bounded(const fs::path& file, bool required) {
    const std::optional<std::string> text = read_file(file);
    if (!text && !required) return B();
    if (!text || text->size() > B::kMax || (required && text->empty())) damaged(file);
    return B(as_bytes(*text));
}

}  // namespace

std::optional<ProfileFacts> ProfileStore::facts() const {
    const fs::path file = paths_.state_dir / "profile.json";
    const auto json = read_json(file);
    if (!json) return std::nullopt;
    return ProfileFacts{.software_tpm = member<bool>(*json, "software_tpm", file),
                        .guard = json->contains("guard") ? member<std::string>(*json, "guard", file) : std::string(),
                        .tpm_name = member<std::string>(*json, "tpm_name", file),
                        .measurement_pcr = member<uint8_t>(*json, "measurement_pcr", file),
                        .made_ms = member<uint64_t>(*json, "made_ms", file)};
}

std::optional<ipc::Provisioned> ProfileStore::keys() const {
    if (!facts()) return std::nullopt;
    const fs::path dir = paths_.state_dir / "keys";
    using Blob = BoundedBytes<2048>;
    ipc::Provisioned out;
    out.ok = true;
    out.identity_public = read_bounded<Blob>(dir / "identity.pub", true);
    out.identity_private = read_bounded<Blob>(dir / "identity.priv", true);
    out.srk_name = read_bounded<BoundedBytes<64>>(dir / "srk.name", true);
    out.ak_public = read_bounded<rats::TpmPublic>(dir / "ak.pub", true);
    out.ek_public = read_bounded<rats::TpmPublic>(dir / "ek.pub", true);
    out.ek_certificate = read_bounded<rats::CertificateDer>(dir / "ek.cert", false);
    out.certify_attest = read_bounded<rats::TpmAttest>(dir / "certify.attest", true);
    out.certify_signature = read_bounded<rats::TpmSignature>(dir / "certify.sig", true);
    return out;
}

void ProfileStore::save(const ProfileFacts& facts, const ipc::Provisioned& keys) const {
    const fs::path dir = paths_.state_dir / "keys";
    make_private(dir);
    write_file(dir / "identity.pub", keys.identity_public.view(), 0600);
    write_file(dir / "identity.priv", keys.identity_private.view(), 0600);
    write_file(dir / "srk.name", keys.srk_name.view(), 0600);
    write_file(dir / "ak.pub", keys.ak_public.view(), 0600);
    write_file(dir / "ek.pub", keys.ek_public.view(), 0600);
    write_file(dir / "ek.cert", keys.ek_certificate.view(), 0600);
    write_file(dir / "certify.attest", keys.certify_attest.view(), 0600);
    write_file(dir / "certify.sig", keys.certify_signature.view(), 0600);
    // Last: it is what says that the keys are complete.
    const Json json = {{"software_tpm", facts.software_tpm},
                       {"guard", facts.guard},
                       {"tpm_name", facts.tpm_name},
                       {"measurement_pcr", facts.measurement_pcr},
                       {"made_ms", facts.made_ms}};
    write_file(paths_.state_dir / "profile.json", json.dump(2, ' ', true, Json::error_handler_t::replace) + "\n", 0600);
}

std::optional<Enrolment> ProfileStore::enrolment() const {
    const fs::path dir = paths_.tls_dir(), file = dir / "enrolment.json";
    const auto json = read_json(file);
    if (!json) return std::nullopt;
    Enrolment out{.uri = member<std::string>(*json, "uri", file),
                  .authority = member<std::string>(*json, "authority", file),
                  .endorsement = member<std::string>(*json, "endorsement", file),
                  .authority_url = json->contains("authority_url") ? member<std::string>(*json, "authority_url", file)
                                                                   : std::string(),
                  .enrolled_ms = member<uint64_t>(*json, "enrolled_ms", file),
                  .identity_certificate = read_bounded<rats::CertificateDer>(dir / "identity.der", true),
                  .ak_certificate = read_bounded<rats::CertificateDer>(dir / "ak.der", true),
                  .anchors = {},
                  .tls_certificate_pem = read_file(dir / "tls.crt.pem").value_or(""),
                  .tls_key_pem = read_file(dir / "tls.key.pem").value_or(""),
                  .tls_ca_pem = read_file(dir / "tls.ca.pem").value_or(""),
                  .bundle_signer = read_bounded<BoundedBytes<128>>(dir / "bundle_signer.der", false)};
    const auto count = member<size_t>(*json, "anchors", file);
    if (count == 0 || count > 4) damaged(file);
    for (size_t i = 0; i < count; ++i)
        out.anchors.push_back(read_bounded<rats::CertificateDer>(dir / ("anchor" + std::to_string(i) + ".der"), true));
    return out;
}

std::vector<ipc::PartnerKey> ProfileStore::partner_keys() const {
    std::vector<ipc::PartnerKey> out;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(paths_.tls_dir() / "partners", error))
        out.push_back({.partner = BoundedString<64>::cut(entry.path().stem().string()),
                       .ak_certificate = read_bounded<BoundedBytes<1024>>(entry.path(), true)});
    std::ranges::sort(out, {}, [](const ipc::PartnerKey& k) { return k.partner.view(); });
    return out;
}

void ProfileStore::save_partner(const ipc::PartnerKey& key) const {
    const fs::path dir = paths_.tls_dir() / "partners";
    make_private(dir);
    write_file(dir / (key.partner.str() + ".der"), key.ak_certificate.view(), 0600);
}

void ProfileStore::forget_partners() const {
    std::error_code error;
    fs::remove_all(paths_.tls_dir() / "partners", error);
    if (error) throw Problem("The keys for partners could not be removed: " + error.message() + ".", "");
}

void ProfileStore::save(const Enrolment& enrolment) const {
    const fs::path dir = paths_.tls_dir();
    make_private(dir);
    write_file(dir / "identity.der", enrolment.identity_certificate.view(), 0600);
    write_file(dir / "ak.der", enrolment.ak_certificate.view(), 0600);
    for (size_t i = 0; i < enrolment.anchors.size(); ++i)
        write_file(dir / ("anchor" + std::to_string(i) + ".der"), enrolment.anchors[i].view(), 0600);
    write_file(dir / "bundle_signer.der", enrolment.bundle_signer.view(), 0600);
    write_file(dir / "tls.crt.pem", enrolment.tls_certificate_pem, 0600);
    write_file(dir / "tls.key.pem", enrolment.tls_key_pem, 0600);
    write_file(dir / "tls.ca.pem", enrolment.tls_ca_pem, 0600);
    const Json json = {{"uri", enrolment.uri},
                       {"authority", enrolment.authority},
                       {"endorsement", enrolment.endorsement},
                       {"authority_url", enrolment.authority_url},
                       {"enrolled_ms", enrolment.enrolled_ms},
                       {"anchors", enrolment.anchors.size()}};
    write_file(dir / "enrolment.json", json.dump(2, ' ', true, Json::error_handler_t::replace) + "\n", 0600);
}

void ProfileStore::forget_enrolment() const {
    std::error_code error;
    fs::remove(paths_.tls_dir() / "enrolment.json", error);
    if (error) throw Problem("The old enrolment could not be removed: " + error.message() + ".", "");
}

UniqueFd ProfileStore::open_bundle() const {
    UniqueFd fd(::open(paths_.bundle().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!fd.valid() && errno != ENOENT)
        throw Problem("The bundle " + paths_.bundle().string() + " could not be opened: " + std::strerror(errno) + ".",
                      "Check the rights of the file, or install it again: sealcall bundle install FILE.",
                      exit_status::kNotSetUp);
    return fd;
}

UniqueFd ProfileStore::open_vault() const {
    UniqueFd fd(::open(paths_.vault().c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd.valid())
        throw Problem("The vault " + paths_.vault().string() + " could not be opened: " + std::strerror(errno) + ".",
                      "Check the rights of the file.", exit_status::kNotSetUp);
    return fd;
}

UniqueFd ProfileStore::open_audit() const {
    UniqueFd fd(::open(paths_.audit_log().c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd.valid())
        throw Problem(
            "The audit log " + paths_.audit_log().string() + " could not be opened: " + std::strerror(errno) + ".",
            "Check the rights of the file; without a log no call is made.", exit_status::kNotSetUp);
    return fd;
}

}  // namespace sealcall::cli
