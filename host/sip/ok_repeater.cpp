#include "host/sip/ok_repeater.h"

namespace sealcall::host {

void OkRepeater::start(struct sip* stack, const sip_msg& request, ReRef<mbuf> response, std::function<void()> gave_up) {
    stack_ = stack;
    request_ = ReRef<sip_msg>::share(&request);
    response_ = std::move(response);
    gave_up_ = std::move(gave_up);
    interval_ms_ = SIP_T1;
    waited_ms_ = 0;
    timer_.start(interval_ms_, [this] { again(); });
}

void OkRepeater::stop() {
    timer_.cancel();
    request_.reset();
    response_.reset();
}

void OkRepeater::again() {
    waited_ms_ += interval_ms_;
    if (waited_ms_ >= 64 * uint32_t{SIP_T1}) {
        auto give_up = std::exchange(gave_up_, nullptr);
        stop();
        if (give_up) give_up();
        return;
    }
    interval_ms_ = std::min(interval_ms_ * 2, uint32_t{SIP_T2});
    sa to{};
    sip_reply_addr(&to, request_.get(), true);
    if (response_) {
        mbuf_set_pos(response_.get(), 0);
        (void)sip_send(stack_, request_->sock, request_->tp, &to, response_.get());
    }
    timer_.start(interval_ms_, [this] { again(); });
}

}  // namespace sealcall::host
