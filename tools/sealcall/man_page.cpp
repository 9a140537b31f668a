#include "man_page.h"

#include <algorithm>

#include "command_line.h"

namespace sealcall::cli {
namespace {

/// Text as roff takes it literally: no control characters at the start of a line, hyphens that can be copied.
std::string escaped(const std::string& text) {
    std::string out;
    bool line_start = true;
    for (char c : text) {
        if (line_start && (c == '.' || c == '\'')) out += "\\&";
        line_start = c == '\n';
        if (c == '\\')
            out += "\\e";
        else if (c == '-')
            out += "\\-";
        else
            out += c;
    }
    return out;
}

/// An argument of a macro, in quotes.
std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (char c : escaped(text)) out += c == '"' ? std::string("\\(dq") : std::string(1, c);
    return out + "\"";
}

std::string spaced(const std::vector<std::string>& words) {
    std::string out = "sealcall";
    for (const auto& word : words) out += " " + word;
    return out;
}

std::string upper(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
}

std::vector<const CLI::Option*> options_of(const CLI::App& app, const auto& wanted) {
    return app.get_options([&](const CLI::Option* o) { return !o->get_group().empty() && wanted(o); });
}

std::string names_of(const CLI::Option& option) {
    std::string out;
    for (const auto& name : option.get_snames())
        out += (out.empty() ? "" : ", ") + ("\\fB\\-" + escaped(name) + "\\fR");
    for (const auto& name : option.get_lnames())
        out += (out.empty() ? "" : ", ") + ("\\fB\\-\\-" + escaped(name) + "\\fR");
    return out;
}

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

std::string value_of(const CLI::Option& option) {
    return takes_value(option) ? " \\fI" + escaped(option.get_type_name()) + "\\fR" : std::string();
}

std::string synopsis(const CLI::App& app, const std::vector<std::string>& words) {
    std::string out = ".B " + escaped(spaced(words)) + "\n";
    for (const CLI::Option* o : options_of(app, [](const CLI::Option* x) { return !x->get_positional(); })) {
        const std::string body = names_of(*o) + value_of(*o);
        out += o->get_required() ? body + "\n" : "[" + body + "]\n";
    }
    for (const CLI::Option* o : options_of(app, [](const CLI::Option* x) { return x->get_positional(); })) {
        const std::string body = "\\fI" + escaped(upper(o->get_single_name())) + "\\fR";
        const char* more = o->get_expected_max() > 1 ? " ..." : "";
        out += (o->get_required() ? body : "[" + body + "]") + more + "\n";
    }
    if (app.get_require_subcommand_min() > 0) out += "\\fICOMMAND\\fR ...\n";
    return out;
}

std::string paragraphs(const std::string& text) {
    std::string out;
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find("\n\n", at), text.size());
        out += (at ? ".PP\n" : "") + escaped(text.substr(at, end - at)) + "\n";
        at = end + 2;
    }
    return out;
}

std::string arguments(const CLI::App& app) {
    std::string out;
    for (const CLI::Option* o : options_of(app, [](const CLI::Option* x) { return x->get_positional(); }))
        out += ".TP\n\\fI" + escaped(upper(o->get_single_name())) + "\\fR\n" + escaped(o->get_description()) + ".\n";
    for (const CLI::Option* o : options_of(app, [](const CLI::Option* x) { return !x->get_positional(); }))
        out += ".TP\n" + names_of(*o) + value_of(*o) + "\n" + escaped(o->get_description()) + ".\n";
    return out.empty() ? out : ".SH OPTIONS\n" + out;
}

std::string commands(const CLI::App& app, const std::vector<std::string>& words) {
    std::string out;
    for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
        auto all = words;
        all.push_back(sub->get_name());
        out += ".TP\n.BR " + escaped(man_page_name(all)) + " (1)\n" + escaped(sub->get_description()) + ".\n";
    }
    return out.empty() ? out : ".SH COMMANDS\n" + out;
}

std::string exits(const CommandDoc& doc) {
    std::vector<std::pair<int, std::string>> all = {
        {0, "it was done"},
        {1, "it was tried and did not work; what happened is said on standard error"},
        {2, "the command line or the configuration is wrong"},
        {5, "this phone itself: its profile, its TPM or its enrolment"}};
    for (const auto& own : doc.exits) {
        const auto same = std::ranges::find_if(all, [&](const auto& e) { return e.first == own.first; });
        if (same != all.end())
            same->second = own.second;
        else
            all.push_back(own);
    }
    std::ranges::sort(all);
    std::string out = ".SH EXIT STATUS\n";
    for (const auto& [status, what] : all) out += ".TP\n.B " + std::to_string(status) + "\n" + escaped(what) + "\n";
    return out;
}

std::string files() {
    return ".SH FILES\n"
           ".TP\n\\fI$XDG_CONFIG_HOME/sealcall/NAME/config.toml\\fR\nThe configuration of the profile "
           "(\\fI~/.config\\fR when the variable is not set).\n"
           ".TP\n\\fI$XDG_STATE_HOME/sealcall/NAME/\\fR\nKeys as the TPM wrapped them, certificates, the software TPM, "
           "the audit "
           "log (\\fI~/.local/state\\fR when the variable is not set).\n"
           ".TP\n\\fI$XDG_RUNTIME_DIR/sealcall/NAME/control\\fR\nThe control socket of a running phone.\n";
}

}  // namespace

std::string man_page_name(const std::vector<std::string>& words) {
    std::string out = "sealcall";
    for (const auto& word : words) out += "-" + word;
    return out;
}

std::string man_page(const CommandLine& line, const std::vector<std::string>& words) {
    const CLI::App& app = *line.find(words);
    const CommandDoc& doc = line.doc(words);
    std::string out = ".TH " + quoted(upper(man_page_name(words))) + " 1 \"\" " +
                      quoted(std::string("sealcall ") + SEALCALL_VERSION) + " \"User Commands\"\n.SH NAME\n" +
                      escaped(man_page_name(words)) + " \\- " + escaped(app.get_description()) + "\n.SH SYNOPSIS\n" +
                      synopsis(app, words);
    out += ".SH DESCRIPTION\n" + (doc.text.empty() ? escaped(app.get_description()) + ".\n" : paragraphs(doc.text));
    out += commands(app, words) + arguments(app) + exits(doc) + files();
    if (!doc.examples.empty()) {
        out += ".SH EXAMPLES\n";
        for (const auto& [command, what] : doc.examples)
            out += ".TP\n.B " + escaped(command) + "\n" + escaped(what) + "\n";
    }
    if (!words.empty()) {
        auto parent = words;
        parent.pop_back();
        out += ".SH SEE ALSO\n.BR " + escaped(man_page_name(parent)) + " (1)\n";
    }
    return out;
}

}  // namespace sealcall::cli
