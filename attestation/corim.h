// CoRIM (draft-ietf-rats-corim): reference values and verification keys as their makers publish them, in CBOR, bare or
// signed (COSE_Sign1). Reading only; for tools and the authority, never the enclave. What is read is a claim of whoever
// wrote the file: only verify_corim with a pinned key makes it somebody's word.
//
//   [500] 501 { 0: id, 1: [ 506 << { 1: tag-identity, 4: triples } >>, ... ], ?3: profile, ?4: validity }
//   [500] [502] 18 [ << protected >>, {}, << 501 {...} >>, signature ]
//
// Limits: 4 MiB a file, 64 tags, 65,536 measurements and 4096 keys, 16 digests a measurement, 24 levels.
#pragma once

#include <optional>

#include "attestation/jose_key.h"

namespace sealcall::attestation {

/// The profile of Parsec over a TPM: the measurement's key is a PCR.
inline constexpr const char* kParsecTpmProfile = "tag:github.com/parallaxsecond,2023-03-03:tpm";

/// A value with the kind that its CBOR tag gave: uuid, oid, ueid, bytes, uint, text, ...; bytes as hexadecimal.
struct TypedValue {
    std::string type, value;
    bool operator==(const TypedValue&) const = default;
};

struct CorimEnvironment {
    bool has_class = false;
    std::optional<TypedValue> class_id, instance, group;
    std::string vendor, model;
    std::optional<uint64_t> layer, index;
    bool operator==(const CorimEnvironment&) const = default;
};

struct CorimDigest {
    std::string algorithm;  ///< name of the IANA registry "Named Information Hash Algorithm": "sha-256", ...
    Bytes value;
    bool operator==(const CorimDigest&) const = default;
};

/// One measurement of a reference triple.
struct CorimMeasurement {
    size_t environment = 0;  ///< index into Corim::environments
    std::optional<TypedValue> key;
    std::vector<CorimDigest> digests;
    std::optional<uint64_t> svn, min_svn;
    Bytes raw_value;
    size_t other_values = 0;  ///< values of kinds that are not read here
};

struct CorimKeys {
    size_t environment = 0;
    std::vector<TypedValue> keys;  ///< type: pkix-base64-key, pkix-base64-cert, ...
};

struct CorimSignature {
    std::string alg, kid, signer;  ///< "ES256", "ES384" or the number; kid in hexadecimal
    Bytes signed_bytes, value;     ///< Sig_structure (RFC 9052 4.4), and the signature
};

struct Corim {
    std::string id, profile;
    std::optional<int64_t> not_before, not_after;  ///< seconds since 1970 UTC
    std::optional<CorimSignature> signature;
    std::vector<TypedValue> tags;  ///< comid, coswid, cotl, ...: its id
    std::vector<CorimEnvironment> environments;
    std::vector<CorimMeasurement> references;
    std::vector<CorimKeys> attestation_keys, identity_keys;
    size_t other_triples = 0;  ///< triples of kinds that are not read here
};

/// Error::detail of what parse_corim refuses; `corim_fault_name` gives the stable name.
enum class CorimFault : uint32_t {
    size = 1,
    cbor,       ///< no CBOR, or not whole
    tag,        ///< not a CoRIM's outer tag
    structure,  ///< CBOR, but of another shape
    duplicate,  ///< a key of a map stands twice
    missing,    ///< something mandatory
    digest,     ///< a digest of another length than its algorithm's, or of none that is known
    cose,       ///< the signature's frame
    environment,
    class_of,  ///< by profile: no class
    class_id,
    instance,
    keys,
    pcr,
    digests,
    signature,  ///< verify_corim: not by this key
};
const char* corim_fault_name(uint32_t detail);

/// Reads a whole file and applies the rules of the profiles it knows. Errors: bad_value, detail as CorimFault.
Result<Corim> parse_corim(ByteSpan file);

/// The signature is by `key`, whose algorithm is the signed one. Errors: bad_signature, detail as CorimFault
/// (`missing`: it is not signed).
Status verify_corim(const Corim& corim, const JoseKey& key);

/// What an appraisal compares with: one line for each digest.
struct ReferenceValue {
    CorimEnvironment environment;
    std::optional<TypedValue> key;
    std::string algorithm;
    Bytes digest;
};
std::vector<ReferenceValue> reference_values(const Corim& corim);

}  // namespace sealcall::attestation
