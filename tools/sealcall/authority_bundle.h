// Signing the next bundle of an authority in a directory, for `authority bundle`, `policy sign` and `reference
// approve`.
#pragma once

#include <filesystem>
#include <optional>

#include "sealcall/base/result.h"
#include "sealcall/rats/bundle.h"

namespace sealcall::cli {

struct BundleWish {
    std::string store;                     ///< directory of a reference store; empty: the last bundle's
    std::vector<std::string> revoke;       ///< addresses, certificates, digests of keys
    std::optional<Bytes> policy;           ///< compiled, from now on; empty: none any more; nullopt: the last one's
    std::vector<rats::Reference> decided;  ///< these may change or be missing, whatever the last bundle has
    bool fewer = false;                    ///< whatever else the last bundle has may go
    uint32_t days = 7;
};

struct SignedBundleFacts {
    uint64_t version = 0, next_update_ms = 0;
    size_t references = 0, runtime = 0, revoked = 0;
    size_t gained = 0, lost = 0;             ///< values, beside the last bundle
    size_t learned = 0;                      ///< struck off keys that only the last bundle knew
    std::vector<std::string> given_up = {};  ///< what `fewer` let go, each as the end of "it does ..."
    std::filesystem::path file, store;
    Bytes policy;
};

/// Compiles the store, strikes off what `revoke` names, signs, and writes bundle.bin: all of it or nothing. (The name
/// of the store is remembered before; what another one would lose is asked for at the next signing.) The version is one
/// above the last; policy and struck off keys are those of the last one and what the wish and the database add. Throws
/// Problem: among others when there is no such store, and when values, PCRs or partners of the last bundle would go
/// that the wish does not give up, or bundle.bin is not the last one.
SignedBundleFacts sign_next_bundle(const std::filesystem::path& authority_dir, const BundleWish& wish);
void print_signed(const SignedBundleFacts& facts, bool json);

/// Problem when there is no reference store in this directory.
void must_be_a_store(const std::string& dir);

/// Why a bundle is not believed, as the end of a sentence.
const char* bundle_sentence(const Error& error);
/// "with the policy "Example Corp", 2 rules", of the canonical bytes in a bundle.
std::string policy_words(ByteSpan policy);
/// The bytes of a bundle's file; Problem when there is none, or when it is larger than a bundle.
Bytes bundle_file(const std::filesystem::path& file);

/// The SPKI in a PEM or DER certificate; Problem when it is none.
Bytes spki_of_certificate_file(const std::filesystem::path& file);

}  // namespace sealcall::cli
