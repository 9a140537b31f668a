#include "audit_commands.h"

namespace sealcall::cli {

AuditTrail trail_of(const Context& context) {
    std::vector<std::filesystem::path> files(context.options.audit.files.begin(), context.options.audit.files.end());
    if (files.empty()) files = audit_files(context.paths());
    if (files.empty()) files.push_back(context.paths().audit_log());  // is not there, and that is said
    return read_trail(files);
}

std::string fields_line(const AuditRecord& record) {
    std::string out;
    for (const auto& [name, value] : record.fields.items()) {
        std::string text = value.is_string() ? value.get<std::string>() : value.dump();
        if (text.empty()) continue;
        if (text.size() > 72) text = text.substr(0, 68) + "...";
        out += (out.empty() ? "" : "  ") + name + "=" + text;
    }
    return printable(out, 1024);
}

}  // namespace sealcall::cli
