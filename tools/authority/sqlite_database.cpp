// Storage in one file. WAL, synced at each commit; BEGIN IMMEDIATE makes writers wait for each other, across processes.
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>

#include "database.h"

namespace sealcall::authority {
namespace {

using Kind = DatabaseError::Kind;
constexpr int kBusyWait = 10'000;  // ms

struct CloseDatabase {
    void operator()(sqlite3* p) const { sqlite3_close_v2(p); }
};
struct Finalize {
    void operator()(sqlite3_stmt* p) const { sqlite3_finalize(p); }
};

[[noreturn]] void fail(sqlite3* db, int code, const char* doing) {
    const int kind = code & 0xff;
    const std::string what = std::string("SQLite, ") + doing + ": " + (db ? sqlite3_errmsg(db) : sqlite3_errstr(code));
    if (kind == SQLITE_BUSY || kind == SQLITE_LOCKED) throw DatabaseError(Kind::busy, what);
    if (kind == SQLITE_CONSTRAINT) throw DatabaseError(Kind::constraint, what);
    throw DatabaseError(Kind::failed, what);
}

class SqliteDatabase : public Database {
  public:
    explicit SqliteDatabase(const std::string& path) : path_(path) { open(); }

    [[nodiscard]] Dialect dialect() const override { return Dialect::sqlite; }

    std::vector<Row> run(const std::string& sql, const std::vector<Value>& values) override {
        sqlite3_stmt* raw = nullptr;
        const int prepared = sqlite3_prepare_v2(db_.get(), sql.c_str(), static_cast<int>(sql.size()), &raw, nullptr);
        const std::unique_ptr<sqlite3_stmt, Finalize> statement(raw);
        if (prepared != SQLITE_OK) fail(db_.get(), prepared, "prepare");
        bind(raw, values);
        std::vector<Row> rows;
        for (;;) {
            const int step = sqlite3_step(raw);
            if (step == SQLITE_DONE) return rows;
            if (step != SQLITE_ROW) fail(db_.get(), step, "step");
            rows.push_back(row_of(raw));
        }
    }

    void run_script(const std::string& sql) override {
        const int code = sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr);
        if (code != SQLITE_OK) fail(db_.get(), code, "script");
    }

    void begin() override { run_script("BEGIN IMMEDIATE"); }
    void commit() override { run_script("COMMIT"); }
    void rollback() noexcept override { sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr); }
    void reconnect() override { open(); }

  private:
    void open() {
        // SQLite makes files with mode 0644; the journal files take the mode of the database.
        const int fd = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0) throw DatabaseError(Kind::failed, "SQLite: the file " + path_ + " cannot be opened for writing");
        ::close(fd);
        sqlite3* raw = nullptr;
        const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE;
        const int code = sqlite3_open_v2(path_.c_str(), &raw, flags, nullptr);
        db_.reset(raw);
        if (code != SQLITE_OK) fail(raw, code, "open");
        sqlite3_busy_timeout(raw, kBusyWait);
        run_script(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;");
    }

    void bind(sqlite3_stmt* statement, const std::vector<Value>& values) {
        for (size_t i = 0; i < values.size(); ++i) {
            const std::string name = "$" + std::to_string(i + 1);
            const int at = sqlite3_bind_parameter_index(statement, name.c_str());
            if (at == 0) throw DatabaseError(Kind::failed, "SQLite: no parameter " + name);
            int code = SQLITE_OK;
            if (const auto* text = std::get_if<std::string>(&values[i]))
                code = sqlite3_bind_text64(statement, at, text->data(), text->size(), SQLITE_TRANSIENT, SQLITE_UTF8);
            else if (const auto* number = std::get_if<int64_t>(&values[i]))
                code = sqlite3_bind_int64(statement, at, *number);
            else
                code = sqlite3_bind_null(statement, at);
            if (code != SQLITE_OK) fail(db_.get(), code, "bind");
        }
    }

    static Row row_of(sqlite3_stmt* statement) {
        std::vector<Row::Cell> cells;
        for (int i = 0; i < sqlite3_column_count(statement); ++i) {
            if (sqlite3_column_type(statement, i) == SQLITE_NULL) {
                cells.emplace_back();
                continue;
            }
            const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement, i));
            cells.emplace_back(std::string(data, static_cast<size_t>(sqlite3_column_bytes(statement, i))));
        }
        return Row(std::move(cells));
    }

    std::string path_;
    std::unique_ptr<sqlite3, CloseDatabase> db_;
};

}  // namespace

std::string Row::text(size_t column) const {
    if (column >= cells_.size()) throw DatabaseError(Kind::failed, "no such column");
    return cells_[column].value_or("");
}

uint64_t Row::number(size_t column) const {
    const std::string digits = text(column);
    if (digits.empty()) return 0;
    uint64_t out = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    if (error != std::errc() || end != digits.data() + digits.size())
        throw DatabaseError(Kind::failed, "a column that should hold a number does not");
    return out;
}

std::unique_ptr<Database> open_sqlite(const std::string& path) { return std::make_unique<SqliteDatabase>(path); }

bool is_database_url(const std::string& url) {
    return (url.starts_with("sqlite:") && url.size() > 7) || url.starts_with("postgresql://") ||
           url.starts_with("postgres://") || (url.starts_with("postgres:") && url.size() > 9);
}

std::unique_ptr<Database> open_database(const std::string& url) {
    if (url.starts_with("sqlite:")) return open_sqlite(url.substr(7));
    if (url.starts_with("postgresql://") || url.starts_with("postgres://")) return open_postgresql(url);
    if (url.starts_with("postgres:")) return open_postgresql(url.substr(9));
    throw DatabaseError(Kind::failed, "a database is sqlite:PATH, postgresql://... or postgres:KEY=VALUE");
}

}  // namespace sealcall::authority
