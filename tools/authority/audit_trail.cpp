#include "audit_trail.h"

#include "files.h"

namespace sealcall::authority {
namespace {

constexpr size_t kTextMax = 256, kDetailMax = 1024, kPage = 1000;
const std::string kFirst(64, '0');
constexpr const char* kColumns = "SELECT seq, wall_ms, actor, action, subject, detail, previous, hash FROM audit ";

void put(ByteWriter& w, const std::string& text) { w.u32(static_cast<uint32_t>(text.size())).bytes(as_bytes(text)); }

AuditRecord record_of(const Row& row) {
    return {.seq = row.number(0),
            .wall_ms = row.number(1),
            .actor = row.text(2),
            .action = row.text(3),
            .subject = row.text(4),
            .detail = row.text(5),
            .previous = row.text(6),
            .hash = row.text(7)};
}

/// Foreign text may stand in a record: what is no printable ASCII becomes '?'.
std::string plain(const std::string& text, size_t most) {
    std::string out = text.substr(0, most);
    for (char& c : out)
        if (c < 0x20 || c > 0x7e) c = '?';
    return out;
}

}  // namespace

std::string audit_hash(const AuditRecord& record) {
    ByteWriter w;
    w.u64(record.seq).u64(record.wall_ms);
    for (const auto* text : {&record.actor, &record.action, &record.subject, &record.detail, &record.previous})
        put(w, *text);
    return cli::to_hex(cli::digest_of(w.view()));
}

void append_audit(Database& database, const Actor& actor, uint64_t wall_ms, const std::string& action,
                  const std::string& subject, const std::string& detail) {
    const auto last = database.run("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1");
    AuditRecord record{.seq = last.empty() ? 1 : last.front().number(0) + 1,
                       .wall_ms = wall_ms,
                       .actor = plain(actor.name, kTextMax),
                       .action = plain(action, kTextMax),
                       .subject = plain(subject, kTextMax),
                       .detail = plain(detail, kDetailMax),
                       .previous = last.empty() ? kFirst : last.front().text(1),
                       .hash = {}};
    record.hash = audit_hash(record);
    database.run(
        "INSERT INTO audit (seq, wall_ms, actor, action, subject, detail, previous, hash) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        {number(record.seq), number(record.wall_ms), record.actor, record.action, record.subject, record.detail,
         record.previous, record.hash});
}

std::vector<AuditRecord> read_audit(Database& database, uint64_t after, size_t most) {
    std::vector<AuditRecord> out;
    for (const Row& row :
         database.run(std::string(kColumns) + "WHERE seq > $1 ORDER BY seq LIMIT $2", {number(after), number(most)}))
        out.push_back(record_of(row));
    return out;
}

AuditCheck check_audit(Database& database) {
    AuditCheck out{.holds = true, .records = 0, .head = kFirst, .broken_at = 0};
    for (;;) {
        const auto page = read_audit(database, out.records, kPage);
        if (page.empty()) return out;
        for (const AuditRecord& record : page) {
            if (record.seq != out.records + 1 || record.previous != out.head || record.hash != audit_hash(record)) {
                out.holds = false;
                out.broken_at = out.records + 1;
                return out;
            }
            out.head = record.hash;
            ++out.records;
        }
    }
}

}  // namespace sealcall::authority
