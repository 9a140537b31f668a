#include "cel_json.h"

#include <nlohmann/json.hpp>

#include "attestation/logs/event_data.h"
#include "files.h"

namespace sealcall::cli {
namespace {

using namespace sealcall::logs;
using nlohmann::json;

Error bad(const char* what, size_t record) { return {Errc::bad_value, what, static_cast<uint32_t>(record)}; }

std::optional<uint64_t> number_of(const json& object, const char* key) {
    const auto it = object.find(key);
    if (it == object.end() || !it->is_number_unsigned()) return {};
    return it->get<uint64_t>();
}

std::string text_in(const json& object, const char* key) {
    const auto it = object.find(key);
    return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

/// "sha256" or the TCG's number.
std::optional<uint16_t> algorithm_of(const json& digest) {
    if (const auto number = number_of(digest, "hashAlg")) {
        if (*number > UINT16_MAX || registered_digest_size(static_cast<uint16_t>(*number)) == 0) return {};
        return static_cast<uint16_t>(*number);
    }
    return algorithm_number(text_in(digest, "hashAlg"));
}

Status read_digests(const json& record, CelEvent& out, size_t index) {
    const auto digests = record.find("digests");
    if (digests == record.end() || !digests->is_array() || digests->empty() || digests->size() > kBankMax)
        return bad("a record without digests, or with too many", index);
    for (const json& digest : *digests) {
        if (!digest.is_object()) return bad("digest", index);
        const auto algorithm = algorithm_of(digest);
        const auto bytes = from_hex(text_in(digest, "digest"));
        if (!algorithm || !bytes || bytes->size() != registered_digest_size(*algorithm)) return bad("digest", index);
        if (!out.digest_of(*algorithm).empty()) return bad("two digests of one algorithm", index);
        out.digests.emplace_back(*algorithm, AnyDigest::of(*bytes));
    }
    return {};
}

Status read_register(const json& record, CelEvent& out, size_t index) {
    const auto pcr = number_of(record, "pcr"), nv = number_of(record, "nv_index");
    if (pcr.has_value() == nv.has_value()) return bad("a record needs one register", index);
    if (pcr && *pcr >= kPcrCount) return bad("PCR over 23", index);
    if (nv && *nv > UINT32_MAX) return bad("NV index", index);
    out.kind = pcr ? CelRegister::pcr : CelRegister::nv_index;
    out.index = static_cast<uint32_t>(pcr ? *pcr : *nv);
    return {};
}

/// The type of a pcclient_std event: its number, or its name.
std::optional<uint32_t> event_type_in(const json& content) {
    if (const auto number = number_of(content, "event_type")) return static_cast<uint32_t>(*number & UINT32_MAX);
    if (text_in(content, "event_type") == "EV_NO_ACTION") return event_type::kNoAction;
    return content.contains("event_type") ? std::optional(event_type::kEventTag) : std::nullopt;
}

void read_content(const json& record, CelEvent& out) {
    out.content_type = ascii_text(as_bytes(text_in(record, "content_type")));
    const auto content = record.find("content");
    if (content == record.end() || !content->is_object()) return;
    if (out.content_type == "pcclient_std") {
        out.type = event_type_in(*content);
        if (auto data = from_hex(text_in(*content, "event_data"))) out.preimage = *std::move(data);
        out.text = any_text(out.preimage);
    } else if (out.content_type == "ima_template") {
        if (auto data = from_hex(text_in(*content, "template_data"))) out.preimage = *std::move(data);
        out.text = ascii_text(as_bytes(text_in(*content, "template_name")));
    } else if (out.content_type == "systemd") {
        const std::string word = text_in(*content, "string");
        out.preimage = to_bytes(as_bytes(word));
        out.text = ascii_text(as_bytes(word));
    }
}

Result<CelEvent> read_record(const json& record, size_t index) {
    if (!record.is_object()) return bad("a record that is no object", index);
    CelEvent out;
    out.number = number_of(record, "recnum").value_or(index);
    TRY_STATUS(read_register(record, out, index));
    TRY_STATUS(read_digests(record, out, index));
    read_content(record, out);
    return out;
}

/// One JSON text of a sequence; empty ones stand between separators.
Status read_texts(std::string_view text, char separator, CelLog& log) {
    while (!text.empty()) {
        const size_t end = text.find(separator);
        const std::string_view one = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        if (one.find_first_not_of(" \t\r\n") == std::string_view::npos) continue;
        if (log.events.size() == kCelEventsMax) return Error{Errc::too_large, "too many records", 0};
        TRY(CelEvent event, read_record(json::parse(one, nullptr, false), log.events.size()));
        log.events.push_back(std::move(event));
    }
    return {};
}

}  // namespace

bool is_cel_json(ByteSpan in) {
    const std::string_view text = as_chars(in);
    const size_t first = text.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && (text[first] == '[' || text[first] == '{' || text[first] == '\x1e');
}

Result<CelLog> parse_cel_json(ByteSpan in) {
    if (in.size() > kCelJsonMax) return Error{Errc::too_large, "canonical event log", 0};
    CelLog log;
    const std::string_view text = as_chars(in);
    const size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return log;
    if (text[first] != '[') {
        TRY_STATUS(read_texts(text, text[first] == '\x1e' ? '\x1e' : '\n', log));
    } else {
        const json all = json::parse(text, nullptr, false);
        if (!all.is_array()) return bad("not JSON", 0);
        if (all.size() > kCelEventsMax) return Error{Errc::too_large, "too many records", 0};
        for (const json& record : all) {
            TRY(CelEvent event, read_record(record, log.events.size()));
            log.events.push_back(std::move(event));
        }
    }
    for (size_t i = 1; i < log.events.size(); ++i)
        if (log.events[i].number != log.events[i - 1].number + 1) return bad("record numbers do not rise", i);
    return log;
}

}  // namespace sealcall::cli
