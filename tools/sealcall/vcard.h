// vCard 4.0 (RFC 6350) and 3.0 (RFC 2426): the people in a file who have a SIP address, and back. The reader takes
// bytes of any origin, is bounded, and reads what an address book means rather than refusing all for one odd line.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sealcall/base/result.h"
#include "vault_items.h"

namespace sealcall::cli {

/// "sip:alice@example.com" of a sip: or sips: URI, without parameters and in ASCII; nothing for anything else.
std::optional<std::string> sip_address(std::string_view uri);

inline constexpr size_t kVcardMax = 4 * 1024 * 1024;  ///< bytes of a file
inline constexpr size_t kVcardsMax = 4096;            ///< cards of a file
inline constexpr std::string_view kTooManyCards = "too many cards";

struct Vcards {
    std::vector<Contact> contacts;  ///< one for each SIP address
    size_t cards = 0;
    size_t without_address = 0;  ///< cards without a SIP address
    size_t cut = 0;              ///< names or notes that are too long for the vault, which keeps their beginning
};

/// Cards of both versions; an address is a sip: or sips: URI in IMPP, TEL, X-SIP or URL. Errors: too_large
/// (kTooManyCards: detail is how many; else the bytes), truncated (a card has no end; detail: where it begins),
/// unavailable (vCard 2.1, whose text is encoded otherwise; detail: line), bad_value (no card at all).
Result<Vcards> parse_vcards(std::string_view text);

/// vCard 4.0, lines folded at 75 octets between characters.
std::string write_vcards(const std::vector<Contact>& contacts);

}  // namespace sealcall::cli
