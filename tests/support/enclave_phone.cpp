#include "tests/support/enclave_phone.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <fstream>
#include <sstream>
#include <thread>

#include "attestation/binding.h"
#include "attestation/cel.h"
#include "sealcall/base/tpm_extend.h"

namespace sealcall::test {
namespace {

constexpr uint64_t kYearMs = 365ULL * 24 * 3600 * 1000;
attestation::Validity validity() { return {.not_before_ms = wall_ms() - 60'000, .not_after_ms = wall_ms() + kYearMs}; }

std::pair<UniqueFd, UniqueFd> seqpacket() {
    int sv[2];
    CHECK(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv) == 0);
    return {UniqueFd(sv[0]), UniqueFd(sv[1])};
}

attestation::MeasuredRole role(const char* name) {
    return {.role = name,
            .files = {{.name = std::string("sealcall-") + name, .digest = attestation::sha256(as_bytes(name))}}};
}

UniqueFd file_with(ByteSpan bytes) {
    UniqueFd fd(::memfd_create("log", MFD_CLOEXEC));
    CHECK(fd.valid() && ::write(fd.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    return fd;
}

}  // namespace

std::vector<attestation::MeasuredRole> measured_roles(bool managed) {
    if (managed) return {role("guard"), role("enclave")};
    return {role("enclave")};
}

TestAuthority::TestAuthority(std::string_view name)
    : key_(attestation::make_software_key().value()),
      root_(attestation::make_authority_root(key_.get(), name, validity()).value()) {}

rats::Bundle TestAuthority::bundle(uint64_t version, int days) const {
    constexpr uint64_t kDayMs = 24ULL * 3600 * 1000;
    rats::Bundle b;
    b.authority = BoundedString<128>("Example Corp");
    b.version = version;
    b.issued_ms = wall_ms() - 100 * kDayMs;
    b.next_update_ms = wall_ms() + kDayMs * 100 - kDayMs * static_cast<uint64_t>(100 - days);
    CHECK(b.anchors.push(root()));
    return b;
}

Bytes TestAuthority::sign(const rats::Bundle& bundle) const {
    return attestation::sign_bundle(attestation::sorted_bundle(bundle), key_.get()).value();
}

rats::CertificateDer TestAuthority::certify_ak(ByteSpan tpmt_public, attestation::EkOrigin ek, bool managed) const {
    const auto pub = attestation::parse_tpmt_public(tpmt_public).value();
    return rats::CertificateDer(
        attestation::issue_ak_certificate(
            authority(), pub,
            {.ek = ek, .software_tpm = true, .managed = managed, .device = "lab-device", .authority = {}}, validity())
            .value());
}

rats::CertificateDer TestAuthority::certify_identity(ByteSpan tpmt_public, std::string_view uri) const {
    const auto pub = attestation::parse_tpmt_public(tpmt_public).value();
    return certify_spki(attestation::spki_der(pub).value(), uri);
}

rats::CertificateDer TestAuthority::certify_spki(ByteSpan spki, std::string_view uri) const {
    return rats::CertificateDer(attestation::issue_identity_certificate(authority(), spki, uri, validity()).value());
}

policy::Policy lab_policy() {
    policy::Policy p;
    p.minimum = rats::Level::measured;
    p.lab_counts = true;
    p.ordinary_phones = policy::Action::warn;
    p.answer_automatically = true;
    return p;
}

EnclavePhone::EnclavePhone(const TestAuthority& authority, PhoneOptions options) : options_(std::move(options)) {
    buffer_.resize(ipc::kMessageMax + 1);
    swtpm_ = std::make_unique<tpm::test::Swtpm>(dir_.path());
    const auto roles = measured_roles(options_.managed);
    for (const auto& [pcr, digest] : options_.extended) extend(pcr, digest);
    for (const auto& r : roles) extend(13, attestation::cel_digest(r));
    config_.tpm = ipc::TpmKind::swtpm_socket;
    config_.software_tpm = true;
    config_.sealcall_log = BoundedBytes<8192>(attestation::encode_cel(roles, 13).value());
    config_.own_uri = BoundedString<256>(options_.uri);
    config_.policy = options_.policy;
    config_.wishes = options_.wishes;
    config_.audit_drop = options_.audit_drop;
    CHECK(config_.anchors.push(authority.root()));
    for (const auto& domain : options_.show_logs_to) CHECK(config_.show_logs_to.push(BoundedString<128>(domain)));
    for (const auto& domain : options_.passport_to) CHECK(config_.passport_to.push(BoundedString<128>(domain)));
    config_.lock_after_s = options_.lock_after_s;

    auto tpm = tpm::Tpm::open(swtpm_->connect(),
                              {.kind = ipc::TpmKind::swtpm_socket, .auth_value = {}, .deadline = Millis{20000}})
                   .value();
    CHECK(tpm->provision().has_value());
    auto identity = tpm->create_identity().value();
    CHECK(tpm->load(identity).has_value());
    config_.identity_public = BoundedBytes<2048>(identity.public_area);
    config_.identity_private = BoundedBytes<2048>(identity.private_area);
    if (options_.enrolled) {
        config_.ak_certificate = authority.certify_ak(tpm->ak_public().value().view(), options_.ek, options_.managed);
        for (const auto& partner : options_.partners) {
            CHECK(tpm->use_ak(partner).has_value());
            ipc::PartnerKey key{.partner = BoundedString<64>(partner), .ak_certificate = {}};
            key.ak_certificate = BoundedBytes<1024>(
                authority.certify_ak(tpm->ak_public().value().view(), options_.ek, options_.managed).view());
            CHECK(config_.partner_keys.push(key));
        }
        config_.identity_certificate = authority.certify_identity(tpm->identity_public().value().view(), options_.uri);
    }
    identity_spki_ = attestation::sha256(
        attestation::spki_der(attestation::parse_tpmt_public(tpm->identity_public().value().view()).value()).value());
    config_.bundle_signer = BoundedBytes<128>(options_.bundle_signer);
    if (options_.pin) CHECK(tpm->pin_authority(options_.pin->signer, options_.pin->oldest_version).has_value());
    fill_vault(*tpm);
    tpm.reset();
    start();
}

UniqueFd EnclavePhone::open_vault() const {
    return UniqueFd(::open((dir_.path() + "/vault").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
}

void EnclavePhone::edit_vault(const std::function<void(vault::Content&)>& change) const {
    std::atomic<bool> done{false};
    const auto job = [&](tpm::Tpm& tpm) {
        auto vault = vault::Vault::open(tpm, std::make_shared<vault::Vault::Disk>(open_vault()), options_.uri).value();
        if (!vault.is_open()) vault.unlock(vault.opener()(tpm, as_bytes(options_.vault_pin)).value());
        const Bytes before = ipc::encode(vault.content());
        change(vault.content());
        if (ipc::encode(vault.content()) != before) CHECK(vault.save()(tpm).has_value());
        done = true;
        done.notify_one();
    };
    CHECK(worker_->post(tpm::Urgency::other, job, [] {}).has_value());
    done.wait(false);
}

std::vector<std::pair<std::string, ipc::Peer>> EnclavePhone::remembered() const {
    std::vector<std::pair<std::string, ipc::Peer>> out;
    edit_vault([&](vault::Content& content) {
        for (const ipc::VaultItem& i : content.items)
            if (i.kind == ipc::VaultKind::peer)
                out.emplace_back(i.name.str(), ipc::decode<ipc::Peer>(i.body.view()).value());
    });
    return out;
}

std::string EnclavePhone::answer_challenge(std::string_view realm) {
    (void)host.send(ipc::DigestChallenge{.request = RequestId{1},
                                         .algorithm = ipc::DigestAlgorithm::sha256,
                                         .realm = BoundedString<128>(realm),
                                         .nonce = BoundedString<256>("n"),
                                         .method = BoundedString<16>("REGISTER"),
                                         .uri = BoundedString<256>("sip:example.com"),
                                         .qop_auth = true});
    std::optional<ipc::DigestResponse> answer;
    for (int i = 0; i < 50 && !answer; ++i) {
        pump();
        answer = take<ipc::DigestResponse>(from_host);
    }
    EXPECT_TRUE(answer) << "the enclave says nothing about " << realm;
    return answer ? answer->response.str() : std::string();
}

std::optional<ipc::PinReply> EnclavePhone::enter_pin(std::string_view pin, RequestId question) {
    static uint32_t request = 900;
    (void)take<ipc::PinReply>(from_ui);
    ipc::EnterPin m{.request = RequestId{++request}, .question = question, .pin = {}};
    std::ranges::copy(as_bytes(pin), m.pin.reveal(SecretAccess{}).begin());
    CHECK(ui.send_and_wipe(ipc::encode_secret(m)).has_value());
    const BootInstant deadline = BootClock::now() + Millis{20000};
    while (count<ipc::PinReply>(from_ui) == 0 && BootClock::now() < deadline) pump();
    return take<ipc::PinReply>(from_ui);
}

/// As the commands would: before the phone runs.
void EnclavePhone::fill_vault(tpm::Tpm& tpm) const {
    auto vault = vault::Vault::open(tpm, std::make_shared<vault::Vault::Disk>(open_vault()), options_.uri).value();
    const auto put = [&](ipc::VaultKind kind, std::string_view name, const Bytes& body) {
        CHECK(vault.content().put({.kind = kind, .name = BoundedString<256>(name), .body = BoundedBytes<576>(body)}));
    };
    if (!options_.sip_password.empty())
        put(ipc::VaultKind::login, "alice",
            ipc::encode(ipc::SipLogin{.realm = BoundedString<128>(options_.sip_realm),
                                      .password = BoundedString<128>(options_.sip_password)}));
    for (const auto& uri : options_.known_attesting) put(ipc::VaultKind::peer, uri, ipc::encode(ipc::Peer{}));
    for (const auto& [uri, peer] : options_.known_peers) put(ipc::VaultKind::peer, uri, ipc::encode(peer));
    for (const auto& uri : options_.contacts) put(ipc::VaultKind::contact, uri, {});
    CHECK(vault.save()(tpm).has_value());
    if (!options_.vault_pin.empty()) CHECK(vault.change_pin(tpm, as_bytes(options_.vault_pin)).has_value());
}

EnclavePhone::~EnclavePhone() = default;

void EnclavePhone::start() {
    worker_ = nullptr;
    enclave_.reset();
    verifiers_.clear();
    from_host.clear();
    from_ui.clear();
    from_audio.clear();
    from_control.clear();
    ended_ = false;
    enclave::Ports ports;
    auto connect = [](ipc::Link& inside, ipc::Link& outside) {
        auto [a, b] = seqpacket();
        inside = ipc::Link(std::move(a));
        outside = ipc::Link(std::move(b));
    };
    connect(ports.control, control);
    connect(ports.host, host);
    connect(ports.ui, ui);
    connect(ports.audio, audio);
    for (int i = 0; i < ipc::fd::kEnclaveVerifierSlots; ++i) {
        ipc::Link inside, outside;
        connect(inside, outside);
        ports.verifiers.push_back(std::move(inside));
        verifiers_.push_back({.link = std::move(outside), .request = {}, .logs = {}});
    }
    ports.recheck = options_.recheck;
    ports.log = audit::Log::create(UniqueFd(::open((dir_.path() + "/audit.log").c_str(),
                                                   O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600)))
                    .value();
    auto tpm = tpm::Tpm::open(swtpm_->connect(),
                              {.kind = ipc::TpmKind::swtpm_socket, .auth_value = {}, .deadline = Millis{5000}})
                   .value();
    ports.worker = tpm::Worker::create(std::move(tpm)).value();
    ports.vault = open_vault();
    if (!options_.bundle.empty()) {
        const std::string file = dir_.path() + "/bundle.bin";
        std::ofstream(file, std::ios::binary) << as_chars(options_.bundle);
        ports.bundle = enclave::AuthorityBundle::read(UniqueFd(::open(file.c_str(), O_RDONLY | O_CLOEXEC)));
    }
    UniqueFd runtime = file_with(options_.runtime_log);
    runtime_file_ = UniqueFd(::fcntl(runtime.get(), F_DUPFD_CLOEXEC, 0));
    ports.platform_logs =
        std::make_shared<const enclave::PlatformLogs>(file_with(options_.boot_log), std::move(runtime));
    worker_ = ports.worker.get();
    enclave_ = enclave::Enclave::create(std::move(ports), config_);
    CHECK(enclave_->start().has_value());
    CHECK(host.hello(ipc::ProcessRole::host).has_value());
    CHECK(ui.hello(ipc::ProcessRole::ui).has_value());
    CHECK(audio.hello(ipc::ProcessRole::audio).has_value());
}

void EnclavePhone::offer_bundle(ByteSpan bytes) {
    constexpr size_t kPart = 1000;  // small: the order of several parts matters
    for (size_t at = 0; at < bytes.size(); at += kPart) {
        const ByteSpan part = bytes.subspan(at, std::min(kPart, bytes.size() - at));
        CHECK(control
                  .send(ipc::NewBundle{.size = static_cast<uint32_t>(bytes.size()),
                                       .offset = static_cast<uint32_t>(at),
                                       .bytes = BoundedBytes<48 * 1024>(part)})
                  .has_value());
    }
}

std::optional<ipc::EnclaveStatus> EnclavePhone::status() {
    CHECK(ui.send(ipc::QueryStatus{.request = RequestId{77}}).has_value());
    const BootInstant deadline = BootClock::now() + Millis{5000};
    while (count<ipc::EnclaveStatus>(from_ui) == 0 && BootClock::now() < deadline) pump();
    return take<ipc::EnclaveStatus>(from_ui);
}

void EnclavePhone::extend(uint8_t pcr, const Digest& digest) const {
    const auto extend_now = [&] {
        CHECK(tpm_raw::extend_pcr(swtpm_->fd(), tpm_raw::Wire::stream, pcr, digest, Millis{20000}).has_value());
    };
    if (worker_ == nullptr) return extend_now();
    // There is one connection: between two commands of the enclave, never in the middle of one.
    std::atomic<bool> done{false};
    CHECK(worker_
              ->post(
                  tpm::Urgency::keep_alive,
                  [&](tpm::Tpm&) {
                      extend_now();
                      done = true;
                      done.notify_one();
                  },
                  [] {})
              .has_value());
    done.wait(false);
}

void EnclavePhone::extend(uint8_t pcr, std::string_view text) const {
    extend(pcr, attestation::sha256(as_bytes(text)));
}

void EnclavePhone::extend_measurement(std::string_view text) const { extend(13, attestation::sha256(as_bytes(text))); }

void EnclavePhone::grow_runtime_log(ByteSpan whole) {
    const ByteSpan more = whole.subspan(options_.runtime_log.size());
    CHECK(::pwrite(runtime_file_.get(), more.data(), more.size(), static_cast<off_t>(options_.runtime_log.size())) ==
          static_cast<ssize_t>(more.size()));
    options_.runtime_log = to_bytes(whole);
}

void EnclavePhone::fill_tpm_queue(const std::shared_ptr<std::atomic<bool>>& open) {
    auto held = std::make_shared<std::atomic<bool>>(false);
    const Status first = worker_->post(
        tpm::Urgency::keep_alive,
        [open, held](tpm::Tpm&) {
            *held = true;
            held->notify_all();
            open->wait(false);
        },
        [] {});
    if (first) held->wait(false);  // from here on no job leaves the queue
    while (worker_->post(
        tpm::Urgency::other, [open](tpm::Tpm&) { open->wait(false); }, [] {})) {
    }
}

std::string EnclavePhone::audit_text() const {
    std::ifstream in(dir_.path() + "/audit.log");
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

void EnclavePhone::replace_audit(const std::string& text) {
    stop();
    std::ofstream(dir_.path() + "/audit.log", std::ios::binary | std::ios::trunc) << text;
}

void EnclavePhone::stop() {
    worker_ = nullptr;
    enclave_.reset();
    ended_ = true;
}

void EnclavePhone::serve_verifier(VerifierSlot& slot) {
    while (auto message = slot.link.receive(buffer_)) {
        if (auto part = ipc::decode_message<rats::VerifierLog>(*message)) {
            const ByteSpan bytes = part->bytes.view();
            slot.logs.insert(slot.logs.end(), bytes.begin(), bytes.end());
            verifier_log_bytes += bytes.size();
        } else {
            verifier_requests.push_back(to_bytes(*message));
            slot.request = verifier_requests.back();
            slot.logs = {};
        }
        answer_verifier(slot);
    }
}

void EnclavePhone::answer_verifier(VerifierSlot& slot) {
    auto request = ipc::decode_message<rats::VerifierRequest>(slot.request).value();
    if (slot.logs.size() < request.boot_log_size + request.runtime_log_size) return;
    const ByteSpan logs(slot.logs);
    const auto found = attestation::appraise(
        request, {.boot = logs.first(request.boot_log_size), .runtime = logs.subspan(request.boot_log_size)});
    std::optional<rats::VerifierResponse> response = found;
    if (options_.verifier) response = options_.verifier(request);
    if (!response) return;
    if (response->request == Digest{}) response->request = attestation::sha256(slot.request);
    for (size_t i = 0; i < response->runtime_events;) {
        rats::VerifierRuntime part;
        while (i < response->runtime_events && part.digests.push(found.runtime[i])) ++i;
        CHECK(slot.link.send(part).has_value());
    }
    CHECK(slot.link.send(*response).has_value());
}

void EnclavePhone::pump() {
    if (ended_) return;
    if (!enclave_->step(Millis{0})) ended_ = true;
    for (auto& slot : verifiers_) serve_verifier(slot);
    const std::array<std::pair<ipc::Link*, std::deque<Bytes>*>, 4> links{
        {{&host, &from_host}, {&ui, &from_ui}, {&audio, &from_audio}, {&control, &from_control}}};
    for (auto& [link, queue] : links)
        while (auto m = link->receive(buffer_)) queue->push_back(to_bytes(*m));
}

std::optional<ipc::CallStateChanged> EnclavePhone::last_state() const {
    for (auto it = from_ui.rbegin(); it != from_ui.rend(); ++it)
        if (auto m = ipc::decode_message<ipc::CallStateChanged>(*it)) return std::move(*m);
    return {};
}

std::optional<ipc::CallCard> EnclavePhone::last_card() const {
    for (auto it = from_ui.rbegin(); it != from_ui.rend(); ++it)
        if (auto m = ipc::decode_message<ipc::CallCard>(*it)) return std::move(*m);
    return {};
}

std::vector<ipc::KeyLife> EnclavePhone::key_life() const {
    std::vector<ipc::KeyLife> out;
    for (const auto& b : from_ui)
        if (auto m = ipc::decode_message<ipc::KeyLife>(b)) out.push_back(*m);
    return out;
}

// ---------------------------------------------------------------- hosts

void Hosts::dial(std::string_view uri, std::string_view label) {
    CHECK(
        a_.ui
            .send(ipc::Dial{.request = RequestId{1}, .uri = BoundedString<256>(uri), .label = BoundedString<64>(label)})
            .has_value());
}

void Hosts::serve(EnclavePhone& self, EnclavePhone& peer, bool caller_side) {
    auto& mine = caller_side ? a_session : b_session;
    auto& theirs = caller_side ? b_session : a_session;
    auto queue = std::exchange(self.from_host, {});
    for (Bytes& raw : queue) {
        if (intercept && !intercept(self, raw)) continue;
        if (auto place = ipc::decode_message<ipc::PlaceCall>(raw)) {
            a_call = place->call;
            if (ordinary && place->kind == ipc::CallKind::attested) {
                (void)self.host.send(ipc::LegOrdinary{.call = place->call, .why = ipc::OrdinaryWhy::bad_extension});
                continue;
            }
            (void)peer.host.send(ipc::IncomingInvite{.handle = HostHandle{1},
                                                     .kind = place->kind,
                                                     .from_uri = BoundedString<256>(self.uri()),
                                                     .to_uri = place->uri,
                                                     .display_name = BoundedString<256>("somebody"),
                                                     .identity = place->identity,
                                                     .sdp_fingerprint = place->fingerprint,
                                                     .opus_payload_type = 111,
                                                     .peer_is_dtls_client = false,
                                                     .origin = BoundedString<64>("127.0.0.1")});
        } else if (auto admitted = ipc::decode_message<ipc::IncomingAdmitted>(raw)) {
            b_session = admitted->session;
            b_call = admitted->call;
            ordinary_fingerprint_ = admitted->fingerprint;
            if (!ordinary)
                (void)peer.host.send(
                    ipc::LegAttesting{.call = a_call, .leg = 0, .sdp_fingerprint = admitted->fingerprint});
        } else if (auto leg = ipc::decode_message<ipc::LegAdmitted>(raw)) {
            a_session = leg->session;
            for (const Bytes& body : waiting_)
                (void)self.host.send(
                    ipc::ChannelIn{.session = a_session, .body = BoundedBytes<rats::kInfoBodyMax>(body)});
            waiting_.clear();
        } else if (auto out = ipc::decode_message<ipc::ChannelOut>(raw)) {
            (caller_side ? channel_to_b : channel_to_a).push_back(to_bytes(out->body.view()));
            if (theirs.value == 0)
                waiting_.push_back(to_bytes(out->body.view()));
            else
                (void)peer.host.send(ipc::ChannelIn{.session = theirs, .body = out->body});
        } else if (ipc::decode_message<ipc::SendRinging>(raw)) {
            if (ordinary) (void)peer.host.send(ipc::OrdinaryRinging{.call = a_call});
        } else if (ipc::decode_message<ipc::SendOk>(raw)) {
            if (ordinary)
                (void)peer.host.send(ipc::OrdinaryAnswered{.call = a_call,
                                                           .leg = 0,
                                                           .sdp_fingerprint = ordinary_fingerprint_,
                                                           .peer_is_dtls_client = true,
                                                           .opus_payload_type = 111});
            else
                (void)peer.host.send(ipc::LegAnswered{.session = theirs});
            (void)self.host.send(ipc::LegAnswered{.session = mine});
        } else if (auto path = ipc::decode_message<ipc::StartMediaPath>(raw)) {
            (void)self.host.send(
                ipc::LocalCandidates{.session = path->session, .fragment = BoundedString<3072>("a=x\r\n")});
            (void)self.host.send(ipc::MediaPathReady{.session = path->session});
        } else if (auto packet = ipc::decode_message<ipc::Datagram>(raw)) {
            (caller_side ? datagrams_a : datagrams_b).push_back(to_bytes(packet->bytes.view()));
            if (lose_datagram && lose_datagram(packet->bytes.view())) continue;
            if (theirs.value != 0) (void)peer.host.send(ipc::Datagram{.session = theirs, .bytes = packet->bytes});
        } else if (auto ask = ipc::decode_message<ipc::AskPassport>(raw)) {
            Bytes& whole = passport_requests_[&self];
            whole.insert(whole.end(), ask->bytes.view().begin(), ask->bytes.view().end());
            if (!ask->last) continue;
            const Bytes request = std::exchange(whole, {});
            if (!authority) continue;
            const Bytes answer = authority(self, request);
            (void)self.host.send(ipc::PassportReply{.session = ask->session,
                                                    .round = ask->round,
                                                    .status = static_cast<uint16_t>(answer.empty() ? 403 : 200),
                                                    .body = BoundedBytes<512>(answer)});
        } else if (ipc::decode_message<ipc::EndLeg>(raw)) {
            if (theirs.value != 0)
                (void)peer.host.send(ipc::LegEnded{.session = theirs, .why = ipc::LegEndWhy::bye, .sip_status = 0});
        } else if (ipc::decode_message<ipc::IncomingRefused>(raw)) {
            (void)peer.host.send(ipc::CallFailed{.call = a_call, .why = ipc::LegEndWhy::failed, .sip_status = 480});
        }
    }
}

void Hosts::turn() {
    a_.pump();
    b_.pump();
    serve(a_, b_, true);
    serve(b_, a_, false);
}

bool Hosts::run_until(const std::function<bool()>& done, Millis longest) {
    const BootInstant deadline = BootClock::now() + longest;
    while (!done()) {
        if (BootClock::now() > deadline) return false;
        turn();
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    return true;
}

bool Hosts::connect(std::string_view uri) {
    dial(uri);
    auto is = [](const EnclavePhone& p, ipc::CallState wanted) {
        auto s = p.last_state();
        return s && s->state == wanted;
    };
    (void)run_until([&] {
        return (is(a_, ipc::CallState::media) && is(b_, ipc::CallState::media)) || is(a_, ipc::CallState::ended);
    });
    return is(a_, ipc::CallState::media) && is(b_, ipc::CallState::media);
}

void Hosts::talk(int n) {
    const Bytes opus(80, std::byte{0x55});
    for (int i = 0; i < n; ++i) {
        timestamp_ += 960;
        (void)a_.audio.send(ipc::CapturedFrame{
            .session = a_session, .timestamp = timestamp_, .opus = BoundedBytes<ipc::kAudioFrameMax>(opus)});
        (void)b_.audio.send(ipc::CapturedFrame{
            .session = b_session, .timestamp = timestamp_, .opus = BoundedBytes<ipc::kAudioFrameMax>(opus)});
        turn();
        turn();
    }
    for (int i = 0; i < 4; ++i) turn();
}

std::pair<size_t, size_t> Hosts::sound() {
    a_.from_audio.clear();
    b_.from_audio.clear();
    talk(10);
    return {EnclavePhone::count<ipc::PlayFrame>(a_.from_audio), EnclavePhone::count<ipc::PlayFrame>(b_.from_audio)};
}

}  // namespace sealcall::test
