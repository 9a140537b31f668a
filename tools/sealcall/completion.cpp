#include "completion.h"

#include <algorithm>

#include "command_line.h"

namespace sealcall::cli {
namespace {

using Words = std::vector<std::string>;

std::vector<const CLI::Option*> visible(const CLI::App& app) {
    return app.get_options([](const CLI::Option* o) { return !o->get_group().empty(); });
}
bool takes_value(const CLI::Option& o) { return o.get_items_expected_max() > 0; }

Words flags_of(const CLI::Option& o) {
    Words out;
    for (const auto& n : o.get_snames()) out.push_back("-" + n);
    for (const auto& n : o.get_lnames()) out.push_back("--" + n);
    return out;
}
std::string joined(const Words& words, const char* between) {
    std::string out;
    for (const auto& w : words) out += (out.empty() ? "" : between) + w;
    return out;
}
Words subcommands(const CLI::App& app) {
    Words out;
    for (const CLI::App* s : app.get_subcommands([](const CLI::App*) { return true; })) out.push_back(s->get_name());
    return out;
}
/// Text inside single quotes of a shell.
std::string single_quoted(const std::string& text) {
    std::string out = "'";
    for (char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

constexpr const char* kProfiles = "command ls \"${XDG_CONFIG_HOME:-$HOME/.config}/sealcall\" 2>/dev/null";

std::string bash_values(const std::string& type) {
    if (type == kTypeFile) return "COMPREPLY=($(compgen -f -- \"$cur\"))";
    if (type == kTypeDir) return "COMPREPLY=($(compgen -d -- \"$cur\"))";
    if (type == kTypeProfile) return std::string("COMPREPLY=($(compgen -W \"$(") + kProfiles + ")\" -- \"$cur\"))";
    const Words choices = choices_of(type);
    return choices.empty() ? "COMPREPLY=()" : "COMPREPLY=($(compgen -W \"" + joined(choices, " ") + "\" -- \"$cur\"))";
}

std::string bash_command(const CommandLine& line, const Words& words) {
    const CLI::App& app = *line.find(words);
    Words offers = subcommands(app);
    std::string values, positional = ":";
    for (const CLI::Option* o : visible(app)) {
        if (o->get_positional()) {
            positional = bash_values(o->get_type_name());
            continue;
        }
        const Words flags = flags_of(*o);
        offers.insert(offers.end(), flags.begin(), flags.end());
        if (takes_value(*o))
            values += "      " + joined(flags, "|") + ") " + bash_values(o->get_type_name()) + "; return ;;\n";
    }
    std::string out = "  " + single_quoted(joined(words, " ")) + ")\n";
    if (!values.empty()) out += "    case \"$prev\" in\n" + values + "    esac\n";
    out += "    if [[ $cur != -* ]]; then " + positional + "; fi\n";
    out += "    [[ ${#COMPREPLY[@]} -gt 0 ]] || COMPREPLY=($(compgen -W \"" + joined(offers, " ") +
           "\" -- \"$cur\")) ;;\n";
    return out;
}

std::string bash_script(const CommandLine& line) {
    std::string paths;
    for (const auto& words : line.all_commands())
        if (!words.empty()) paths += (paths.empty() ? "" : "|") + single_quoted(joined(words, " "));
    std::string out =
        "# bash completion of sealcall, made from its command line\n_sealcall() {\n"
        "  local cur=${COMP_WORDS[COMP_CWORD]} prev= path= word i\n"
        "  ((COMP_CWORD > 0)) && prev=${COMP_WORDS[COMP_CWORD-1]}\n"
        "  COMPREPLY=()\n"
        "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
        "    word=${path:+$path }${COMP_WORDS[i]}\n"
        "    case \"$word\" in\n      " +
        paths +
        ") path=$word ;;\n    esac\n  done\n"
        "  case \"$path\" in\n";
    for (const auto& words : line.all_commands()) out += bash_command(line, words);
    return out + "  esac\n}\ncomplete -F _sealcall sealcall\n";
}

std::string zsh_text(const std::string& text) {
    std::string out;
    for (char c : text) {
        if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
        out += c;
    }
    return out;
}
std::string zsh_values(const std::string& type) {
    if (type == kTypeFile) return "_files";
    if (type == kTypeDir) return "_files -/";
    if (type == kTypeProfile) return std::string("($(") + kProfiles + "))";
    const Words choices = choices_of(type);
    return choices.empty() ? " " : "(" + joined(choices, " ") + ")";
}

std::string zsh_command(const CommandLine& line, const Words& words) {
    const CLI::App& app = *line.find(words);
    const Words subs = subcommands(app);
    std::string out = "_" +
                      joined(
                          [&] {
                              Words w{"sealcall"};
                              w.insert(w.end(), words.begin(), words.end());
                              return w;
                          }(),
                          "_") +
                      "() {\n";
    out += "  local -a commands\n  _arguments -C";
    int position = 0;
    for (const CLI::Option* o : visible(app)) {
        const std::string type = o->get_type_name();
        if (o->get_positional()) {
            out += " \\\n    " + single_quoted((o->get_expected_max() > 1 ? "*" : std::to_string(++position)) + ":" +
                                               zsh_text(o->get_single_name()) + ":" + zsh_values(type));
            continue;
        }
        for (const auto& flag : flags_of(*o))
            out += " \\\n    " + single_quoted(flag + "[" + zsh_text(o->get_description()) + "]" +
                                               (takes_value(*o) ? ":" + zsh_text(type) + ":" + zsh_values(type) : ""));
    }
    if (subs.empty()) return out + "\n}\n";
    out += " \\\n    '1: :->command' '*:: :->rest'\n  case $state in\n    command)\n      commands=(\n";
    for (const auto& sub : subs)
        out += "        " + single_quoted(sub + ":" + zsh_text(child(app, sub)->get_description())) + "\n";
    out += "      )\n      _describe command commands ;;\n    rest)\n      case $words[1] in\n";
    for (const auto& sub : subs) {
        Words all{"sealcall"};
        all.insert(all.end(), words.begin(), words.end());
        all.push_back(sub);
        out += "        " + sub + ") _" + joined(all, "_") + " ;;\n";
    }
    return out + "      esac ;;\n  esac\n}\n";
}

std::string zsh_script(const CommandLine& line) {
    std::string out = "#compdef sealcall\n# zsh completion of sealcall, made from its command line\n";
    for (const auto& words : line.all_commands()) out += zsh_command(line, words);
    return out +
           "if [ \"$funcstack[1]\" = \"_sealcall\" ]; then _sealcall \"$@\"; else compdef _sealcall sealcall; fi\n";
}

std::string fish_values(const std::string& type) {
    if (type == kTypeFile) return " -r -F";
    if (type == kTypeDir) return " -x -a '(__fish_complete_directories)'";
    if (type == kTypeProfile)
        return " -x -a '(command ls (set -q XDG_CONFIG_HOME; and echo $XDG_CONFIG_HOME; or echo ~/.config)/sealcall "
               "2>/dev/null)'";
    const Words choices = choices_of(type);
    return choices.empty() ? " -x" : " -x -a " + single_quoted(joined(choices, " "));
}

std::string fish_script(const CommandLine& line) {
    std::string out = "# fish completion of sealcall, made from its command line\ncomplete -c sealcall -f\n";
    for (const auto& words : line.all_commands()) {
        const CLI::App& app = *line.find(words);
        const Words subs = subcommands(app);
        std::string here = words.empty() ? "__fish_use_subcommand" : "";
        for (const auto& w : words)
            here += (here.empty() ? "" : "; and ") + std::string("__fish_seen_subcommand_from ") + w;
        std::string fresh = here;
        if (!words.empty() && !subs.empty()) fresh += "; and not __fish_seen_subcommand_from " + joined(subs, " ");
        for (const auto& sub : subs)
            out += "complete -c sealcall -n " + single_quoted(fresh) + " -a " + sub + " -d " +
                   single_quoted(child(app, sub)->get_description()) + "\n";
        for (const CLI::Option* o : visible(app)) {
            out += "complete -c sealcall -n " + single_quoted(here);
            for (const auto& n : o->get_snames()) out += " -s " + n;
            for (const auto& n : o->get_lnames()) out += " -l " + n;
            if (takes_value(*o)) out += fish_values(o->get_type_name());
            out += " -d " + single_quoted(o->get_description()) + "\n";
        }
    }
    return out;
}

}  // namespace

std::string completion_script(const CommandLine& line, const std::string& shell) {
    if (shell == "bash") return bash_script(line);
    if (shell == "zsh") return zsh_script(line);
    if (shell == "fish") return fish_script(line);
    return {};
}

}  // namespace sealcall::cli
