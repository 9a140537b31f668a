// SDP fragments (RFC 8840 9): ICE credentials and candidates as text, carried through the attestation channel between
// the two hosts, and the same attributes in a whole description. Foreign text; bounded here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sealcall/base/bytes.h"

namespace sealcall::host {

inline constexpr size_t kCandidatesMax = 16;
inline constexpr size_t kFragmentMax = 3072;  ///< bytes

struct IceDescription {
    std::string ufrag;
    std::string pwd;
    bool lite = false;
    bool end_of_candidates = false;
    std::vector<std::string> candidates;  ///< value after "a=candidate:", checked by parse_candidate

    [[nodiscard]] bool present() const { return !ufrag.empty() && !pwd.empty(); }
    bool operator==(const IceDescription&) const = default;
};

/// One a=candidate value (RFC 8839 5.1) that we can use: UDP, component 1 or 2, a numeric address, a known type.
struct CandidateFacts {
    unsigned component = 0;
    std::string address;
    uint16_t port = 0;
    std::string type;
};
Result<CandidateFacts> parse_candidate(std::string_view value);

/// Takes one attribute ("ice-ufrag", "candidate", ...) into `ice`; false: it is none of ICE's. Candidates that we
/// cannot use are passed over; beyond kCandidatesMax they are dropped. Errors: bad_sdp for credentials out of RFC
/// 8839 5.4.
Result<bool> take_ice_attribute(std::string_view name, std::string_view value, IceDescription& ice);

/// Errors: bad_sdp, too_large. Accepts LF and CRLF. Needs ufrag and pwd.
Result<IceDescription> parse_fragment(std::string_view in);
std::string encode_fragment(const IceDescription& ice);

}  // namespace sealcall::host
