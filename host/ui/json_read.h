// Reads one line of the control socket: a JSON-RPC 2.0 request (docs/control.md) with scalar parameters only.
// Foreign bytes: bounded, no recursion, no allocation beyond the line's own length, nothing accepted that is not JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sealcall/base/result.h"

namespace sealcall::ui {

inline constexpr size_t kRpcLineMax = 8192;  ///< bytes without the newline
inline constexpr size_t kRpcParamsMax = 8;
inline constexpr size_t kRpcIdMax = 64;                             ///< bytes of a string id
inline constexpr uint64_t kRpcNumberMax = (uint64_t{1} << 53) - 1;  ///< RFC 8259 6: what every reader keeps exact

/// A JSON value without insides.
struct RpcScalar {
    enum class Kind : uint8_t { null, boolean, number, string };
    Kind kind = Kind::null;
    bool boolean = false;
    bool negative = false;
    uint64_t number = 0;
    std::string string{};
    bool operator==(const RpcScalar&) const = default;
};

using JsonMembers = std::vector<std::pair<std::string, RpcScalar>>;  ///< in their order, none twice

struct RpcRequest {
    std::optional<RpcScalar> id;  ///< none: a notification, which gets no answer
    std::string method;
    JsonMembers params;
    [[nodiscard]] const RpcScalar* param(std::string_view name) const;
    bool operator==(const RpcRequest&) const = default;
};

/// Errors: `not_canonical` or `truncated` when it is not JSON (detail: offset), `too_large` beyond a bound, `bad_value`
/// when it is JSON but no request of ours (unknown or repeated member, nested parameters, another jsonrpc version).
Result<RpcRequest> parse_rpc_request(std::string_view line);

/// An object of at most kRpcParamsMax scalars. Errors: as above. Its strings lie nowhere else than in what is returned.
Result<JsonMembers> parse_json_object(std::string_view text);

/// The same request as one line without newline, for `sealcall` and tests.
std::string encode_rpc_request(const RpcRequest& request);

/// An id or another scalar as JSON.
std::string encode_rpc_scalar(const RpcScalar& v);

}  // namespace sealcall::ui
