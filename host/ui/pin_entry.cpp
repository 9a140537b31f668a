#include "host/ui/pin_entry.h"

#include "host/terminal/wait_words.h"

namespace sealcall::ui {

void PinEntry::begin(RequestId question) {
    line_.clear();
    state_ = State::typing;
    question_ = question;
}

void PinEntry::give_up() {
    line_.clear();
    state_ = State::idle;
}

void PinEntry::accepted() {
    if (early_) return unwanted();
    give_up();
}

void PinEntry::unwanted() {
    line_.clear();
    state_ = State::unwanted;
}

std::optional<WantsPin> PinEntry::key(char c) {
    using Key = SecretLine<ipc::Pin::kSize>::Key;
    const Key what = line_.key(c);
    if (what == Key::given_up) {
        give_up();
    } else if (state_ != State::typing) {
        if (what == Key::finished && state_ == State::unwanted) give_up();
        early_ = what == Key::edited;
        line_.clear();
    } else if (what == Key::finished && line_.too_long()) {
        line_.clear();
    } else if (what == Key::finished && line_.size() == 0) {
        give_up();
    } else if (what == Key::finished) {
        state_ = State::checking;
        early_ = false;
        return WantsPin{.question = question_, .pin = line_.take()};
    }
    return {};
}

std::string PinEntry::stars() const { return std::string(std::min<size_t>(line_.size(), 16), '*'); }

const char* pin_word(const ipc::PinReply& r) {
    if (r.error == Errc{}) return "none";
    switch (r.error) {
        case Errc::tpm_auth_refused:
            return "pin_wrong";
        case Errc::tpm_locked_out:
            return "locked_out";
        case Errc::tpm_policy_refused:
            return "programs_changed";
        case Errc::io:
            return "not_recorded";
        default:
            return "failed";
    }
}

std::string pin_sentence(const ipc::PinReply& r) {
    const std::string wait = wait_words(r.tries.one_more_in_s);
    if (r.error == Errc{}) return {};
    switch (r.error) {
        case Errc::tpm_auth_refused:
            if (r.tries.most == 0) return "This is not the PIN. How many tries are left is not known now.";
            if (r.tries.left == 0)
                return "This is not the PIN, and it was the last try: the security chip takes the next one in " + wait +
                       " at the latest.";
            return "This is not the PIN. " + std::to_string(r.tries.left) +
                   (r.tries.left == 1 ? " try is" : " tries are") + " left; one comes back every " + wait + ".";
        case Errc::tpm_locked_out:
            return "There were too many wrong PINs: the security chip refuses the right one too, for " +
                   (r.tries.most == 0 ? std::string("some time.") : wait + " at the latest.");
        case Errc::io:
            return "The PIN is right, but what you confirmed could not be written to the audit log, so it does not "
                   "count. Is the disk full?";
        default:
            return "The PIN could not be checked. Run sealcall doctor; a restart often helps.";
    }
}

}  // namespace sealcall::ui
