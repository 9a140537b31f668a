// Messages about text that people wrote: what was probably meant, and how to quote it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sealcall::cli {

/// The nearest of the words, if it is near enough to have been meant; else empty.
std::string nearest(std::string_view given, const std::vector<std::string>& words);
/// Text with foreign parts for a message: nothing that a terminal would obey.
std::string harmless(std::string_view text);
/// A foreign name for a message, in quotes: short as well.
std::string shown(std::string_view name);

}  // namespace sealcall::cli
