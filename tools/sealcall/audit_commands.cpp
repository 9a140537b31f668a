#include "audit_commands.h"

namespace sealcall::cli {

AuditTrail trail_of(const Context& context) {
    std::vector<std::filesystem::path> files(context.options.audit.files.begin(), context.options.audit.files.end());
    if (files.empty()) files = audit_files(context.paths());
    if (files.empty()) files.push_back(context.paths().audit_log());  // is not there, and that is said
    return read_trail(files);
}

}  // namespace sealcall::cli
