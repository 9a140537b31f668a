#include "enrolment_json.h"

#include <openssl/evp.h>

#include <set>

#include "files.h"

namespace sealcall::authority {
namespace {

using Json = nlohmann::json;
constexpr int kDepthMax = 4;

[[noreturn]] void wrong(const std::string& what) {
    throw Refusal("The request is wrong: " + what + ".", "See /openapi.yaml.", Refusal::Kind::bad_request);
}

template <class B>
B bytes_of(Members& members, const char* name) {
    const auto bytes = from_base64(members.text(name, (B::kMax + 2) / 3 * 4));
    if (!bytes) wrong(std::string(name) + " is not base64");
    auto bounded = B::from(*bytes);
    if (!bounded) wrong(std::string(name) + " is too long");
    return std::move(bounded).value();
}

template <class B>
B bytes_or_none(Members& members, const char* name) {
    return members.has(name) ? bytes_of<B>(members, name) : B();
}

template <size_t N>
BoundedString<N> string_of(const std::string& text, const char* name) {
    auto out = BoundedString<N>::from(text);
    if (!out) wrong(std::string(name) + " is not a fitting text");
    return std::move(out).value();
}

Digest ticket_of(const std::string& hex) {
    const auto bytes = cli::from_hex(hex);
    Digest out{};
    if (!bytes || bytes->size() != out.size()) wrong("ticket is not 64 hexadecimal digits");
    std::ranges::copy(*bytes, out.begin());
    return out;
}

template <class List>
void read_list(Members& members, const char* name, List& out) {
    if (!members.has(name)) return;
    const Json list = members.take(name);
    if (!list.is_array()) wrong(std::string(name) + " is not a list");
    for (const Json& item : list) {
        if (!item.is_string()) wrong(std::string(name) + " holds something else than text");
        const auto& text = item.get_ref<const std::string&>();
        if constexpr (std::is_same_v<typename List::value_type, BoundedString<128>>) {
            if (!out.push(string_of<128>(text, name))) wrong(std::string(name) + " is too long");
        } else {
            const auto bytes = from_base64(text);
            auto value = bytes ? List::value_type::from(*bytes) : Result<typename List::value_type>(bytes.error());
            if (!value || !out.push(std::move(value).value())) wrong(std::string(name) + " does not fit");
        }
    }
}

}  // namespace

std::string base64(ByteSpan bytes) {
    std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
    const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), as_u8(bytes.data()),
                                  static_cast<int>(bytes.size()));
    out.resize(static_cast<size_t>(n));
    return out;
}

Result<Bytes> from_base64(std::string_view text) {
    const Error bad{Errc::bad_value, "base64", 0};
    if (text.size() % 4 != 0 || text.size() > kBodyMax) return bad;
    Bytes out(text.size() / 4 * 3);
    const int n = EVP_DecodeBlock(as_u8(out.data()), reinterpret_cast<const unsigned char*>(text.data()),
                                  static_cast<int>(text.size()));
    if (n < 0) return bad;
    out.resize(static_cast<size_t>(n));
    for (size_t cut = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0; cut > 0 && !out.empty(); --cut)
        out.pop_back();
    if (base64(out) != text) return bad;  // OpenSSL takes white space and leftover bits: one value has one text here
    return out;
}

Json parse_body(std::string_view text) {
    if (text.size() > kBodyMax) wrong("it is too long");
    std::vector<std::set<std::string>> seen;
    const auto bound = [&](int depth, Json::parse_event_t event, Json& parsed) {
        if (depth > kDepthMax) wrong("it is nested too deeply");
        if (event == Json::parse_event_t::object_start) seen.emplace_back();
        if (event == Json::parse_event_t::object_end) seen.pop_back();
        if (event == Json::parse_event_t::key && !seen.back().insert(parsed.get<std::string>()).second)
            wrong("a member stands there twice");
        return true;
    };
    try {
        Json out = Json::parse(text, bound);
        if (!out.is_object()) wrong("it is not an object");
        return out;
    } catch (const Json::exception&) {
        wrong("it is not JSON");
    }
}

std::string Members::text(const char* name, size_t most) {
    const Json value = take(name);
    if (!value.is_string()) wrong(std::string(name) + " is not text");
    auto out = value.get<std::string>();
    if (out.size() > most || out.find('\0') != std::string::npos) wrong(std::string(name) + " is too long");
    return out;
}
std::string Members::text_or(const char* name, size_t most, const std::string& other) {
    return has(name) ? text(name, most) : other;
}
bool Members::flag_or(const char* name, bool other) {
    if (!has(name)) return other;
    const Json value = take(name);
    if (!value.is_boolean()) wrong(std::string(name) + " is neither true nor false");
    return value.get<bool>();
}
uint64_t Members::number_or(const char* name, uint64_t other) {
    if (!has(name)) return other;
    const Json value = take(name);
    if (!value.is_number_unsigned()) wrong(std::string(name) + " is not a number");
    return value.get<uint64_t>();
}
Json Members::take(const char* name) {
    const auto found = object_.find(name);
    if (found == object_.end()) wrong(std::string(name) + " is missing");
    Json out = std::move(*found);
    object_.erase(found);
    return out;
}
void Members::finish() const {
    if (!object_.empty()) wrong("it has a member that is not known");
}

EnrolmentRequest request_from_json(std::string_view text) {
    Members m(parse_body(text));
    EnrolmentRequest out;
    out.ek_certificate = bytes_or_none<rats::CertificateDer>(m, "ek_certificate");
    out.ek_public = bytes_of<rats::TpmPublic>(m, "ek_public");
    out.ak_public = bytes_of<rats::TpmPublic>(m, "ak_public");
    out.identity_public = bytes_of<rats::TpmPublic>(m, "identity_public");
    out.certify_attest = bytes_of<rats::TpmAttest>(m, "certify_attest");
    out.certify_signature = bytes_of<rats::TpmSignature>(m, "certify_signature");
    out.software_tpm = m.flag_or("software_tpm", false);
    out.sealcall_log = bytes_or_none<BoundedBytes<8192>>(m, "sealcall_log");
    out.host_spki = bytes_or_none<BoundedBytes<256>>(m, "host_spki");
    read_list(m, "host_names", out.host_names);
    out.profile = string_of<16>(m.text_or("profile", 16, "embedded"), "profile");
    out.partner = string_of<64>(m.text_or("partner", 64, ""), "partner");
    m.finish();
    return out;
}

Json to_json(const EnrolmentRequest& r) {
    Json names = Json::array();
    for (const auto& name : r.host_names) names.push_back(name.str());
    Json out = {{"ek_public", base64(r.ek_public.view())},
                {"ak_public", base64(r.ak_public.view())},
                {"identity_public", base64(r.identity_public.view())},
                {"certify_attest", base64(r.certify_attest.view())},
                {"certify_signature", base64(r.certify_signature.view())},
                {"software_tpm", r.software_tpm},
                {"host_names", names},
                {"profile", r.profile.str()},
                {"partner", r.partner.str()}};
    if (!r.ek_certificate.empty()) out["ek_certificate"] = base64(r.ek_certificate.view());
    if (!r.sealcall_log.empty()) out["sealcall_log"] = base64(r.sealcall_log.view());
    if (!r.host_spki.empty()) out["host_spki"] = base64(r.host_spki.view());
    return out;
}

ActivatedCredential activation_from_json(std::string_view text) {
    Members m(parse_body(text));
    ActivatedCredential out;
    out.credential = bytes_of<BoundedBytes<64>>(m, "credential");
    out.escrow = bytes_or_none<BoundedBytes<1024>>(m, "escrow");
    m.finish();
    return out;
}

Json to_json(const ActivatedCredential& a) {
    Json out = {{"credential", base64(a.credential.view())}};
    if (!a.escrow.empty()) out["escrow"] = base64(a.escrow.view());
    return out;
}

EnrolmentChallenge challenge_from_json(std::string_view text) {
    Members m(parse_body(text));
    EnrolmentChallenge out;
    out.ticket = ticket_of(m.text("ticket", 64));
    out.uri = string_of<256>(m.text("user", 256), "user");
    out.credential_blob = bytes_of<BoundedBytes<512>>(m, "credential_blob");
    out.encrypted_secret = bytes_of<BoundedBytes<1024>>(m, "encrypted_secret");
    out.escrow_key = bytes_of<BoundedBytes<128>>(m, "escrow_key");
    m.finish();
    return out;
}

Json to_json(const EnrolmentChallenge& c) {
    return {{"ticket", cli::to_hex(c.ticket)},
            {"user", c.uri.str()},
            {"credential_blob", base64(c.credential_blob.view())},
            {"encrypted_secret", base64(c.encrypted_secret.view())},
            {"escrow_key", base64(c.escrow_key.view())}};
}

EnrolmentGrant grant_from_json(std::string_view text) {
    Members m(parse_body(text));
    EnrolmentGrant out;
    out.authority = string_of<128>(m.text("authority", 128), "authority");
    out.endorsement = string_of<16>(m.text("endorsement", 16), "endorsement");
    out.ak_certificate = bytes_of<rats::CertificateDer>(m, "ak_certificate");
    out.identity_certificate = bytes_of<rats::CertificateDer>(m, "identity_certificate");
    out.host_certificate = bytes_or_none<rats::CertificateDer>(m, "host_certificate");
    read_list(m, "host_names", out.host_names);
    read_list(m, "anchors", out.anchors);
    m.finish();
    return out;
}

Json to_json(const EnrolmentGrant& g) {
    Json names = Json::array(), anchors = Json::array();
    for (const auto& name : g.host_names) names.push_back(name.str());
    for (const auto& anchor : g.anchors) anchors.push_back(base64(anchor.view()));
    Json out = {{"authority", g.authority.str()},
                {"endorsement", g.endorsement.str()},
                {"ak_certificate", base64(g.ak_certificate.view())},
                {"identity_certificate", base64(g.identity_certificate.view())},
                {"host_names", names},
                {"anchors", anchors}};
    if (!g.host_certificate.empty()) out["host_certificate"] = base64(g.host_certificate.view());
    return out;
}

}  // namespace sealcall::authority
