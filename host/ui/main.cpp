// sealcall-ui: opens what it needs, gives up the rest, then runs the phone's screen until the launcher says stop.
#include <fcntl.h>
#include <sys/signalfd.h>

#include <csignal>
#include <cstdio>
#include <ctime>

#include "host/ui/lock_down.h"
#include "host/ui/phone_ui.h"

namespace {

using namespace sealcall;

/// Signals come as input of the loop: nothing runs at an unexpected place. -1: errno is set.
int open_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (int s : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH}) sigaddset(&set, s);
    if (sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return -1;
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGTSTP, SIG_IGN);  // a stopped screen cannot show who calls
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

int fail(const char* what, const Error& e) {
    std::fprintf(stderr, "event=ui_failed what=\"%s\" why=\"%s\" detail=%u\n", what, e.what, e.detail);
    return 1;
}

}  // namespace

int main() {
    for (int fd : {ipc::fd::kControl, ipc::fd::kUiEnclave, ipc::fd::kUiHost}) {
        if (!is_open(fd)) {
            std::fprintf(stderr, "sealcall-ui is started by `sealcall`, not by hand.\n");
            return 2;
        }
    }
    tzset();  // the sandbox does not let the time zone be read later
    ui::UiFds fds{.signals = open_signals()};
    if (fds.signals < 0) return fail("signals", Error{Errc::io, "signalfd", 0});
    if (is_open(ipc::fd::kUiControlSocket)) {
        fds.control = ipc::fd::kUiControlSocket;
        fcntl(fds.control, F_SETFL, fcntl(fds.control, F_GETFL) | O_NONBLOCK);  // a client may go before we accept it
    }
    ui::PhoneUi phone(fds);
    if (Status s = phone.greet(); !s) return fail("links", s.error());
    if (Status s = ui::lock_down(); !s) return fail("sandbox", s.error());
    return phone.run();
}
