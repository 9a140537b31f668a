#include "audit_commands.h"

#include "problem.h"

namespace sealcall::cli {

AuditTrail trail_of(const Context& context) {
    std::vector<std::filesystem::path> files(context.options.audit.files.begin(), context.options.audit.files.end());
    std::error_code error;
    for (const auto& file : files)
        if (std::filesystem::status(file, error).type() == std::filesystem::file_type::not_found)
            throw Problem("There is no file " + printable(file.string(), 200) + ".", "Name a file that exists.");
    if (files.empty()) files = audit_files(context.paths());
    if (files.empty()) files.push_back(context.paths().audit_log());  // is not there, and that is said
    return read_trail(files);
}

}  // namespace sealcall::cli
