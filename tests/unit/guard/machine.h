// A computer for tests: a TPM that outlives the programs that use it (swtpm on a Unix socket), the files of an
// installation, and reboots. Ends with the test.
#pragma once

#include <gtest/gtest.h>

#include "attestation/certificates.h"
#include "enclave/guard/boot.h"
#include "tests/unit/tpm/private_tpm.h"

namespace sealcall::guard::test {

using tpm::test::kPatient;

class Machine {
  public:
    /// `tpm_group`: may open the TPM's socket, as members of the group tss may open /dev/tpmrm0 on Debian.
    explicit Machine(gid_t tpm_group);
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;
    ~Machine();

    /// Power off and on: PCRs are zero again, what is persistent stays.
    void reboot();
    [[nodiscard]] const Paths& paths() const { return paths_; }
    [[nodiscard]] std::filesystem::path file(const std::string& name) const { return dir_.path() + "/" + name; }
    /// A connection to the TPM as this process may have it.
    [[nodiscard]] UniqueFd connect() const;
    [[nodiscard]] Digest pcr() const;
    void extend(std::string_view text) const;
    /// What the PCR holds after what the log says.
    [[nodiscard]] static Digest pcr_of_log(ByteSpan log);

    /// Writes a list of two roles whose files are made here.
    void approve_samples();
    void write(const std::string& name, std::string_view content) const;
    /// sealcall-guard provision, with an authority of the test's own.
    Status provision();
    /// What the authority reads in the escrow. Empty when it cannot be decrypted.
    [[nodiscard]] std::string escrowed() const;

  private:
    void start();
    void stop();
    tpm::test::TempDir dir_;
    Paths paths_;
    gid_t tpm_group_;
    pid_t swtpm_ = -1;
    attestation::PkeyPtr authority_ = attestation::make_software_key().value();
};

/// What a phone's enclave does with the secret that the guard gives it.
Result<std::unique_ptr<tpm::Tpm>> open_phone(const Machine& machine, ByteSpan auth_value);

}  // namespace sealcall::guard::test
