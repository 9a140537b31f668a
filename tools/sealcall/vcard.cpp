#include "vcard.h"

#include <algorithm>
#include <cctype>
#include <optional>

namespace sealcall::cli {
namespace {

constexpr size_t kFoldAt = 75;  // octets, RFC 6350 3.2

bool equal_no_case(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
    return std::ranges::equal(a, b, [&](char x, char y) { return lower(x) == lower(y); });
}

/// Content lines one after the other, unfolded.
class Lines {
  public:
    explicit Lines(std::string_view text) : text_(text) {}
    bool next(std::string& line) {
        if (at_ >= text_.size()) return false;
        line.assign(physical());
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) {
            ++at_;
            line += physical();
        }
        return true;
    }
    [[nodiscard]] uint32_t number() const { return number_; }

  private:
    std::string_view physical() {
        const size_t end = std::min(text_.find('\n', at_), text_.size());
        std::string_view line = text_.substr(at_, end - at_);
        at_ = std::min(end + 1, text_.size());
        ++number_;
        if (line.ends_with('\r')) line.remove_suffix(1);
        return line;
    }
    std::string_view text_;
    size_t at_ = 0;
    uint32_t number_ = 0;
};

struct Property {
    std::string_view name;  ///< without group and parameters
    std::string_view value;
};

/// group.NAME;PARAM="a:b";P2=c:value. Nothing when there is no value.
std::optional<Property> property_of(std::string_view line) {
    bool quoted = false;
    size_t name_end = std::string_view::npos;
    for (size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '"') quoted = !quoted;
        if (quoted) continue;
        if ((line[i] == ';' || line[i] == ':') && name_end == std::string_view::npos) name_end = i;
        if (line[i] != ':') continue;
        std::string_view name = line.substr(0, name_end);
        if (const size_t dot = name.rfind('.'); dot != std::string_view::npos) name.remove_prefix(dot + 1);
        return Property{.name = name, .value = line.substr(i + 1)};
    }
    return {};
}

/// RFC 6350 3.4. What a terminal could obey becomes a blank.
std::string unescape(std::string_view value) {
    std::string out;
    for (size_t i = 0; i < value.size(); ++i) {
        char c = value[i];
        if (c == '\\' && i + 1 < value.size()) {
            c = value[++i];
            if (c == 'n' || c == 'N') c = '\n';
        }
        out += c != '\n' && (static_cast<unsigned char>(c) < ' ' || c == 127) ? ' ' : c;
    }
    return out;
}

/// N is family;given;...: as people write it.
std::string name_of_parts(std::string_view value) {
    const auto part = [&](size_t wanted) {
        size_t from = 0, n = 0;
        for (size_t i = 0; i <= value.size(); ++i) {
            const bool escaped = i > 0 && i < value.size() && value[i - 1] == '\\';
            if (i < value.size() && (value[i] != ';' || escaped)) continue;
            if (n++ == wanted) return unescape(value.substr(from, i - from));
            from = i + 1;
        }
        return std::string();
    };
    const std::string given = part(1), family = part(0);
    return given + (given.empty() || family.empty() ? "" : " ") + family;
}

}  // namespace

std::optional<std::string> sip_address(std::string_view uri) {
    while (uri.starts_with(' ')) uri.remove_prefix(1);
    while (uri.ends_with(' ')) uri.remove_suffix(1);
    const bool sip = uri.size() > 4 && equal_no_case(uri.substr(0, 4), "sip:");
    const bool sips = uri.size() > 5 && equal_no_case(uri.substr(0, 5), "sips:");
    if (!sip && !sips) return {};
    uri.remove_prefix(sip ? 4 : 5);
    uri = uri.substr(0, uri.find_first_of(";?"));
    const size_t at = uri.find('@');
    // RFC 3261 25.1: characters of userinfo and of hostport.
    const auto all_of = [](std::string_view part, std::string_view marks) {
        return std::ranges::all_of(part, [&](char c) {
            return marks.find(c) != std::string_view::npos || std::isalnum(static_cast<unsigned char>(c)) != 0;
        });
    };
    if (at == 0 || at == std::string_view::npos || at + 1 == uri.size() || uri.size() > 252 ||
        !all_of(uri.substr(0, at), "-_.!~*'()%&=+$,/:") || !all_of(uri.substr(at + 1), "-.:[]"))
        return {};
    return "sip:" + std::string(uri);
}

namespace {

struct Card {
    std::string formatted, parts, note;
    std::vector<std::string> addresses;

    void take(const Property& p) {
        if (equal_no_case(p.name, "FN") && formatted.empty()) formatted = unescape(p.value);
        if (equal_no_case(p.name, "N") && parts.empty()) parts = name_of_parts(p.value);
        if (equal_no_case(p.name, "NOTE") && note.empty()) note = unescape(p.value);
        for (const char* name : {"IMPP", "TEL", "X-SIP", "URL"}) {
            if (!equal_no_case(p.name, name)) continue;
            // X-SIP holds the bare address in many books.
            auto address = sip_address(unescape(p.value));
            if (!address && equal_no_case(p.name, "X-SIP")) address = sip_address("sip:" + unescape(p.value));
            if (address && addresses.size() < 16 && std::ranges::find(addresses, *address) == addresses.end())
                addresses.push_back(*address);
        }
    }
    void finish(Vcards& out) const {
        ++out.cards;
        if (addresses.empty()) ++out.without_address;
        const std::string& name = formatted.empty() ? parts : formatted;
        for (const std::string& address : addresses) {
            const Contact contact{.name = cut_text(name, kNameMax), .uri = address, .note = cut_text(note, kNoteMax)};
            const Contact kept = contact_of(item_of(contact));
            out.cut += (kept.name.size() < name.size() ? 1U : 0U) + (kept.note.size() < note.size() ? 1U : 0U);
            out.contacts.push_back(contact);
        }
    }
};

std::string escape(std::string_view value) {
    std::string out;
    for (char c : value) {
        if (c == '\\' || c == ',' || c == ';') out += '\\';
        if (c == '\n')
            out += "\\n";
        else
            out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
    return out;
}

void add_line(std::string& out, const std::string& line) {
    size_t room = kFoldAt;
    for (size_t at = 0; at < line.size();) {
        size_t n = std::min(room, line.size() - at);
        while (at + n < line.size() && n > 1 && (static_cast<unsigned char>(line[at + n]) & 0xc0) == 0x80) --n;
        out.append(at == 0 ? "" : "\r\n ").append(line, at, n);
        at += n;
        room = kFoldAt - 1;
    }
    out += "\r\n";
}

}  // namespace

Result<Vcards> parse_vcards(std::string_view text) {
    if (text.size() > kVcardMax) return Error{Errc::too_large, "file of contacts", static_cast<uint32_t>(text.size())};
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    Vcards out;
    Lines lines(text);
    std::optional<Card> card;
    uint32_t began = 0;
    for (std::string line; lines.next(line);) {
        const auto p = property_of(line);
        if (!p) continue;
        const bool begins = equal_no_case(p->name, "BEGIN") && equal_no_case(p->value, "VCARD");
        const bool ends = equal_no_case(p->name, "END") && equal_no_case(p->value, "VCARD");
        if (begins && card) return Error{Errc::truncated, "a card has no end", began};
        if (begins) {
            card.emplace();
            began = lines.number();
        } else if (ends && card) {
            if (out.cards >= kVcardsMax)
                ++out.cards;  // counted, to say how many there are
            else
                card->finish(out);
            card.reset();
        } else if (card) {
            if (equal_no_case(p->name, "VERSION") && p->value == "2.1")
                return Error{Errc::unavailable, "vCard 2.1", lines.number()};
            card->take(*p);
        }
    }
    if (card) return Error{Errc::truncated, "a card has no end", began};
    if (out.cards > kVcardsMax) return Error{Errc::too_large, kTooManyCards.data(), static_cast<uint32_t>(out.cards)};
    if (out.cards == 0) return Error{Errc::bad_value, "no card", 0};
    return out;
}

std::string write_vcards(const std::vector<Contact>& contacts) {
    std::string out;
    for (const Contact& c : contacts) {
        add_line(out, "BEGIN:VCARD");
        add_line(out, "VERSION:4.0");
        add_line(out, "FN:" + escape(c.name.empty() ? c.uri : c.name));
        add_line(out, "IMPP:" + c.uri);
        if (!c.note.empty()) add_line(out, "NOTE:" + escape(c.note));
        add_line(out, "END:VCARD");
    }
    return out;
}

}  // namespace sealcall::cli
