// Writes one JSON object or array at a time into a string. Foreign text is escaped; invalid UTF-8 becomes U+FFFD.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sealcall/base/bytes.h"

namespace sealcall::ui {

/// Appends `s` as a JSON string with its quotes (RFC 8259 7). Control characters and everything that could act on a
/// terminal (C1, direction overrides) leave as \uXXXX: a line of ours is safe to `cat`.
void append_json_string(std::string& out, std::string_view s);

/// Keys must be literals of ours. Usage: JsonObject o; o.text("event", "card").number("call", 1); o.take().
class JsonObject {
  public:
    JsonObject() : out_("{") {}
    JsonObject& text(std::string_view key, std::string_view value);
    JsonObject& number(std::string_view key, uint64_t value);
    JsonObject& flag(std::string_view key, bool value);
    JsonObject& null(std::string_view key);
    /// `json` is a finished JSON value.
    JsonObject& raw(std::string_view key, std::string_view json);
    JsonObject& hex(std::string_view key, ByteSpan value);
    /// The finished object; nothing may be added afterwards.
    std::string take();

  private:
    void key(std::string_view k);
    std::string out_;
};

class JsonArray {
  public:
    JsonArray() : out_("[") {}
    JsonArray& raw(std::string_view json);
    JsonArray& text(std::string_view value);
    std::string take();

  private:
    void comma();
    std::string out_;
};

}  // namespace sealcall::ui
