#include "audit_commands.h"

namespace sealcall::cli {

AuditTrail trail_of(const Context& context) {
    std::vector<std::filesystem::path> files(context.options.audit.files.begin(), context.options.audit.files.end());
    if (files.empty()) files = audit_files(context.paths());
    if (files.empty()) files.push_back(context.paths().audit_log());  // is not there, and that is said
    return read_trail(files);
}

std::string shown(std::string_view text, size_t most) {
    std::string out;
    for (size_t n = 0; !text.empty(); text.remove_prefix(n)) {
        n = std::max<size_t>(audit::utf8_length(text), 1);
        const std::string_view c = text.substr(0, n);
        // U+200E, U+200F, U+202A-202E, U+2066-2069, and the second block of control characters.
        const bool turns = c == "\xe2\x80\x8e" || c == "\xe2\x80\x8f" || (c >= "\xe2\x80\xaa" && c <= "\xe2\x80\xae") ||
                           (c >= "\xe2\x81\xa6" && c <= "\xe2\x81\xa9") || (n == 2 && c < "\xc2\xa0");
        out += turns || (n == 1 && static_cast<unsigned char>(c[0]) >= 0x80) ? "?" : c;
    }
    return printable(out, most);
}

std::string fields_line(const AuditRecord& record) {
    std::string out;
    for (const auto& [name, value] : record.fields.items()) {
        std::string text = value.is_string() ? value.get<std::string>() : value.dump();
        if (text.empty()) continue;
        if (text.size() > 72) text = text.substr(0, 68) + "...";
        out += (out.empty() ? "" : "  ") + name + "=" + text;
    }
    return shown(out, 1024);
}

}  // namespace sealcall::cli
