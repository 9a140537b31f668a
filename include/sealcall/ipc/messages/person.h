// ui -> enclave: what the person wants. Trusted as the person's word; the host has no part in it.
#pragma once

#include "sealcall/ipc/messages/screen.h"
#include "sealcall/ipc/messages/vault.h"

namespace sealcall::ipc {

struct Dial {
    static constexpr uint16_t kId = 120;
    RequestId request;
    BoundedString<256> uri;
    BoundedString<64> label;
    static constexpr auto fields = std::tuple{&Dial::request, &Dial::uri, &Dial::label};
};
struct DialReply {
    static constexpr uint16_t kId = 121;
    RequestId request;
    CallId call;  ///< 0: refused, see reason
    EndReason reason{};
    static constexpr auto fields = std::tuple{&DialReply::request, &DialReply::call, &DialReply::reason};
};
struct Answer {
    static constexpr uint16_t kId = 122;
    CallId call;
    bool microphone = true;   ///< false: listen only
    policy::AnsweredBy by{};  ///< person: a key in ui. script: the control socket
    static constexpr auto fields = std::tuple{&Answer::call, &Answer::microphone, &Answer::by};
};
struct Refuse {
    static constexpr uint16_t kId = 124;
    CallId call;
    static constexpr auto fields = std::tuple{&Refuse::call};
};
struct HangUp {
    static constexpr uint16_t kId = 126;
    CallId call;
    static constexpr auto fields = std::tuple{&HangUp::call};
};
struct SetHold {
    static constexpr uint16_t kId = 128;
    CallId call;
    bool on = false;
    static constexpr auto fields = std::tuple{&SetHold::call, &SetHold::on};
};
struct SetMicrophone {
    static constexpr uint16_t kId = 130;
    CallId call;
    bool on = true;
    static constexpr auto fields = std::tuple{&SetMicrophone::call, &SetMicrophone::on};
};
struct Recheck {
    static constexpr uint16_t kId = 132;  ///< attest again now
    CallId call;
    static constexpr auto fields = std::tuple{&Recheck::call};
};
/// Checked by the TPM alone. Whatever it is for, it opens a vault that is shut.
struct EnterPin {
    static constexpr uint16_t kId = 140;
    RequestId request;
    RequestId question;  ///< of AskConsent, which was on the screen; 0: to unlock
    Pin pin;
    static constexpr auto fields = std::tuple{&EnterPin::request, &EnterPin::question, &EnterPin::pin};
};
struct PinReply {
    static constexpr uint16_t kId = 141;
    RequestId request;
    Errc error{};  ///< 0: it was right
    PinTries tries;
    bool consented = false;  ///< the question was still asked, and its answer is recorded
    static constexpr auto fields =
        std::tuple{&PinReply::request, &PinReply::error, &PinReply::tries, &PinReply::consented};
};
/// Lock now. Anybody at the control socket may ask for it: it takes nothing but time.
struct LockPhone {
    static constexpr uint16_t kId = 142;
    static constexpr auto fields = std::tuple{};
};
/// A call that is over, as ui saw it, for the history. Dropped while the vault is shut.
struct KeepCall {
    static constexpr uint16_t kId = 144;
    VaultItem past;  ///< body: JSON, see docs/control.md
    static constexpr auto fields = std::tuple{&KeepCall::past};
};
struct QueryStatus {
    static constexpr uint16_t kId = 112;
    RequestId request;
    static constexpr auto fields = std::tuple{&QueryStatus::request};
};

}  // namespace sealcall::ipc
