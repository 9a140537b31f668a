// Other projects' real evidence and logs, read where they lie: $SEALCALL_VECTORS, or shared/vectors beside the source
// tree. Each directory's INDEX.md says where the files come from and what their own projects expect of them.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "sealcall/base/bytes.h"

namespace sealcall::test {

inline std::filesystem::path vectors_root() {
    const char* given = std::getenv("SEALCALL_VECTORS");
    const std::filesystem::path base =
        given != nullptr ? std::filesystem::path(given)
                         : std::filesystem::path(SEALCALL_SOURCE_DIR).parent_path() / "shared" / "vectors";
    return base / "attestation";
}

/// Of a name below the root, or of a whole path.
inline Bytes vector_file(const std::filesystem::path& name) {
    std::ifstream in(vectors_root() / name, std::ios::binary);
    EXPECT_TRUE(in) << name;
    const std::string all((std::istreambuf_iterator<char>(in)), {});
    return to_bytes(as_bytes(all));
}

/// Skips, saying so, when the vectors are not there.
class Vectors : public testing::Test {
  protected:
    void SetUp() override {
        if (!std::filesystem::exists(vectors_root() / "INDEX.md"))
            GTEST_SKIP() << "no vectors: set SEALCALL_VECTORS to the directory that holds attestation/INDEX.md";
    }
};

}  // namespace sealcall::test
