// launcher <-> enclave, in a provisioning run and after Provisioned: this device's Evidence for a file
// (`sealcall evidence collect`), and what its audit index holds (`sealcall audit verify --live`).
#pragma once

#include "sealcall/rats/wire.h"

namespace sealcall::ipc {

/// Evidence for nobody's call: the enclave makes the binding itself (attestation/binding.h, file_binding), so that no
/// choice of nonce gives an answer to somebody else's challenge.
struct CollectEvidence {
    static constexpr uint16_t kId = 620;
    Digest nonce{};
    rats::CertificateDer ak_certificate;  ///< of the enrolment; empty: there is none
    BoundedBytes<8192> sealcall_log;      ///< what the launcher measured
    static constexpr auto fields =
        std::tuple{&CollectEvidence::nonce, &CollectEvidence::ak_certificate, &CollectEvidence::sealcall_log};
};

/// The logs that it offers stay with the launcher, which can read them itself.
struct CollectedEvidence {
    static constexpr uint16_t kId = 621;
    bool ok = false;
    BoundedString<256> problem;
    rats::Evidence evidence;
    static constexpr auto fields =
        std::tuple{&CollectedEvidence::ok, &CollectedEvidence::problem, &CollectedEvidence::evidence};
};

/// What does the audit index hold now (sealcall/audit/anchor.h, kForLive)? The nonce is the reader's.
struct CertifyAudit {
    static constexpr uint16_t kId = 622;
    Digest nonce{};
    static constexpr auto fields = std::tuple{&CertifyAudit::nonce};
};

struct CertifiedAudit {
    static constexpr uint16_t kId = 623;
    bool ok = false;
    BoundedString<256> problem;
    rats::TpmAttest attest;
    rats::TpmSignature signature;
    static constexpr auto fields =
        std::tuple{&CertifiedAudit::ok, &CertifiedAudit::problem, &CertifiedAudit::attest, &CertifiedAudit::signature};
};

}  // namespace sealcall::ipc
