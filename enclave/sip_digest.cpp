#include "enclave/sip_digest.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "enclave/sip_name.h"
#include "sealcall/base/hex.h"
#include "sealcall/base/secret.h"

namespace sealcall::enclave {
namespace {

std::string hash_hex(ipc::DigestAlgorithm algorithm, std::string_view text) {
    const EVP_MD* md = algorithm == ipc::DigestAlgorithm::sha256 ? EVP_sha256() : EVP_md5();
    std::array<std::byte, EVP_MAX_MD_SIZE> out{};
    unsigned n = 0;
    CHECK(EVP_Digest(text.data(), text.size(), as_u8(out.data()), &n, md, nullptr) == 1);
    std::string hex = to_hex(ByteSpan(out.data(), n));
    wipe(out.data(), out.size());
    return hex;
}

void wipe_string(std::string& s) { wipe(s.data(), s.size()); }

/// A BoundedString<128> in place.
Result<std::string_view> text_in(ByteReader& r) {
    TRY(const auto n, r.uint<ipc::detail::LengthOf<128>>());
    TRY(const ByteSpan text, r.bytes(n));
    return as_chars(text);
}

}  // namespace

ipc::DigestResponse answer_challenge(const ipc::DigestChallenge& c, const ipc::VaultItem& login,
                                     std::string_view own_domain) {
    ipc::DigestResponse answer;
    answer.request = c.request;
    const std::string_view username = login.name.view();
    ByteReader in(login.body.view());
    const auto realm = text_in(in);
    const auto password = realm ? text_in(in) : realm;
    if (!password || username.empty() || password->empty()) return answer;
    if (realm->empty() ? !same_host(own_domain, c.realm.view()) : *realm != c.realm.view()) return answer;
    std::array<std::byte, 16> random{};
    CHECK(RAND_bytes(as_u8(random.data()), static_cast<int>(random.size())) == 1);
    const std::string cnonce = to_hex(random);
    std::string secret;
    secret.reserve(username.size() + c.realm.size() + password->size() + 32);  // never in the string itself
    secret.append(username).append(":").append(c.realm.view()).append(":").append(*password);
    std::string ha1 = hash_hex(c.algorithm, secret);
    const std::string ha2 = hash_hex(c.algorithm, c.method.str() + ":" + c.uri.str());
    std::string input = ha1 + ":" + c.nonce.str() + ":";
    if (c.qop_auth) input += "00000001:" + cnonce + ":auth:";
    input += ha2;
    answer.username = BoundedString<128>::cut(username);
    answer.cnonce = BoundedString<64>(cnonce);
    answer.response = BoundedString<64>(hash_hex(c.algorithm, input));
    wipe_string(secret);
    wipe_string(ha1);
    wipe_string(input);
    return answer;
}

}  // namespace sealcall::enclave
