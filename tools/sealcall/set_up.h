// What init and enroll do, apart from the command line: steps on a profile with a TPM and an authority given to them.
#pragma once

#include <string>
#include <vector>

#include "enrolment_service.h"
#include "provisioning.h"

namespace sealcall::cli {

/// The TPM for a new profile. `automatic`: the machine's if it may be opened, else a software TPM. Throws Problem when
/// the device is asked for and may not be used.
bool decide_software_tpm(TpmChoice choice);

/// Makes the keys and stores them; an enrolment for an older key is forgotten. Throws Problem.
ProfileFacts make_keys(const ProfileStore& store, const TpmUse& tpm, Provisioning& provisioning);

struct EnrolmentWish {
    std::string uri;                      ///< empty: whom the authority says
    std::vector<std::string> host_names;  ///< at most 8 are asked for
    bool replace_device = false;
    std::string profile = "embedded";
    std::string partner = {};
    std::string authority_url = {};  ///< to be remembered for renewals; empty: a directory
};

/// The whole exchange, and the result stored. Throws Problem; a refusal has status kRefused and the authority's own
/// words.
Enrolment enrol(const ProfileStore& store, const EnrolmentWish& wish, authority::EnrolmentService& service,
                Provisioning& provisioning);

/// SubjectPublicKeyInfo of the authority's root, whose key signs its bundles. Throws Problem.
BoundedBytes<128> bundle_signer_of(const Enrolment& enrolment);
/// A bundle that the authority gave: checked, its signer pinned in the TPM, and stored. An empty one ends an older pin:
/// the authority that the person chose now has none. Throws Problem.
void take_bundle(const ProfileStore& store, const Enrolment& enrolment, ByteSpan bundle, Provisioning& provisioning);
/// The same for a profile that was enrolled when its authority had signed no bundle yet.
void take_first_bundle(const ProfileStore& store, ByteSpan bundle, Provisioning& provisioning);

/// Names under which this machine answers SIP by default: loopback, "localhost", its host name, and the configured
/// address.
std::vector<std::string> default_host_names(const std::string& listen_address);

/// A TPM2B is a length and its contents (TPM 2.0 Part 2, 10.4); this is the contents. Throws Problem when the length is
/// wrong.
ByteSpan tpm2b_contents(ByteSpan tpm2b);

}  // namespace sealcall::cli
