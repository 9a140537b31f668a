// The second half of an enrolment: the answer to the challenge, the certificates, and everything that is recorded with
// them in one transaction.
#include <arpa/inet.h>
#include <openssl/crypto.h>

#include "attestation/certificates.h"
#include "enroller_parts.h"
#include "escrow.h"

namespace sealcall::authority {

/// One order to certify: request, what was found out about it, and as what it is recorded.
struct Enroller::Issue {
    const EnrolmentRecord& enrolment;
    const EnrolmentRequest& request;
    const CheckedRequest& checked;
    Actor actor;
    uint64_t now = 0;  ///< ms since 1970 UTC
};

namespace {

using attestation::EkOrigin;
using Kind = Refusal::Kind;

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

[[noreturn]] void refuse_stale() {
    throw Refusal("This enrolment was not begun, or took too long.", "Enrol again.", Kind::gone);
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

/// A program of the same user may use the TPM of an embedded phone (design.md section 3), so a genuine chip does not
/// lift it above level 1.
EkOrigin claimed_origin(const EnrolmentRequest& request, EkOrigin found) {
    return request.profile.view() == "embedded" && found == EkOrigin::vendor ? EkOrigin::not_proven : found;
}

rats::CertificateDer certificate(Result<Bytes> der, const char* what) {
    return whole(rats::CertificateDer::from(whole(std::move(der), what)), what);
}

bool credential_fits(const EnrolmentRecord& record, const ActivatedCredential& answer) {
    const std::string hash = hash_hex(answer.credential.view());
    return hash.size() == record.credential_hash.size() &&
           CRYPTO_memcmp(hash.data(), record.credential_hash.data(), hash.size()) == 0;
}

}  // namespace

EnrolmentGrant Enroller::finish(const Admission& admission, const ActivatedCredential& answer) {
    const uint64_t now = clock_();
    const std::string ticket = cli::to_hex(answer.ticket);
    const auto record = registry_.read([&](Database& db) { return enrolment_by_ticket(db, ticket); });
    if (!record) refuse_stale();
    const auto request = whole(ipc::decode<EnrolmentRequest>(bytes_from_hex(record->request)), "a stored request");
    // Again, with today's roots; and outside of the transaction, because it takes the longest.
    const CheckedRequest checked = check_request(request, settings_, roots_, now);
    auto out = registry_.write([&](Database& db) { return grant(db, admission, answer, checked, now); });
    if (!out)
        throw Refusal(
            "The TPM could not prove that the attestation key lives beside its endorsement key.",
            "Enrol again; if it fails again, the keys are of two TPMs: run `sealcall init --renew-identity`.");
    return std::move(*out);
}

void Enroller::record_failure(Database& db, const Issue& order, const std::optional<TokenRecord>& token) const {
    end_enrolment(db, order.enrolment.ticket, "failed", "");  // one try each: a wrong answer is no guess to repeat
    if (token) count_token_failure(db, token->id);
    append_audit(db, order.actor, order.now, "enrolment.wrong-credential", order.request.uri.str(),
                 "device " + device_id(order.checked));
}

std::optional<EnrolmentGrant> Enroller::grant(Database& db, const Admission& admission,
                                              const ActivatedCredential& answer, const CheckedRequest& checked,
                                              uint64_t now) const {
    const auto row = enrolment_by_ticket(db, cli::to_hex(answer.ticket));
    if (!row || row->state == "failed" || row->until_ms + (row->state == "granted" ? kResultLife : 0) <= now ||
        row->kind != kind_word(admission) || (row->kind == "token" && row->token != admission.secret_hash))
        refuse_stale();
    auto request = whole(ipc::decode<EnrolmentRequest>(bytes_from_hex(row->request)), "a stored request");
    const Admitted admitted = admit(db, admission, request, row->keys, now);
    const Actor actor = row->kind == "renewal" ? Actor{"device:" + device_id(checked)} : admitted.actor;
    const Issue order{.enrolment = *row, .request = request, .checked = checked, .actor = actor, .now = now};
    if (!credential_fits(*row, answer)) {
        if (row->state != "open") refuse_stale();
        record_failure(db, order, admitted.token);
        return std::nullopt;
    }
    check_bonds(db, request, checked);
    if (row->state == "granted")
        return whole(ipc::decode<EnrolmentGrant>(bytes_from_hex(row->result)), "a stored answer");
    if (admitted.token && !admitted.token->used_ms && !use_token(db, admitted.token->id, row->keys, now))
        refuse_stale();  // `admit` looked in this same transaction: a database that breaks its word certifies nobody
    EnrolmentGrant out = issue(order);
    record(db, order, out);
    if (!answer.escrow.empty()) store_escrow(db, order, answer.escrow.view());
    end_enrolment(db, row->ticket, "granted", cli::to_hex(ipc::encode(out)));
    return out;
}

EnrolmentGrant Enroller::issue(const Issue& order) const {
    const attestation::Authority root{.key = root_key_.get(), .certificate = root_certificate_};
    const attestation::Validity validity{.not_before_ms = order.now - kChallengeLife,
                                         .not_after_ms = order.now + kCertificateLife};
    const EnrolmentRequest& request = order.request;
    const EkOrigin origin = order.checked.origin;
    const attestation::DeviceClaims claims{.ek = claimed_origin(request, origin),
                                           .software_tpm = request.software_tpm || origin == EkOrigin::lab,
                                           .managed = is_managed(request.profile.view()),
                                           .runtime = keeps_runtime_list(request.profile.view()),
                                           .device = label_of(device_id(order.checked), request.partner.str()),
                                           .authority = {}};
    EnrolmentGrant out;
    out.authority = BoundedString<128>::cut(settings_.name);
    out.endorsement = BoundedString<16>(word_of(origin));
    out.ak_certificate =
        certificate(attestation::issue_ak_certificate(root, order.checked.ak, claims, validity), "AK certificate");
    out.identity_certificate = certificate(
        attestation::issue_identity_certificate(root, order.checked.identity_spki, request.uri.str(), validity),
        "identity certificate");
    CHECK(out.anchors.push(whole(rats::CertificateDer::from(root_certificate_), "root certificate")));
    for (const auto& name : request.host_names)
        if (may_name_host(settings_, name.str())) CHECK(out.host_names.push(name));
    if (!request.host_spki.empty() && !out.host_names.empty())
        out.host_certificate = certificate(
            attestation::issue_host_certificate(root, request.host_spki.view(), names_of(out.host_names), validity),
            "certificate for the SIP transport");
    return out;
}

void Enroller::record_keys(Database& db, const Issue& order) const {
    const std::string uri = order.request.uri.str(), device = device_id(order.checked);
    const std::string ak = hash_hex(order.checked.ak_spki), identity = hash_hex(order.checked.identity_spki);
    if (!attestation_key(db, ak))
        insert_attestation_key(db, {.spki = ak,
                                    .device = device,
                                    .partner = order.request.partner.str(),
                                    .label = label_of(device, order.request.partner.str()),
                                    .uri = {},
                                    .created_ms = order.now,
                                    .revoked_ms = 0,
                                    .reason = {}});
    if (!identity_key(db, identity))
        insert_identity_key(db, {.spki = identity,
                                 .device = device,
                                 .partner = {},
                                 .label = {},
                                 .uri = uri,
                                 .created_ms = order.now,
                                 .revoked_ms = 0,
                                 .reason = {}});
    revoke_identity_keys(db, uri, identity, "another key took its place", order.now);
}

void Enroller::record(Database& db, const Issue& order, const EnrolmentGrant& grant) const {
    const std::string uri = order.request.uri.str(), id = device_id(order.checked);
    const auto user = user_by_uri(db, uri);
    const auto known = device_by_id(db, id);
    const DeviceRecord device{.id = id,
                              .ek = order.checked.ek_hash,
                              .ek_certificate = cli::to_hex(order.request.ek_certificate.view()),
                              .endorsement = grant.endorsement.str(),
                              .profile = order.request.profile.str(),
                              .software_tpm = order.request.software_tpm || order.checked.origin == EkOrigin::lab,
                              .first_ms = known ? known->first_ms : order.now,
                              .last_ms = order.now,
                              .revoked_ms = 0,
                              .reason = {}};
    known ? touch_device(db, device) : insert(db, device);
    bind_user(db, uri, id, order.now);
    record_keys(db, order);
    const auto add = [&](const char* kind, ByteSpan der, ByteSpan spki) {
        if (der.empty()) return;
        insert(db, CertificateRecord{.sha256 = hash_hex(der),
                                     .kind = kind,
                                     .device = id,
                                     .uri = uri,
                                     .spki = hash_hex(spki),
                                     .der = cli::to_hex(der),
                                     .enrolment = order.enrolment.ticket,
                                     .issued_ms = order.now,
                                     .not_after_ms = order.now + kCertificateLife});
    };
    add("ak", grant.ak_certificate.view(), order.checked.ak_spki);
    add("identity", grant.identity_certificate.view(), order.checked.identity_spki);
    add("host", grant.host_certificate.view(), order.request.host_spki.view());
    const bool replaced = user && !user->device.empty() && user->device != id;
    const char* action = replaced                            ? "device.replaced"
                         : order.enrolment.kind == "renewal" ? "device.renewed"
                                                             : "device.enrolled";
    append_audit(db, order.actor, order.now, action, uri,
                 "device " + id + ", " + grant.endorsement.str() + ", " + order.request.profile.str() +
                     (order.request.partner.empty() ? "" : ", partner " + order.request.partner.str()) +
                     (replaced ? ", instead of " + user->device : "") +
                     (order.checked.expired_intermediate ? ", the maker's chain has an expired intermediate" : ""));
}

void Enroller::store_escrow(Database& db, const Issue& order, ByteSpan sealed) const {
    const std::string device = device_id(order.checked), uri = order.request.uri.str(), hex = cli::to_hex(sealed);
    const auto kept = escrows_of(db, device);
    if (!kept.empty() && kept.front().sealed == hex) return;
    if (!open_escrow(escrow_key_.get(), order.checked.ek_hash, sealed)) {
        // The device's administrator chose another keeper; a partner's authority is asked to keep it as well.
        append_audit(db, order.actor, order.now, "escrow.not-ours", device, uri);
        return;
    }
    insert(db, EscrowRecord{.id = random_hex(8), .device = device, .sealed = hex, .created_ms = order.now});
    append_audit(db, order.actor, order.now, "escrow.stored", device, uri);
}

}  // namespace sealcall::authority
