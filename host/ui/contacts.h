// The person's contacts while the vault is open: names for the addresses that calls show, addresses for the names that
// a person types. Pure. What it knew is overwritten when the phone is locked.
#pragma once

#include <string>
#include <vector>

#include "sealcall/ipc/schema.h"

namespace sealcall::ui {

/// It stands for itself, whatever contacts there are: user@host, or a host alone with its dots or port.
bool is_address(std::string_view typed);

struct Contact {
    std::string name;  ///< never an address: it would stand where a proven one does
    std::string uri;
};

class Contacts {
  public:
    static constexpr size_t kMost = 512;  ///< of one vault

    /// An encoded ipc::VaultPage, read where it lies; the one without an item was the last. Errors: as decoding.
    Status add(ByteSpan page);
    void clear();
    [[nodiscard]] bool whole() const { return whole_; }
    /// Where the next page begins.
    [[nodiscard]] uint16_t next() const { return read_; }

    /// What the person calls this address (RFC 3261 19.1.4: the host without case); empty: it has no name here.
    [[nodiscard]] std::string_view name_of(std::string_view uri) const;
    /// Whose name is `typed`, or else has it as one of its words; without case in ASCII.
    [[nodiscard]] std::vector<const Contact*> named(std::string_view typed) const;

  private:
    std::vector<Contact> all_;
    uint16_t read_ = 0;
    bool whole_ = false;
};

}  // namespace sealcall::ui
