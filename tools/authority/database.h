// The authority's one storage interface: SQL with numbered parameters and transactions, over SQLite or PostgreSQL. What
// is stored is the authority's own; what comes back is checked for form by the caller. Statements are constants of this
// folder: foreign text travels only as a parameter, never inside of SQL.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

namespace sealcall::authority {

class DatabaseError : public std::runtime_error {
  public:
    enum class Kind : uint8_t {
        failed,      ///< the statement, the disk, a damaged file
        busy,        ///< another transaction was in the way: the whole transaction may be tried again
        constraint,  ///< a uniqueness or append-only rule of the schema said no
        lost,        ///< the connection is gone; whether a commit on it counted is not known
    };
    DatabaseError(Kind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
    [[nodiscard]] Kind kind() const { return kind_; }

  private:
    Kind kind_;
};

/// A parameter: NULL, a number, or text.
using Value = std::variant<std::nullptr_t, int64_t, std::string>;
inline Value number(uint64_t n) { return static_cast<int64_t>(n); }
inline Value text_or_null(const std::string& s) { return s.empty() ? Value(nullptr) : Value(s); }

class Row {
  public:
    using Cell = std::optional<std::string>;
    explicit Row(std::vector<Cell> cells) : cells_(std::move(cells)) {}
    /// Empty for NULL. Throws DatabaseError (failed) if there is no such column.
    [[nodiscard]] std::string text(size_t column) const;
    /// 0 for NULL. Throws DatabaseError (failed) if it is no number.
    [[nodiscard]] uint64_t number(size_t column) const;
    [[nodiscard]] bool is_null(size_t column) const { return column >= cells_.size() || !cells_[column]; }

  private:
    std::vector<Cell> cells_;
};

enum class Dialect : uint8_t { sqlite, postgresql };

/// One connection; one thread at a time. Throws DatabaseError.
class Database {
  public:
    Database() = default;
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;
    virtual ~Database() = default;

    [[nodiscard]] virtual Dialect dialect() const = 0;
    /// One statement with parameters $1, $2, ... in the order of their first appearance.
    virtual std::vector<Row> run(const std::string& sql, const std::vector<Value>& values) = 0;
    /// Several statements without parameters: migrations.
    virtual void run_script(const std::string& sql) = 0;
    /// A transaction that writes: only one is open at any time, whichever process began it.
    virtual void begin() = 0;
    virtual void commit() = 0;
    /// Never throws: called when something else already went wrong.
    virtual void rollback() noexcept = 0;
    /// Opens a lost connection anew.
    virtual void reconnect() = 0;

    std::vector<Row> run(const std::string& sql) { return run(sql, {}); }
};

/// Rolls back what was not committed.
class Transaction {
  public:
    explicit Transaction(Database& database) : database_(database) { database_.begin(); }
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    ~Transaction() {
        if (!done_) database_.rollback();
    }
    void commit() {
        database_.commit();
        done_ = true;
    }

  private:
    Database& database_;
    bool done_ = false;
};

/// Rows as values.
template <class T, class F>
std::vector<T> all_as(const std::vector<Row>& rows, F make) {
    std::vector<T> out;
    out.reserve(rows.size());
    for (const Row& row : rows) out.push_back(make(row));
    return out;
}
template <class T, class F>
std::optional<T> first_as(const std::vector<Row>& rows, F make) {
    if (rows.empty()) return std::nullopt;
    return make(rows.front());
}

/// "sqlite:PATH", "postgresql://..." or "postgres:KEY=VALUE ..." (libpq's two forms). Throws DatabaseError.
std::unique_ptr<Database> open_database(const std::string& url);
std::unique_ptr<Database> open_sqlite(const std::string& path);
std::unique_ptr<Database> open_postgresql(const std::string& conninfo);
/// True for a string that `open_database` knows how to read.
bool is_database_url(const std::string& url);

}  // namespace sealcall::authority
