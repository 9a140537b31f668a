// The phone's control socket from a program's side: JSON-RPC 2.0, one object a line. The phone is of the same user, but
// what it answers is bounded and parsed like anything else.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "paths.h"
#include "sealcall/base/unique_fd.h"

namespace sealcall::cli {

inline constexpr size_t kControlLineMax = 512 * 1024;  ///< bytes

class ControlClient {
  public:
    /// Nothing if no phone listens there; Problem if one does but may not be used.
    static std::optional<ControlClient> connect(const std::filesystem::path& socket);

    /// One request and its answer; events that come in between are kept for next_event. Throws Problem with the phone's
    /// words if it refuses, if it does not answer within 10 s, or if it went away.
    nlohmann::json request(const std::string& method, const nlohmann::json& params);
    /// The parameters of the next "event" line; nothing when the phone closed the socket. Waits without limit.
    std::optional<nlohmann::json> next_event();

  private:
    explicit ControlClient(UniqueFd fd) : fd_(std::move(fd)) {}
    /// One line; nothing at the end of the stream. Throws Problem on timeout.
    std::optional<nlohmann::json> next_line(std::optional<std::chrono::milliseconds> within);

    UniqueFd fd_;
    std::string buffer_;
    std::vector<nlohmann::json> events_;
    uint64_t last_id_ = 0;
};

}  // namespace sealcall::cli
