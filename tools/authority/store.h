// An authority's directory: settings, root key, endorsement roots, devices, and the record of what was issued.
//   authority.json  root.key.pem (0600)  root.cert.pem  ek-roots/{vendor,lab}.pem  devices.json  issued/log.jsonl  lock
// Whoever can write the directory is the authority; what is read back is checked for form, not for honesty.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "sealcall/base/bytes.h"
#include "sealcall/base/unique_fd.h"

namespace sealcall::authority {

struct Settings {
    std::string name;
    std::string domain;  ///< empty: any
    bool accept_unproven_ek = false;
    bool operator==(const Settings&) const = default;
};

/// The immutable bond between an address and a TPM.
struct Device {
    std::string uri;
    std::string ek;           ///< hex SHA-256 of the EK's TPMT_PUBLIC
    std::string serial;       ///< of the device in its AK certificate
    std::string endorsement;  ///< "vendor", "lab", "not proven"
    uint64_t first_ms = 0, last_ms = 0;
    bool operator==(const Device&) const = default;
};

struct Issued {
    uint64_t wall_ms = 0;
    Device device;
    std::string ak_certificate, identity_certificate, host_certificate;  ///< hex SHA-256; empty: none
    std::vector<std::string> host_names;
    bool replaced = false;  ///< another TPM was bound to the address before
};

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

    /// Adds every certificate of a PEM file to the vendor or laboratory roots; those that are there already count as
    /// well. Throws Problem if the file holds none. Returns how many it holds.
    size_t add_ek_roots(const std::filesystem::path& pem_file, bool lab) const;
    /// DER certificates.
    [[nodiscard]] std::vector<Bytes> ek_roots(bool lab) const;

    [[nodiscard]] std::vector<Device> devices() const;
    [[nodiscard]] std::vector<Issued> issued() const;
    /// Binds the device to its address (in place of another one there) and records what was issued, record first.
    void record(const Issued& issued) const;
    /// Held while a decision is made and recorded.
    [[nodiscard]] UniqueFd lock() const;

  private:
    std::filesystem::path dir_;
    Settings settings_;
    Bytes root_certificate_;
};

}  // namespace sealcall::authority
