#include "attestation/jose_key.h"

#include <openssl/core_names.h>

#include "attestation/bounded_json.h"
#include "attestation/foreign/tpm_files.h"

namespace sealcall::attestation {

namespace {

using nlohmann::json;

constexpr size_t kJwkMax = 65536;
constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

struct Curve {
    const char* crv;
    const char* alg;
    uint16_t tpm;
    const char* hash;
    size_t size;  ///< bytes of a coordinate
};
constexpr Curve kCurves[] = {{"P-256", "ES256", kTpmEccNistP256, "SHA256", 32},
                             {"P-384", "ES384", kTpmEccNistP384, "SHA384", 48}};

const Curve* curve_of(EVP_PKEY* key) {
    const std::string kind = foreign::key_kind(key);
    for (const Curve& c : kCurves)
        if (kind == std::string("ECC ") + c.crv) return &c;
    return nullptr;
}

std::string text(const json& object, const char* name) {
    const auto at = object.find(name);
    return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

PkeyPtr key_of_point(const Curve& curve, Bytes x, Bytes y) {
    PublicArea area;
    area.type = kTpmAlgEcc;
    area.curve = curve.tpm;
    area.x = std::move(x);
    area.y = std::move(y);
    return tpm_public_key(area);
}

/// Members that, where they stand, must agree with what the key is used for (RFC 7517 4.2 to 4.4).
Status check_use(const json& jwk, const Curve& curve) {
    if (jwk.contains("d")) return Error{Errc::bad_key, "this is a private key", 0};
    if (jwk.contains("use") && text(jwk, "use") != "sig") return Error{Errc::bad_key, "use is not sig", 0};
    if (jwk.contains("alg") && text(jwk, "alg") != curve.alg) return Error{Errc::bad_key, "alg is not the curve's", 0};
    if (!jwk.contains("key_ops")) return {};
    const json& ops = jwk.at("key_ops");
    if (ops.is_array() && std::ranges::find(ops, json("verify")) != ops.end()) return {};
    return Error{Errc::bad_key, "key_ops without verify", 0};
}

}  // namespace

Result<Bytes> from_base64url(std::string_view in) {
    if (in.size() % 4 == 1) return Error{Errc::bad_value, "base64url", static_cast<uint32_t>(in.size())};
    Bytes out;
    out.reserve(in.size() * 3 / 4);
    uint32_t bits = 0;
    unsigned have = 0;
    for (size_t i = 0; i < in.size(); ++i) {
        const char* at = in[i] == '\0' ? nullptr : std::strchr(kAlphabet, in[i]);
        if (at == nullptr) return Error{Errc::bad_value, "base64url", static_cast<uint32_t>(i)};
        bits = bits << 6 | static_cast<uint32_t>(at - kAlphabet);
        have += 6;
        if (have < 8) continue;
        have -= 8;
        out.push_back(static_cast<std::byte>(bits >> have));
        bits &= (1u << have) - 1;
    }
    if (bits != 0) return Error{Errc::not_canonical, "base64url", static_cast<uint32_t>(in.size())};
    return out;
}

std::string to_base64url(ByteSpan bytes) {
    std::string out;
    uint32_t bits = 0;
    unsigned have = 0;
    for (std::byte b : bytes) {
        bits = bits << 8 | static_cast<uint32_t>(b);
        for (have += 8; have >= 6; have -= 6) out += kAlphabet[bits >> (have - 6) & 63];
        bits &= (1u << have) - 1;
    }
    if (have != 0) out += kAlphabet[bits << (6 - have) & 63];
    return out;
}

Result<JoseKey> parse_jwk(const json& jwk) {
    QuietErrors quiet;
    if (!jwk.is_object()) return Error{Errc::bad_key, "no JWK", 0};
    if (text(jwk, "kty") != "EC") return Error{Errc::bad_key, "kty is not EC", 0};
    const auto* curve = std::ranges::find_if(kCurves, [&](const Curve& c) { return text(jwk, "crv") == c.crv; });
    if (curve == std::end(kCurves)) return Error{Errc::bad_key, "crv is neither P-256 nor P-384", 0};
    TRY_STATUS(check_use(jwk, *curve));
    TRY(Bytes x, from_base64url(text(jwk, "x")));
    TRY(Bytes y, from_base64url(text(jwk, "y")));
    if (x.size() != curve->size || y.size() != curve->size) return Error{Errc::bad_key, "length of x or y", 0};
    JoseKey out;
    out.key = key_of_point(*curve, std::move(x), std::move(y));
    if (!out.key) return Error{Errc::bad_key, "not a point of the curve", 0};
    out.alg = curve->alg;
    out.kid = text(jwk, "kid");
    return out;
}

Result<JoseKey> read_jose_key(ByteSpan file) {
    const std::string_view all = as_chars(file);
    const size_t first = all.find_first_not_of(" \t\r\n");
    if (first != std::string_view::npos && all[first] == '{') {
        TRY(json jwk, parse_bounded_json(all, {.bytes = kJwkMax, .depth = 4, .values = 64}));
        return parse_jwk(jwk);
    }
    TRY(PkeyPtr key, foreign::read_public_key(file));
    const Curve* curve = curve_of(key.get());
    if (curve == nullptr) return Error{Errc::bad_key, "neither P-256 nor P-384", 0};
    JoseKey out;
    out.alg = curve->alg;
    out.key = std::move(key);
    return out;
}

Result<json> jwk_of(EVP_PKEY* key) {
    const Curve* curve = curve_of(key);
    std::array<unsigned char, 133> point{};
    size_t n = 0;
    if (curve == nullptr ||
        EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(), &n) != 1 ||
        n != 1 + 2 * curve->size || point[0] != POINT_CONVERSION_UNCOMPRESSED)
        return Error{Errc::bad_key, "neither P-256 nor P-384", 0};
    const ByteSpan xy = std::as_bytes(std::span(point)).subspan(1, n - 1);
    return json{{"kty", "EC"},
                {"crv", curve->crv},
                {"x", to_base64url(xy.first(curve->size))},
                {"y", to_base64url(xy.subspan(curve->size))}};
}

Status verify_jose(const JoseKey& key, ByteSpan message, ByteSpan signature) {
    QuietErrors quiet;
    const Curve* curve = curve_of(key.key.get());
    if (curve == nullptr) return Error{Errc::bad_key, "neither P-256 nor P-384", 0};
    if (signature.size() != 2 * curve->size) return Error{Errc::bad_signature, "length of the signature", 0};
    const Bytes der = ecdsa_der(signature.first(curve->size), signature.subspan(curve->size));
    MdCtxPtr ctx(EVP_MD_CTX_new());
    if (der.empty() || !ctx ||
        EVP_DigestVerifyInit(ctx.get(), nullptr, EVP_get_digestbyname(curve->hash), nullptr, key.key.get()) != 1)
        return Error{Errc::crypto_failed, "verify", 0};
    if (EVP_DigestVerify(ctx.get(), as_u8(der.data()), der.size(), as_u8(message.data()), message.size()) != 1)
        return Error{Errc::bad_signature, "the signature is not by this key", 0};
    return {};
}

Result<Bytes> sign_jose(EVP_PKEY* key, ByteSpan message) {
    const Curve* curve = curve_of(key);
    if (curve == nullptr) return Error{Errc::bad_key, "neither P-256 nor P-384", 0};
    std::array<unsigned char, 160> der{};
    size_t n = der.size();
    MdCtxPtr ctx(EVP_MD_CTX_new());
    if (!ctx || EVP_DigestSignInit(ctx.get(), nullptr, EVP_get_digestbyname(curve->hash), nullptr, key) != 1 ||
        EVP_DigestSign(ctx.get(), der.data(), &n, as_u8(message.data()), message.size()) != 1)
        return Error{Errc::crypto_failed, "sign", 0};
    const unsigned char* at = der.data();
    const EcdsaSigPtr sig(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(n)));
    Bytes out(2 * curve->size);
    const auto half = static_cast<int>(curve->size);
    if (!sig || BN_bn2binpad(ECDSA_SIG_get0_r(sig.get()), as_u8(out.data()), half) != half ||
        BN_bn2binpad(ECDSA_SIG_get0_s(sig.get()), as_u8(out.data() + curve->size), half) != half)
        return Error{Errc::crypto_failed, "ECDSA_SIG", 0};
    return out;
}

}  // namespace sealcall::attestation
