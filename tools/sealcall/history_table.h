// The history of calls for people, programs and spreadsheets.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "vault_items.h"

namespace sealcall::cli {

nlohmann::json history_json(const std::vector<PastCall>& calls);
/// RFC 4180. What a spreadsheet would take for a formula, at the beginning or behind a `;`, gets an apostrophe before
/// it: addresses and labels are other people's words.
std::string history_csv(const std::vector<PastCall>& calls);
std::string history_text(const std::vector<PastCall>& calls);

/// One field of CSV, quoted and harmless.
std::string csv_field(std::string_view text);

}  // namespace sealcall::cli
