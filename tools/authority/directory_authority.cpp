#include "directory_authority.h"

#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>

#include "attestation/binding.h"
#include "attestation/certificates.h"
#include "files.h"

namespace sealcall::authority {
namespace {

using attestation::EkOrigin;

const char* word_of(EkOrigin origin) {
    switch (origin) {
        case EkOrigin::vendor:
            return "vendor";
        case EkOrigin::lab:
            return "lab";
        case EkOrigin::not_proven:
            return "not proven";
    }
    return "not proven";
}

Digest random_digest() {
    Digest out{};
    if (RAND_bytes(as_u8(out.data()), static_cast<int>(out.size())) != 1)
        throw std::runtime_error("the system gave no random numbers");
    return out;
}

template <class T>
T issued_or_throw(Result<T> result, const char* what) {
    if (!result) throw std::runtime_error(std::string(what) + ": " + result.error().what);
    return std::move(result).value();
}

attestation::HostNames names_of(const BoundedList<BoundedString<128>, 8>& names) {
    attestation::HostNames out;
    unsigned char address[16];
    for (const auto& name : names) {
        const bool numeric = inet_pton(AF_INET, name.str().c_str(), address) == 1 ||
                             inet_pton(AF_INET6, name.str().c_str(), address) == 1;
        (numeric ? out.addresses : out.dns).push_back(name.str());
    }
    return out;
}

}  // namespace

void DirectoryAuthority::refuse_other_device(const EnrolmentRequest& request, const CheckedRequest& checked) const {
    const auto devices = store_.devices();
    const auto bound = std::ranges::find(devices, request.uri.str(), &Device::uri);
    if (bound == devices.end() || bound->ek == checked.ek_hash || request.replace_device) return;
    throw Refusal(request.uri.str() + " is enrolled with another TPM (device " + bound->serial + ", since " +
                      cli::local_time(bound->first_ms) + ").",
                  "If the old device is gone for good, enrol with --replace-device: it is recorded. Otherwise use an "
                  "address of its own for this device.");
}

EnrolmentChallenge DirectoryAuthority::begin(const EnrolmentRequest& request) {
    const uint64_t now = clock_();
    std::erase_if(pending_, [&](const auto& entry) { return entry.second.until_ms <= now; });
    if (pending_.size() >= kPendingMax) throw Refusal("The authority is busy.", "Try again in a few minutes.");
    Pending pending{
        .request = request,
        .checked = check_request(request, store_.settings(), store_.ek_roots(false), store_.ek_roots(true), now),
        .credential = random_digest(),
        .until_ms = now + kPendingLife};
    refuse_other_device(request, pending.checked);
    const auto made =
        issued_or_throw(attestation::make_credential(pending.checked.ek, pending.checked.ak.name, pending.credential),
                        "MakeCredential");
    EnrolmentChallenge out{.ticket = random_digest(), .credential_blob = {}, .encrypted_secret = {}};
    out.credential_blob = issued_or_throw(BoundedBytes<512>::from(made.blob), "MakeCredential");
    out.encrypted_secret = issued_or_throw(BoundedBytes<1024>::from(made.secret), "MakeCredential");
    pending_.emplace(out.ticket, std::move(pending));
    return out;
}

EnrolmentGrant DirectoryAuthority::finish(const ActivatedCredential& answer) {
    const auto found = pending_.find(answer.ticket);
    if (found == pending_.end() || found->second.until_ms <= clock_())
        throw Refusal("This enrolment was not begun, or took too long.", "Enrol again.");
    const Pending pending = std::move(found->second);
    pending_.erase(found);  // one try each: a wrong answer is not a guess to repeat
    if (answer.credential.size() != pending.credential.size() ||
        CRYPTO_memcmp(answer.credential.view().data(), pending.credential.data(), pending.credential.size()) != 0)
        throw Refusal(
            "The TPM could not prove that the attestation key lives beside its endorsement key.",
            "Enrol again; if it fails again, the keys are of two TPMs: run `sealcall init --renew-identity`.");
    const UniqueFd lock = store_.lock();
    refuse_other_device(pending.request, pending.checked);  // again, now that nobody else can bind the address
    return issue(pending);
}

EnrolmentGrant DirectoryAuthority::issue(const Pending& pending) {
    const auto key = issued_or_throw(attestation::key_from_pem(store_.root_key_pem()), "the root key cannot be read");
    const attestation::Authority root{.key = key.get(), .certificate = store_.root_certificate()};
    const uint64_t now = clock_();
    const attestation::Validity validity{.not_before_ms = now - kPendingLife, .not_after_ms = now + kCertificateLife};
    const EkOrigin origin = pending.checked.origin;
    const attestation::DeviceClaims claims{.ek = origin,
                                           .software_tpm = pending.request.software_tpm || origin == EkOrigin::lab,
                                           .managed = false,
                                           .device = pending.checked.ek_hash.substr(0, 16),
                                           .authority = {}};
    const std::string uri = pending.request.uri.str();
    const Bytes ak = issued_or_throw(attestation::issue_ak_certificate(root, pending.checked.ak, claims, validity),
                                     "AK certificate");
    const Bytes identity =
        issued_or_throw(attestation::issue_identity_certificate(root, pending.checked.identity_spki, uri, validity),
                        "identity certificate");
    EnrolmentGrant out;
    out.authority = BoundedString<128>::cut(store_.settings().name);
    out.endorsement = BoundedString<16>(word_of(origin));
    out.ak_certificate = issued_or_throw(rats::CertificateDer::from(ak), "AK certificate");
    out.identity_certificate = issued_or_throw(rats::CertificateDer::from(identity), "identity certificate");
    CHECK(out.anchors.push(issued_or_throw(rats::CertificateDer::from(store_.root_certificate()), "root certificate")));
    for (const auto& name : pending.request.host_names)
        if (may_name_host(store_.settings(), name.str())) CHECK(out.host_names.push(name));
    if (!pending.request.host_spki.empty() && !out.host_names.empty()) {
        const Bytes host = issued_or_throw(attestation::issue_host_certificate(root, pending.request.host_spki.view(),
                                                                               names_of(out.host_names), validity),
                                           "certificate for the SIP transport");
        out.host_certificate = issued_or_throw(rats::CertificateDer::from(host), "certificate for the SIP transport");
    }

    const auto devices = store_.devices();
    const auto bound = std::ranges::find(devices, uri, &Device::uri);
    const bool same = bound != devices.end() && bound->ek == pending.checked.ek_hash;
    const auto hash = [](ByteSpan der) { return der.empty() ? std::string() : cli::to_hex(attestation::sha256(der)); };
    Issued record{.wall_ms = now,
                  .device = {.uri = uri,
                             .ek = pending.checked.ek_hash,
                             .serial = claims.device,
                             .endorsement = word_of(origin),
                             .first_ms = same ? bound->first_ms : now,
                             .last_ms = now},
                  .ak_certificate = hash(ak),
                  .identity_certificate = hash(identity),
                  .host_certificate = hash(out.host_certificate.view()),
                  .host_names = {},
                  .replaced = bound != devices.end() && !same};
    for (const auto& name : out.host_names) record.host_names.push_back(name.str());
    store_.record(record);  // before anything is handed out: an unrecorded certificate must not exist
    return out;
}

}  // namespace sealcall::authority
