// What a golden machine started, from its own Evidence (`sealcall evidence collect`). Trusts the authority that the
// options name; logs count only if they replay to what the machine's TPM signed. Throws Problem.
#pragma once

#include "options.h"
#include "reference_store.h"

namespace sealcall::cli {

/// `content` of the file o.log: boot log (PCRs of the mask), the kernel's list, and sealcall's own measurement.
std::vector<reference::Entry> entries_of_evidence(const ReferenceOptions& o, std::string_view content, uint32_t pcrs,
                                                  size_t& left_out);

}  // namespace sealcall::cli
