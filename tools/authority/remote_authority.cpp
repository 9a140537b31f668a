#include "remote_authority.h"

#include <arpa/inet.h>
#include <httplib.h>

#include <chrono>
#include <thread>

#include "attestation/certificates.h"
#include "attestation/openssl.h"
#include "enrolment_json.h"
#include "files.h"
#include "problem.h"
#include "store.h"

namespace sealcall::authority {
namespace {

using attestation::X509Ptr;
using attestation::X509StoreCtxPtr;
using attestation::X509StorePtr;

Bytes der_of(X509* certificate) { return attestation::to_der(i2d_X509, certificate); }

bool chains_to(X509* leaf, X509* root, const std::string& host) {
    const X509StorePtr store(X509_STORE_new());
    const X509StoreCtxPtr ctx(X509_STORE_CTX_new());
    if (!store || !ctx || X509_STORE_add_cert(store.get(), root) != 1 ||
        X509_STORE_CTX_init(ctx.get(), store.get(), leaf, nullptr) != 1)
        return false;
    X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(ctx.get());
    unsigned char raw[16];
    const bool numeric = inet_pton(AF_INET, host.c_str(), raw) == 1 || inet_pton(AF_INET6, host.c_str(), raw) == 1;
    const bool named = numeric ? X509_VERIFY_PARAM_set1_ip_asc(param, host.c_str()) == 1
                               : X509_VERIFY_PARAM_set1_host(param, host.c_str(), host.size()) == 1;
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return named && X509_STORE_CTX_set_purpose(ctx.get(), X509_PURPOSE_SSL_SERVER) == 1 &&
           X509_verify_cert(ctx.get()) == 1;
}

/// Instead of OpenSSL's own verification: the root with the pinned digest must be among what the server sent, the
/// server's certificate must chain to it, be of this host, and be an authority's service, not a phone's.
int verify_server(X509_STORE_CTX* ctx, void* pinned) {
    const auto& options = *static_cast<const RemoteOptions*>(pinned);
    X509* leaf = X509_STORE_CTX_get0_cert(ctx);
    STACK_OF(X509)* sent = X509_STORE_CTX_get0_untrusted(ctx);
    X509_STORE_CTX_set_error(ctx, X509_V_ERR_CERT_UNTRUSTED);
    for (int i = 0; leaf != nullptr && i < sk_X509_num(sent); ++i) {
        X509* root = sk_X509_value(sent, i);
        if (cli::digest_of(der_of(root)) != options.root) continue;
        if (!attestation::is_service_certificate(der_of(leaf)) || !chains_to(leaf, root, options.host)) return 0;
        X509_STORE_CTX_set_error(ctx, X509_V_OK);
        return 1;
    }
    return 0;
}

[[noreturn]] void refuse(int status, const std::string& body) {
    std::string error = "The authority answered with status " + std::to_string(status) + ".",
                next = "Ask its administrator.";
    try {
        Members members(parse_body(body));
        error = members.text("error", 512);
        next = members.text("next", 512);
    } catch (const Refusal&) {  // not one of ours: the status must do
    }
    throw Refusal(error, next, status == 401 ? Refusal::Kind::not_authentic : Refusal::Kind::refused);
}

/// After the last try. `busy`: it answered, and had no time.
[[noreturn]] void nobody(const RemoteOptions& o, httplib::Error error, bool busy) {
    const std::string place = o.host + ":" + std::to_string(o.port);
    if (busy)
        throw cli::Problem("The authority at " + place + " is too busy to answer.", "Try again in a few minutes.",
                           cli::exit_status::kNobody);
    if (error == httplib::Error::SSLConnection || error == httplib::Error::SSLServerVerification)
        throw cli::Problem("What answers at " + place + " is not the authority that is meant.",
                           "Check the address and the port. If the authority was made anew, ask its administrator for "
                           "a new token and enrol again.",
                           cli::exit_status::kNobody);
    throw cli::Problem("The authority at " + place + " does not answer (" + httplib::to_string(error) + ").",
                       "Check the address, the port and your network, and ask its administrator whether `sealcall "
                       "authority serve` runs.",
                       cli::exit_status::kNobody);
}

}  // namespace

template <class F>
std::string RemoteAuthority::exchange(F ask) {
    httplib::Error last = httplib::Error::Unknown;
    bool busy = false;
    for (int i = 0; i < options_.tries; ++i) {
        if (i > 0) std::this_thread::sleep_for(std::chrono::milliseconds(250 << i));
        httplib::SSLClient client(options_.host, options_.port);
        // The library's own verification knows the system's authorities only; OpenSSL asks ours during the handshake.
        client.enable_server_certificate_verification(false);
        SSL_CTX_set_min_proto_version(client.ssl_context(), TLS1_3_VERSION);
        SSL_CTX_set_verify(client.ssl_context(), SSL_VERIFY_PEER, nullptr);
        SSL_CTX_set_cert_verify_callback(client.ssl_context(), verify_server, &options_);
        client.set_connection_timeout(5);
        client.set_read_timeout(20);
        client.set_write_timeout(10);
        std::string body;
        const httplib::Result answer = ask(client, body);
        if (!answer) {
            last = answer.error();
            busy = false;
            continue;
        }
        if (body.empty()) body = answer->body;
        if (answer->status >= 200 && answer->status < 300) return body;
        if (answer->status != 429 && answer->status != 503) refuse(answer->status, body);
        busy = true;
    }
    nobody(options_, last, busy);
}

std::string RemoteAuthority::post(const std::string& path, const std::string& body) {
    httplib::Headers headers;
    if (options_.token) headers.emplace("Authorization", "Bearer " + bearer_text(*options_.token));
    return exchange(
        [&](httplib::SSLClient& client, std::string&) { return client.Post(path, headers, body, "application/json"); });
}

std::optional<Bytes> RemoteAuthority::bundle_after(uint64_t version) {
    const std::string path = "/v1/bundle?after=" + std::to_string(version);
    const std::string bytes = exchange([&](httplib::SSLClient& client, std::string& body) {
        // Bounded while it arrives, for the library would take whatever the other side sends.
        return client.Get(path, [&](const char* data, size_t size) {
            if (body.size() + size > kSignedBundleMax) return false;
            body.append(data, size);
            return true;
        });
    });
    if (bytes.empty()) return std::nullopt;
    return to_bytes(as_bytes(bytes));
}

EnrolmentChallenge RemoteAuthority::begin(const EnrolmentRequest& request) {
    return challenge_from_json(post(options_.token ? "/v1/enrolments" : "/v1/renewals", to_json(request).dump()));
}

EnrolmentGrant RemoteAuthority::finish(const ActivatedCredential& answer) {
    const std::string kind = options_.token ? "/v1/enrolments/" : "/v1/renewals/";
    return grant_from_json(post(kind + cli::to_hex(answer.ticket) + "/activation", to_json(answer).dump()));
}

}  // namespace sealcall::authority
