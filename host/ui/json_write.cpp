#include "host/ui/json_write.h"

#include "host/ui/text.h"

namespace sealcall::ui {
namespace {

constexpr char kHex[] = "0123456789abcdef";

}  // namespace

void append_json_string(std::string& out, std::string_view s) {
    out.push_back('"');
    for (size_t at = 0; at < s.size();) {
        const char32_t c = next_code_point(s, at);
        if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(static_cast<char>(c));
        } else if (c == '\n') {
            out.append("\\n");
        } else if (acts_on_terminal(c)) {
            out.append("\\u");
            for (int shift = 12; shift >= 0; shift -= 4) out.push_back(kHex[c >> shift & 0xF]);
        } else {
            append_utf8(out, c);
        }
    }
    out.push_back('"');
}

void JsonObject::key(std::string_view k) {
    if (out_.size() > 1) out_.push_back(',');
    append_json_string(out_, k);
    out_.push_back(':');
}
JsonObject& JsonObject::text(std::string_view k, std::string_view value) {
    key(k);
    append_json_string(out_, value);
    return *this;
}
JsonObject& JsonObject::number(std::string_view k, uint64_t value) { return raw(k, std::to_string(value)); }
JsonObject& JsonObject::flag(std::string_view k, bool value) { return raw(k, value ? "true" : "false"); }
JsonObject& JsonObject::null(std::string_view k) { return raw(k, "null"); }
JsonObject& JsonObject::raw(std::string_view k, std::string_view json) {
    key(k);
    out_.append(json);
    return *this;
}
JsonObject& JsonObject::hex(std::string_view k, ByteSpan value) {
    std::string s;
    for (std::byte b : value) {
        s.push_back(kHex[static_cast<unsigned>(b) >> 4]);
        s.push_back(kHex[static_cast<unsigned>(b) & 0xF]);
    }
    return text(k, s);
}
std::string JsonObject::take() {
    out_.push_back('}');
    return std::move(out_);
}

void JsonArray::comma() {
    if (out_.size() > 1) out_.push_back(',');
}
JsonArray& JsonArray::raw(std::string_view json) {
    comma();
    out_.append(json);
    return *this;
}
JsonArray& JsonArray::text(std::string_view value) {
    comma();
    append_json_string(out_, value);
    return *this;
}
std::string JsonArray::take() {
    out_.push_back(']');
    return std::move(out_);
}

}  // namespace sealcall::ui
