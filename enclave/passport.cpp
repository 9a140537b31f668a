#include "enclave/passport.h"

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include <charconv>
#include <memory>

#include "attestation/ear_passport.h"

namespace sealcall::enclave {
namespace {

// The certificate does not lie at a URL: the attestation channel shows it.
constexpr std::string_view kHeader = R"({"alg":"ES256","typ":"passport","x5u":"cid:sealcall-attest"})";
constexpr std::string_view kParameters = ";info=<cid:sealcall-attest>;alg=ES256";
constexpr size_t kSignatureSize = 64;  ///< r and s, 32 bytes each (RFC 7518 3.4)

using attestation::base64url;

Result<Bytes> from_base64url(std::string_view in) {
    std::string padded(in);
    for (char& c : padded) {
        if (c == '+' || c == '/' || c == '=' || c == '\n' || c == ' ')
            return Error{Errc::not_canonical, "base64url", 0};
        c = c == '-' ? '+' : c == '_' ? '/' : c;
    }
    while (padded.size() % 4 != 0) padded += '=';
    Bytes out(padded.size() / 4 * 3 + 3);
    const int n = EVP_DecodeBlock(as_u8(out.data()), reinterpret_cast<const unsigned char*>(padded.data()),
                                  static_cast<int>(padded.size()));
    if (n < 0) return Error{Errc::not_canonical, "base64url", 0};
    out.resize(static_cast<size_t>(n) - (padded.size() - in.size()));
    if (base64url(out) != in) return Error{Errc::not_canonical, "base64url", 0};
    return out;
}

bool plain(std::string_view s) {
    return !s.empty() && std::ranges::all_of(s, [](char c) { return c > 0x20 && c < 0x7f && c != '"' && c != '\\'; });
}

std::string fingerprint_text(const Digest& digest) {
    static constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string out;
    for (std::byte b : digest) {
        if (!out.empty()) out += ':';
        out += kDigits[static_cast<unsigned>(b) >> 4];
        out += kDigits[static_cast<unsigned>(b) & 15];
    }
    return out;
}

/// Reads `iat`, which follows the destination in the canonical order; zero when it is not there.
uint64_t iat_of(std::string_view payload) {
    constexpr std::string_view kKey = "},\"iat\":";
    const size_t at = payload.find(kKey);
    uint64_t iat = 0;
    if (at != std::string_view::npos)
        std::from_chars(payload.data() + at + kKey.size(), payload.data() + payload.size(), iat);
    return iat;
}

}  // namespace

Result<std::string> passport_text(const PassportFacts& facts, uint64_t iat) {
    if (!plain(facts.orig) || !plain(facts.dest)) return Error{Errc::bad_value, "name in a PASSporT", 0};
    const std::string payload = R"({"dest":{"uri":[")" + facts.dest + R"("]},"iat":)" + std::to_string(iat) +
                                R"(,"mky":[{"alg":"sha-256","dig":")" + fingerprint_text(facts.mky) +
                                R"("}],"orig":{"uri":")" + facts.orig + R"("}})";
    return base64url(as_bytes(kHeader)) + "." + base64url(as_bytes(payload));
}

Result<std::string> identity_header(const std::string& text, ByteSpan der) {
    const unsigned char* at = as_u8(der.data());
    const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> signature(
        d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())), &ECDSA_SIG_free);
    std::array<std::byte, kSignatureSize> raw{};
    if (!signature || BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), as_u8(raw.data()), 32) != 32 ||
        BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), as_u8(raw.data() + 32), 32) != 32)
        return Error{Errc::bad_signature, "ECDSA signature", 0};
    return text + "." + base64url(raw) + std::string(kParameters);
}

Status verify_identity_header(std::string_view header, const PassportFacts& facts, uint64_t now_s,
                              const attestation::PublicArea& identity_key) {
    if (!header.ends_with(kParameters)) return Error{Errc::wrong_binding, "Identity header", 0};
    header.remove_suffix(kParameters.size());
    const size_t first = header.find('.'), last = header.rfind('.');
    if (first == std::string_view::npos || first == last) return Error{Errc::wrong_binding, "PASSporT", 0};
    TRY(Bytes payload, from_base64url(header.substr(first + 1, last - first - 1)));
    const uint64_t iat = iat_of(as_chars(payload));
    if (iat + kPassportLifeS < now_s || iat > now_s + kPassportLifeS)
        return Error{Errc::wrong_binding, "PASSporT time", 0};
    TRY(std::string expected, passport_text(facts, iat));
    if (header.substr(0, last) != expected) return Error{Errc::wrong_binding, "PASSporT claims", 0};
    TRY(Bytes raw, from_base64url(header.substr(last + 1)));
    if (raw.size() != kSignatureSize) return Error{Errc::bad_signature, "PASSporT", 0};
    attestation::Signature signature;
    signature.scheme = attestation::kTpmAlgEcdsa;
    signature.hash = attestation::kTpmAlgSha256;
    signature.r.assign(raw.begin(), raw.begin() + 32);
    signature.s.assign(raw.begin() + 32, raw.end());
    return attestation::verify_tpm_signature(identity_key, as_bytes(expected), signature);
}

}  // namespace sealcall::enclave
