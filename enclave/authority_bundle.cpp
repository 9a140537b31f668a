#include "enclave/authority_bundle.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "attestation/binding.h"

namespace sealcall::enclave {

using ipc::BundleState;

AuthorityBundle AuthorityBundle::of_size(size_t size) {
    AuthorityBundle out;
    if (size == 0 || size > ipc::max_size<rats::SignedBundle>()) return out;
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return out;
    out.memory_ = memory;
    out.size_ = size;
    out.present_ = true;
    return out;
}

bool AuthorityBundle::append(ByteSpan bytes) {
    if (memory_ == nullptr || bytes.size() > size_ - have_) return false;
    std::ranges::copy(bytes, static_cast<std::byte*>(memory_) + have_);
    have_ += bytes.size();
    if (complete()) (void)::mprotect(memory_, size_, PROT_READ);
    return true;
}

AuthorityBundle AuthorityBundle::read(UniqueFd fd) {
    struct stat st {};
    if (!fd.valid() || ::fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode)) return {};
    AuthorityBundle out = of_size(st.st_size > 0 ? static_cast<size_t>(st.st_size) : 0);
    out.present_ = true;
    while (!out.complete() && out.memory_ != nullptr) {
        const ssize_t n = ::pread(fd.get(), static_cast<std::byte*>(out.memory_) + out.have_, out.size_ - out.have_,
                                  static_cast<off_t>(out.have_));
        if (n <= 0) break;  // less was read: the rest is zero and does not open
        out.have_ += static_cast<size_t>(n);
    }
    if (out.memory_ != nullptr) (void)::mprotect(out.memory_, out.size_, PROT_READ);
    return out;
}

AuthorityBundle::AuthorityBundle(AuthorityBundle&& o) noexcept { *this = std::move(o); }

AuthorityBundle& AuthorityBundle::operator=(AuthorityBundle&& o) noexcept {
    std::swap(memory_, o.memory_);
    std::swap(size_, o.size_);
    std::swap(have_, o.have_);
    std::swap(present_, o.present_);
    std::swap(opened_, o.opened_);
    std::swap(set_, o.set_);
    std::swap(document_, o.document_);
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
    if (!opened->policy().empty()) {
        auto document = policy::read_document(opened->policy());
        if (!document) return BundleState::bad;  // a policy that cannot be obeyed is not left out of its bundle
        document_ = std::make_shared<const policy::Document>(std::move(*document));
    }
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
