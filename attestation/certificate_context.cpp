#include "attestation/certificate_context.h"

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>

#include <array>
#include <string_view>
#include <vector>

#include "sealcall/base/check.h"

namespace sealcall::attestation {

namespace {

/// Of the tables of key types and of decoders. Names are alternatives with colons between them, the name proper first.
bool is_shown(const OSSL_ALGORITHM& a) {
    const std::string_view names(a.algorithm_names), name = names.substr(0, names.find(':'));
    const std::string_view properties(a.property_definition);
    const auto has = [&](std::string_view property) { return properties.find(property) != std::string_view::npos; };
    if (name != "EC" && name != "RSA") return false;
    return !has("input=") || (has("input=der") && has("structure=SubjectPublicKeyInfo"));
}

OSSL_PROVIDER* whole() {
    static OSSL_PROVIDER* const loaded = OSSL_PROVIDER_load(nullptr, "default");
    return loaded;
}

/// Ends in an empty row, as the whole table does.
std::vector<OSSL_ALGORITHM> shown(int operation) {
    std::vector<OSSL_ALGORITHM> out;
    int no_cache = 0;
    const OSSL_ALGORITHM* a = OSSL_PROVIDER_query_operation(whole(), operation, &no_cache);
    for (; a != nullptr && a->algorithm_names != nullptr; ++a)
        if (is_shown(*a)) out.push_back(*a);
    out.push_back({});
    return out;
}

/// OSSL_FUNC_provider_query_operation (provider-base(7)).
const OSSL_ALGORITHM* query(void*, int operation, int* no_cache) {
    static const std::vector<OSSL_ALGORITHM> key_types = shown(OSSL_OP_KEYMGMT), decoders = shown(OSSL_OP_DECODER);
    *no_cache = 0;
    if (operation == OSSL_OP_KEYMGMT) return key_types.data();
    if (operation == OSSL_OP_DECODER) return decoders.data();
    return OSSL_PROVIDER_query_operation(whole(), operation, no_cache);
}

int start(const OSSL_CORE_HANDLE*, const OSSL_DISPATCH*, const OSSL_DISPATCH** out, void** context) {
    static const std::array<OSSL_DISPATCH, 2> table{
        {{OSSL_FUNC_PROVIDER_QUERY_OPERATION, reinterpret_cast<void (*)()>(query)}, {0, nullptr}}};
    if (whole() == nullptr) return 0;
    *out = table.data();
    *context = OSSL_PROVIDER_get0_provider_ctx(whole());  // the algorithms are the default provider's own
    return 1;
}

OSSL_LIB_CTX* make() {
    OSSL_LIB_CTX* context = OSSL_LIB_CTX_new();
    CHECK(context != nullptr && OSSL_PROVIDER_add_builtin(context, "few", start) == 1 &&
          OSSL_PROVIDER_load(context, "few") != nullptr);
    return context;
}

}  // namespace

OSSL_LIB_CTX* certificate_context() {
    static OSSL_LIB_CTX* const context = make();
    return context;
}

}  // namespace sealcall::attestation
