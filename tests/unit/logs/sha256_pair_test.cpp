#include "attestation/logs/sha256_pair.h"

#include <gtest/gtest.h>

#include "attestation/logs/ima.h"

namespace sealcall::logs {
namespace {

Bytes numbers(size_t size, uint8_t first) {
    Bytes out(size);
    for (size_t i = 0; i < size; ++i) out[i] = static_cast<std::byte>(first + 7 * i);
    return out;
}

TEST(Sha256Pair, GivesWhatOpensslGivesForEveryLengthUpToFiveBlocks) {
    if (!has_sha256_pair()) GTEST_SKIP() << "this processor has no SHA instructions: OpenSSL hashes alone";
    Hasher sha256(kSha256);
    Bytes value = numbers(32, 1), digest = numbers(32, 99);
    for (size_t size = 0; size <= 5 * 64; ++size) {
        const Bytes data = numbers(size, static_cast<uint8_t>(size));
        Bytes extended = value;
        sha256.extend(extended.data(), digest);
        const AnyDigest hashed = sha256.hash(data);
        extend_and_hash(value.data(), digest.data(), data);
        ASSERT_EQ(value, extended) << size;
        ASSERT_TRUE(equal_bytes(digest, hashed.view())) << size;
    }
}

/// A replay with nothing but OpenSSL, after TPM2_PCR_Extend.
AnyDigest replayed_slowly(const std::vector<Bytes>& entries, uint16_t bank) {
    Hasher hasher(bank);
    AnyDigest value;
    value.size = static_cast<uint8_t>(hasher.size());
    for (const Bytes& data : entries) {
        AnyDigest digest = hasher.hash(data);
        if (data.empty()) digest.bytes.fill(std::byte{0xff});
        hasher.extend(value.bytes.data(), digest.view());
    }
    return value;
}

TEST(ImaReplay, GivesTheValueOfEveryBankAfterEveryEntry) {
    for (const uint16_t bank : {kSha256, kSha384, kSha512}) {
        ImaReplay replay(bank, ImaRule::bank_hash);
        std::vector<Bytes> entries;
        AnyDigest before = replayed_slowly({}, bank);
        for (size_t i = 0; i < 200; ++i) {
            ImaEntry entry;
            // Of other lengths each time; the 50th is a violation.
            entries.push_back(i == 50 ? Bytes{} : numbers(1 + 13 * i % 300, static_cast<uint8_t>(i)));
            if (i != 50) entry.template_hash.fill(std::byte{1});
            entry.data = entries.back();
            replay.add(entry);
            ASSERT_TRUE(equal_bytes(replay.value_before_last(), before.view())) << bank << ' ' << i;
            before = replayed_slowly(entries, bank);
            ASSERT_EQ(replay.value(), before) << bank << ' ' << i;
        }
    }
}

}  // namespace
}  // namespace sealcall::logs
