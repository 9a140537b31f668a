// A TPM as a value: signs TPMS_ATTEST structures with software keys as a TPM would, so that each check of the relying
// party can be broken by itself. The real thing (swtpm) is in tests/integration.
#pragma once

#include <functional>

#include "attestation/binding.h"
#include "attestation/cel.h"
#include "attestation/certificates.h"

namespace sealcall::attestation::test {

inline constexpr uint32_t kFixed = 1u << 1 | 1u << 4 | 1u << 5;  ///< fixedTPM, fixedParent, sensitiveDataOrigin
inline constexpr uint32_t kUserWithAuth = 1u << 6, kAdminWithPolicy = 1u << 7, kNoDa = 1u << 10,
                          kEncryptedDuplication = 1u << 11, kRestricted = 1u << 16, kDecrypt = 1u << 17,
                          kSign = 1u << 18;
inline constexpr uint32_t kAkAttributes = kFixed | kUserWithAuth | kNoDa | kRestricted | kSign;
inline constexpr uint32_t kIdentityAttributes = kFixed | kNoDa | kSign;
inline constexpr uint64_t kNow = 1767225600000;  ///< 2026-01-01
inline constexpr uint64_t kDay = 86400000;
inline constexpr Validity kThisYear{.not_before_ms = kNow - kDay, .not_after_ms = kNow + 365 * kDay};

inline Digest digest_of(uint8_t fill) {
    Digest d{};
    d.fill(static_cast<std::byte>(fill));
    return d;
}

inline PkeyPtr new_key() { return *make_software_key(); }

/// TPMT_PUBLIC of an ECDSA key.
struct PublicTemplate {
    uint16_t type = kTpmAlgEcc, name_alg = kTpmAlgSha256;
    uint32_t attributes = kAkAttributes;
    Bytes auth_policy{};
    uint16_t scheme = kTpmAlgEcdsa, scheme_hash = kTpmAlgSha256;
};

inline Bytes coordinates(EVP_PKEY* key) {
    std::array<unsigned char, 133> point{};
    size_t n = 0;
    CHECK(EVP_PKEY_get_octet_string_param(key, "encoded-pub-key", point.data(), point.size(), &n) == 1 && n % 2 == 1);
    return to_bytes(std::as_bytes(std::span(point)).subspan(1, n - 1));
}

inline Bytes tpmt_public(EVP_PKEY* key, const PublicTemplate& t) {
    const Bytes xy = coordinates(key);
    const size_t half = xy.size() / 2;
    const auto size = static_cast<uint16_t>(half);
    ByteWriter w;
    w.u16(t.type)
        .u16(t.name_alg)
        .u32(t.attributes)
        .u16(static_cast<uint16_t>(t.auth_policy.size()))
        .bytes(t.auth_policy);
    w.u16(kTpmAlgNull).u16(t.scheme);
    if (t.scheme != kTpmAlgNull) w.u16(t.scheme_hash);
    w.u16(half == 32 ? kTpmEccNistP256 : kTpmEccNistP384).u16(kTpmAlgNull);
    w.u16(size).bytes(ByteSpan(xy).first(half)).u16(size).bytes(ByteSpan(xy).subspan(half));
    return w.take();
}

/// TPMT_SIGNATURE, ECDSA with SHA-256.
inline Bytes tpmt_signature(EVP_PKEY* key, ByteSpan message) {
    std::array<unsigned char, 160> der{};
    size_t n = der.size();
    MdCtxPtr ctx(EVP_MD_CTX_new());
    CHECK(EVP_DigestSignInit(ctx.get(), nullptr, EVP_sha256(), nullptr, key) == 1);
    CHECK(EVP_DigestSign(ctx.get(), der.data(), &n, as_u8(message.data()), message.size()) == 1);
    const unsigned char* at = der.data();
    EcdsaSigPtr sig(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(n)));
    ByteWriter w;
    w.u16(kTpmAlgEcdsa).u16(kTpmAlgSha256);
    for (const BIGNUM* b : {ECDSA_SIG_get0_r(sig.get()), ECDSA_SIG_get0_s(sig.get())}) {
        Bytes raw(32);
        CHECK(BN_bn2binpad(b, as_u8(raw.data()), 32) == 32);
        w.u16(32).bytes(raw);
    }
    return w.take();
}

/// TPMS_ATTEST, every field at hand.
struct AttestFields {
    uint32_t magic = kTpmGeneratedValue;
    uint16_t type = kTpmStAttestQuote;
    Bytes qualified_signer;
    Bytes extra_data;
    uint64_t clock = 5000;
    uint32_t reset_count = 7, restart_count = 2;
    uint8_t safe = 1;
    uint64_t firmware = 0x2019102300163636;
    std::vector<PcrSelection> selection;
    Bytes pcr_digest;
    Bytes name, qualified_name;

    [[nodiscard]] Bytes encode() const {
        auto tpm2b = [](ByteWriter& w, ByteSpan b) { w.u16(static_cast<uint16_t>(b.size())).bytes(b); };
        ByteWriter w;
        w.u32(magic).u16(type);
        tpm2b(w, qualified_signer);
        tpm2b(w, extra_data);
        w.u64(clock).u32(reset_count).u32(restart_count).u8(safe).u64(firmware);
        if (type == kTpmStAttestQuote) {
            w.u32(static_cast<uint32_t>(selection.size()));
            for (const auto& s : selection) {
                w.u16(s.hash).u8(3);
                for (int i = 0; i < 3; ++i) w.u8(static_cast<uint8_t>(s.pcrs >> (8 * i)));
            }
            tpm2b(w, pcr_digest);
        } else {
            tpm2b(w, name);
            tpm2b(w, qualified_name);
        }
        return w.take();
    }
};

/// Keys of one test run: made once, since none of them is part of what is tested.
struct Keys {
    PkeyPtr authority = new_key(), other_authority = new_key(), ak = new_key(), other_ak = new_key(),
            identity = new_key(), other_identity = new_key(), peer = new_key();
    Bytes authority_root = *make_authority_root(authority.get(), "Example Corp", kThisYear);
    Bytes other_root = *make_authority_root(other_authority.get(), "Example Corp", kThisYear);
    [[nodiscard]] Authority issuer() const { return {.key = authority.get(), .certificate = authority_root}; }
    [[nodiscard]] Authority other_issuer() const { return {.key = other_authority.get(), .certificate = other_root}; }
};
inline const Keys& keys() {
    static const Keys k;
    return k;
}

inline Digest spki_digest(EVP_PKEY* key) { return sha256(*public_key_der(key)); }

inline std::vector<MeasuredRole> measured_roles() {
    return {{.role = "enclave", .files = {{"sealcall-enclave", digest_of(1)}, {"libcrypto.so.3", digest_of(2)}}},
            {.role = "host", .files = {{"sealcall-host", digest_of(3)}}}};
}

inline Digest extended(const Digest& value, const Digest& event) {
    return sha256(ByteWriter{}.bytes(value).bytes(event).view());
}

/// What differs from a genuine machine. Each hook runs at the stage that its name says.
struct Scenario {
    PublicTemplate ak{};
    PublicTemplate identity{.attributes = kIdentityAttributes, .auth_policy = to_bytes(digest_of(0x5a))};
    EVP_PKEY* ak_key = keys().ak.get();
    EVP_PKEY* identity_key = keys().identity.get();
    EVP_PKEY* quote_signer = nullptr;    ///< the AK
    EVP_PKEY* certify_signer = nullptr;  ///< the AK
    Authority authority = keys().issuer();
    DeviceClaims claims{
        .ek = EkOrigin::vendor, .software_tpm = false, .managed = true, .device = "device-1", .authority = {}};
    Validity validity = kThisYear;
    std::vector<MeasuredRole> roles = measured_roles();
    std::function<void(Expectation&)> ask;  ///< what is asked for, before anything is signed
    std::function<void(std::array<Digest, 15>&)> pcrs;
    std::function<void(rats::EvidenceBody&)> body;               ///< before it is hashed and signed
    std::function<void(AttestFields&)> quote, quote10, certify;  ///< before signing
    std::function<void(rats::Evidence&)> evidence;               ///< on the way
    std::function<void(Expectation&)> expect;                    ///< at the relying party
};

struct Case {
    rats::Evidence evidence;
    Expectation expect;
};

inline Expectation genuine_expectation() {
    Expectation e;
    e.binding.attester = rats::Role::callee;
    e.binding.round = 1;
    e.binding.channel_binding = digest_of(0x11);
    e.binding.verifier_nonce = digest_of(0x12);
    e.binding.attester_nonce = digest_of(0x13);
    e.binding.attester_tls_spki = spki_digest(keys().identity.get());
    e.binding.peer_tls_spki = spki_digest(keys().peer.get());
    e.binding.attester_dtls = digest_of(0x14);
    e.binding.peer_dtls = digest_of(0x15);
    e.binding.hellos = digest_of(0x16);
    e.identity_spki = e.binding.attester_tls_spki;
    e.anchors = {rats::CertificateDer(keys().authority_root)};
    e.wall_ms = kNow;
    return e;
}

/// Identity key, AK and certificate as EvidenceBody carries them.
inline rats::EvidenceBody make_body(const Scenario& s, const PublicArea& ak, ByteSpan ak_public) {
    rats::EvidenceBody body;
    body.round = 1;
    body.ak_public = rats::TpmPublic(ak_public);
    auto certificate = issue_ak_certificate(s.authority, ak, s.claims, s.validity);
    if (certificate) body.ak_certificate = rats::CertificateDer(*certificate);
    const Bytes identity_public = tpmt_public(s.identity_key, s.identity);
    body.identity_public = rats::TpmPublic(identity_public);
    auto identity = parse_tpmt_public(identity_public);
    AttestFields certify;
    certify.type = kTpmStAttestCertify;
    certify.qualified_signer = endorsement_primary_qualified_name(ak);
    certify.extra_data = to_bytes(certify_identity_qualifying_data(spki_digest(s.identity_key)));
    if (identity) certify.name = identity->name;
    certify.qualified_name = certify.qualified_signer;
    if (s.certify) s.certify(certify);
    body.certify_attest = rats::TpmAttest(certify.encode());
    body.certify_signature = rats::TpmSignature(
        tpmt_signature(s.certify_signer != nullptr ? s.certify_signer : s.ak_key, body.certify_attest.view()));
    body.sealcall_log = *BoundedBytes<8192>::from(*encode_cel(s.roles, 13));
    if (s.body) s.body(body);
    return body;
}

inline void add_quote(const Scenario& s, const PublicArea& ak, const Digest& extra, const std::array<Digest, 15>& pcrs,
                      bool ten, rats::Evidence& out) {
    AttestFields f;
    f.qualified_signer = endorsement_primary_qualified_name(ak);
    f.extra_data = to_bytes(extra);
    f.selection = {{.hash = kTpmAlgSha256, .pcrs = ten ? 1u << 10 : 0x7bffu}};
    ByteWriter values;
    for (size_t i = 0; i < pcrs.size(); ++i)
        if ((i == 10) == ten) values.bytes(pcrs[i]);
    f.pcr_digest = to_bytes(sha256(values.view()));
    const auto& hook = ten ? s.quote10 : s.quote;
    if (hook) hook(f);
    const Bytes attest = f.encode();
    EVP_PKEY* signer = s.quote_signer != nullptr ? s.quote_signer : s.ak_key;
    (ten ? out.quote10 : out.quote) = rats::TpmAttest(attest);
    (ten ? out.quote10_signature : out.quote_signature) = rats::TpmSignature(tpmt_signature(signer, attest));
}

/// A whole attestation: genuine but for what the scenario says.
inline Case make_case(const Scenario& s) {
    Case c{.evidence = {}, .expect = genuine_expectation()};
    if (s.ask) s.ask(c.expect);
    const Bytes ak_public = tpmt_public(s.ak_key, s.ak);
    // A public area that no parser takes still gets its quotes signed: the check must find out by itself.
    PublicArea ak = parse_tpmt_public(ak_public).value_or(*parse_tpmt_public(tpmt_public(s.ak_key, {})));
    std::array<Digest, 15> pcrs{};
    for (const auto& role : s.roles) pcrs[13] = extended(pcrs[13], cel_digest(role));
    if (s.pcrs) s.pcrs(pcrs);
    c.evidence.body = *BoundedBytes<24576>::from(ipc::encode(make_body(s, ak, ak_public)));
    rats::BindingInput binding = c.expect.binding;
    binding.evidence_body = sha256(c.evidence.body.view());
    const Digest extra = *quote_qualifying_data(binding);
    add_quote(s, ak, extra, pcrs, false, c.evidence);
    add_quote(s, ak, extra, pcrs, true, c.evidence);
    for (uint8_t i = 0; i < pcrs.size(); ++i) CHECK(c.evidence.pcrs.push({.pcr = i, .value = pcrs[i]}));
    if (s.evidence) s.evidence(c.evidence);
    if (s.expect) s.expect(c.expect);
    return c;
}

inline rats::VerifierRequest request_of(const Case& c) {
    rats::VerifierRequest r;
    r.evidence = c.evidence;
    r.binding = c.expect.binding;
    for (const auto& a : c.expect.anchors) CHECK(r.anchors.push(a));
    r.wall_ms = c.expect.wall_ms;
    r.measurement_pcr = c.expect.measurement_pcr;
    return r;
}

/// The same bytes with one of them changed.
template <size_t N>
BoundedBytes<N> flipped(const BoundedBytes<N>& in, size_t at) {
    Bytes b = to_bytes(in.view());
    b.at(at) ^= std::byte{0x01};
    return BoundedBytes<N>(b);
}

}  // namespace sealcall::attestation::test
