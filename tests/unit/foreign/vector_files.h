// Other projects' real evidence, read where it lies: $SEALCALL_VECTORS, or shared/vectors beside the source tree.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "sealcall/base/bytes.h"

namespace sealcall::attestation::test {

inline std::filesystem::path vector_root() {
    const char* given = std::getenv("SEALCALL_VECTORS");
    const std::filesystem::path base =
        given != nullptr ? std::filesystem::path(given)
                         : std::filesystem::path(SEALCALL_SOURCE_DIR).parent_path() / "shared" / "vectors";
    return base / "attestation";
}

inline Bytes vector_file(const std::filesystem::path& name) {
    std::ifstream in(vector_root() / name, std::ios::binary);
    EXPECT_TRUE(in) << name;
    const std::string all((std::istreambuf_iterator<char>(in)), {});
    return to_bytes(as_bytes(all));
}

class WithVectors : public testing::Test {
  protected:
    void SetUp() override {
        if (!std::filesystem::exists(vector_root() / "INDEX.md"))
            GTEST_SKIP() << "no vectors: set SEALCALL_VECTORS to the directory that holds attestation/INDEX.md";
    }
};

}  // namespace sealcall::attestation::test
