#include "audit_commands.h"

#include "files.h"
#include "problem.h"

namespace sealcall::cli {

AuditTrail trail_of(const Context& context) {
    std::vector<std::filesystem::path> files(context.options.audit.files.begin(), context.options.audit.files.end());
    std::error_code error;
    for (const auto& file : files)
        if (std::filesystem::status(file, error).type() == std::filesystem::file_type::not_found)
            throw Problem("There is no file " + printable(file.string(), 200) + ".", "Name a file that exists.");
    if (files.empty()) files = audit_files(context.paths());
    // A phone that starts for the first time makes its log a moment before the first record.
    if (files == std::vector{context.paths().audit_log()} && std::filesystem::is_empty(files.front(), error))
        throw Problem("There is no record in " + printable(files.front().string(), 200) + " yet.",
                      "The phone writes the first one when it starts.", exit_status::kNotSetUp);
    if (files.empty()) files.push_back(context.paths().audit_log());  // is not there, and that is said
    return read_trail(files);
}

std::string what_is_open(const attestation::foreign::Findings& findings) {
    using attestation::foreign::Verdict;
    const auto* authority = findings.find("authority");
    return authority != nullptr && authority->verdict == Verdict::unknown
               ? "nothing wrong was found, but nobody vouches for the key that signed. Name whom you believe: "
                 "--authority DIR, or the authority's root certificate."
               : "nothing wrong was found, but what is marked [unknown] could not be checked.";
}

}  // namespace sealcall::cli
