// UEFI variables as firmware logs them, and the signature databases of Secure Boot in them. Foreign bytes.
//
//   UEFI_VARIABLE_DATA (PFP 1.05, 10.2.6)      EFI_SIGNATURE_LIST (UEFI 2.10, 32.4.1)
//   vendor GUID      16                        type GUID         16
//   name length      u64, in UTF-16 units      list size         u32, this header included
//   data length      u64, bytes                header size       u32
//   name             2 x name length           signature size    u32
//   data                                       header, then signatures: owner GUID 16, data
#pragma once

#include "attestation/logs/algorithms.h"

namespace sealcall::logs {

inline constexpr size_t kVariableNameMax = 512;  ///< UTF-16 units
inline constexpr size_t kSignatureListsMax = 1024;
inline constexpr size_t kCertificatesMax = 256;  ///< in one database

/// In the order of the bytes of the log; text as people write GUIDs.
struct Guid {
    std::array<std::byte, 16> bytes{};
    [[nodiscard]] std::string text() const;
    bool operator==(const Guid&) const = default;
    static Guid of(ByteSpan b);
};

extern const Guid kEfiGlobalVariable;  ///< SecureBoot, PK, KEK, BootOrder
extern const Guid kEfiImageSecurity;   ///< db, dbx
extern const Guid kShimLock;           ///< MokList, SbatLevel

/// The spans point into the event data.
struct UefiVariable {
    Guid vendor;
    std::string name;  ///< printable ASCII, other characters escaped
    ByteSpan data;
    size_t trailing = 0;  ///< bytes behind the data: older shim and firmware write them
};

/// Errors: truncated, too_large (the name).
Result<UefiVariable> parse_uefi_variable(ByteSpan in);

struct DatabaseCertificate {
    std::string subject;  ///< RFC 2253, escaped; empty if it is no certificate that OpenSSL reads
    Digest sha256{};      ///< of its DER
    Guid owner;
};

struct SignatureDatabase {
    std::vector<DatabaseCertificate> certificates;
    size_t hashes = 0;  ///< SHA-256 digests of images
    size_t others = 0;  ///< signatures of other kinds
};

/// Reads the contents of PK, KEK, db or dbx; empty contents are an empty database.
/// Errors: truncated, bad_value (sizes that do not fit each other), too_large.
Result<SignatureDatabase> parse_signature_database(ByteSpan in);

/// One EFI_SIGNATURE_DATA of an authority event that holds a certificate, with or without the owner before it.
std::optional<DatabaseCertificate> authority_certificate(ByteSpan in);

}  // namespace sealcall::logs
