// Result<T>: a value or an Error, never both, never silently dropped. No exceptions cross our folders.
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>
#include <variant>

#include "sealcall/base/check.h"

namespace sealcall {

/// What went wrong, in ranges per module so that a log line names its origin.
enum class Errc : uint16_t {
    // 1..99 bytes and messages
    truncated = 1,
    trailing_bytes,
    too_large,
    not_canonical,
    bad_value,
    unknown_message,
    wrong_state,
    unknown_id,
    // 100..199 system
    io = 100,
    closed,
    would_block,
    not_permitted,
    timeout,
    out_of_memory,
    not_found,
    unavailable,
    // 200..299 TPM
    tpm_failed = 200,
    tpm_gone,
    tpm_timeout,
    tpm_locked_out,
    tpm_policy_refused,
    tpm_auth_refused,
    tpm_not_provisioned,
    tpm_bad_response,
    // 300..399 cryptography and certificates
    crypto_failed = 300,
    bad_signature,
    bad_certificate,
    untrusted_certificate,
    wrong_name,
    bad_key,
    handshake_failed,
    // 400..499 attestation
    bad_evidence = 400,
    wrong_binding,
    wrong_pcr_selection,
    wrong_pcr_digest,
    wrong_key_attributes,
    clock_not_safe,
    clock_went_back,
    replay_mismatch,
    reflected,
    bundle_stale,
    bundle_rolled_back,
    clock_wrong,
    // 500..599 media
    srtp_failed = 500,
    replayed_packet,
    not_authentic,
    codec_failed,
    // 600..699 signalling
    bad_sip = 600,
    bad_sdp,
    // 700..799 policy and configuration
    refused_by_policy = 700,
    bad_config,
};

/// One failure: a code for programs, a literal for people who read logs, a number (an errno, a TPM_RC, an offset).
struct Error {
    Errc code{};
    const char* what = "";
    uint32_t detail = 0;
    bool operator==(const Error& o) const { return code == o.code && detail == o.detail; }
};

template <class T = void>
class [[nodiscard]] Result {
  public:
    using value_type = T;
    Result(T value) : v_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : v_(std::in_place_index<1>, error) {}

    [[nodiscard]] bool has_value() const { return v_.index() == 0; }
    explicit operator bool() const { return has_value(); }
    [[nodiscard]] T& value() & {
        CHECK(has_value());
        return *std::get_if<0>(&v_);
    }
    [[nodiscard]] const T& value() const& {
        CHECK(has_value());
        return *std::get_if<0>(&v_);
    }
    [[nodiscard]] T&& value() && {
        CHECK(has_value());
        return std::move(*std::get_if<0>(&v_));
    }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }
    [[nodiscard]] const Error& error() const {
        CHECK(!has_value());
        return *std::get_if<1>(&v_);
    }
    [[nodiscard]] T value_or(T other) && { return has_value() ? std::move(*this).value() : std::move(other); }

  private:
    std::variant<T, Error> v_;
};

template <>
class [[nodiscard]] Result<void> {
  public:
    using value_type = void;
    Result() = default;
    Result(Error error) : error_(error), ok_(false) {}
    [[nodiscard]] bool has_value() const { return ok_; }
    explicit operator bool() const { return ok_; }
    void value() const { CHECK(ok_); }
    [[nodiscard]] const Error& error() const {
        CHECK(!ok_);
        return error_;
    }

  private:
    Error error_{};
    bool ok_ = true;
};

using Status = Result<void>;

}  // namespace sealcall

#define SEALCALL_CONCAT2(a, b) a##b
#define SEALCALL_CONCAT(a, b) SEALCALL_CONCAT2(a, b)
/// `TRY(auto x, expr);` binds the value or returns the Error from the enclosing function.
#define TRY(decl, expr)                                                                   \
    auto SEALCALL_CONCAT(try_, __LINE__) = (expr);                                        \
    if (!SEALCALL_CONCAT(try_, __LINE__)) return SEALCALL_CONCAT(try_, __LINE__).error(); \
    decl = std::move(SEALCALL_CONCAT(try_, __LINE__)).value()
/// `TRY_STATUS(expr);` returns the Error of a Status from the enclosing function.
#define TRY_STATUS(expr)                                                         \
    do {                                                                         \
        if (auto try_status_ = (expr); !try_status_) return try_status_.error(); \
    } while (0)
