#include "attestation/binding.h"

#include "attestation/cbor.h"
#include "attestation/openssl.h"

namespace sealcall::attestation {

namespace {
constexpr std::string_view kContext = "sealcall-attest/1";
}

Digest sha256(ByteSpan data) {
    static const EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA256", nullptr);  // OpenSSL's SHA256() fetches each time
    Digest out{};
    CHECK(EVP_Digest(data.data(), data.size(), as_u8(out.data()), nullptr, md, nullptr) == 1);
    return out;
}

Result<Digest> quote_qualifying_data(const rats::BindingInput& in) {
    if (in.channel_binding == Digest{}) return Error{Errc::wrong_binding, "channel binding absent", 0};
    CborWriter w;
    w.array(13).text(kContext).text("quote");
    w.text(in.attester == rats::Role::caller ? "caller" : "callee").uint(in.round);
    w.bytes(in.channel_binding).bytes(in.verifier_nonce).bytes(in.attester_nonce);
    w.bytes(in.attester_tls_spki).bytes(in.peer_tls_spki).bytes(in.attester_dtls).bytes(in.peer_dtls);
    w.bytes(in.hellos).bytes(in.evidence_body);
    return sha256(w.view());
}

rats::BindingInput file_binding(const Digest& nonce, const Digest& identity_spki) {
    rats::BindingInput b;
    b.channel_binding = sha256(as_bytes("sealcall-evidence-file/1"));
    b.verifier_nonce = nonce;
    b.attester_tls_spki = identity_spki;
    return b;
}

Digest certify_identity_qualifying_data(const Digest& identity_spki) {
    CborWriter w;
    w.array(3).text(kContext).text("certify-identity").bytes(identity_spki);
    return sha256(w.view());
}

Digest audit_qualifying_data(std::string_view purpose, uint64_t record, const Digest& head) {
    CborWriter w;
    w.array(5).text(kContext).text("audit").text(purpose).uint(record).bytes(head);
    return sha256(w.view());
}

Digest hash_hellos(const rats::Hello& caller, const rats::Hello& callee) {
    ByteWriter w;
    w.bytes(ipc::encode(caller)).bytes(ipc::encode(callee));
    return sha256(w.view());
}

}  // namespace sealcall::attestation
