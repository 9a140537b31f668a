// States of managed computers that their authority approves by a signature before any of them was in that state. A
// secret that is sealed to the authority's key (TPM2_PolicyAuthorize) opens in them, and the TPM itself checks what
// stands here: an update needs an approval, not a new secret.
#pragma once

#include "sealcall/ipc/codec.h"

namespace sealcall::rats {

inline constexpr std::string_view kStateContext = "sealcall-state/1";  ///< policyRef of what is signed
inline constexpr size_t kApprovalsMax = 32;

/// The NV index that holds the number of the newest approval used on a TPM (8 bytes, big-endian). Only the owner writes
/// it: OWNERWRITE, AUTHREAD with an empty authValue, NO_DA, WRITTEN.
inline constexpr uint32_t kApprovalIndex = 0x01800112, kApprovalIndexAttributes = 0x22040002;

/// "While the measurement PCR holds `state`, unless an approval with a higher number was used on this TPM." The
/// signature is ECDSA P-256 over SHA-256(approved policy, kStateContext) (TPM 2.0 Part 3, 23.16); the approved policy
/// is PolicyPCR, then PolicyNV(index <= number).
struct StateApproval {
    Digest state{};
    uint64_t number = 0;
    Digest r{}, s{};  ///< big-endian
    static constexpr auto fields =
        std::tuple{&StateApproval::state, &StateApproval::number, &StateApproval::r, &StateApproval::s};
    bool operator==(const StateApproval&) const = default;
};

/// The public point of who approves, P-256, big-endian.
struct Approver {
    Digest x{}, y{};
    static constexpr auto fields = std::tuple{&Approver::x, &Approver::y};
    bool operator==(const Approver&) const = default;
};

/// One file for any number of computers. Foreign: a secret knows its approver by Name.
struct StateApprovals {
    static constexpr uint16_t kId = 721;
    Approver approver;
    BoundedList<StateApproval, kApprovalsMax> approvals;
    static constexpr auto fields = std::tuple{&StateApprovals::approver, &StateApprovals::approvals};
};

}  // namespace sealcall::rats
