#include "enclave/tls/provider.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <strings.h>

namespace sealcall::tls {

struct KeyState {
    std::array<uint8_t, 65> pub{};  ///< uncompressed point (SEC 1, 2.3.3)
    SignDigest sign;
    std::optional<Error> error;
};

namespace {

constexpr size_t kSignatureMax = 72;  // DER of two 32 byte integers
constexpr const char* kStateParam = "sealcall-key";

/// What OpenSSL holds as "key data" and as "signature context".
struct KeyObject {
    std::shared_ptr<KeyState> state;
};
struct SignContext {
    std::shared_ptr<KeyState> state;
    EvpMdCtxPtr digest;
};

// ---- key management "EC" (provider-keymgmt(7))

void* key_new(void*) { return new KeyObject; }
void key_free(void* key) { delete static_cast<KeyObject*>(key); }
int key_has(const void* key, int) { return static_cast<const KeyObject*>(key)->state != nullptr; }

int key_match(const void* a, const void* b, int) {
    const auto &x = static_cast<const KeyObject*>(a)->state, &y = static_cast<const KeyObject*>(b)->state;
    return x && y && x->pub == y->pub;
}

int set_int(OSSL_PARAM params[], const char* name, int value) {
    OSSL_PARAM* p = OSSL_PARAM_locate(params, name);
    return p == nullptr || OSSL_PARAM_set_int(p, value) == 1;
}
int set_text(OSSL_PARAM params[], const char* name, const char* value) {
    OSSL_PARAM* p = OSSL_PARAM_locate(params, name);
    return p == nullptr || OSSL_PARAM_set_utf8_string(p, value) == 1;
}
int set_octets(OSSL_PARAM params[], const char* name, const void* value, size_t size) {
    OSSL_PARAM* p = OSSL_PARAM_locate(params, name);
    return p == nullptr || OSSL_PARAM_set_octet_string(p, value, size) == 1;
}

int key_get_params(void* key, OSSL_PARAM params[]) {
    const auto& state = static_cast<KeyObject*>(key)->state;
    if (!state) return 0;
    return set_int(params, OSSL_PKEY_PARAM_BITS, 256) && set_int(params, OSSL_PKEY_PARAM_SECURITY_BITS, 128) &&
           set_int(params, OSSL_PKEY_PARAM_MAX_SIZE, kSignatureMax) &&
           set_text(params, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1") &&
           set_text(params, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed") &&
           set_text(params, OSSL_PKEY_PARAM_DEFAULT_DIGEST, "SHA256") &&
           set_text(params, OSSL_PKEY_PARAM_MANDATORY_DIGEST, "SHA256") &&
           set_octets(params, OSSL_PKEY_PARAM_PUB_KEY, state->pub.data(), state->pub.size()) &&
           set_octets(params, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, state->pub.data(), state->pub.size());
}

const OSSL_PARAM* key_gettable_params(void*) {
    static const OSSL_PARAM kTable[] = {OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, nullptr),
                                        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, nullptr),
                                        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, nullptr),
                                        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, nullptr, 0),
                                        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, nullptr, 0),
                                        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, nullptr, 0),
                                        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, nullptr, 0),
                                        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, nullptr, 0),
                                        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, nullptr, 0),
                                        OSSL_PARAM_END};
    return kTable;
}

// The only way in: a pointer to our own shared state, passed by SigningKey::create in the same process.
int key_import(void* key, int, const OSSL_PARAM params[]) {
    const OSSL_PARAM* p = OSSL_PARAM_locate_const(params, kStateParam);
    if (p == nullptr || p->data_size != sizeof(std::shared_ptr<KeyState>*)) return 0;
    std::shared_ptr<KeyState>* source = nullptr;
    std::memcpy(&source, p->data, sizeof source);
    static_cast<KeyObject*>(key)->state = *source;
    return 1;
}
const OSSL_PARAM* key_import_types(int) {
    static const OSSL_PARAM kTable[] = {OSSL_PARAM_octet_string(kStateParam, nullptr, 0), OSSL_PARAM_END};
    return kTable;
}

int key_export(void* key, int selection, OSSL_CALLBACK* callback, void* argument) {
    const auto& state = static_cast<KeyObject*>(key)->state;
    if (!state || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0) return 0;
    char group[] = "prime256v1";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, state->pub.data(), state->pub.size()),
        OSSL_PARAM_END};
    return callback(params, argument);
}
const OSSL_PARAM* key_export_types(int selection) {
    static const OSSL_PARAM kTable[] = {OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, nullptr, 0),
                                        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, nullptr, 0), OSSL_PARAM_END};
    return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 ? nullptr : kTable;
}
const char* key_operation_name(int operation) { return operation == OSSL_OP_SIGNATURE ? "ECDSA" : nullptr; }

// ---- signature "ECDSA" with SHA-256 (provider-signature(7))

void* sign_new(void*, const char*) { return new SignContext; }
void sign_free(void* context) { delete static_cast<SignContext*>(context); }

void* sign_dup(void* context) {
    const auto* from = static_cast<SignContext*>(context);
    auto copy = std::make_unique<SignContext>();
    copy->state = from->state;
    if (from->digest) {
        copy->digest.reset(EVP_MD_CTX_new());
        if (!copy->digest || EVP_MD_CTX_copy_ex(copy->digest.get(), from->digest.get()) != 1) return nullptr;
    }
    return copy.release();
}

int sign_init(void* context, const char* digest, void* key, const OSSL_PARAM[]) {
    auto* c = static_cast<SignContext*>(context);
    if (key != nullptr) c->state = static_cast<KeyObject*>(key)->state;
    if (!c->state) return 0;
    const bool sha256 = digest == nullptr || *digest == '\0' || strcasecmp(digest, "SHA256") == 0 ||
                        strcasecmp(digest, "SHA2-256") == 0;
    if (!sha256) return 0;
    c->digest.reset(EVP_MD_CTX_new());
    return c->digest && EVP_DigestInit_ex(c->digest.get(), EVP_sha256(), nullptr) == 1;
}

int sign_update(void* context, const unsigned char* data, size_t size) {
    return EVP_DigestUpdate(static_cast<SignContext*>(context)->digest.get(), data, size);
}

int sign_final(void* context, unsigned char* out, size_t* length, size_t capacity) {
    auto* c = static_cast<SignContext*>(context);
    if (out == nullptr) {
        *length = kSignatureMax;
        return 1;
    }
    Digest digest{};
    if (EVP_DigestFinal_ex(c->digest.get(), as_u8(digest.data()), nullptr) != 1) return 0;
    KeyState& state = *c->state;
    auto signature = state.sign ? state.sign(digest) : Result<Bytes>(Error{Errc::wrong_state, "key is disarmed", 0});
    if (!signature) {
        state.error = signature.error();
        return 0;
    }
    if (signature->empty() || signature->size() > std::min(capacity, kSignatureMax)) {
        state.error = Error{Errc::bad_signature, "signature length", static_cast<uint32_t>(signature->size())};
        return 0;
    }
    std::memcpy(out, signature->data(), signature->size());
    *length = signature->size();
    return 1;
}

int sign_get_params(void*, OSSL_PARAM params[]) {
    // AlgorithmIdentifier ecdsa-with-SHA256 (RFC 5758, 3.2); X509_sign asks for it.
    static constexpr uint8_t kAlgorithm[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
    return set_octets(params, OSSL_SIGNATURE_PARAM_ALGORITHM_ID, kAlgorithm, sizeof kAlgorithm) &&
           set_text(params, OSSL_SIGNATURE_PARAM_DIGEST, "SHA256");
}
const OSSL_PARAM* sign_gettable_params(void*, void*) {
    static const OSSL_PARAM kTable[] = {OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, nullptr, 0),
                                        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, nullptr, 0),
                                        OSSL_PARAM_END};
    return kTable;
}

// ---- dispatch

template <class F>
OSSL_DISPATCH entry(int id, F* function) {
    return {id, reinterpret_cast<void (*)()>(function)};
}

const OSSL_ALGORITHM* query(void*, int operation, int* no_cache) {
    static const OSSL_DISPATCH kKey[] = {entry(OSSL_FUNC_KEYMGMT_NEW, key_new),
                                         entry(OSSL_FUNC_KEYMGMT_FREE, key_free),
                                         entry(OSSL_FUNC_KEYMGMT_HAS, key_has),
                                         entry(OSSL_FUNC_KEYMGMT_MATCH, key_match),
                                         entry(OSSL_FUNC_KEYMGMT_GET_PARAMS, key_get_params),
                                         entry(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, key_gettable_params),
                                         entry(OSSL_FUNC_KEYMGMT_IMPORT, key_import),
                                         entry(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, key_import_types),
                                         entry(OSSL_FUNC_KEYMGMT_EXPORT, key_export),
                                         entry(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, key_export_types),
                                         entry(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, key_operation_name),
                                         {0, nullptr}};
    static const OSSL_DISPATCH kSign[] = {entry(OSSL_FUNC_SIGNATURE_NEWCTX, sign_new),
                                          entry(OSSL_FUNC_SIGNATURE_FREECTX, sign_free),
                                          entry(OSSL_FUNC_SIGNATURE_DUPCTX, sign_dup),
                                          entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, sign_init),
                                          entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, sign_update),
                                          entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, sign_final),
                                          entry(OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, sign_get_params),
                                          entry(OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, sign_gettable_params),
                                          {0, nullptr}};
    static const OSSL_ALGORITHM kKeys[] = {
        {"EC:id-ecPublicKey:1.2.840.10045.2.1", "provider=sealcall", kKey, "P-256 key that signs elsewhere"},
        {nullptr, nullptr, nullptr, nullptr}};
    static const OSSL_ALGORITHM kSignatures[] = {{"ECDSA", "provider=sealcall", kSign, "ECDSA by callback"},
                                                 {nullptr, nullptr, nullptr, nullptr}};
    *no_cache = 0;
    if (operation == OSSL_OP_KEYMGMT) return kKeys;
    if (operation == OSSL_OP_SIGNATURE) return kSignatures;
    return nullptr;
}

int provider_init(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH*, const OSSL_DISPATCH** out, void** context) {
    static const OSSL_DISPATCH kProvider[] = {entry(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query), {0, nullptr}};
    *out = kProvider;
    *context = const_cast<OSSL_CORE_HANDLE*>(handle);  // opaque and unused, but must not be null
    return 1;
}

}  // namespace

Result<std::unique_ptr<SigningKey>> SigningKey::create(const X509& certificate, SignDigest sign) {
    const EVP_PKEY* pub = X509_get0_pubkey(&certificate);
    if (pub == nullptr) return openssl_error(Errc::bad_key, "X509_get0_pubkey");
    return create(*pub, std::move(sign));
}

Result<std::unique_ptr<SigningKey>> SigningKey::create(const EVP_PKEY& pub, SignDigest sign) {
    std::unique_ptr<SigningKey> self(new SigningKey);
    self->state_ = std::make_shared<KeyState>();
    auto& point = self->state_->pub;
    std::array<char, 32> group{};
    size_t length = 0;
    const bool p256 =
        EVP_PKEY_is_a(&pub, "EC") == 1 && EVP_PKEY_get_group_name(&pub, group.data(), group.size(), &length) == 1 &&
        std::string_view(group.data()) == "prime256v1" &&
        EVP_PKEY_get_octet_string_param(&pub, OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(), &length) == 1 &&
        length == point.size() && point[0] == 4;
    if (!p256) return openssl_error(Errc::bad_key, "not a P-256 key");
    self->state_->sign = std::move(sign);

    self->library_.reset(OSSL_LIB_CTX_new());
    if (!self->library_) return openssl_error(Errc::crypto_failed, "OSSL_LIB_CTX_new");
    OSSL_LIB_CTX* library = self->library_.get();
    TRY_STATUS(check(OSSL_PROVIDER_add_builtin(library, "sealcall", provider_init), Errc::crypto_failed,
                     "OSSL_PROVIDER_add_builtin"));
    self->provider_.reset(OSSL_PROVIDER_load(library, "sealcall"));
    if (!self->provider_) return openssl_error(Errc::crypto_failed, "OSSL_PROVIDER_load");

    const EvpPkeyCtxPtr context(EVP_PKEY_CTX_new_from_name(library, "EC", "provider=sealcall"));
    auto* source = &self->state_;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(kStateParam, static_cast<void*>(&source), sizeof source),
                           OSSL_PARAM_END};
    EVP_PKEY* key = nullptr;
    if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, params) != 1)
        return openssl_error(Errc::crypto_failed, "EVP_PKEY_fromdata");
    self->pkey_.reset(key);
    return self;
}

const std::optional<Error>& SigningKey::signer_error() const { return state_->error; }

void SigningKey::disarm() { state_->sign = nullptr; }

}  // namespace sealcall::tls
