// Phone: a newer bundle in the profile goes to the enclave, which alone says whether it is believed.
#include <sys/stat.h>
#include <unistd.h>

#include "sealcall/rats/bundle.h"
#include "tools/sealcall/launcher/phone.h"

namespace sealcall::launcher {

namespace {
constexpr Millis kLook{5'000};  // a fleet is told within seconds of what its phones have fetched
}

FileVersion FileVersion::of(int fd) {
    struct stat st {};
    if (fd < 0 || ::fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) return {};
    return {.device = st.st_dev,
            .inode = st.st_ino,
            .size = st.st_size,
            .changed_ns = int64_t{st.st_mtim.tv_sec} * 1'000'000'000 + st.st_mtim.tv_nsec};
}

void Phone::notice_bundle() {
    const BootInstant now = BootClock::now();
    if (callbacks_ == nullptr || !callbacks_->open_bundle || now < bundle_next_look_) return;
    bundle_next_look_ = now + kLook;
    const UniqueFd fd = callbacks_->open_bundle();
    const FileVersion version = FileVersion::of(fd.get());
    // One that was taken away is no newer one: the last good one stays, and the next start misses it.
    if (version == bundle_seen_ || version == FileVersion{}) return;
    bundle_seen_ = version;
    const auto size = static_cast<size_t>(version.size);
    if (size == 0 || size > ipc::max_size<rats::SignedBundle>()) {
        log("event=bundle_not_sent why=\"no bundle has this size\"");
        return;
    }
    send_bundle(fd.get(), size);
}

void Phone::send_bundle(int fd, size_t size) {
    RoleControl* enclave = find(ipc::ProcessRole::enclave);
    if (enclave == nullptr || !enclave->link().open()) return;
    Bytes part(decltype(ipc::NewBundle::bytes)::kMax);
    for (size_t at = 0; at < size;) {
        const ssize_t n = ::pread(fd, part.data(), std::min(part.size(), size - at), static_cast<off_t>(at));
        if (n <= 0) {  // it was cut while we read; whoever cut it has more to do
            log("event=bundle_not_read");
            return;
        }
        const ByteSpan bytes = ByteSpan(part).first(static_cast<size_t>(n));
        if (!enclave->link().send(ipc::NewBundle{.size = static_cast<uint32_t>(size),
                                                 .offset = static_cast<uint32_t>(at),
                                                 .bytes = BoundedBytes<48 * 1024>(bytes)}))
            return enclave->link().close();
        at += static_cast<size_t>(n);
    }
    log("event=bundle_sent bytes=" + std::to_string(size));
}

}  // namespace sealcall::launcher
