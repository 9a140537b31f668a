// A private software TPM (swtpm) for a profile: made once, with an endorsement certificate of a laboratory CA that is
// made with it or shared with other phones. Its state lies in one directory; nothing outside of it and the laboratory
// is written.
#pragma once

#include <filesystem>
#include <string>

namespace sealcall::cli {

/// True if there is a TPM's state in the directory.
bool software_tpm_exists(const std::filesystem::path& tpm_dir);

/// Makes the TPM (swtpm_setup) and, where it is missing, the laboratory's CA. Afterwards `lab_dir`/lab-ek-root.pem
/// holds the certificates that an authority must trust to believe this laboratory. Throws Problem, and leaves no
/// half-made TPM behind.
void make_software_tpm(const std::filesystem::path& tpm_dir, const std::filesystem::path& lab_dir);

/// Path of a program in PATH and the system directories; empty: not there.
std::filesystem::path find_program(const std::string& name);

}  // namespace sealcall::cli
