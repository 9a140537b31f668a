// Intel SHA extensions (Intel SDM 2, SHA256RNDS2, SHA256MSG1, SHA256MSG2). The names are those of FIPS 180-4, 6.2.
#include <cpuid.h>
#include <immintrin.h>

#include <algorithm>
#include <utility>

#include "attestation/logs/sha256_pair.h"

namespace sealcall::logs {
namespace {

constexpr size_t kBlock = 64;

alignas(16) constexpr std::array<uint32_t, 64> kK{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/// What follows a message of one block: nothing but padding (FIPS 180-4, 5.1.1).
constexpr std::array<std::byte, kBlock> kPaddingOfOneBlock = [] {
    std::array<std::byte, kBlock> out{};
    out[0] = std::byte{0x80};
    out[kBlock - 2] = std::byte{8 * kBlock >> 8};
    return out;
}();

/// One hash on its way. The instructions want the eight working variables as A B E F and C D G H, the first in the
/// highest word.
struct Lane {
    __m128i abef, cdgh;
    __m128i was_abef, was_cdgh;  ///< before this block
    __m128i w[4];                ///< the message schedule, sixteen words of it
};

[[gnu::target("sha,sse4.1"), gnu::always_inline]] inline Lane begin() {
    Lane l{};
    l.abef = _mm_set_epi32(0x6a09e667, static_cast<int>(0xbb67ae85), 0x510e527f, static_cast<int>(0x9b05688c));
    l.cdgh = _mm_set_epi32(0x3c6ef372, static_cast<int>(0xa54ff53a), 0x1f83d9ab, 0x5be0cd19);
    return l;
}

/// Words of a message are big-endian.
[[gnu::target("sha,sse4.1"), gnu::always_inline]] inline __m128i swapped(__m128i words) {
    return _mm_shuffle_epi8(words, _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));
}

/// The next block of this hash, in two halves.
[[gnu::target("sha,sse4.1"), gnu::always_inline]] inline void take(Lane& l, const std::byte* half,
                                                                   const std::byte* other) {
    const auto* a = reinterpret_cast<const __m128i*>(half);
    const auto* b = reinterpret_cast<const __m128i*>(other);
    l.was_abef = l.abef;
    l.was_cdgh = l.cdgh;
    l.w[0] = swapped(_mm_loadu_si128(a));
    l.w[1] = swapped(_mm_loadu_si128(a + 1));
    l.w[2] = swapped(_mm_loadu_si128(b));
    l.w[3] = swapped(_mm_loadu_si128(b + 1));
}

[[gnu::target("sha,sse4.1"), gnu::always_inline]] inline void take(Lane& l, const std::byte* block) {
    take(l, block, block + kBlock / 2);
}

[[gnu::target("sha,sse4.1"), gnu::always_inline]] inline void give(Lane& l) {
    l.abef = _mm_add_epi32(l.abef, l.was_abef);
    l.cdgh = _mm_add_epi32(l.cdgh, l.was_cdgh);
}

/// Rounds 4 I to 4 I + 3, and the words of 16 rounds later.
template <size_t I>
[[gnu::target("sha,sse4.1"), gnu::always_inline]] inline void four_rounds(Lane& l) {
    __m128i& w = l.w[I % 4];
    const __m128i &w1 = l.w[(I + 1) % 4], &w2 = l.w[(I + 2) % 4], &w3 = l.w[(I + 3) % 4];
    const __m128i wk = _mm_add_epi32(w, _mm_load_si128(reinterpret_cast<const __m128i*>(kK.data()) + I));
    l.cdgh = _mm_sha256rnds2_epu32(l.cdgh, l.abef, wk);
    if constexpr (I < 12)
        w = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(w, w1), _mm_alignr_epi8(w3, w2, 4)), w3);
    l.abef = _mm_sha256rnds2_epu32(l.abef, l.cdgh, _mm_shuffle_epi32(wk, 0x0e));
}

template <size_t... I>
[[gnu::target("sha,sse4.1"), gnu::always_inline]] inline void all_rounds(Lane& a, Lane& b, std::index_sequence<I...>) {
    ((four_rounds<I>(a), four_rounds<I>(b)), ...);
}

template <size_t... I>
[[gnu::target("sha,sse4.1"), gnu::always_inline]] inline void all_rounds(Lane& l, std::index_sequence<I...>) {
    (four_rounds<I>(l), ...);
}

constexpr std::make_index_sequence<16> kRounds;

[[gnu::target("sha,sse4.1"), gnu::always_inline]] inline void compress(Lane& a, Lane& b) {
    all_rounds(a, b, kRounds);
    give(a);
    give(b);
}

[[gnu::target("sha,sse4.1"), gnu::always_inline]] inline void compress(Lane& l) {
    all_rounds(l, kRounds);
    give(l);
}

[[gnu::target("sha,sse4.1"), gnu::always_inline]] inline void finish(const Lane& l, std::byte* out) {
    const __m128i feba = _mm_shuffle_epi32(l.abef, 0x1b), dchg = _mm_shuffle_epi32(l.cdgh, 0xb1);
    auto* at = reinterpret_cast<__m128i*>(out);
    _mm_storeu_si128(at, swapped(_mm_blend_epi16(feba, dchg, 0xf0)));
    _mm_storeu_si128(at + 1, swapped(_mm_alignr_epi8(dchg, feba, 8)));
}

/// The end of a message with its padding: one block or two.
struct Tail {
    std::array<std::byte, 2 * kBlock> bytes{};
    size_t blocks;
    explicit Tail(ByteSpan message) : blocks(message.size() % kBlock + 9 <= kBlock ? 1 : 2) {
        const ByteSpan rest = message.last(message.size() % kBlock);
        std::ranges::copy(rest, bytes.begin());
        bytes[rest.size()] = std::byte{0x80};
        const uint64_t bits = __builtin_bswap64(uint64_t{message.size()} * 8);
        std::ranges::copy(std::as_bytes(std::span(&bits, 1)), bytes.begin() + kBlock * blocks - sizeof bits);
    }
};

}  // namespace

bool has_sha256_pair() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    const bool sse = __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_SSE4_1) != 0 && (c & bit_SSSE3) != 0;
    return sse && __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_SHA) != 0;
}

[[gnu::target("sha,sse4.1")]] void extend_and_hash(std::byte* value, std::byte* digest, ByteSpan data) {
    const Tail tail(data);
    const size_t whole = data.size() / kBlock, blocks = whole + tail.blocks;
    const auto block = [&](size_t i) {
        return i < whole ? data.data() + i * kBlock : tail.bytes.data() + (i - whole) * kBlock;
    };
    Lane extension = begin(), hash = begin();
    take(extension, value, digest);
    take(hash, block(0));
    compress(extension, hash);
    take(extension, kPaddingOfOneBlock.data());
    if (blocks == 1) {
        compress(extension);
    } else {
        take(hash, block(1));
        compress(extension, hash);
    }
    for (size_t i = 2; i < blocks; ++i) {
        take(hash, block(i));
        compress(hash);
    }
    finish(extension, value);
    finish(hash, digest);
}

}  // namespace sealcall::logs
