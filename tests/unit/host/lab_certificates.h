// A certificate authority for one test run: EC keys, IP and DNS names, PEM in memory and on disk.
#pragma once

#include <string>
#include <vector>

namespace sealcall::testing {

struct LabCertificate {
    std::string certificate;  ///< PEM
    std::string key;          ///< PEM
};

class LabAuthority {
  public:
    LabAuthority();
    ~LabAuthority();
    LabAuthority(const LabAuthority&) = delete;
    LabAuthority& operator=(const LabAuthority&) = delete;
    /// `names`: X.509 subjectAltName in OpenSSL's words, "IP:127.0.0.1,DNS:localhost".
    [[nodiscard]] LabCertificate issue(const std::string& common_name, const std::string& names) const;
    [[nodiscard]] const std::string& certificate() const { return pem_; }

  private:
    struct Keys;
    Keys* keys_;
    std::string pem_;
};

}  // namespace sealcall::testing
