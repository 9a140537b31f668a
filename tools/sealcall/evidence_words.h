// Reasons of an appraisal as `evidence verify` tells them of a file: a name for programs, the level that the reason
// stands in the way of, and words that speak of a file and not of a call.
#pragma once

#include <string_view>

#include "sealcall/policy/reason_text.h"

namespace sealcall::cli {

struct ReasonWords {
    std::string_view name;  ///< stable
    int blocks = 0;         ///< the lowest level that it rules out; 0: none
    policy::Text text;
};
ReasonWords words_of(rats::Reason reason);

}  // namespace sealcall::cli
