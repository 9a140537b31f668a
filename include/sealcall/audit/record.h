// One record of the audit log: which fields there are, and the one form in which a record is written. The enclave
// writes with it; readers write what they read anew with it, and take nothing that comes out different.
//
// Canonical form: one JSON object (RFC 8259) a line, without white space. First "seq", "wall_ms" and "event", last
// "prev", between them the event's own fields, none twice. Numbers are unsigned decimals of at most 64 bits without
// leading zeros. Text is UTF-8 (RFC 3629); of its characters ", \, those below U+0020 and U+007F are escaped, the first
// two as \" and \\, the rest as \u00xx in lower case, and no other. A value that is not known stands as empty text.
#pragma once

#include "sealcall/base/bytes.h"
#include "sealcall/base/hex.h"
#include "sealcall/base/strong.h"
#include "sealcall/base/utf8.h"

namespace sealcall::audit {

inline constexpr size_t kLineMax = 12 * 1024;  ///< bytes of a record: two TPM structures and a certificate in hex
inline constexpr size_t kTextMax = 1024;       ///< bytes of a text that others chose; the rest is cut

enum class FieldKind : uint8_t { text, number, flag, numbers };

/// Everything that a record may hold, by kind: who called whom, what was decided and why, and what happened to keys
/// (TPM structures in hexadecimal). No key, no sound, no message, and no more of a person than a call list has. Another
/// field does not compile.
inline constexpr std::array<std::string_view, 4> kFields{
    "uri peer peer_key vouched_by result_by label rule_name from_hearsay origin by detail why outcome done log witness "
    "tpm "
    "ak_public ak_certificate what value public creation pcr_digest attest signature head",
    "call others_not_listed level level_before action action_before answer decided_by rule reason state status role "
    "code "
    "round offset version bytes context slot counter tpm_rc of pcr reset_count restart_count lease_until_ms first last "
    "keep_days policy_days vault_made tries_left",
    "lab ordinary known_to_attest accepted given shown enrolled software_tpm policy pin", "reasons"};

constexpr bool has_word(std::string_view words, std::string_view word) {
    for (size_t end = 0; !words.empty(); words.remove_prefix(std::min(end + 1, words.size()))) {
        end = std::min(words.find(' '), words.size());
        if (words.substr(0, end) == word) return true;
    }
    return false;
}
constexpr bool is_field(FieldKind kind, std::string_view name) {
    return has_word(kFields[static_cast<size_t>(kind)], name);
}
void field_is_not_declared();  ///< never defined: a call of it ends the compilation

template <FieldKind kKind>
class Field {
  public:
    // NOLINTNEXTLINE(google-explicit-constructor): a name is written where it is used, and checked while compiling
    consteval Field(const char* name) : name_(name) {
        if (!is_field(kKind, name)) field_is_not_declared();
    }
    [[nodiscard]] std::string_view name() const { return name_; }

  private:
    std::string_view name_;
};

/// One record in the making: fields in the order given. What is no UTF-8 becomes '?', a long text is cut.
class Record {
  public:
    explicit Record(std::string_view event) { put_text("event", event); }
    Record& text(Field<FieldKind::text> key, std::string_view value) {
        return put_text(key.name(), value.substr(0, kTextMax));
    }
    Record& hex(Field<FieldKind::text> key, ByteSpan value) { return put_text(key.name(), to_hex(value)); }
    Record& number(Field<FieldKind::number> key, uint64_t value) { return put(key.name(), std::to_string(value)); }
    Record& flag(Field<FieldKind::flag> key, bool value) { return put(key.name(), value ? "true" : "false"); }
    /// Each element as a number.
    template <class List>
    Record& numbers(Field<FieldKind::numbers> key, const List& list) {
        std::string all = "[";
        for (const auto& e : list) all += (all.size() == 1 ? "" : ",") + std::to_string(static_cast<uint64_t>(e));
        return put(key.name(), all + "]");
    }
    Record& call(CallId id) { return number("call", id.value); }

    /// Without a newline.
    [[nodiscard]] std::string line(uint64_t seq, uint64_t wall_ms, std::string_view prev) const {
        return "{\"seq\":" + std::to_string(seq) + ",\"wall_ms\":" + std::to_string(wall_ms) + body_ + ",\"prev\":\"" +
               std::string(prev) + "\"}";
    }

    /// For readers, who write anew what another one wrote; `value` is canonical already.
    Record& put(std::string_view key, std::string_view value) {
        body_ += ",\"";
        body_ += key;
        body_ += "\":";
        body_ += value;
        return *this;
    }
    /// The same for a text of any length.
    Record& put_text(std::string_view key, std::string_view value) {
        put(key, "\"");
        for (size_t at = 0; at < value.size();) {
            const size_t before = at;
            const char32_t c = next_code_point(value, at);
            const std::string_view bytes = value.substr(before, at - before);
            if (c == '"' || c == '\\')
                (body_ += '\\') += bytes;
            else if (c < 0x20 || c == 0x7f)
                (body_ += "\\u00") += to_hex(as_bytes(bytes));
            else if (c == kReplacement && bytes.size() == 1)
                body_ += '?';
            else
                body_ += bytes;
        }
        body_ += '"';
        return *this;
    }

  private:
    std::string body_;
};

}  // namespace sealcall::audit
