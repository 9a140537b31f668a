// Who a SIP URI names (RFC 3261 19.1): user and host, nothing else. For comparing a dialled name with a certified one.
#pragma once

#include <string>
#include <string_view>

namespace sealcall::policy {

struct SipName {
    std::string_view user;
    std::string_view host;  ///< without port and parameters
};

/// Takes "sip:user@host:port;params", with or without scheme. Never fails: what is missing is empty.
SipName sip_name(std::string_view uri);

/// False if others could read another name out of it: two @, an escape or a password, a user part with ; or ?, a host
/// that ends with a dot. Nobody is dialled or certified by such a name.
bool names_one(std::string_view uri);

/// Hosts compare without case (RFC 3261 19.1.4).
bool same_host(std::string_view a, std::string_view b);

/// True if `certified` is whom `dialled` names. Hosts compare without case. Who dials a numeric address has named no
/// domain: then the user part alone must agree (and an address without user names nobody).
bool same_person(std::string_view dialled, std::string_view certified);

/// "sip:user@host" with the host in lower case; "sip:host" without a user. What a policy's names compare with.
std::string canonical_uri(std::string_view uri);

}  // namespace sealcall::policy
