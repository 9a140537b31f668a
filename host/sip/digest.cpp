#include "host/sip/digest.h"

namespace sealcall::host {
namespace {

constexpr size_t kOpenMax = 32;

/// Text that may stand between quotes without escapes.
bool quotable(const pl& p, size_t max) {
    return p.l <= max && std::ranges::all_of(
                             view(p), [](unsigned char c) { return c >= 0x20 && c != 0x7f && c != '"' && c != '\\'; });
}

bool offers_auth(std::string_view qop) {
    while (!qop.empty()) {
        size_t n = std::min(qop.find(','), qop.size());
        std::string_view word = qop.substr(0, n);
        qop.remove_prefix(std::min(n + 1, qop.size()));
        while (word.starts_with(' ')) word.remove_prefix(1);
        while (word.ends_with(' ')) word.remove_suffix(1);
        if (word == "auth") return true;
    }
    return false;
}

struct Search {
    std::optional<Challenge> best;
    bool proxy = false;
};

bool consider(const sip_hdr* h, const sip_msg*, void* arg) {
    auto* search = static_cast<Search*>(arg);
    httpauth_digest_chall d{};
    if (httpauth_digest_challenge_decode(&d, &h->val)) return false;
    if (!quotable(d.realm, 128) || !quotable(d.nonce, 256) || !quotable(d.opaque, 256) || d.nonce.l == 0) return false;
    Challenge c{.proxy = search->proxy,
                .algorithm = ipc::DigestAlgorithm::md5,
                .realm = text(d.realm),
                .nonce = text(d.nonce),
                .opaque = text(d.opaque),
                .qop_auth = false};
    if (pl_isset(&d.algorithm)) {
        if (!pl_strcasecmp(&d.algorithm, "SHA-256"))
            c.algorithm = ipc::DigestAlgorithm::sha256;
        else if (pl_strcasecmp(&d.algorithm, "MD5"))
            return false;
    }
    if (pl_isset(&d.qop)) {
        c.qop_auth = offers_auth(view(d.qop));
        if (!c.qop_auth) return false;
    }
    if (!search->best ||
        (c.algorithm == ipc::DigestAlgorithm::sha256 && search->best->algorithm == ipc::DigestAlgorithm::md5))
        search->best = c;
    return false;
}

}  // namespace

Result<Challenge> choose_challenge(const sip_msg& response) {
    Search search;
    search.proxy = response.scode == 407;
    (void)sip_msg_hdr_apply(&response, true, search.proxy ? SIP_HDR_PROXY_AUTHENTICATE : SIP_HDR_WWW_AUTHENTICATE,
                            consider, &search);
    if (!search.best) return Error{Errc::bad_sip, "no usable challenge", response.scode};
    return *search.best;
}

std::string authorization_header(const Challenge& c, const std::string& uri, const ipc::DigestResponse& r) {
    std::string h = c.proxy ? "Proxy-Authorization" : "Authorization";
    h += ": Digest username=\"" + r.username.str() + "\", realm=\"" + c.realm + "\", nonce=\"" + c.nonce +
         "\", uri=\"" + uri + "\", response=\"" + r.response.str() + "\", algorithm=";
    h += c.algorithm == ipc::DigestAlgorithm::sha256 ? "SHA-256" : "MD5";
    if (!c.opaque.empty()) h += ", opaque=\"" + c.opaque + "\"";
    if (c.qop_auth) h += ", cnonce=\"" + r.cnonce.str() + "\", qop=auth, nc=00000001";
    return h + "\r\n";
}

void DigestBroker::ask(const Challenge& c, const std::string& method, const std::string& uri, Answer answer) {
    auto bounded_uri = BoundedString<256>::from(uri);
    auto bounded_method = BoundedString<16>::from(method);
    if (closed_ || open_.size() >= kOpenMax || !bounded_uri || !bounded_method) return answer(nullptr);
    const uint32_t id = next_++;
    open_[id] = std::move(answer);
    ask_(ipc::DigestChallenge{.request = RequestId{id},
                              .algorithm = c.algorithm,
                              .realm = BoundedString<128>::cut(c.realm),
                              .nonce = BoundedString<256>::cut(c.nonce),
                              .method = *bounded_method,
                              .uri = *bounded_uri,
                              .qop_auth = c.qop_auth});
}

void DigestBroker::close() {
    closed_ = true;
    for (const auto& [id, answer] : std::exchange(open_, {})) answer(nullptr);
}

void DigestBroker::answered(const ipc::DigestResponse& r) {
    auto it = open_.find(r.request.value);
    if (it == open_.end()) return;
    Answer answer = std::move(it->second);
    open_.erase(it);
    answer(r.response.empty() ? nullptr : &r);
}

}  // namespace sealcall::host
