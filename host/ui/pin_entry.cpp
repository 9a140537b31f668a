#include "host/ui/pin_entry.h"

namespace sealcall::ui {
namespace {

constexpr char kBackspace = 0x08, kDelete = 0x7f, kClearLine = 0x15, kInterrupt = 0x03, kEndOfFile = 0x04;

std::string wait_words(uint32_t seconds) {
    if (seconds < 120) return std::to_string(seconds) + " seconds";
    return std::to_string((seconds + 59) / 60) + " minutes";
}

}  // namespace

void PinEntry::begin(RequestId question) {
    give_up();
    active_ = true;
    question_ = question;
}

void PinEntry::give_up() {
    active_ = false;
    typed_.clear();
    length_ = 0;
}

std::optional<WantsPin> PinEntry::key(char c) {
    if (c == '\r' || c == '\n') {
        WantsPin out{.question = question_, .pin = std::move(typed_)};
        const bool typed = length_ != 0;
        give_up();
        if (typed) return out;
        return {};
    }
    const auto bytes = typed_.reveal(SecretAccess{});
    if (c == kInterrupt || c == kEndOfFile) {
        give_up();
    } else if (c == kClearLine) {
        typed_.clear();
        length_ = 0;
    } else if (c == kBackspace || c == kDelete) {
        if (length_ > 0) bytes[--length_] = {};
    } else if (static_cast<unsigned char>(c) >= 0x20 && length_ < bytes.size()) {
        bytes[length_++] = static_cast<std::byte>(c);
    }
    return {};
}

std::string PinEntry::stars() const { return std::string(std::min<size_t>(length_, 16), '*'); }

const char* pin_word(const ipc::PinReply& r) {
    if (r.error == Errc{}) return "none";
    switch (r.error) {
        case Errc::tpm_auth_refused:
            return "pin_wrong";
        case Errc::tpm_locked_out:
            return "locked_out";
        case Errc::tpm_policy_refused:
            return "programs_changed";
        default:
            return "failed";
    }
}

std::string pin_sentence(const ipc::PinReply& r) {
    const std::string wait = wait_words(r.tries.one_more_in_s);
    if (r.error == Errc{}) return {};
    switch (r.error) {
        case Errc::tpm_auth_refused:
            if (r.tries.left == 0)
                return "This is not the PIN, and it was the last try: the security chip takes the next one in " + wait +
                       " at the latest.";
            return "This is not the PIN. " + std::to_string(r.tries.left) +
                   (r.tries.left == 1 ? " try is" : " tries are") + " left; one comes back every " + wait + ".";
        case Errc::tpm_locked_out:
            return "There were too many wrong PINs: the security chip refuses the right one too, for " + wait +
                   " at the latest.";
        default:
            return "The PIN could not be checked. Run sealcall doctor; a restart often helps.";
    }
}

}  // namespace sealcall::ui
