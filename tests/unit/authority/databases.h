// A database of each kind that an authority can have, empty, for one test. PostgreSQL is there when
// SEALCALL_TEST_POSTGRESQL says where (tests/support/with_postgresql): each test gets a schema of its own.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "bearer.h"
#include "database.h"
#include "tests/unit/tools/temporary_dir.h"

namespace sealcall::authority::test {

inline std::string kind_name(const ::testing::TestParamInfo<Dialect>& info) {
    return info.param == Dialect::sqlite ? "SQLite" : "PostgreSQL";
}

/// A URL for open_database; empty: there is no such server here.
inline std::string empty_database(Dialect dialect, const sealcall::test::TemporaryDir& dir) {
    if (dialect == Dialect::sqlite) return "sqlite:" + (dir / ("db-" + random_hex(4))).string();
    const char* server = std::getenv("SEALCALL_TEST_POSTGRESQL");  // NOLINT(concurrency-mt-unsafe): before any thread
    if (server == nullptr) return {};
    const std::string schema = "test_" + random_hex(8);
    open_postgresql(server)->run_script("CREATE SCHEMA " + schema);
    return std::string("postgres:") + server + " options=-csearch_path=" + schema;
}

}  // namespace sealcall::authority::test
