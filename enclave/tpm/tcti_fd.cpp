#include "enclave/tpm/tcti_fd.h"

#include <fcntl.h>

namespace sealcall::tpm {

namespace {

constexpr uint64_t kMagic = 0x7365616c63616c6cULL;

void finalize(TSS2_TCTI_CONTEXT*) {}  // the owner closes the descriptor
TSS2_RC cancel(TSS2_TCTI_CONTEXT*) { return TSS2_TCTI_RC_NOT_IMPLEMENTED; }
TSS2_RC poll_handles(TSS2_TCTI_CONTEXT*, TSS2_TCTI_POLL_HANDLE*, size_t*) { return TSS2_TCTI_RC_NOT_IMPLEMENTED; }
TSS2_RC set_locality(TSS2_TCTI_CONTEXT*, uint8_t) { return TSS2_TCTI_RC_NOT_IMPLEMENTED; }
TSS2_RC make_sticky(TSS2_TCTI_CONTEXT*, TPM2_HANDLE*, uint8_t) { return TSS2_TCTI_RC_NOT_IMPLEMENTED; }

}  // namespace

Result<std::unique_ptr<TctiFd>> TctiFd::create(UniqueFd fd, tpm_raw::Wire wire, Millis deadline) {
    if (!fd.valid()) return Error{Errc::tpm_gone, "no connection to a TPM", 0};
    if (wire == tpm_raw::Wire::device) {
        const int flags = ::fcntl(fd.get(), F_GETFL);
        if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0)
            return Error{Errc::tpm_gone, "fcntl", static_cast<uint32_t>(errno)};
    }
    return std::unique_ptr<TctiFd>(new TctiFd(std::move(fd), wire, deadline));
}

TctiFd::TctiFd(UniqueFd fd, tpm_raw::Wire wire, Millis deadline)
    : fd_(std::move(fd)), wire_(wire), deadline_(deadline) {
    auto& v1 = context_.common.v1;
    v1.magic = kMagic;
    v1.version = 2;
    v1.transmit = &TctiFd::transmit;
    v1.receive = &TctiFd::receive;
    v1.finalize = &finalize;
    v1.cancel = &cancel;
    v1.getPollHandles = &poll_handles;
    v1.setLocality = &set_locality;
    context_.common.makeSticky = &make_sticky;
    context_.self = this;
}

TSS2_RC TctiFd::give_up(const Error& error) {
    waiting_ = false;
    state_ = error.code == Errc::tpm_timeout        ? State::timed_out
             : error.code == Errc::tpm_bad_response ? State::bad_response
                                                    : State::gone;
    return TSS2_TCTI_RC_IO_ERROR;
}

TSS2_RC TctiFd::transmit(TSS2_TCTI_CONTEXT* context, size_t size, const uint8_t* command) {
    TctiFd& self = of(context);
    if (self.state_ != State::open) return TSS2_TCTI_RC_IO_ERROR;
    if (command == nullptr) return TSS2_TCTI_RC_BAD_REFERENCE;
    if (self.waiting_) return TSS2_TCTI_RC_BAD_SEQUENCE;
    self.answer_until_ = BootClock::now() + self.deadline_;
    const ByteSpan bytes = std::as_bytes(std::span(command, size));
    if (auto sent = tpm_raw::send_command(self.fd_.get(), self.wire_, bytes, self.answer_until_); !sent)
        return self.give_up(sent.error());
    self.waiting_ = true;
    return TSS2_RC_SUCCESS;
}

// The caller's timeout is not used: the synchronous ESYS functions always ask to block for ever.
TSS2_RC TctiFd::receive(TSS2_TCTI_CONTEXT* context, size_t* size, uint8_t* response, int32_t) {
    TctiFd& self = of(context);
    if (self.state_ != State::open) return TSS2_TCTI_RC_IO_ERROR;
    if (size == nullptr) return TSS2_TCTI_RC_BAD_REFERENCE;
    if (!self.waiting_) return TSS2_TCTI_RC_BAD_SEQUENCE;
    if (response == nullptr) {
        *size = tpm_raw::kMessageMax;
        return TSS2_RC_SUCCESS;
    }
    const auto out = std::as_writable_bytes(std::span(response, *size));
    auto got = tpm_raw::receive_response(self.fd_.get(), self.wire_, out, self.answer_until_);
    if (!got) return self.give_up(got.error());
    self.waiting_ = false;
    *size = *got;
    return TSS2_RC_SUCCESS;
}

}  // namespace sealcall::tpm
