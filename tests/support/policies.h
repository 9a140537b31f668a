// Phones that obey an administrator: documents for calls between two enclaves, in signed bundles.
#pragma once

#include "attestation/binding.h"
#include "tests/support/enclave_phone.h"
#include "tests/unit/policy/documents.h"

namespace sealcall::test {

using policy::Action;
using policy::Document;
using policy::DocumentRule;

/// Everybody of the laboratory may call and be called, at level 2 or better, with any label.
inline DocumentRule lab_rule(const char* name, Action answer) {
    DocumentRule r = policy::test::rule(name, answer, rats::Level::measured);
    r.lab = true;
    return r;
}

inline Document lab_document(const std::vector<DocumentRule>& rules) { return policy::test::document(rules); }

inline rats::Bundle bundle_with(const TestAuthority& authority, const Document& document, uint64_t version = 6) {
    rats::Bundle b = authority.bundle(version, 7);
    b.policy = BoundedBytes<rats::kPolicyMax>(ipc::encode(document));
    return b;
}

/// A phone whose authority's bundle is this one.
inline PhoneOptions obeying(const TestAuthority& authority, const rats::Bundle& bundle, std::string uri) {
    PhoneOptions o;
    o.uri = std::move(uri);
    // As in recheck_test: a question may follow at once, silence is noticed in a second.
    o.recheck = {.every = {}, .gap = Millis{20}, .overdue = Millis{4000}, .silent = Millis{8000}};
    o.bundle = authority.sign(bundle);
    o.bundle_signer = authority.spki();
    o.pin = tpm::AuthorityPin{.signer = attestation::sha256(authority.spki()), .oldest_version = 5};
    return o;
}

inline PhoneOptions obeying(const TestAuthority& authority, const Document& document, std::string uri) {
    return obeying(authority, bundle_with(authority, document), std::move(uri));
}

inline bool noticed(const EnclavePhone& phone, std::string_view text) {
    return std::ranges::any_of(phone.from_ui, [&](const Bytes& b) {
        const auto m = ipc::decode_message<ipc::Notice>(b);
        return m && m->text.view().find(text) != std::string_view::npos;
    });
}

}  // namespace sealcall::test
