// What the items of a vault mean to the person's programs: the enclave keeps them and reads only a contact's address.
#pragma once

#include <string>

#include "sealcall/ipc/messages/vault.h"

namespace sealcall::cli {

struct Contact {
    std::string name;  ///< at most kNameMax bytes, `note` at most kNoteMax
    std::string uri;
    std::string note;
    bool operator==(const Contact&) const = default;
};
inline constexpr size_t kNameMax = 128, kNoteMax = 256;
inline constexpr size_t kContactsMax = 512;  ///< of one vault: what the enclave takes (enclave/vault/file.cpp)

/// One call that is over, as the phone's screen said it (docs/control.md).
struct PastCall {
    std::string peer;
    uint64_t began_ms = 0;  ///< UTC
    uint32_t talked_s = 0;  ///< 0: nobody talked
    bool incoming = false;
    bool ordinary = false;
    bool name_proven = false;  ///< by a certificate; else `peer` is what a caller says, or what was dialled
    std::string level = "0";   ///< "X", "0" to "4"
    bool lab = false;
    std::string label;
    std::string reason;  ///< why it ended: its stable name
    std::string ended;   ///< and the sentence
};

/// A note that does not fit is cut.
ipc::VaultItem item_of(const Contact& contact);
/// Whatever is not there, or is not what it should be, is empty.
Contact contact_of(const ipc::VaultItem& item);
PastCall call_of(const ipc::VaultItem& item);

/// The first `most` bytes, never half a character of UTF-8.
std::string cut_text(const std::string& text, size_t most);

}  // namespace sealcall::cli
