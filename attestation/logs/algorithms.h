// Hash algorithms of PCR banks by their TCG numbers (TCG Algorithm Registry 1.34, 5), and one reusable hasher.
#pragma once

#include <optional>

#include "attestation/openssl.h"

namespace sealcall::logs {

inline constexpr uint16_t kSha1 = 0x0004;
inline constexpr uint16_t kSha256 = 0x000b;
inline constexpr uint16_t kSha384 = 0x000c;
inline constexpr uint16_t kSha512 = 0x000d;
inline constexpr size_t kDigestMax = 64;  ///< bytes

/// Bytes of a digest of this registered algorithm; 0 if the registry that we know has none of that number.
size_t registered_digest_size(uint16_t algorithm);
/// "sha256"; "0x1234" for a number that is not registered.
std::string algorithm_name(uint16_t algorithm);
/// The number of "sha256" or "SHA256"; nothing for other words.
std::optional<uint16_t> algorithm_number(std::string_view name);
/// True for the banks that are replayed here: SHA-1, SHA-256, SHA-384, SHA-512.
bool is_replayable(uint16_t algorithm);
/// The replayable bank whose digests have this size; nothing if there is none.
std::optional<uint16_t> bank_of_size(size_t digest_size);

/// A digest of any bank, by value.
struct AnyDigest {
    std::array<std::byte, kDigestMax> bytes{};
    uint8_t size = 0;
    [[nodiscard]] ByteSpan view() const { return {bytes.data(), size}; }
    static AnyDigest of(ByteSpan b) {
        CHECK(b.size() <= kDigestMax);
        AnyDigest out;
        std::ranges::copy(b, out.bytes.begin());
        out.size = static_cast<uint8_t>(b.size());
        return out;
    }
    bool operator==(const AnyDigest&) const = default;
};

/// Hashes again and again with one algorithm: the context and the implementation are looked up once. Not for threads to
/// share. Ends the process if OpenSSL cannot hash: that is no property of the input.
class Hasher {
  public:
    /// `algorithm` must be replayable.
    explicit Hasher(uint16_t algorithm);
    [[nodiscard]] uint16_t algorithm() const { return algorithm_; }
    [[nodiscard]] size_t size() const { return size_; }
    /// Hash of the parts, one after the other. `out` holds size() bytes; it may be one of the parts.
    void hash(std::initializer_list<ByteSpan> parts, std::byte* out);
    AnyDigest hash(ByteSpan data);
    /// TPM2_PCR_Extend: value = H(value || digest).
    void extend(std::byte* value, ByteSpan digest) { hash({ByteSpan(value, size_), digest}, value); }

  private:
    struct FreeMd {
        void operator()(EVP_MD* md) const { EVP_MD_free(md); }
    };
    uint16_t algorithm_;
    size_t size_;
    std::unique_ptr<EVP_MD, FreeMd> md_;
    attestation::MdCtxPtr context_;
};

}  // namespace sealcall::logs
