// `sealcall vault`, `contacts`, `history`, `peers` and `settings`: what is the person's own, in and out in open
// formats.
#include <iomanip>
#include <iostream>

#include "commands.h"
#include "files.h"
#include "history_table.h"
#include "problem.h"
#include "sealcall/policy/reason_text.h"
#include "vault_access.h"
#include "vcard.h"

namespace sealcall::cli {
namespace {

using Json = nlohmann::json;
using Kind = ipc::VaultKind;

template <size_t N>
BoundedString<N> bounded(const std::string& text, const char* what) {
    auto out = BoundedString<N>::from(text);
    if (!out)
        throw Problem(std::string(what) + " is longer than " + std::to_string(N) + " characters.", "Shorten it.",
                      exit_status::kUsage);
    return std::move(*out);
}

/// Of memory that is ours and ends here.
void wipe_view(ByteSpan bytes) { wipe(const_cast<std::byte*>(bytes.data()), bytes.size()); }

/// ipc::SipLogin as it is encoded. The copies that it takes are wiped; the caller wipes the result.
BoundedBytes<576> login_body(BoundedString<128> realm, const Secret<128>& password) {
    const ByteSpan padded = password.reveal(SecretAccess{});
    const auto end = std::ranges::find(padded, std::byte{});
    const ByteSpan text = padded.first(static_cast<size_t>(end - padded.begin()));
    ipc::SipLogin login{.realm = std::move(realm), .password = BoundedString<128>(as_chars(text))};
    ByteWriter writer(ipc::max_size<ipc::SipLogin>());  // it never grows: that would leave a copy behind
    ipc::encode_value(writer, login);
    Bytes encoded = writer.take();
    BoundedBytes<576> out(encoded);
    wipe_view(encoded);
    wipe_view(as_bytes(login.password.view()));
    return out;
}

std::string user_of(const std::string& uri) {
    const size_t at = uri.find('@');
    return at == std::string::npos || !uri.starts_with("sip:") ? std::string() : uri.substr(4, at - 4);
}

/// A vault whose PIN was not given is shut, and well.
bool in_trouble(const ipc::VaultState& s) { return s.error != Errc{} && s.error != Errc::not_permitted; }

/// What is not known is null: of a vault that is shut, what is in it.
Json json_of(VaultAccess& vault, const ipc::VaultState& s) {
    const auto login = vault.read(Kind::login);
    Json out = {{"open", s.open}};
    for (const char* unknown :
         {"exists", "pin_set", "version", "sip_username", "sip_password", "contacts", "history", "peers"})
        out[unknown] = nullptr;
    if (!in_trouble(s)) out.update({{"exists", s.version != 0}, {"pin_set", s.pin_set}, {"version", s.version}});
    if (s.open)
        out.update({{"sip_username", login.empty() ? "" : login[0].name.str()},
                    {"sip_password", !login.empty()},
                    {"contacts", vault.read(Kind::contact).size()},
                    {"history", vault.read(Kind::call).size()},
                    {"peers", vault.read(Kind::peer).size()}});
    return out;
}

/// Trouble for programs: the words that people get, and the same status.
int json_trouble(Json out, const ipc::VaultState& s) {
    try {
        throw_trouble(s);
    } catch (const Problem& problem) {
        out.update({{"ok", false},
                    {"trouble", trouble_word(s.error)},
                    {"error", problem.what()},
                    {"next", problem.next()},
                    {"status", problem.status()}});
        print_json(out);
        return problem.status();
    }
}

std::vector<Contact> contacts_of(VaultAccess& vault) {
    std::vector<Contact> out;
    for (const auto& item : vault.read(Kind::contact)) out.push_back(contact_of(item));
    return out;
}

/// Removes what has this name; how many are left, and a Problem if there was none.
size_t forget(VaultAccess& vault, Kind kind, const std::string& uri, const Problem& none) {
    const size_t before = vault.read(kind).size();
    vault.send(
        ipc::VaultPut{.item = {.kind = kind, .name = bounded<256>(uri, "The address"), .body = {}}, .forget = true});
    const size_t left = vault.read(kind).size();
    if (left == before) throw none;
    return left;
}

}  // namespace

void put_out(const Context& context, const std::string& content) {
    const std::string& file = context.options.vault.file;
    if (file.empty() || file == "-") {
        std::cout << content;
        return;
    }
    export_file(file, content, 0600, context.options.vault.force);
    if (context.json())
        print_json({{"ok", true}, {"file", file}});
    else
        std::cout << "Written: " << printable(file) << "\n";
}

/// Looks without a PIN where one is set: then it says only that.
int run_vault_status(const Context& context) {
    VaultAccess vault = VaultAccess::start(context);
    const ipc::VaultState s = vault.look();
    if (context.json()) {
        Json out = json_of(vault, s);
        if (in_trouble(s)) return json_trouble(std::move(out), s);
        out.update({{"ok", true}, {"trouble", trouble_word(s.error)}});
        print_json(out);
        return exit_status::kOk;
    }
    if (in_trouble(s)) throw_trouble(s);
    std::cout << "Vault " << context.paths().vault().string() << "\n"
              << "  " << (s.pin_set ? "opens with the PIN" : "opens without a PIN: set one with sealcall pin set")
              << "\n"
              << "  version " << s.version << ", as the TPM's counter says\n";
    if (!s.open) return exit_status::kOk;
    const auto login = vault.read(Kind::login);
    std::cout << "  account at the proxy: "
              << (login.empty() ? std::string("none; put one in with sealcall vault login")
                                : printable(login[0].name.str()))
              << "\n  " << vault.read(Kind::contact).size() << " contacts, " << vault.read(Kind::call).size()
              << " calls, " << vault.read(Kind::peer).size() << " phones remembered\n";
    return exit_status::kOk;
}

int run_vault_login(const Context& context) {
    const VaultOptions& o = context.options.vault;
    OpenVault opened(context);
    const std::string username = o.username.empty() ? user_of(own_address(context.store)) : o.username;
    ipc::VaultPut login{.item = {.kind = Kind::login, .name = bounded<256>(username, "The user name"), .body = {}},
                        .forget = o.remove};
    if (!o.remove) {
        if (username.empty()) throw Problem("There is no user name.", "Give one: --username NAME", exit_status::kUsage);
        if (username.size() > 128) throw Problem("The user name is too long.", "", exit_status::kUsage);
        const Secret<128> password = opened.prompt.password("Password of " + username);
        if (password == Secret<128>())
            throw Problem("An empty password is none.", "To take the account out: --remove", exit_status::kUsage);
        login.item.body = login_body(bounded<128>(o.realm, "The realm"), password);
    } else if (const auto there = opened.vault.read(Kind::login); !there.empty()) {
        login.item.name = there[0].name;
    }
    const auto state = opened.vault.send(login);
    wipe_view(login.item.body.view());
    if (context.json()) {
        Json out = json_of(opened.vault, state);
        out["ok"] = true;
        print_json(out);
    } else {
        const std::string realm = o.realm.empty() ? "of the domain of your address" : "\"" + printable(o.realm) + "\"";
        std::cout << (o.remove
                          ? "The account is out of the vault.\n"
                          : "The account of " + printable(username) + " is in the vault. Its password leaves it only " +
                                "as an answer to the realm " + realm + ".\n");
    }
    return exit_status::kOk;
}

int run_contacts_list(const Context& context) {
    OpenVault opened(context);
    const auto contacts = contacts_of(opened.vault);
    if (context.json()) {
        Json list = Json::array();
        for (const auto& c : contacts) list.push_back({{"name", c.name}, {"uri", c.uri}, {"note", c.note}});
        print_json({{"ok", true}, {"contacts", list}});
        return exit_status::kOk;
    }
    for (const auto& c : contacts)
        std::cout << std::left << std::setw(32) << printable(c.name, 60) << " " << printable(c.uri) << "\n";
    if (contacts.empty()) std::cout << "No contacts. Next: sealcall contacts add URI, or contacts import FILE.vcf\n";
    return exit_status::kOk;
}

int run_contacts_export(const Context& context) {
    OpenVault opened(context);
    put_out(context, write_vcards(contacts_of(opened.vault)));
    return exit_status::kOk;
}

int run_contacts_remove(const Context& context) {
    OpenVault opened(context);
    const std::string& uri = context.options.vault.uri;
    const size_t left =
        forget(opened.vault, Kind::contact, uri,
               Problem("No contact has the address " + printable(uri) + ".", "See: sealcall contacts list"));
    if (context.json())
        print_json({{"ok", true}, {"contacts", left}});
    else
        std::cout << printable(uri) << " is no contact any more.\n";
    return exit_status::kOk;
}

int run_history_export(const Context& context) {
    OpenVault opened(context);
    std::vector<PastCall> calls;
    for (const auto& item : opened.vault.read(Kind::call)) calls.push_back(call_of(item));
    const std::string& format = context.options.vault.format;
    if (format == "csv")
        put_out(context, history_csv(calls));
    else if (format == "json" || context.json())
        put_out(context, history_json(calls).dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
    else
        put_out(context, history_text(calls));
    return exit_status::kOk;
}

int run_history_clear(const Context& context) {
    if (!context.options.vault.yes)
        throw Problem("This forgets all calls of the history. The audit log keeps its own records.",
                      "If that is meant: add --yes.", exit_status::kUsage);
    OpenVault opened(context);
    opened.vault.send(ipc::VaultPut{.item = {.kind = Kind::call, .name = {}, .body = {}}, .forget = true});
    if (context.json()) print_json({{"ok", true}});
    return exit_status::kOk;
}

int run_peers_list(const Context& context) {
    OpenVault opened(context);
    const auto items = opened.vault.read(Kind::peer);
    Json list = Json::array();
    for (const auto& item : items) {
        const auto peer = ipc::decode<ipc::Peer>(item.body.view());
        if (!peer) continue;
        const ipc::Peer& p = *peer;
        Json keys = Json::array();
        for (const auto& k : p.keys) keys.push_back({{"key", to_hex(k.spki)}, {"device", to_hex(k.device)}});
        const auto& level = policy::text(p.highest);
        list.push_back({{"uri", item.name.str()},
                        {"highest", std::string(1, level.digit)},
                        {"word", level.word},
                        {"lab", p.lab},
                        {"seen_ms", p.seen_ms},
                        {"keys", keys}});
        if (!context.json())
            std::cout << level.ascii << (p.lab ? " LAB " : "     ") << std::left << std::setw(40)
                      << printable(item.name.str(), 120) << " " << p.keys.size()
                      << (p.keys.size() == 1 ? " key" : " keys") << ", seen " << local_time(p.seen_ms) << "\n";
    }
    if (context.json()) print_json({{"ok", true}, {"peers", list}});
    if (!context.json() && items.empty()) std::cout << "No phone has proven itself to this one yet.\n";
    return exit_status::kOk;
}

int run_peers_forget(const Context& context) {
    OpenVault opened(context);
    const std::string& uri = context.options.vault.uri;
    const size_t left = forget(opened.vault, Kind::peer, uri,
                               Problem("Nothing is remembered of " + printable(uri) + ".", "See: sealcall peers list"));
    if (context.json())
        print_json({{"ok", true}, {"peers", left}});
    else
        std::cout << "Forgotten. Whoever proves this name next is taken as new: check that it is the person.\n";
    return exit_status::kOk;
}

}  // namespace sealcall::cli
