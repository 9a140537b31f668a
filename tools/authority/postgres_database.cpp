// Storage in PostgreSQL by libpq. Writers take one advisory lock first, so that they stand in line as SQLite's do; the
// uniqueness rules of the schema hold without it as well.
#include <libpq-fe.h>

#include <string_view>

#include "database.h"

namespace sealcall::authority {
namespace {

using Kind = DatabaseError::Kind;
constexpr const char* kWriterLock = "SELECT pg_advisory_xact_lock(8314751209470)";  // any number: it is ours

struct Finish {
    void operator()(PGconn* p) const { PQfinish(p); }
};
struct Clear {
    void operator()(PGresult* p) const { PQclear(p); }
};
using ResultPtr = std::unique_ptr<PGresult, Clear>;

Kind kind_of(PGconn* connection, const PGresult* result) {
    if (PQstatus(connection) == CONNECTION_BAD) return Kind::lost;
    const char* state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : nullptr;
    const std::string_view code = state ? state : "";
    if (code == "40001" || code == "40P01" || code == "55P03") return Kind::busy;
    if (code.starts_with("23") || code == "P0001") return Kind::constraint;
    if (code.starts_with("57P0") || code.starts_with("08")) return Kind::lost;
    return Kind::failed;
}

class PostgresDatabase : public Database {
  public:
    explicit PostgresDatabase(std::string conninfo) : conninfo_(std::move(conninfo)) { connect(); }

    [[nodiscard]] Dialect dialect() const override { return Dialect::postgresql; }

    std::vector<Row> run(const std::string& sql, const std::vector<Value>& values) override {
        std::vector<std::string> texts(values.size());
        std::vector<const char*> pointers(values.size(), nullptr);
        for (size_t i = 0; i < values.size(); ++i) {
            if (const auto* text = std::get_if<std::string>(&values[i])) texts[i] = *text;
            if (const auto* number = std::get_if<int64_t>(&values[i])) texts[i] = std::to_string(*number);
            // A C string ends at a NUL: what follows would be cut off without a word.
            if (texts[i].find('\0') != std::string::npos)
                throw DatabaseError(Kind::failed, "PostgreSQL: text with a NUL");
            if (!std::holds_alternative<std::nullptr_t>(values[i])) pointers[i] = texts[i].c_str();
        }
        const ResultPtr result(PQexecParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr,
                                            pointers.data(), nullptr, nullptr, 0));
        check(result.get(), "statement");
        std::vector<Row> rows;
        for (int r = 0; r < PQntuples(result.get()); ++r) rows.push_back(row_of(result.get(), r));
        return rows;
    }

    void run_script(const std::string& sql) override {
        const ResultPtr result(PQexec(connection_.get(), sql.c_str()));
        check(result.get(), "script");
    }

    void begin() override {
        run_script("BEGIN ISOLATION LEVEL READ COMMITTED");
        try {
            run_script(kWriterLock);
        } catch (...) {
            rollback();
            throw;
        }
    }
    void commit() override {
        const ResultPtr result(PQexec(connection_.get(), "COMMIT"));
        check(result.get(), "commit");
        // A transaction that failed before answers COMMIT with ROLLBACK, and calls that a success.
        if (std::string_view(PQcmdStatus(result.get())) != "COMMIT")
            throw DatabaseError(Kind::failed, "PostgreSQL: the transaction had failed and was rolled back");
    }
    void rollback() noexcept override { const ResultPtr result(PQexec(connection_.get(), "ROLLBACK")); }
    void reconnect() override { connect(); }

  private:
    void connect() {
        // What the library says of one that it cannot read holds all of it, with the password.
        const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> read(
            PQconninfoParse(conninfo_.c_str(), nullptr), PQconninfoFree);
        if (!read) throw DatabaseError(Kind::failed, "PostgreSQL: this is no address of a database");
        connection_.reset(PQconnectdb(conninfo_.c_str()));
        if (PQstatus(connection_.get()) != CONNECTION_OK)
            throw DatabaseError(Kind::lost, std::string("PostgreSQL: ") + PQerrorMessage(connection_.get()));
        PQsetNoticeProcessor(
            connection_.get(), [](void*, const char*) {}, nullptr);
        run_script("SET client_encoding = 'UTF8'; SET lock_timeout = '10s'; SET statement_timeout = '30s'");
    }

    void check(const PGresult* result, const char* doing) {
        const auto status = PQresultStatus(result);
        if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return;
        throw DatabaseError(kind_of(connection_.get(), result),
                            std::string("PostgreSQL, ") + doing + ": " + PQerrorMessage(connection_.get()));
    }

    static Row row_of(const PGresult* result, int row) {
        std::vector<Row::Cell> cells;
        for (int c = 0; c < PQnfields(result); ++c) {
            if (PQgetisnull(result, row, c))
                cells.emplace_back();
            else
                cells.emplace_back(
                    std::string(PQgetvalue(result, row, c), static_cast<size_t>(PQgetlength(result, row, c))));
        }
        return Row(std::move(cells));
    }

    std::string conninfo_;
    std::unique_ptr<PGconn, Finish> connection_;
};

}  // namespace

std::unique_ptr<Database> open_postgresql(const std::string& conninfo) {
    return std::make_unique<PostgresDatabase>(conninfo);
}

}  // namespace sealcall::authority
