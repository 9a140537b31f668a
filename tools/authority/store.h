// An authority's directory: what does not belong into a database. Settings, keys and the endorsement roots it believes.
//   authority.json  root.key.pem (0600)  root.cert.pem  escrow.key.pem (0600)  escrow.cert.pem
//   passport.key.pem (0600)
//   ek-roots/{vendor,lab}.pem
//   bundle.bin      the newest signed bundle (rats/bundle.h)
//   reference-store the directory of the store that the newest bundle was made from; a relative one begins here
//   authority.db    the database, unless authority.json names another one
// Whoever can write the directory is the authority; what is read back is checked for form, not for honesty.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "attestation/endorsement.h"
#include "sealcall/base/bytes.h"
#include "sealcall/rats/bundle.h"

namespace sealcall::authority {

struct Settings {
    std::string name;
    std::string domain;  ///< empty: any
    bool accept_unproven_ek = false;
    bool accept_expired_intermediates = false;  ///< of TPM makers; the EK certificate itself must be in its time
    std::string database = {};                  ///< empty: authority.db in the directory
    bool operator==(const Settings&) const = default;
};

/// Which makers and laboratories are believed, and how strictly. DER certificates, each trusted as it is.
struct EndorsementRoots {
    std::vector<Bytes> vendor, lab;
    attestation::ExpiredIntermediates expired = attestation::ExpiredIntermediates::refuse;
};

inline constexpr const char* kBundleFile = "bundle.bin";            ///< the newest bundle that was signed
inline constexpr size_t kSignedBundleMax = rats::kBundleMax + 256;  ///< bytes of it

class Store {
  public:
    /// Makes the directory, the root key and its certificate. Throws Problem if there is an authority already.
    static Store create(const std::filesystem::path& dir, const Settings& settings, uint64_t now_ms);
    /// Throws Problem if there is none, or if it is damaged.
    static Store open(const std::filesystem::path& dir);
    static bool exists(const std::filesystem::path& dir);

    [[nodiscard]] const std::filesystem::path& dir() const { return dir_; }
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] const Bytes& root_certificate() const { return root_certificate_; }
    [[nodiscard]] Bytes root_key_pem() const;
    /// The key that escrows are sealed to; made when it is asked for first.
    [[nodiscard]] Bytes escrow_key_pem() const;
    /// The newest bundle that was signed, a rats::SignedBundle; empty: none yet.
    [[nodiscard]] Bytes bundle() const;
    /// Directory of the reference store of the newest bundle; empty: none is known.
    [[nodiscard]] std::filesystem::path reference_store() const;
    void write_reference_store(const std::filesystem::path& dir) const;
    /// escrow.cert.pem, which sealcall-guard seals to; keeps one that is there.
    void write_escrow_certificate(uint64_t now_ms) const;
    /// The key that signs passports, which partners pin; made when it is asked for first.
    [[nodiscard]] Bytes passport_key_pem() const;
    /// For open_database.
    [[nodiscard]] std::string database_url() const;

    /// Adds every certificate of a PEM or DER file, or of all such files of a directory, to the vendor or laboratory
    /// roots; those that are there already count as well. Throws Problem if it holds none. Returns how many it holds.
    size_t add_ek_roots(const std::filesystem::path& path, bool lab) const;
    /// Throws the Problem that add_ek_roots would: before anything is made.
    static void check_ek_roots(const std::filesystem::path& path);
    /// DER certificates.
    [[nodiscard]] std::vector<Bytes> ek_roots(bool lab) const;
    [[nodiscard]] EndorsementRoots endorsement_roots() const;

  private:
    [[nodiscard]] Bytes own_key_pem(const char* file) const;
    std::filesystem::path dir_;
    Settings settings_;
    Bytes root_certificate_;
};

}  // namespace sealcall::authority
