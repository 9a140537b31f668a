// Where records of the audit log go besides the file: journald, or syslog (RFC 5424). Whoever sends them can read the
// file and open sockets; the enclave, which writes the file, can do neither.
#pragma once

#include <memory>
#include <string>

#include "audit_log.h"
#include "sealcall/base/unique_fd.h"

namespace sealcall::cli {

class AuditSink {
  public:
    AuditSink() = default;
    AuditSink(const AuditSink&) = delete;
    AuditSink& operator=(const AuditSink&) = delete;
    virtual ~AuditSink() = default;
    /// False: it did not go out, and should be tried again.
    virtual bool send(const AuditRecord& record) = 0;
};

/// "journald", "udp://HOST:PORT", "tcp://HOST:PORT" or "unix:PATH". Throws Problem for anything else.
std::unique_ptr<AuditSink> make_audit_sink(const std::string& place);
/// A sentence about what is wrong with the place; empty: nothing.
std::string audit_place_problem(const std::string& place);

/// One message without framing (RFC 5424 6): facility 13 (log audit), notice; the event is MSGID, the record MSG.
std::string syslog_message(const AuditRecord& record, const std::string& host);
/// Fields of journald's native protocol: MESSAGE, PRIORITY, SYSLOG_IDENTIFIER, SYSLOG_FACILITY, SEALCALL_EVENT,
/// SEALCALL_SEQ.
std::string journal_message(const AuditRecord& record);

}  // namespace sealcall::cli
