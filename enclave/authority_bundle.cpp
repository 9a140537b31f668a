#include "enclave/authority_bundle.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attestation/binding.h"

namespace sealcall::enclave {

using ipc::BundleState;

AuthorityBundle AuthorityBundle::read(UniqueFd fd) {
    AuthorityBundle out;
    struct stat st {};
    if (!fd.valid() || ::fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode)) return out;
    out.present_ = true;
    const auto size = static_cast<size_t>(st.st_size);
    if (st.st_size <= 0 || size > ipc::max_size<rats::SignedBundle>()) return out;
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return out;
    size_t have = 0;
    while (have < size) {
        const ssize_t n =
            ::pread(fd.get(), static_cast<std::byte*>(memory) + have, size - have, static_cast<off_t>(have));
        if (n <= 0) break;
        have += static_cast<size_t>(n);
    }
    (void)::mprotect(memory, size, PROT_READ);
    out.memory_ = memory;
    out.size_ = size;  // less was read: the rest is zero and does not open
    return out;
}

AuthorityBundle::AuthorityBundle(AuthorityBundle&& o) noexcept { *this = std::move(o); }

AuthorityBundle& AuthorityBundle::operator=(AuthorityBundle&& o) noexcept {
    std::swap(memory_, o.memory_);
    std::swap(size_, o.size_);
    std::swap(present_, o.present_);
    std::swap(opened_, o.opened_);
    std::swap(set_, o.set_);
    return *this;
}

AuthorityBundle::~AuthorityBundle() {
    if (memory_ != nullptr) ::munmap(memory_, size_);
}

void AuthorityBundle::open(ByteSpan signer_spki, const std::optional<tpm::AuthorityPin>& pin) {
    opened_ = judge(signer_spki, pin);
}

BundleState AuthorityBundle::judge(ByteSpan signer_spki, const std::optional<tpm::AuthorityPin>& pin) {
    // The TPM remembers that there was an authority with a bundle, even when the profile has forgotten it.
    if (signer_spki.empty()) return pin ? BundleState::missing : BundleState::none;
    if (!pin || pin->signer != attestation::sha256(signer_spki)) return BundleState::not_pinned;
    if (!present_) return BundleState::missing;
    auto opened = attestation::ReferenceSet::open(bytes(), signer_spki, pin->oldest_version);
    if (!opened) return opened.error().code == Errc::bundle_rolled_back ? BundleState::rolled_back : BundleState::bad;
    set_ = *std::move(opened);
    return BundleState::good;
}

BundleState AuthorityBundle::state(uint64_t wall_ms) const {
    if (!set_) return opened_;
    const Status in_time = set_->in_time(wall_ms);
    if (in_time) return BundleState::good;
    return in_time.error().code == Errc::clock_wrong ? BundleState::clock_wrong : BundleState::stale;
}

rats::Reason AuthorityBundle::revocations_unknown(uint64_t wall_ms) const {
    switch (state(wall_ms)) {
        case BundleState::none:
        case BundleState::good:
            return rats::Reason::none;
        case BundleState::clock_wrong:
            return rats::Reason::clock_wrong;
        default:
            return rats::Reason::revocation_list_stale;
    }
}

}  // namespace sealcall::enclave
