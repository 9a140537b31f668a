// Other projects' logs, read where they lie: $SEALCALL_VECTORS, or shared/vectors beside the source tree.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "sealcall/base/bytes.h"

namespace sealcall::logs::test {

namespace fs = std::filesystem;

inline fs::path vectors_root() {
    const char* given = std::getenv("SEALCALL_VECTORS");
    const fs::path base =
        given != nullptr ? fs::path(given) : fs::path(SEALCALL_SOURCE_DIR).parent_path() / "shared" / "vectors";
    return base / "attestation";
}

inline Bytes vector_file(const fs::path& name) {
    std::ifstream in(name.is_absolute() ? name : vectors_root() / name, std::ios::binary);
    EXPECT_TRUE(in) << name;
    const std::string all((std::istreambuf_iterator<char>(in)), {});
    return to_bytes(as_bytes(all));
}

/// Skips, saying so, when the vectors are not there.
class Vectors : public testing::Test {
  protected:
    void SetUp() override {
        if (!fs::exists(vectors_root() / "INDEX.md"))
            GTEST_SKIP() << "no vectors: set SEALCALL_VECTORS to the directory that holds attestation/INDEX.md";
    }
};

}  // namespace sealcall::logs::test
