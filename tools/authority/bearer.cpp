#include "bearer.h"

#include <openssl/rand.h>

#include <stdexcept>

#include "files.h"

namespace sealcall::authority {
namespace {

constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz234567";
constexpr size_t kRootText = 52, kSecretText = 32, kPrefix = 5;

std::string base32(ByteSpan bytes) {
    std::string out;
    unsigned bits = 0, held = 0;
    for (const std::byte b : bytes) {
        held = held << 8 | static_cast<unsigned>(b);
        bits += 8;
        for (; bits >= 5; bits -= 5) out += kAlphabet[held >> (bits - 5) & 31];
        held &= (1U << bits) - 1;
    }
    if (bits > 0) out += kAlphabet[held << (5 - bits) & 31];
    return out;
}

/// Fills `out` exactly; leftover bits must be zero, so that a value has one text.
Status from_base32(std::string_view text, std::span<std::byte> out) {
    unsigned bits = 0, held = 0;
    size_t at = 0;
    for (const char c : text) {
        const size_t digit = kAlphabet.find(c);
        if (digit == std::string_view::npos) return Error{Errc::bad_value, "base32", 0};
        held = held << 5 | static_cast<unsigned>(digit);
        bits += 5;
        if (bits < 8) continue;
        bits -= 8;
        if (at == out.size()) return Error{Errc::too_large, "base32", 0};
        out[at++] = static_cast<std::byte>(held >> bits);
        held &= (1U << bits) - 1;
    }
    if (at != out.size()) return Error{Errc::truncated, "base32", 0};
    if (held != 0) return Error{Errc::not_canonical, "base32", 0};
    return {};
}

void fill_random(std::span<std::byte> out) {
    if (RAND_bytes(as_u8(out.data()), static_cast<int>(out.size())) != 1)
        throw std::runtime_error("the system gave no random numbers");
}

const char* prefix_of(BearerKind kind) { return kind == BearerKind::enrolment ? "sct1_" : "sca1_"; }

}  // namespace

Result<Bearer> parse_bearer(std::string_view text) {
    if (text.size() != kBearerText)
        return Error{Errc::bad_value, "length of a token", static_cast<uint32_t>(text.size())};
    Bearer out;
    if (text.starts_with(prefix_of(BearerKind::enrolment)))
        out.kind = BearerKind::enrolment;
    else if (text.starts_with(prefix_of(BearerKind::administrator)))
        out.kind = BearerKind::administrator;
    else
        return Error{Errc::bad_value, "kind of a token", 0};
    if (text[kPrefix + kRootText] != '_') return Error{Errc::bad_value, "form of a token", 0};
    TRY_STATUS(from_base32(text.substr(kPrefix, kRootText), out.root));
    TRY_STATUS(from_base32(text.substr(kPrefix + kRootText + 1, kSecretText), out.secret));
    return out;
}

std::string bearer_text(const Bearer& bearer) {
    return prefix_of(bearer.kind) + base32(bearer.root) + "_" + base32(bearer.secret);
}

Bearer new_bearer(BearerKind kind, const Digest& root) {
    Bearer out{.kind = kind, .root = root, .secret = {}};
    fill_random(out.secret);
    return out;
}

std::string secret_hash(const Bearer& bearer) {
    ByteWriter w;
    w.bytes(as_bytes(prefix_of(bearer.kind))).bytes(bearer.secret);
    return cli::to_hex(cli::digest_of(w.view()));
}

std::string random_hex(size_t bytes) {
    Bytes out(bytes);
    fill_random(out);
    return cli::to_hex(out);
}

}  // namespace sealcall::authority
