// Who a SIP URI names: the policy and the enclave must read names the same way, so it stands there.
#pragma once

#include "policy/sip_name.h"

namespace sealcall::enclave {

using policy::same_host;
using policy::same_person;
using policy::sip_name;
using policy::SipName;

}  // namespace sealcall::enclave
