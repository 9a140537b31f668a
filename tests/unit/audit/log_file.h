// An audit log in a file of its own, written by the enclave's writer and read by the tools' reader.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "enclave/audit/log.h"
#include "tests/unit/tools/temporary_dir.h"
#include "tools/sealcall/audit_events.h"

namespace sealcall::audit::test {

class LogFile {
  public:
    [[nodiscard]] std::filesystem::path path() const { return dir_ / "audit.log"; }
    [[nodiscard]] UniqueFd open() const {
        return UniqueFd(::open(path().c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
    }
    [[nodiscard]] Log log() const { return Log::create(open()).value(); }
    [[nodiscard]] std::string text() const {
        std::ostringstream out;
        out << std::ifstream(path(), std::ios::binary).rdbuf();
        return out.str();
    }
    void replace(const std::string& text) const { std::ofstream(path(), std::ios::binary | std::ios::trunc) << text; }
    [[nodiscard]] cli::AuditReport report() const { return cli::read_audit(text()); }

  private:
    sealcall::test::TemporaryDir dir_;
};

inline Record some_record(uint64_t n) {
    return Record("open").call(CallId{static_cast<uint32_t>(n)}).text("peer", "sip:bob@example.com").number("level", n);
}

}  // namespace sealcall::audit::test
