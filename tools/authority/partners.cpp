#include "partners.h"

#include "attestation/certificates.h"
#include "attestation/ear_passport.h"
#include "attestation/x509_checks.h"
#include "enroller_parts.h"
#include "enrolment_json.h"
#include "problem.h"

namespace sealcall::authority {
namespace {

using cli::Problem;
using Json = nlohmann::json;

constexpr const char* kFile = "partners.json";
constexpr size_t kCardMax = 16 * 1024;  // bytes

[[noreturn]] void not_a_card() {
    throw Problem("This is not the card of an authority.",
                  "The partner makes one: sealcall authority card DIR --out FILE", cli::exit_status::kUsage);
}

template <class T>
T good(Result<T> result) {
    if (!result) not_a_card();
    return std::move(result).value();
}

std::string member(const Json& json, const char* name) {
    const auto at = json.find(name);
    if (at == json.end() || !at->is_string()) not_a_card();
    return at->get<std::string>();
}

/// The one commonName of a root, as phones will see it in "certified by".
std::string name_of_root(ByteSpan root) {
    const unsigned char* at = as_u8(root.data());
    const attestation::X509Ptr x(d2i_X509(nullptr, &at, static_cast<long>(root.size())));
    char name[256] = {};
    if (!x || X509_NAME_get_text_by_NID(X509_get_subject_name(x.get()), NID_commonName, name, sizeof name) <= 0)
        not_a_card();
    return name;
}

Partner from_json(const Json& json) {
    if (!json.is_object()) not_a_card();
    Partner out;
    out.verifier.issuer = good(BoundedString<128>::from(member(json, "issuer")));
    out.verifier.domain = good(BoundedString<128>::from(member(json, "domain")));
    out.verifier.profile = good(BoundedString<64>::from(member(json, "profile")));
    out.verifier.key = good(rats::TpmPublic::from(good(from_base64(member(json, "key")))));
    out.root = good(from_base64(member(json, "root")));
    if (out.verifier.issuer.empty() || out.verifier.domain.empty() ||
        !attestation::is_canonical_p256_spki(out.verifier.key.view()))
        not_a_card();
    return out;
}

/// The file: who is pinned, and the issuers of those who were and shall not be any more.
struct Partners {
    std::vector<Partner> pinned;
    std::vector<std::string> removed;
};

Partners read(const Store& store) {
    const auto text = cli::read_file(store.dir() / kFile, kPartnersMax * kCardMax);
    if (!text) return {};
    try {
        Partners out;
        const Json json = Json::parse(*text);
        for (const Json& one : json.at("partners")) {
            out.pinned.push_back(from_json(one));
            out.pinned.back().verifier.at_most = static_cast<rats::Level>(one.at("at_most").get<int>() + 1);
            out.pinned.back().verifier.lab = one.at("lab").get<bool>();
        }
        out.removed = json.value("removed", out.removed);
        return out;
    } catch (const Json::exception&) {
        throw Problem("The file " + (store.dir() / kFile).string() + " is damaged.", "Restore it from a copy.");
    }
}

void write(const Store& store, const Partners& partners) {
    Json list = Json::array();
    for (const Partner& p : partners.pinned) {
        Json one = card_json(p);
        one["at_most"] = static_cast<int>(p.verifier.at_most) - 1;
        one["lab"] = p.verifier.lab;
        list.push_back(std::move(one));
    }
    cli::write_file(store.dir() / kFile, Json{{"partners", list}, {"removed", partners.removed}}.dump(2) + "\n", 0600);
}

}  // namespace

Json card_json(const Partner& p) {
    return {{"issuer", p.verifier.issuer.str()},
            {"domain", p.verifier.domain.str()},
            {"profile", p.verifier.profile.str()},
            {"key", base64(p.verifier.key.view())},
            {"root", base64(p.root)}};
}

Partner own_card(const Store& store) {
    if (store.settings().domain.empty())
        throw Problem("This authority certifies addresses of any domain, so no partner can say whom it speaks for.",
                      "Make one with --domain.", cli::exit_status::kUsage);
    const auto key = whole(attestation::key_from_pem(store.passport_key_pem()), "the passport key cannot be read");
    Partner out;
    out.verifier.issuer = whole(BoundedString<128>::from(store.settings().name), "the name");
    out.verifier.domain = whole(BoundedString<128>::from(store.settings().domain), "the domain");
    out.verifier.profile = BoundedString<64>(attestation::kPassportProfile);
    out.verifier.key =
        rats::TpmPublic(whole(attestation::public_key_der(key.get()), "the passport key cannot be read"));
    out.root = store.root_certificate();
    return out;
}

Partner read_card(std::string_view text) {
    const Json json = text.size() > kCardMax ? Json() : Json::parse(text, nullptr, false);
    Partner out = from_json(json);
    if (out.verifier.profile.view() != attestation::kPassportProfile)
        throw Problem("Passports of this partner are in a form that phones do not take in a call.",
                      std::string("Phones take ") + attestation::kPassportProfile.data() + ".",
                      cli::exit_status::kUsage);
    // Phones limit what this root certifies by the name that it has; under another one the limit would not apply.
    if (name_of_root(out.root) != out.verifier.issuer.view()) not_a_card();
    return out;
}

std::vector<Partner> read_partners(const Store& store) { return read(store).pinned; }
std::vector<std::string> removed_partners(const Store& store) { return read(store).removed; }

void add_partner(const Store& store, Partner partner) {
    const std::string issuer = partner.verifier.issuer.str();
    if (issuer == store.settings().name)
        throw Problem("This is the name of this authority itself.", "Ask the partner for their card.",
                      cli::exit_status::kUsage);
    Partners all = read(store);
    std::erase_if(all.pinned, [&](const Partner& p) { return p.verifier.issuer.view() == issuer; });
    std::erase(all.removed, issuer);
    if (all.pinned.size() >= kPartnersMax)
        throw Problem("There are " + std::to_string(kPartnersMax) + " partners already.", "Remove one first.",
                      cli::exit_status::kUsage);
    all.pinned.push_back(std::move(partner));
    write(store, all);
}

bool remove_partner(const Store& store, const std::string& issuer) {
    Partners all = read(store);
    if (std::erase_if(all.pinned, [&](const Partner& p) { return p.verifier.issuer.view() == issuer; }) == 0)
        return false;
    all.removed.push_back(issuer);
    if (all.removed.size() > kPartnersMax) all.removed.erase(all.removed.begin());  // a bundle has no more of them
    write(store, all);
    return true;
}

}  // namespace sealcall::authority
