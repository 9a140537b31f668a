#include "attestation/passport_writer.h"

#include "attestation/binding.h"

namespace sealcall::attestation {

namespace {

/// r and s, 32 bytes each (RFC 7518 3.4).
Result<std::array<std::byte, 64>> es256(EVP_PKEY* key, ByteSpan message) {
    std::array<unsigned char, 128> der{};
    size_t n = der.size();
    MdCtxPtr ctx(EVP_MD_CTX_new());
    if (!ctx || EVP_DigestSignInit(ctx.get(), nullptr, EVP_sha256(), nullptr, key) != 1 ||
        EVP_DigestSign(ctx.get(), der.data(), &n, as_u8(message.data()), message.size()) != 1)
        return Error{Errc::crypto_failed, "signing a passport", 0};
    const unsigned char* at = der.data();
    const EcdsaSigPtr signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(n)));
    std::array<std::byte, 64> out{};
    if (!signature || BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), as_u8(out.data()), 32) != 32 ||
        BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), as_u8(out.data() + 32), 32) != 32)
        return Error{Errc::bad_key, "the passport key is not P-256", 0};
    return out;
}

/// The same within a channel as long as TPM, resetCount and restartCount are; of no meaning in another channel.
Digest instance_of(const rats::BindingInput& binding, const PublicArea& ak, const ClockInfo& clock) {
    ByteWriter w;
    w.bytes(as_bytes("sealcall-instance/1")).bytes(binding.channel_binding).bytes(ak.name);
    w.u32(clock.reset_count).u32(clock.restart_count);
    return sha256(w.view());
}

}  // namespace

Result<rats::Passport> make_passport(const rats::VerifierRequest& request, const Appraised& ceiling,
                                     const rats::AttestationResult& result, std::string_view issuer, uint64_t now_s,
                                     EVP_PKEY* key) {
    TRY(auto body, ipc::decode<rats::EvidenceBody>(request.evidence.body.view()));
    TRY(PublicArea ak, parse_tpmt_public(body.ak_public.view()));
    TRY(PublicArea identity, parse_tpmt_public(body.identity_public.view()));
    TRY(Bytes spki, spki_der(identity));
    rats::Passport out;
    TRY(out.issuer, BoundedString<128>::from(issuer));
    out.issued_s = now_s;
    out.life_s = kPassportLife;
    out.level = result.level;
    out.lab = result.lab;
    out.software_tpm = result.software_tpm;
    out.evidence_body = sha256(request.evidence.body.view());
    out.instance = instance_of(request.binding, ak, ceiling.clock);
    rats::BindingInput binding = request.binding;
    binding.evidence_body = out.evidence_body;
    TRY(Digest nonce, quote_qualifying_data(binding));
    TRY_STATUS(sign_passport(out, nonce, spki, key));
    return out;
}

Status sign_passport(rats::Passport& passport, const Digest& nonce, ByteSpan identity_spki, EVP_PKEY* key) {
    TRY(std::string text, passport_text(passport, nonce, identity_spki));
    TRY(passport.signature, es256(key, as_bytes(text)));
    return {};
}

Result<std::string> passport_jwt(const rats::Passport& passport, const Digest& nonce, ByteSpan identity_spki) {
    TRY(std::string text, passport_text(passport, nonce, identity_spki));
    return text + "." + base64url(passport.signature);
}

}  // namespace sealcall::attestation
