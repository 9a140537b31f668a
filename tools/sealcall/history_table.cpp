#include "history_table.h"

#include <algorithm>

#include "commands.h"
#include "files.h"

namespace sealcall::cli {
namespace {

const char* direction(const PastCall& c) { return c.incoming ? "incoming" : "outgoing"; }

/// What a caller merely claims is set apart, as on the screen; quotes in it cannot end it.
std::string who(const PastCall& c) {
    std::string name = printable(c.peer, 120);
    if (c.name_proven) return name;
    if (!c.incoming) return name + " (as dialled)";
    std::ranges::replace(name, '"', '\'');
    return "says: \"" + name + "\"";
}

/// What stands behind a separator, which `;` is in some countries: a formula may begin there too.
bool begins_formula(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(" \""), text.size()));
    return !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos;
}

}  // namespace

std::string csv_field(std::string_view text) {
    std::string out = "\"";
    if (begins_formula(text)) out += '\'';
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '"') out += '"';
        out += static_cast<unsigned char>(c) < ' ' || c == 127 ? ' ' : c;
        if (c == ';' && begins_formula(text.substr(i + 1))) out += '\'';
    }
    return out + '"';
}

nlohmann::json history_json(const std::vector<PastCall>& calls) {
    nlohmann::json list = nlohmann::json::array();
    for (const PastCall& c : calls)
        list.push_back({{"began_ms", c.began_ms},
                        {"talked_s", c.talked_s},
                        {"direction", direction(c)},
                        {"peer", c.peer},
                        {"name_proven", c.name_proven},
                        {"ordinary", c.ordinary},
                        {"level", c.level},
                        {"lab", c.lab},
                        {"label", c.label},
                        {"reason", c.reason},
                        {"ended", c.ended}});
    return {{"ok", true}, {"calls", list}};
}

std::string history_csv(const std::vector<PastCall>& calls) {
    std::string out = "began,talked_s,direction,peer,name_proven,ordinary,level,lab,label,ended\r\n";
    for (const PastCall& c : calls)
        out += csv_field(local_time(c.began_ms)) + "," + std::to_string(c.talked_s) + "," + direction(c) + "," +
               csv_field(c.peer) + "," + (c.name_proven ? "yes" : "no") + "," + (c.ordinary ? "yes" : "no") + "," +
               csv_field(c.level) + "," + (c.lab ? "yes" : "no") + "," + csv_field(c.label) + "," + csv_field(c.ended) +
               "\r\n";
    return out;
}

/// A call that came to nothing says nothing about the other phone.
static std::string shown_level(const PastCall& c) {
    return c.talked_s == 0 && !c.name_proven && !c.ordinary ? "-" : printable(c.level, 1);
}

std::string history_text(const std::vector<PastCall>& calls) {
    if (calls.empty()) return "No calls yet.\n";
    std::string out;
    for (const PastCall& c : calls) {
        const std::string talked =
            std::to_string(c.talked_s / 60) + (c.talked_s % 60 < 10 ? ":0" : ":") + std::to_string(c.talked_s % 60);
        out += local_time(c.began_ms) + (c.incoming ? "  from [" : "  to   [") + shown_level(c) +
               (c.lab ? "] LAB " : "] ") + who(c) + "  " + (c.talked_s == 0 ? printable(c.ended, 200) : talked) +
               (c.label.empty() ? "" : "  " + printable(c.label, 64)) + "\n";
    }
    return out;
}

}  // namespace sealcall::cli
