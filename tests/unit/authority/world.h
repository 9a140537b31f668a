// An authority for tests of it: a store that believes the laboratory of two software TPMs.
#pragma once

#include "administration.h"
#include "databases.h"
#include "enroller.h"
#include "files.h"
#include "sealcall/base/time.h"
#include "tests/unit/tools/two_tpms.h"

namespace sealcall::authority::test {

using sealcall::test::answer_to;
using sealcall::test::make_two_tpms;
using sealcall::test::request_of;
using sealcall::test::TemporaryDir;
using sealcall::test::TwoTpms;

inline Store make_store(const TwoTpms& tpms, const std::filesystem::path& dir, const std::string& database) {
    Store store =
        Store::create(dir, {.name = "Example Corp", .domain = "example.com", .database = database}, wall_ms());
    CHECK(store.add_ek_roots(tpms.ek_root(), true) == 2u);
    return store;
}

}  // namespace sealcall::authority::test
