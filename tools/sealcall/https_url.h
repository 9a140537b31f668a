// The address of an authority's service as people write it.
#pragma once

#include <string>
#include <string_view>

#include "sealcall/base/result.h"

namespace sealcall::cli {

/// "https://HOST[:PORT]" into host and port. Error: bad_value.
Status parse_https_url(std::string_view url, std::string& host, int& port);

}  // namespace sealcall::cli
