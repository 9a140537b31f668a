#include "enclave/guard/boot.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "enclave/guard/files.h"
#include "enclave/guard/sealed_boot.h"
#include "enclave/tpm/policy_digest.h"
#include "sealcall/base/tpm_extend.h"

namespace sealcall::guard {
namespace {

using ipc::GuardKeys;
using tpm::AuthFor;

constexpr Millis kTpmDeadline{10'000};
constexpr int kCapTries = 3;
constexpr size_t kApprovalsFileMax = 8192;

/// The cap says that from here on nobody gets the boot secret; its text is the one file of a role that runs nothing.
attestation::MeasuredRole cap() {
    return {.role = "cap", .files = {{.name = "cap", .digest = tpm::sha256(as_bytes("sealcall cap 1"))}}};
}

Digest extended(const Digest& value, const attestation::MeasuredRole& role) {
    return tpm::sha256(value, attestation::cel_digest(role));
}

Status extend(const Paths& paths, int fd, const attestation::MeasuredRole& role) {
    const auto wire = kind_of(paths.tpm) == ipc::TpmKind::device ? tpm_raw::Wire::device : tpm_raw::Wire::stream;
    return tpm_raw::extend_pcr(fd, wire, kMeasurementPcr, attestation::cel_digest(role), kTpmDeadline);
}

}  // namespace

ipc::TpmKind kind_of(const std::filesystem::path& tpm) {
    struct stat st {};
    return ::stat(tpm.c_str(), &st) == 0 && S_ISSOCK(st.st_mode) ? ipc::TpmKind::swtpm_socket : ipc::TpmKind::device;
}

Result<UniqueFd> connect_tpm(const std::filesystem::path& path) {
    if (kind_of(path) == ipc::TpmKind::device) {
        UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
        if (fd.valid()) return fd;
        return Error{errno == ENOENT ? Errc::not_found : Errc::not_permitted, "TPM", static_cast<uint32_t>(errno)};
    }
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.native().size() >= sizeof address.sun_path) return Error{Errc::bad_value, "path of the TPM", 0};
    std::memcpy(address.sun_path, path.c_str(), path.native().size() + 1);
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd.valid() || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return Error{Errc::not_permitted, "TPM", static_cast<uint32_t>(errno)};
    return fd;
}

Result<std::vector<ApprovedRole>> read_approved(const Paths& paths) {
    TRY(const Bytes text, read_own_file(paths.approved, kApprovedMax));
    TRY(auto roles, parse_approved(as_chars(text)));
    for (ApprovedFile& f : roles.front().files) {
        const UniqueFd file(::open(f.source.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
        if (!file.valid()) return Error{Errc::not_found, "a file of the guard itself", static_cast<uint32_t>(errno)};
        TRY(f.digest, hash_file(file.get(), -1));
    }
    return roles;
}

Result<std::optional<ApprovedState>> read_approvals(const Paths& paths, const Digest& state) {
    auto raw = read_own_file(paths.approvals, kApprovalsFileMax);
    if (!raw && raw.error().code == Errc::not_found) return std::optional<ApprovedState>();
    if (!raw) return raw.error();
    TRY(const auto file, ipc::decode_message<rats::StateApprovals>(*raw));
    ApprovedState out{.approver = file.approver, .approval = {}};
    for (const rats::StateApproval& a : file.approvals)
        if (a.state == state && (!out.approval || a.number > out.approval->number)) out.approval = a;
    return std::optional(out);
}

Digest measured_value(const std::vector<ApprovedRole>& roles) {
    Digest value{};
    for (const ApprovedRole& role : roles) value = extended(value, role.measured());
    return value;
}

Digest capped_value(const std::vector<ApprovedRole>& roles) { return extended(measured_value(roles), cap()); }

void Boot::set(GuardKeys keys, std::string problem) {
    keys_ = keys;
    problem_ = std::move(problem);
    if (keys != GuardKeys::ready) enclave_auth_.clear();
}

Boot Boot::start(Paths paths) {
    Boot boot(std::move(paths));
    if (const Status s = boot.run(); !s) {
        std::array<char, 32> detail{};
        std::snprintf(detail.data(), detail.size(), " (0x%x)", s.error().detail);
        boot.set(boot.keys_ == GuardKeys::ready ? GuardKeys::ended : boot.keys_,
                 boot.problem_ + " " + s.error().what + detail.data() + ".");
    }
    return boot;
}

Status Boot::run() {
    problem_ = "The list of approved programs cannot be used.";
    TRY(roles_, read_approved(paths_));
    problem_ = "The TPM cannot be used.";
    TRY(UniqueFd tpm, connect_tpm(paths_.tpm));
    const auto wire = kind_of(paths_.tpm) == ipc::TpmKind::device ? tpm_raw::Wire::device : tpm_raw::Wire::stream;
    TRY(const Digest now, tpm_raw::read_pcr(tpm.get(), wire, kMeasurementPcr, kTpmDeadline));
    if (now != Digest{}) {
        set(GuardKeys::already_capped,
            "The measurement was already made in this boot. If the guard was restarted, restart the computer.");
        return {};
    }
    if (std::error_code ignored; !std::filesystem::exists(paths_.sealed(), ignored)) {
        set(GuardKeys::not_set_up, "There is no boot secret yet. Run sealcall-guard provision.");
        return {};
    }
    problem_ = "The TPM could not be extended.";
    std::vector<attestation::MeasuredRole> measured;
    for (const ApprovedRole& role : roles_) {
        measured.push_back(role.measured());
        TRY_STATUS(extend(paths_, tpm.get(), measured.back()));
    }
    UniqueFd same(::fcntl(tpm.get(), F_DUPFD_CLOEXEC, 3));
    const Status unsealed = unseal(std::move(same));
    // Whatever came of it: from here on nobody shall get the secret.
    Status capped = extend(paths_, tpm.get(), cap());
    for (int i = 1; i < kCapTries && !capped; ++i) {
        tpm.reset();
        auto again = connect_tpm(paths_.tpm);
        capped = again ? extend(paths_, again->get(), cap()) : Status(again.error());
    }
    if (!capped) set(GuardKeys::ended, "The TPM could not be capped.");
    TRY_STATUS(capped);
    problem_ =
        "The TPM does not give the boot secret: another guard or another list of programs than it was made for or "
        "the authority approved. If they were updated, get an approval, or run sealcall-guard provision.";
    TRY_STATUS(unsealed);
    measured.push_back(cap());
    TRY(log_, attestation::encode_cel(measured, kMeasurementPcr));
    set(GuardKeys::ready, {});
    return {};
}

Status Boot::unseal(UniqueFd fd) {
    TRY(const SealedBoot sealed, read_sealed(paths_.sealed()));
    TRY(auto tpm, tpm::Tpm::open(std::move(fd), {.kind = kind_of(paths_.tpm),
                                                 .auth_value = {},
                                                 .measurement_pcr = kMeasurementPcr,
                                                 .deadline = kTpmDeadline,
                                                 .srk_name = to_bytes(sealed.srk_name.view())}));
    const tpm::IdentityBlobs blobs{.public_area = to_bytes(sealed.public_area.view()),
                                   .private_area = to_bytes(sealed.private_area.view())};
    TRY(const auto approved, read_approvals(paths_, measured_value(roles_)));
    bool by_approval = approved && approved->approval;
    Result<Secret<32>> secret = Error{Errc::not_found, "approval", 0};
    if (by_approval) secret = tpm->unseal_approved(blobs, approved->approver, *approved->approval);
    by_approval = secret.has_value();
    if (!secret) secret = tpm->unseal_boot(blobs);  // made before there were approvals
    if (!secret) return secret.error();
    enclave_auth_ = tpm::derive_auth(secret->reveal(SecretAccess{}), AuthFor::enclave, 0);
    if (!by_approval) return {};
    // These programs run: from here on no older approval counts, or who brings the old ones back gets the keys.
    tpm::HierarchyAuths auths;
    auths.owner = tpm::derive_auth(enclave_auth_.reveal(SecretAccess{}), AuthFor::owner, 0);
    TRY_STATUS(tpm->authorise(&auths));
    return tpm->accept_approval(approved->approval->number);
}

ipc::GuardHandover Boot::handover() const {
    CHECK(keys_ == GuardKeys::ready);
    ipc::GuardHandover out;
    out.tpm = kind_of(paths_.tpm);
    out.measurement_pcr = kMeasurementPcr;
    out.auth_value = BoundedBytes<32>(enclave_auth_.reveal(SecretAccess{}));
    out.log = BoundedBytes<8192>(log_);
    return out;
}

void Boot::end_keys(const attestation::MeasuredRole& instead) {
    set(GuardKeys::ended,
        "A program that nobody approved was to be started as the enclave. Its keys are out of reach until the computer "
        "restarts with approved programs.");
    auto tpm = connect_tpm(paths_.tpm);
    const Status s = tpm ? extend(paths_, tpm->get(), instead) : Status(tpm.error());
    if (!s) problem_ += " (The TPM could not be told.)";
}

}  // namespace sealcall::guard
