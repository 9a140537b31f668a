#include "vault_items.h"

#include <nlohmann/json.hpp>

namespace sealcall::cli {
namespace {

using Json = nlohmann::json;

Json body_of(const ipc::VaultItem& item) {
    Json body = Json::parse(as_chars(item.body.view()), nullptr, false);
    return body.is_object() ? body : Json::object();
}

std::string text(const Json& body, const char* key) {
    const auto at = body.find(key);
    return at != body.end() && at->is_string() ? at->get<std::string>() : std::string();
}

uint64_t number(const Json& body, const char* key) {
    const auto at = body.find(key);
    return at != body.end() && at->is_number_unsigned() ? at->get<uint64_t>() : 0;
}

bool flag(const Json& body, const char* key) {
    const auto at = body.find(key);
    return at != body.end() && at->is_boolean() && at->get<bool>();
}

}  // namespace

std::string cut_text(const std::string& text, size_t most) {
    if (text.size() <= most) return text;
    while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
    return text.substr(0, most);
}

ipc::VaultItem item_of(const Contact& contact) {
    Json body = {{"name", contact.name}, {"note", contact.note}};
    std::string text = body.dump(-1, ' ', false, Json::error_handler_t::replace);
    for (const char* longest : {"note", "name"})
        for (size_t most = body[longest].get<std::string>().size(); text.size() > 576 && most > 0; most /= 2) {
            body[longest] = cut_text(body[longest].get<std::string>(), most / 2);
            text = body.dump(-1, ' ', false, Json::error_handler_t::replace);
        }
    return {.kind = ipc::VaultKind::contact,
            .name = BoundedString<256>::cut(contact.uri),
            .body = BoundedBytes<576>(as_bytes(text))};
}

Contact contact_of(const ipc::VaultItem& item) {
    const Json body = body_of(item);
    return {.name = text(body, "name"), .uri = item.name.str(), .note = text(body, "note")};
}

PastCall call_of(const ipc::VaultItem& item) {
    const Json body = body_of(item);
    return {.peer = item.name.str(),
            .began_ms = number(body, "began_ms"),
            .talked_s = static_cast<uint32_t>(number(body, "talked_s")),
            .incoming = text(body, "direction") == "incoming",
            .ordinary = flag(body, "ordinary"),
            .name_proven = flag(body, "name_proven"),
            .level = text(body, "level"),
            .lab = flag(body, "lab"),
            .label = text(body, "label"),
            .reason = text(body, "reason"),
            .ended = text(body, "ended")};
}

}  // namespace sealcall::cli
