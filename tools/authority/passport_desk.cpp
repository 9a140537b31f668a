#include "passport_desk.h"

#include "attestation/binding.h"
#include "attestation/certificates.h"
#include "attestation/passport_writer.h"
#include "audit_trail.h"
#include "enroller_parts.h"
#include "sealcall/policy/reason_text.h"

namespace sealcall::authority {
namespace fs = std::filesystem;

namespace {

using rats::Level;

constexpr const char* kAskAdministrator = "Ask the administrator of this authority.";

[[noreturn]] void refuse_unknown() {
    throw Refusal("This phone is not enrolled here, or was revoked.", kAskAdministrator);
}

std::string spki_hash(ByteSpan tpmt_public) {
    const auto area = attestation::parse_tpmt_public(tpmt_public);
    const auto spki = area ? attestation::spki_der(*area) : Result<Bytes>(area.error());
    if (!spki) refuse_unknown();
    return hash_hex(*spki);
}

}  // namespace

/// The bundle that this authority publishes, as of one moment. The set looks at the bytes.
struct PassportDesk::OwnBundle {
    Bytes bytes;
    fs::file_time_type written;
    std::optional<attestation::ReferenceSet> set;
};

PassportDesk::PassportDesk(const Store& store, Registry& registry, Enroller::Clock clock, attestation::AskVerifier ask)
    : bundle_file_(store.dir() / kBundleFile),
      name_(store.settings().name),
      root_certificate_(store.root_certificate()),
      registry_(registry),
      clock_(std::move(clock)),
      ask_(std::move(ask)) {
    const auto root = whole(attestation::key_from_pem(store.root_key_pem()), "the root key cannot be read");
    bundle_signer_ = whole(attestation::public_key_der(root.get()), "the root key cannot be read");
    key_ = whole(attestation::key_from_pem(store.passport_key_pem()), "the passport key cannot be read");
    public_key_ = whole(attestation::public_key_der(key_.get()), "the passport key cannot be read");
}

/// None is no error: then nothing is approved, and no phone is better than level 2.
std::shared_ptr<const PassportDesk::OwnBundle> PassportDesk::bundle() {
    const std::scoped_lock lock(mutex_);
    std::error_code error;
    const auto written = fs::last_write_time(bundle_file_, error);
    if (error) return {};
    if (bundle_ && bundle_->written == written) return bundle_;
    auto fresh = std::make_shared<OwnBundle>();
    fresh->written = written;
    fresh->bytes = to_bytes(as_bytes(cli::read_file(bundle_file_, ipc::max_size<rats::SignedBundle>()).value_or("")));
    auto set = attestation::ReferenceSet::open(fresh->bytes, bundle_signer_, 0);
    if (!set) throw std::runtime_error(std::string("the bundle of this authority cannot be used: ") + set.error().what);
    fresh->set = *std::move(set);
    bundle_ = std::move(fresh);
    return bundle_;
}

PassportDesk::Known PassportDesk::look_up(const rats::VerifierRequest& request) {
    const auto body = ipc::decode<rats::EvidenceBody>(request.evidence.body.view());
    if (!body) refuse_unknown();
    const std::string ak = spki_hash(body->ak_public.view()), identity = spki_hash(body->identity_public.view());
    return registry_.read([&](Database& db) -> Known {
        const auto attestation_record = attestation_key(db, ak);
        const auto identity_record = identity_key(db, identity);
        if (!attestation_record || attestation_record->revoked_ms || !identity_record || identity_record->revoked_ms ||
            identity_record->device != attestation_record->device)
            refuse_unknown();
        const auto device = device_by_id(db, attestation_record->device);
        const auto user = user_by_uri(db, identity_record->uri);
        if (!device || device->revoked_ms || !user || user->revoked_ms || user->device != device->id) refuse_unknown();
        return {.device = device->id, .user = user->uri};
    });
}

void PassportDesk::record(const Known& known, const char* action, const std::string& detail) {
    registry_.write([&](Database& db) {
        append_audit(db, {"device:" + known.device}, clock_(), action, known.user, detail);
        return 0;
    });
}

PassportDesk::Stamped PassportDesk::issue(ByteSpan bytes) {
    auto in = attestation::parse_passport_request(bytes);
    if (!in)
        throw Refusal("This is no request for a passport.", "Use a phone of this release.", Refusal::Kind::bad_request);
    const auto own = bundle();
    const attestation::PassportRules rules{.anchors = {rats::CertificateDer(root_certificate_)},
                                           .wall_ms = clock_(),
                                           .references = own ? &*own->set : nullptr};
    Known known;
    const auto found = attestation::appraise_own(
        *in, rules, [&](const rats::VerifierRequest& request, const attestation::RequestLogs& logs) {
            known = look_up(request);  // after the Evidence proved which keys these are, before any log is read
            return ask_(request, logs);
        });
    const auto& reasons = found.result.reasons.items();
    if (found.result.level == Level::unverified && !known.device.empty())
        throw Refusal("The Evidence could not be checked.", "Try again.", Refusal::Kind::busy);
    if (found.result.level < Level::known_device) {
        if (!known.device.empty()) record(known, "passport-refused", "level X");
        throw Refusal("The Evidence does not hold: " +
                          (reasons.empty() ? std::string() : std::string(policy::text(reasons.back()).sentence)),
                      kAskAdministrator);
    }
    const uint64_t now_s = rules.wall_ms / 1000;
    Stamped out;
    out.passport = whole(attestation::make_passport(in->request, found.ceiling, found.result, name_, now_s, key_.get()),
                         "the passport");
    rats::BindingInput binding = in->request.binding;
    binding.evidence_body = out.passport.evidence_body;
    const auto body = whole(ipc::decode<rats::EvidenceBody>(in->request.evidence.body.view()), "the passport");
    const auto identity = whole(attestation::parse_tpmt_public(body.identity_public.view()), "the passport");
    out.jwt = whole(
        attestation::passport_jwt(out.passport, whole(attestation::quote_qualifying_data(binding), "the passport"),
                                  whole(attestation::spki_der(identity), "the passport")),
        "the passport");
    record(known, "passport",
           "level " + std::to_string(static_cast<int>(found.result.level) - 1) + (found.result.lab ? " LAB" : ""));
    return out;
}

}  // namespace sealcall::authority
