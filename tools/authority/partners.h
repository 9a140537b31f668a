// Whose verifiers an authority lets its phones believe, and what it tells partners of its own. A card is what one
// administrator gives to another; it says nothing about how far it is trusted, which the other one decides.
//   partners.json in the authority's directory: goes into the next bundle, with the partners' roots as anchors
#pragma once

#include <nlohmann/json.hpp>

#include "sealcall/rats/bundle.h"
#include "store.h"

namespace sealcall::authority {

inline constexpr size_t kPartnersMax = 3;  ///< a bundle has four anchors, and one is our own

struct Partner {
    rats::PartnerVerifier verifier;
    Bytes root;  ///< DER
    bool operator==(const Partner&) const = default;
};

/// {"issuer", "domain", "profile", "key", "root"}; key and root are base64 of DER.
nlohmann::json card_json(const Partner& partner);
/// What this authority would be pinned as. Throws Problem when it is not bound to one domain.
Partner own_card(const Store& store);
/// Throws Problem. `at_most` and `lab` stay as they are made.
Partner read_card(std::string_view text);

/// Issuers that `remove_partner` took away: a bundle without them is meant.
std::vector<std::string> removed_partners(const Store& store);
/// Throw Problem when the file is damaged.
std::vector<Partner> read_partners(const Store& store);
/// Adds, or replaces the one with the same issuer. Throws Problem.
void add_partner(const Store& store, Partner partner);
/// False when there is none of this name.
bool remove_partner(const Store& store, const std::string& issuer);

}  // namespace sealcall::authority
