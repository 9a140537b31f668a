// Logs in the attestation channel, both ways: what we ask the peer for before we appraise it, and what we show of ours.
#include "attestation/binding.h"
#include "enclave/session.h"
#include "enclave/sip_name.h"

namespace sealcall::enclave {
namespace {

/// Both logs at their largest, and the list once more from its beginning; each request costs us a record.
constexpr uint32_t kRequestsMax = 40;
static_assert(kRequestsMax * rats::kLogWindow >= rats::kBootLogMax + 2 * rats::kRuntimeLogMax);

}  // namespace

void Session::fetch_logs() {
    auto body = ipc::decode<rats::EvidenceBody>(pending_->request.evidence.body.view());
    if (!body) return ask_verifier();  // decoded before; the verifier says what is wrong with it
    const Digest device = attestation::sha256(body->ak_certificate.view());
    pending_->logs.emplace(context_.logs, device, body->boot_log, pending_->request.evidence.runtime_log);
    channel_->allow(pending_->logs->outstanding());
    if (pending_->logs->complete()) return ask_verifier();
    if (pending_->round == 0) state_ = SessionState::fetching_logs;
    if (auto request = pending_->logs->next()) send_frame(rats::FrameType::log_request, ipc::encode(*request));
}

Status Session::on_log_part(ByteSpan body) {
    TRY(auto part, ipc::decode<rats::LogPart>(body));
    TRY_STATUS(pending_->logs->on_part(part));
    if (pending_->logs->complete()) {
        ask_verifier();
    } else if (auto request = pending_->logs->next()) {
        send_frame(rats::FrameType::log_request, ipc::encode(*request));
    }
    return {};
}

/// A log is a map of somebody's weaknesses: only phones of the named domains see ours. The others get the same answer
/// as for a log that is not there any more.
Status Session::on_log_request(ByteSpan body) {
    TRY(auto request, ipc::decode<rats::LogRequest>(body));
    const auto& log = request.kind == rats::LogKind::boot ? own_evidence_.boot_log : own_evidence_.runtime_log;
    if (!log || request.offset >= log->size()) return Error{Errc::bad_value, "log offset", request.offset};
    if (++log_requests_ > kRequestsMax) return Error{Errc::too_large, "logs asked for too often", 0};
    const std::string_view domain = peer_domain();
    const bool shown = std::ranges::any_of(
        context_.config.show_logs_to, [&](const auto& d) { return same_host(d.view(), domain) && !domain.empty(); });
    context_.record(audit::Record("log_asked_for")
                        .call(call_.id)
                        .text("peer", channel_->peer().uri)
                        .text("log", request.kind == rats::LogKind::boot ? "boot" : "runtime")
                        .number("offset", request.offset)
                        .flag("shown", shown));
    if (!shown) {
        send_frame(rats::FrameType::log_part,
                   ipc::encode(rats::LogPart{.kind = request.kind, .offset = request.offset, .bytes = {}}));
        return {};
    }
    const size_t end = std::min(log->size(), request.offset + rats::kLogWindow);
    for (size_t at = request.offset; at < end && state_ != SessionState::ended;) {
        const ByteSpan piece = ByteSpan(*log).subspan(at, std::min(rats::kLogPartMax, end - at));
        rats::LogPart part{.kind = request.kind, .offset = static_cast<uint32_t>(at), .bytes = {}};
        part.bytes = BoundedBytes<rats::kLogPartMax>(piece);
        send_frame(rats::FrameType::log_part, ipc::encode(part));
        at += piece.size();
    }
    return {};
}

}  // namespace sealcall::enclave
