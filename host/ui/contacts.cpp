#include "host/ui/contacts.h"

#include <algorithm>

#include "host/ui/json_read.h"
#include "sealcall/base/secret.h"

namespace sealcall::ui {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_words(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

bool has_word(std::string_view name, std::string_view word) {
    while (!name.empty()) {
        const size_t end = std::min(name.find(' '), name.size());
        if (same_words(name.substr(0, end), word)) return true;
        name.remove_prefix(std::min(end + 1, name.size()));
    }
    return false;
}

bool same_address(std::string_view a, std::string_view b) {
    const size_t at = a.find('@');
    return at != std::string_view::npos && a.substr(0, at) == b.substr(0, std::min(at, b.size())) &&
           same_words(a.substr(at), b.substr(std::min(at, b.size())));
}

void overwrite(std::string& s) {
    wipe(s.data(), s.capacity());
    s.clear();
}

/// The body is of those who wrote it: what is no object with a name has none.
std::string name_in(ByteSpan body) {
    auto members = parse_json_object(as_chars(body));
    if (!members) return {};
    std::string name;
    for (auto& [key, value] : *members) {
        if (key == "name" && !is_address(value.string)) name.swap(value.string);
        overwrite(value.string);
    }
    return name;
}

}  // namespace

bool is_address(std::string_view typed) {
    return typed.starts_with("sip:") || typed.starts_with("sips:") || typed.find('@') != std::string_view::npos ||
           (typed.find(' ') == std::string_view::npos && typed.find_first_of(".:") != std::string_view::npos);
}

Status Contacts::add(ByteSpan page) {
    all_.reserve(kMost);  // never moved: nothing of it stays behind
    ByteReader r(page);
    TRY(const uint16_t count, r.uint<uint16_t>());
    for (uint16_t i = 0; i < count; ++i) {
        TRY([[maybe_unused]] const uint8_t kind, r.u8());
        TRY(const auto uri_size, r.uint<uint16_t>());
        TRY(const ByteSpan uri, r.bytes(uri_size));
        TRY(const auto body_size, r.uint<uint16_t>());
        TRY(const ByteSpan body, r.bytes(body_size));
        if (all_.size() < kMost) all_.push_back({.name = name_in(body), .uri = std::string(as_chars(uri))});
    }
    read_ = static_cast<uint16_t>(read_ + count);
    whole_ = whole_ || count == 0;
    return r.finish();
}

void Contacts::clear() {
    for (Contact& c : all_) {
        overwrite(c.name);
        overwrite(c.uri);
    }
    all_.clear();
    read_ = 0;
    whole_ = false;
}

std::string_view Contacts::name_of(std::string_view uri) const {
    const auto at = std::ranges::find_if(all_, [&](const Contact& c) { return same_address(c.uri, uri); });
    return at == all_.end() ? std::string_view() : at->name;
}

std::vector<const Contact*> Contacts::named(std::string_view typed) const {
    std::vector<const Contact*> whole, word;
    if (typed.empty()) return whole;
    for (const Contact& c : all_) {
        if (same_words(c.name, typed)) whole.push_back(&c);
        if (has_word(c.name, typed)) word.push_back(&c);
    }
    return whole.empty() ? word : whole;
}

}  // namespace sealcall::ui
