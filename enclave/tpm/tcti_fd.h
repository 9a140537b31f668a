// TCTI over one inherited descriptor: the stream socket of a private swtpm, or an open /dev/tpmrm0. Each command has a
// deadline. Once anything went wrong the connection stays broken, so that a late answer is never taken for another
// command's.
#pragma once

#include <tss2/tss2_tcti.h>

#include <memory>

#include "sealcall/base/tpm_extend.h"
#include "sealcall/base/unique_fd.h"

namespace sealcall::tpm {

class TctiFd {
  public:
    enum class State : uint8_t { open, timed_out, gone, bad_response };

    /// Sets O_NONBLOCK on a device (the descriptor is then ours alone). Errors: tpm_gone.
    static Result<std::unique_ptr<TctiFd>> create(UniqueFd fd, tpm_raw::Wire wire, Millis deadline);
    TctiFd(const TctiFd&) = delete;
    TctiFd& operator=(const TctiFd&) = delete;
    ~TctiFd() = default;

    TSS2_TCTI_CONTEXT* context() { return reinterpret_cast<TSS2_TCTI_CONTEXT*>(&context_); }
    [[nodiscard]] State state() const { return state_; }

  private:
    // Standard layout: the TSS knows only the first member (TSS 2.0 TCTI specification, 3.2).
    struct Context {
        TSS2_TCTI_CONTEXT_COMMON_V2 common;
        TctiFd* self;
    };

    TctiFd(UniqueFd fd, tpm_raw::Wire wire, Millis deadline);
    static TctiFd& of(TSS2_TCTI_CONTEXT* context) { return *reinterpret_cast<Context*>(context)->self; }
    static TSS2_RC transmit(TSS2_TCTI_CONTEXT* context, size_t size, const uint8_t* command);
    static TSS2_RC receive(TSS2_TCTI_CONTEXT* context, size_t* size, uint8_t* response, int32_t timeout);
    TSS2_RC give_up(const Error& error);

    Context context_{};
    UniqueFd fd_;
    tpm_raw::Wire wire_;
    Millis deadline_;
    BootInstant answer_until_{};
    bool waiting_ = false;
    State state_ = State::open;
};

}  // namespace sealcall::tpm
