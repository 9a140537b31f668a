// A file for a vault, and a look at its bytes.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "enclave/vault/vault.h"

namespace sealcall::vault::test {

class VaultFile {
  public:
    VaultFile() : fd_(::memfd_create("vault", MFD_CLOEXEC)) { CHECK(fd_.valid()); }
    [[nodiscard]] UniqueFd copy() const { return UniqueFd(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0)); }
    [[nodiscard]] Vault::SharedDisk open() const { return std::make_shared<Vault::Disk>(copy()); }
    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] Bytes bytes() const {
        const off_t size = ::lseek(fd_.get(), 0, SEEK_END);
        Bytes out(static_cast<size_t>(size));
        CHECK(::pread(fd_.get(), out.data(), out.size(), 0) == size);
        return out;
    }
    void put(ByteSpan all) const {
        CHECK(::ftruncate(fd_.get(), 0) == 0);
        CHECK(::pwrite(fd_.get(), all.data(), all.size(), 0) == static_cast<ssize_t>(all.size()));
    }

  private:
    UniqueFd fd_;
};

inline ipc::VaultItem contact(std::string_view uri, std::string_view body = {}) {
    return {
        .kind = ipc::VaultKind::contact, .name = BoundedString<256>(uri), .body = BoundedBytes<576>(as_bytes(body))};
}

inline ipc::VaultItem some_login() {
    return {.kind = ipc::VaultKind::login,
            .name = BoundedString<256>("alice"),
            .body = BoundedBytes<576>(
                ipc::encode(ipc::SipLogin{.realm = {}, .password = BoundedString<128>("sip password 4711")}))};
}

inline Content some_content() {
    Content c;
    CHECK(c.put(some_login()));
    CHECK(c.put(contact("sip:bob@example.com", "Bob")));
    return c;
}

inline size_t contacts(const Content& c) {
    return static_cast<size_t>(std::ranges::count(c.items, ipc::VaultKind::contact, &ipc::VaultItem::kind));
}

}  // namespace sealcall::vault::test
