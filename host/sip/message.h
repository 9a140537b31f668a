// What libre's lenient parser lets through is checked here before anything acts on it (RFC 3261 8.1.1, RFC 4475 3.3).
// Free functions over one parsed message; no state.
#pragma once

#include "host/sip/re.h"

namespace sealcall::host {

inline constexpr const char* kAttestTag = "sealcall-attest";  ///< option tag and Info-Package
inline constexpr const char* kAttestType = "application/sealcall-attest";
inline constexpr size_t kBodyMax = 16 * 1024;
inline constexpr size_t kHeadersMax = 100;
inline constexpr size_t kInviteMax = 3000;  ///< bytes; larger ones are lost by phones that exist (facts: pjsua)

/// Mandatory headers once each, their sizes, CSeq method equal to the method, branch cookie, body length, no control
/// characters. Errors: bad_sip.
Status check_message(const sip_msg& msg);

/// Comma-separated tokens of all headers of that name, lower case. At most 32.
std::vector<std::string> tokens_of(const sip_msg& msg, const char* header);
bool has_token(const sip_msg& msg, const char* header, std::string_view token);
/// Option tags in Require that we do not understand (RFC 3261 8.2.2.3).
std::vector<std::string> unknown_required(const sip_msg& msg);
/// The value of a single-valued header; empty when absent.
std::string header_value(const sip_msg& msg, const char* header);
/// Parses a whole unsigned number; nullopt for anything else.
bool parse_number(std::string_view in, uint32_t& out);

/// RFC 3262 7.2: "776656 1 INVITE".
struct RAck {
    uint32_t rseq = 0, cseq = 0;
};
Result<RAck> parse_rack(const sip_msg& msg);

/// The one SDP body; empty when there is no body. Errors: bad_sip for any other or a multipart body.
Result<ByteSpan> sdp_body(const sip_msg& msg);

/// The display name without quotes and escapes, cut at 256 bytes. Hearsay.
std::string display_name(const sip_msg& msg);

/// RFC 4028 4: "1800;refresher=uas".
struct SessionExpires {
    uint32_t seconds = 0;
    bool refresher_given = false;
    bool refresher_uac = false;
};
Result<SessionExpires> parse_session_expires(std::string_view value);

/// Reason phrase for the statuses that we send.
const char* reason_phrase(uint16_t status);

}  // namespace sealcall::host
