#include "set_up.h"

#include <fcntl.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "attestation/bundle.h"
#include "attestation/certificates.h"
#include "check_request.h"
#include "files.h"
#include "problem.h"
#include "sealcall/base/time.h"

namespace sealcall::cli {
namespace {

constexpr const char* kDevice = "/dev/tpmrm0";

template <class T>
T made(Result<T> result, const char* what) {
    if (!result)
        throw Problem(std::string(what) + " failed: " + result.error().what + ".",
                      "Check the installation of OpenSSL.");
    return std::move(result).value();
}

template <class B>
B bounded(ByteSpan bytes, const char* what) {
    if (bytes.size() > B::kMax) throw Problem(std::string(what) + " is larger than it can rightly be.", "");
    return B(bytes);
}

template <size_t N>
BoundedString<N> bounded_text(const std::string& text, const char* what) {
    auto out = BoundedString<N>::from(text);
    if (!out) throw Problem(std::string(what) + " is too long.", "", exit_status::kUsage);
    return std::move(out).value();
}

authority::EnrolmentRequest request_of(const ProfileFacts& facts, const ipc::Provisioned& keys,
                                       const EnrolmentWish& wish, ByteSpan host_spki) {
    authority::EnrolmentRequest request;
    request.uri = BoundedString<256>(wish.uri);
    request.ek_certificate = keys.ek_certificate;
    request.ek_public = keys.ek_public;
    request.ak_public = keys.ak_public;
    request.identity_public = bounded<rats::TpmPublic>(tpm2b_contents(keys.identity_public.view()), "The identity key");
    request.certify_attest = keys.certify_attest;
    request.certify_signature = keys.certify_signature;
    request.software_tpm = facts.software_tpm;
    request.replace_device = wish.replace_device;
    request.profile = bounded_text<16>(wish.profile, "The way to run");
    request.partner = bounded_text<64>(wish.partner, "The name of the partner");
    request.host_spki = bounded<BoundedBytes<256>>(host_spki, "The key of the SIP transport");
    for (const auto& name : wish.host_names)
        if (name.size() <= 128 && !request.host_names.push(BoundedString<128>(name))) break;
    return request;
}

ipc::Provisioned provisioned(Provisioning& provisioning, const ipc::Provisioned* existing,
                             const std::string& partner = {}) {
    ipc::Provisioned keys = provisioning.provision(existing, partner);
    if (keys.ok) return keys;
    throw Problem(std::string(existing ? "The keys of this profile cannot be used: " : "The keys could not be made: ") +
                      (keys.problem.empty() ? "the TPM did not say why" : keys.problem.str()) + ".",
                  existing ? "After an update of sealcall: sealcall init --renew-identity, then enrol again. `sealcall "
                             "doctor` says more."
                           : "`sealcall doctor` says what is wrong with the TPM.",
                  exit_status::kNotSetUp);
}

}  // namespace

ByteSpan tpm2b_contents(ByteSpan tpm2b) {
    ByteReader reader(tpm2b);
    const auto length = reader.u16();
    if (!length || *length != reader.left())
        throw Problem("The identity key of this profile is damaged.", "sealcall init --renew-identity",
                      exit_status::kNotSetUp);
    return tpm2b.subspan(2);
}

BoundedBytes<128> bundle_signer_of(const Enrolment& enrolment) {
    const auto key = attestation::certificate_key(enrolment.anchors.front().view());
    if (!key) throw Problem("The authority's root certificate cannot be read.", "Ask whoever keeps the authority.");
    return bounded<BoundedBytes<128>>(*key, "The authority's key");
}

void take_bundle(const ProfileStore& store, const Enrolment& enrolment, ByteSpan bundle, Provisioning& provisioning) {
    ipc::PinAuthority pin;
    if (!bundle.empty()) {
        const auto opened = attestation::ReferenceSet::open(bundle, enrolment.bundle_signer.view(), 0);
        // Its own root comes first; the others are partners'.
        if (!opened || opened->head().anchors.items().front() != enrolment.anchors.front())
            throw Problem("The authority gave a bundle that is not its own; it was thrown away.",
                          "Ask whoever keeps the authority.");
        pin = {.signer = digest_of(enrolment.bundle_signer.view()), .version = opened->head().version};
    }
    const auto pinned = provisioning.pin(pin);
    if (!pinned.ok)
        throw Problem("The authority could not be pinned in the TPM: " + pinned.problem.str(),
                      "`sealcall doctor` says what is wrong with the TPM.", exit_status::kNotSetUp);
    if (!bundle.empty()) write_file(store.paths().bundle(), bundle, 0600);
}

void take_first_bundle(const ProfileStore& store, ByteSpan bundle, Provisioning& provisioning) {
    const auto keys = store.keys();
    auto enrolment = store.enrolment();
    if (!keys || !enrolment) throw Problem("This profile is not enrolled.", "sealcall enroll", exit_status::kNotSetUp);
    provisioned(provisioning, &*keys);
    enrolment->bundle_signer = bundle_signer_of(*enrolment);
    take_bundle(store, *enrolment, bundle, provisioning);
    store.save(*enrolment);
}

bool decide_software_tpm(TpmChoice choice) {
    if (choice == TpmChoice::swtpm) return true;
    const UniqueFd fd(::open(kDevice, O_RDWR | O_CLOEXEC));
    if (fd.valid()) return false;
    const int error = errno;
    if (choice == TpmChoice::automatic) return true;
    throw Problem(
        error == ENOENT ? std::string("This machine shows no TPM (") + kDevice + " is not there)."
                        : std::string("The TPM of this machine may not be used by you: ") + std::strerror(error) + ".",
        error == ENOENT
            ? "Turn it on in the firmware set-up, or use --tpm swtpm: a software TPM proves less."
            : "Ask your administrator to add you to the group tss, or use --tpm swtpm: a software TPM proves less.",
        exit_status::kNotSetUp);
}

ProfileFacts make_keys(const ProfileStore& store, const TpmUse& tpm, Provisioning& provisioning) {
    const ipc::Provisioned keys = provisioned(provisioning, nullptr);
    tpm2b_contents(keys.identity_public.view());
    const ProfileFacts facts{.software_tpm = tpm.software,
                             .guard = tpm.guard,
                             .tpm_name = keys.tpm_name.str(),
                             .measurement_pcr = tpm.measurement_pcr,
                             .made_ms = wall_ms()};
    store.forget_enrolment();  // its certificate is for a key that nobody will use again
    store.save(facts, keys);
    return facts;
}

Enrolment enrol(const ProfileStore& store, const EnrolmentWish& wish, authority::EnrolmentService& service,
                Provisioning& provisioning) try {
    const auto facts = store.facts();
    const auto stored = store.keys();
    if (!facts || !stored) throw Problem("This profile has no keys yet.", "sealcall init", exit_status::kNotSetUp);
    if (!wish.partner.empty() && !store.enrolment())
        throw Problem("A key for a partner is added to an enrolment, and there is none yet.",
                      "First: sealcall enroll, without --partner.", exit_status::kNotSetUp);
    if (!wish.partner.empty() && !authority::is_partner_name(wish.partner))
        throw Problem("This cannot be the name of a partner.", "Name its domain, such as partner.example.",
                      exit_status::kUsage);
    // Loads the stored key as well: a key that would not sign any more is found out before it is certified.
    const ipc::Provisioned keys = provisioned(provisioning, &*stored, wish.partner);
    const auto host_key = made(attestation::make_software_key(), "Making the key of the SIP transport");
    const Bytes host_spki = made(attestation::public_key_der(host_key.get()), "Making the key of the SIP transport");
    authority::EnrolmentRequest request = request_of(*facts, keys, wish, host_spki);
    const GuardsWord guard = provisioning.guards_word();
    request.sealcall_log = bounded<BoundedBytes<8192>>(guard.log, "The guard's log");
    request.software_tpm = facts->software_tpm || guard.software_tpm;
    const auto challenge = service.begin(request);
    if (!wish.uri.empty() && challenge.uri.str() != wish.uri)
        throw Problem("The token is for " + challenge.uri.str() + ", and this phone is " + wish.uri + ".",
                      "Ask for a token for your own address, or change it: sealcall init --uri " + challenge.uri.str(),
                      exit_status::kUsage);
    const auto activated = provisioning.activate(
        {.credential_blob = challenge.credential_blob, .encrypted_secret = challenge.encrypted_secret});
    if (!activated.ok)
        throw Problem("The TPM did not answer the authority's challenge: " + activated.problem.str(),
                      "If the TPM was cleared or changed, run `sealcall init --renew-identity` and enrol again.",
                      exit_status::kNotSetUp);
    const auto grant = service.finish({.ticket = challenge.ticket,
                                       .credential = activated.credential,
                                       .escrow = bounded<BoundedBytes<1024>>(guard.escrow, "The guard's escrow")});

    Enrolment out{.uri = challenge.uri.str(),
                  .authority = grant.authority.str(),
                  .endorsement = grant.endorsement.str(),
                  .authority_url = wish.authority_url,
                  .enrolled_ms = wall_ms(),
                  .identity_certificate = grant.identity_certificate,
                  .ak_certificate = grant.ak_certificate,
                  .anchors = grant.anchors.items(),
                  .tls_certificate_pem = {},
                  .tls_key_pem = {},
                  .tls_ca_pem = {},
                  .bundle_signer = {}};
    const auto text = [](const Bytes& pem) { return std::string(as_chars(pem)); };
    for (const auto& anchor : out.anchors)
        out.tls_ca_pem += text(made(attestation::certificate_to_pem(anchor.view()), "Reading a certificate"));
    if (!grant.host_certificate.empty()) {
        out.tls_certificate_pem =
            text(made(attestation::certificate_to_pem(grant.host_certificate.view()), "Reading a certificate"));
        out.tls_key_pem = text(made(attestation::key_to_pem(host_key.get()), "Writing the key of the SIP transport"));
    }
    // The certificate must be for our key and our name: what is stored is shown to others as ours.
    const auto identity =
        attestation::check_identity_certificate(out.identity_certificate.view(), out.anchors, wall_ms());
    const auto area = attestation::parse_tpmt_public(tpm2b_contents(keys.identity_public.view()));
    const auto spki = area ? attestation::spki_der(*area) : Result<Bytes>(area.error());
    if (!identity || !spki || identity->uri != out.uri || identity->spki != digest_of(*spki))
        throw Problem("The authority gave a certificate that is not for this phone; it was thrown away.",
                      "Ask whoever keeps the authority.");
    const auto before = store.enrolment();
    if (!wish.partner.empty()) {  // one more attestation key; everything else stays as it is
        auto certificate = BoundedBytes<1024>::from(out.ak_certificate.view());
        if (!certificate)
            throw Problem("The authority's certificate is larger than 1 KB.", "Ask whoever keeps the authority.");
        store.save_partner({.partner = request.partner, .ak_certificate = *certificate});
        return *before;
    }
    const Bytes bundle = service.bundle();
    if (!bundle.empty()) out.bundle_signer = bundle_signer_of(out);
    if (before && before->anchors != out.anchors) store.forget_partners();  // another authority's
    if (!bundle.empty() || (before && !before->bundle_signer.empty())) take_bundle(store, out, bundle, provisioning);
    store.save(out);
    return out;
} catch (const authority::Refusal& refusal) {
    throw Problem(refusal.what(), refusal.next(), exit_status::kRefused);
}

std::vector<std::string> default_host_names(const std::string& listen_address) {
    std::vector<std::string> out = {"127.0.0.1", "::1", "localhost"};
    utsname machine{};
    if (::uname(&machine) == 0 && machine.nodename[0]) out.emplace_back(machine.nodename);
    if (listen_address != "0.0.0.0" && listen_address != "::" && std::ranges::find(out, listen_address) == out.end())
        out.push_back(listen_address);
    return out;
}

}  // namespace sealcall::cli
