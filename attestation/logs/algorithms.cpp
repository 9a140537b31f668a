#include "attestation/logs/algorithms.h"

namespace sealcall::logs {
namespace {

struct Row {
    uint16_t number;
    uint8_t size;
    const char* name;
    const char* openssl;  ///< nullptr: known, but its bank is not replayed
};

constexpr Row kRows[] = {
    {kSha1, 20, "sha1", "SHA1"},       {kSha256, 32, "sha256", "SHA256"}, {kSha384, 48, "sha384", "SHA384"},
    {kSha512, 64, "sha512", "SHA512"}, {0x0012, 32, "sm3_256", nullptr},  {0x0027, 32, "sha3_256", nullptr},
    {0x0028, 48, "sha3_384", nullptr}, {0x0029, 64, "sha3_512", nullptr},
};

const Row* row_of(uint16_t number) {
    const auto* found = std::ranges::find(kRows, number, &Row::number);
    return found == std::end(kRows) ? nullptr : found;
}

}  // namespace

size_t registered_digest_size(uint16_t algorithm) {
    const Row* row = row_of(algorithm);
    return row == nullptr ? 0 : row->size;
}

std::string algorithm_name(uint16_t algorithm) {
    if (const Row* row = row_of(algorithm)) return row->name;
    char text[8];
    std::snprintf(text, sizeof text, "0x%04x", algorithm);
    return text;
}

std::optional<uint16_t> algorithm_number(std::string_view name) {
    const auto same = [&](std::string_view known) {
        return std::ranges::equal(name, known, [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
    };
    for (const Row& row : kRows)
        if (same(row.name)) return row.number;
    return {};
}

bool is_replayable(uint16_t algorithm) {
    const Row* row = row_of(algorithm);
    return row != nullptr && row->openssl != nullptr;
}

std::optional<uint16_t> bank_of_size(size_t digest_size) {
    for (const Row& row : kRows)
        if (row.openssl != nullptr && row.size == digest_size) return row.number;
    return {};
}

Hasher::Hasher(uint16_t algorithm) : algorithm_(algorithm), size_(registered_digest_size(algorithm)) {
    CHECK(is_replayable(algorithm));
    md_.reset(EVP_MD_fetch(nullptr, row_of(algorithm)->openssl, nullptr));
    context_.reset(EVP_MD_CTX_new());
    CHECK(md_ && context_);
}

void Hasher::hash(std::initializer_list<ByteSpan> parts, std::byte* out) {
    CHECK(EVP_DigestInit_ex2(context_.get(), md_.get(), nullptr) == 1);
    for (ByteSpan part : parts) CHECK(EVP_DigestUpdate(context_.get(), part.data(), part.size()) == 1);
    CHECK(EVP_DigestFinal_ex(context_.get(), as_u8(out), nullptr) == 1);
}

AnyDigest Hasher::hash(ByteSpan data) {
    AnyDigest out;
    hash({data}, out.bytes.data());
    out.size = static_cast<uint8_t>(size_);
    return out;
}

}  // namespace sealcall::logs
