// Signing the next bundle of an authority in a directory, for `authority bundle` and `reference approve`.
#pragma once

#include <filesystem>

#include "reference_store.h"
#include "sealcall/base/result.h"

namespace sealcall::cli {

struct SignedBundleFacts {
    uint64_t version = 0, next_update_ms = 0;
    size_t references = 0, runtime = 0, revoked = 0;
    std::filesystem::path file;
};

/// Compiles `store`, adds what `revoke` names to the authority's list of struck off keys, signs, and writes bundle.bin.
/// The version is one above the last. Throws Problem.
SignedBundleFacts sign_next_bundle(const std::filesystem::path& authority_dir, const reference::ReferenceStore& store,
                                   const std::vector<std::string>& revoke, uint32_t days);
void print_signed(const SignedBundleFacts& facts, bool json);

/// Why a bundle is not believed, as the end of a sentence.
const char* bundle_sentence(const Error& error);
/// The bytes of a bundle's file; Problem when there is none, or when it is larger than a bundle.
Bytes bundle_file(const std::filesystem::path& file);

/// The SPKI in a PEM or DER certificate; Problem when it is none.
Bytes spki_of_certificate_file(const std::filesystem::path& file);

}  // namespace sealcall::cli
