// `sealcall contacts add` and `contacts import`: one person, or those of a vCard file, all or none, into the vault.
#include <iostream>
#include <set>

#include "commands.h"
#include "files.h"
#include "problem.h"
#include "vault_access.h"
#include "vcard.h"

namespace sealcall::cli {
namespace {

constexpr const char* kNothing = " Nothing was imported.";

[[noreturn]] void refuse(const std::string& file, const Error& error) {
    const std::string number = std::to_string(error.detail), name = printable(file);
    switch (error.code) {
        case Errc::too_large:
            if (error.what == kTooManyCards)
                throw Problem("The file " + name + " holds " + number + " cards; at most " +
                                  std::to_string(kVcardsMax) + " are read at once." + kNothing,
                              "Export fewer people at a time from the address book.");
            throw Problem(
                "The file " + name + " is larger than " + std::to_string(kVcardMax >> 20) + " MiB." + kNothing,
                "Export without pictures, or fewer people at a time.");
        case Errc::unavailable:
            throw Problem("The file " + name + " is vCard 2.1 (line " + number + "), which is not read." + kNothing,
                          "Export it from the address book as vCard 3.0 or 4.0.");
        case Errc::truncated:
            throw Problem("In the file " + name + " the card that begins in line " + number + " has no end." + kNothing,
                          "Export it from the address book once more.");
        default:
            throw Problem("There is no vCard in the file " + name + "." + kNothing,
                          "Export it from the address book as vCard 3.0 or 4.0.");
    }
}

/// Before anything goes to the enclave, which would only say that it is full.
void check_room(const std::vector<ipc::VaultItem>& there, const Vcards& cards) {
    std::set<std::string> all;
    for (const auto& item : there) all.insert(item.name.str());
    for (const auto& contact : cards.contacts) all.insert(contact.uri);
    if (all.size() <= kContactsMax) return;
    throw Problem("The vault keeps at most " + std::to_string(kContactsMax) + " contacts. It has " +
                      std::to_string(there.size()) + ", and " + std::to_string(all.size() - there.size()) +
                      " would be new." + kNothing,
                  "Take fewer people, or forget some: sealcall contacts remove.");
}

}  // namespace

int run_contacts_add(const Context& context) {
    const VaultOptions& o = context.options.vault;
    const auto address = sip_address(o.uri);
    if (!address)
        throw Problem(printable(o.uri) + " is no SIP address.", "Write it as sip:name@domain.", exit_status::kUsage);
    if (o.name.size() > kNameMax || o.note.size() > kNoteMax)
        throw Problem("A name has at most " + std::to_string(kNameMax) + " bytes, a note " + std::to_string(kNoteMax) +
                          ". Nothing was added.",
                      "Make it shorter.", exit_status::kUsage);
    const Contact contact{
        .name = o.name.empty() ? address->substr(address->find(':') + 1) : o.name, .uri = *address, .note = o.note};
    OpenVault opened(context);
    const auto before = opened.vault.read(ipc::VaultKind::contact);
    check_room(before, {.contacts = {contact}});
    opened.vault.send(ipc::VaultPut{.item = item_of(contact)});
    const size_t after = opened.vault.read(ipc::VaultKind::contact).size();
    if (context.json())
        print_json({{"ok", true}, {"uri", contact.uri}, {"new", after - before.size()}, {"contacts", after}});
    else
        std::cout << printable(contact.name, 60) << " <" << contact.uri << "> "
                  << (after == before.size() ? "was there, and is replaced.\n" : "is a contact now.\n");
    return exit_status::kOk;
}

int run_contacts_import(const Context& context) {
    const std::string& file = context.options.vault.file;
    const auto text = read_file(file, 16 * kVcardMax);
    if (!text) throw Problem("There is no file " + printable(file) + ".", "Check its name.", exit_status::kUsage);
    const auto cards = parse_vcards(*text);
    if (!cards) refuse(file, cards.error());
    OpenVault opened(context);
    const auto before = opened.vault.read(ipc::VaultKind::contact);
    check_room(before, *cards);
    for (size_t i = 0; i < cards->contacts.size(); ++i)
        opened.vault.send(ipc::VaultPut{.item = item_of(cards->contacts[i]), .more = i + 1 < cards->contacts.size()});
    const size_t after = opened.vault.read(ipc::VaultKind::contact).size();
    if (context.json()) {
        print_json({{"ok", true},
                    {"cards", cards->cards},
                    {"addresses", cards->contacts.size()},
                    {"new", after - before.size()},
                    {"without_address", cards->without_address},
                    {"cut", cards->cut},
                    {"contacts", after}});
        return exit_status::kOk;
    }
    std::cout << cards->cards << " cards, " << cards->contacts.size() << " SIP addresses: " << after - before.size()
              << " new, the others replaced.\n";
    if (cards->without_address != 0)
        std::cout << cards->without_address << " cards have no SIP address and were left out.\n";
    if (cards->cut != 0) std::cout << cards->cut << " names or notes were too long and were cut.\n";
    return exit_status::kOk;
}

}  // namespace sealcall::cli
