// What the firmware will extend for an image: everything but checksum, certificate table and its directory entry.
#include "authenticode.h"

#include <gtest/gtest.h>

#include "attestation/binding.h"
#include "tests/unit/reference/pe_image.h"

namespace sealcall::reference::test {
namespace {

TEST(Authenticode, HashesAllButChecksumAndCertificates) {
    const Bytes image = pe_image();
    ByteWriter expected;
    expected.bytes(ByteSpan(image).first(kChecksum));
    expected.bytes(ByteSpan(image).subspan(kChecksum + 4, kSecurity - kChecksum - 4));
    expected.bytes(ByteSpan(image).subspan(kSecurity + 8));
    auto hash = authenticode_sha256(image);
    ASSERT_TRUE(hash) << hash.error().what;
    EXPECT_EQ(*hash, attestation::sha256(expected.view()));
}

TEST(Authenticode, SigningAnImageDoesNotChangeItsHash) {
    const auto unsigned_hash = authenticode_sha256(pe_image());
    ASSERT_TRUE(unsigned_hash);
    for (size_t size : {8, 16, 4096}) {
        auto hash = authenticode_sha256(signed_image(size));
        ASSERT_TRUE(hash);
        EXPECT_EQ(*hash, *unsigned_hash);
    }
}

TEST(Authenticode, EveryOtherByteCounts) {
    const Bytes image = signed_image(16);
    const auto genuine = authenticode_sha256(image);
    ASSERT_TRUE(genuine);
    for (size_t i = 0; i < image.size() - 16; ++i) {
        if ((i >= kChecksum && i < kChecksum + 4) || (i >= kSecurity && i < kSecurity + 8)) continue;
        Bytes changed = image;
        changed[i] ^= std::byte{1};
        auto hash = authenticode_sha256(changed);
        if (hash) {
            EXPECT_NE(*hash, *genuine) << i;
        }
    }
}

TEST(Authenticode, RefusesWhatIsNoImage) {
    EXPECT_FALSE(authenticode_sha256({}));
    EXPECT_EQ(authenticode_sha256(as_bytes("#!/bin/sh\n")).error().code, Errc::bad_value);
    const Bytes image = signed_image(16);
    for (size_t n = 0; n < image.size(); ++n) {
        auto hash = authenticode_sha256(ByteSpan(image).first(n));
        EXPECT_FALSE(hash) << n << ": the certificate table must be the end of the file";
    }
}

TEST(Authenticode, RefusesACertificateTableInTheMiddle) {
    // Bytes behind it would run without being hashed.
    Bytes image = signed_image(16);
    image.push_back(std::byte{1});
    EXPECT_FALSE(authenticode_sha256(image));
}

TEST(Authenticode, RefusesSectionsThatLie) {
    Bytes image = pe_image();
    put_le(image, kSections + 16, 0xffffffff, 4);
    EXPECT_EQ(authenticode_sha256(image).error().code, Errc::truncated);
    image = pe_image();
    put_le(image, kPe + 6, 0xffff, 2);
    EXPECT_EQ(authenticode_sha256(image).error().code, Errc::too_large);
}

}  // namespace
}  // namespace sealcall::reference::test
