// The first half of an enrolment: admission, bonds, the challenge. The second half is in enroller_grant.cpp.
#include "enroller.h"

#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "attestation/certificates.h"
#include "enroller_parts.h"
#include "files.h"

namespace sealcall::authority {
namespace {

using Kind = Refusal::Kind;

/// One answer for every reason, so that nobody learns which tokens exist.
[[noreturn]] void refuse_token() {
    throw Refusal("This enrolment token is not valid: it is unknown, used, expired or revoked.",
                  "Ask the administrator of the authority for a new one.", Kind::not_authentic);
}

[[noreturn]] void refuse_renewal() {
    throw Refusal("There is nothing to renew: these keys are not enrolled here, or were revoked.",
                  "Enrol with a token of the administrator.");
}

}  // namespace

std::string kind_word(const Admission& admission) {
    switch (admission.kind) {
        case Admission::Kind::token:
            return "token";
        case Admission::Kind::renewal:
            return "renewal";
        case Admission::Kind::directory:
            return "directory";
    }
    return "token";
}

std::string hash_hex(ByteSpan bytes) { return cli::to_hex(cli::digest_of(bytes)); }

std::string keys_of(const EnrolmentRequest& request) {
    ByteWriter w;
    for (const ByteSpan part : {request.ek_public.view(), request.ak_public.view(), request.identity_public.view()})
        w.u32(static_cast<uint32_t>(part.size())).bytes(part);
    return hash_hex(w.view());
}

Enroller::Enroller(const Store& store, Registry& registry, Clock clock)
    : settings_(store.settings()),
      roots_(store.endorsement_roots()),
      root_certificate_(store.root_certificate()),
      registry_(registry),
      clock_(std::move(clock)) {
    const Bytes pem = store.root_key_pem();
    root_key_ = whole(attestation::key_from_pem(pem), "the root key cannot be read");
    escrow_key_ = whole(attestation::key_from_pem(store.escrow_key_pem()), "the escrow key cannot be read");
    escrow_public_ = whole(attestation::public_key_der(escrow_key_.get()), "the escrow key cannot be read");
    label_key_ = cli::digest_of(ByteWriter{}.bytes(as_bytes("sealcall-partner-label/1")).bytes(pem).view());
}

/// The device id in an AK certificate. For a partner it is another one, so that two partners cannot compare notes.
std::string Enroller::label_of(const std::string& device, const std::string& partner) const {
    if (partner.empty()) return device;
    const std::string text = device + "/" + partner;
    Digest out{};
    unsigned n = 0;
    if (HMAC(EVP_sha256(), label_key_.data(), static_cast<int>(label_key_.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(), as_u8(out.data()), &n) == nullptr)
        throw std::runtime_error("HMAC failed");
    return cli::to_hex(out).substr(0, 16);
}

void Enroller::fill_from_renewal(Database& db, EnrolmentRequest& request) const {
    const auto area = attestation::parse_tpmt_public(request.identity_public.view());
    const auto ek = attestation::parse_tpmt_public(request.ek_public.view());
    const auto spki = area ? attestation::spki_der(*area) : Result<Bytes>(area.error());
    const auto ek_spki = ek ? attestation::spki_der(*ek) : Result<Bytes>(ek.error());
    if (!spki || !ek_spki) refuse_renewal();
    const auto key = identity_key(db, hash_hex(*spki));
    const auto device = device_by_ek(db, hash_hex(*ek_spki));
    if (!key || key->revoked_ms || !device || device->revoked_ms || key->device != device->id) refuse_renewal();
    const auto user = user_by_uri(db, key->uri);
    if (!user || user->revoked_ms || user->device != device->id) refuse_renewal();
    request.uri = whole(BoundedString<256>::from(key->uri), "a user in the database");
    request.profile = whole(BoundedString<16>::from(device->profile), "a profile in the database");
    request.replace_device = false;
}

Enroller::Admitted Enroller::admit(Database& db, const Admission& admission, EnrolmentRequest& request,
                                   const std::string& keys, uint64_t now) const {
    if (admission.kind == Admission::Kind::directory) return {.token = std::nullopt, .actor = {"directory"}};
    if (admission.kind == Admission::Kind::renewal) {
        fill_from_renewal(db, request);
        return {.token = std::nullopt, .actor = {"device"}};
    }
    auto token = token_by_secret(db, admission.secret_hash);
    if (!token || token->revoked_ms || token->expires_ms <= now || token->failures >= kTokenFailuresMax) refuse_token();
    // Used by these very keys: a phone that did not hear the answer asks again.
    if (token->used_ms && token->used_by != keys) refuse_token();
    if (request.profile.str() != token->profile)
        throw Refusal(
            "The token is for a phone that runs " + token->profile + ", this one runs " + request.profile.str() + ".",
            "Ask the administrator for a token with the right profile.");
    request.uri = whole(BoundedString<256>::from(token->uri), "a user in the database");
    request.replace_device = token->replaces;
    Actor actor{"token:" + token->id};
    return {.token = std::move(token), .actor = std::move(actor)};
}

void Enroller::check_bonds(Database& db, const EnrolmentRequest& request, const CheckedRequest& checked) const {
    const std::string uri = request.uri.str(), id = device_id(checked);
    const auto user = user_by_uri(db, uri);
    const auto device = device_by_id(db, id);
    if (user && user->revoked_ms) throw Refusal(uri + " was revoked at this authority.", "Ask its administrator.");
    if (device && device->ek != checked.ek_hash)
        throw Refusal("Another TPM has this device's number.", "Ask the administrator.", Kind::conflict);
    if (device && device->revoked_ms)
        throw Refusal("This device was revoked at this authority.", "Ask its administrator.");
    if (user && !user->device.empty() && user->device != id && !request.replace_device)
        throw Refusal(uri + " is enrolled with another TPM (device " + user->device + ", since " +
                          cli::local_time(user->bound_ms) + ").",
                      "If the old device is gone for good, enrol with --replace-device, or with a token that was made "
                      "with it: it is recorded. Otherwise use an address of its own for this device.",
                      Kind::conflict);
    for (const Bytes& key : {checked.ak_spki, checked.identity_spki})
        if (is_struck_off(db, hash_hex(key)))
            throw Refusal("A key of this phone was revoked.",
                          "Run `sealcall init --renew-identity`, then enrol again.");
    if (const auto ak = attestation_key(db, hash_hex(checked.ak_spki))) {
        if (ak->revoked_ms) throw Refusal("This attestation key was revoked.", "Ask the administrator.");
        if (ak->device != id || ak->partner != request.partner.str())
            throw Refusal("This attestation key is enrolled for something else.",
                          "Each partner needs a key of its own.", Kind::conflict);
    }
    if (const auto key = identity_key(db, hash_hex(checked.identity_spki))) {
        if (key->revoked_ms)
            throw Refusal("This identity key was revoked.", "Run `sealcall init --renew-identity`, then enrol again.");
        if (key->uri != uri || key->device != id)
            throw Refusal("This identity key is enrolled for " + key->uri + ".",
                          "Use a profile of its own for each address.", Kind::conflict);
    }
}

EnrolmentChallenge Enroller::begin(const Admission& admission, EnrolmentRequest request) {
    const uint64_t now = clock_();
    const std::string keys = keys_of(request);
    // Before anything costs time: is there somebody who may ask?
    registry_.read([&](Database& db) { return admit(db, admission, request, keys, now).actor; });
    const CheckedRequest checked = check_request(request, settings_, roots_, now);
    return registry_.write([&](Database& db) {
        forget_enrolments(db, now > kResultLife ? now - kResultLife : 0);
        admit(db, admission, request, keys, now);
        check_bonds(db, request, checked);
        if (admission.kind == Admission::Kind::renewal && request.partner.empty() &&
            !attestation_key(db, hash_hex(checked.ak_spki)))
            refuse_renewal();
        return challenge(db, admission, request, checked, now);
    });
}

EnrolmentChallenge Enroller::challenge(Database& db, const Admission& admission, const EnrolmentRequest& request,
                                       const CheckedRequest& checked, uint64_t now) const {
    const std::string kind = kind_word(admission), keys = keys_of(request);
    const std::string holder = admission.kind == Admission::Kind::token     ? admission.secret_hash
                               : admission.kind == Admission::Kind::renewal ? device_id(checked)
                                                                            : std::string();
    const Bytes encoded = ipc::encode(request);
    auto row = open_enrolment(db, kind, holder, hash_hex(encoded), now);
    if (!row) {
        const uint64_t most = admission.kind == Admission::Kind::directory ? kOpenInDirectory : kOpenPerToken;
        if (open_enrolments(db, kind, holder, now) >= most)
            throw Refusal("The authority is busy.", "Try again in a few minutes.", Kind::busy);
        Digest credential{};
        if (RAND_bytes(as_u8(credential.data()), static_cast<int>(credential.size())) != 1)
            throw std::runtime_error("the system gave no random numbers");
        const auto made =
            whole(attestation::make_credential(checked.ek, checked.ak.name, credential), "MakeCredential");
        row = EnrolmentRecord{.ticket = random_hex(32),
                              .kind = kind,
                              .token = holder,
                              .keys = keys,
                              .request = cli::to_hex(encoded),
                              .request_hash = hash_hex(encoded),
                              .credential_hash = hash_hex(credential),
                              .blob = cli::to_hex(made.blob),
                              .secret = cli::to_hex(made.secret),
                              .state = "open",
                              .result = {},
                              .created_ms = now,
                              .until_ms = now + kChallengeLife};
        insert(db, *row);
    }
    EnrolmentChallenge out;
    out.ticket = digest_from_hex(row->ticket);
    out.credential_blob = whole(BoundedBytes<512>::from(bytes_from_hex(row->blob)), "a challenge in the database");
    out.encrypted_secret = whole(BoundedBytes<1024>::from(bytes_from_hex(row->secret)), "a challenge in the database");
    out.uri = request.uri;
    out.escrow_key = whole(BoundedBytes<128>::from(escrow_public_), "the escrow key");
    return out;
}

}  // namespace sealcall::authority
