#include "enclave/enclave.h"

#include <poll.h>

#include <ctime>

#include "attestation/checks.h"
#include "sealcall/policy/reason_text.h"

namespace sealcall::enclave {
namespace {

constexpr Millis kEndDeadline{3000};     ///< for the TPM to destroy the secrets of running calls
constexpr Millis kStartDeadline{30000};  ///< for loading keys: a hardware TPM makes the AK in seconds
constexpr int kMessagesPerTurn = 64;     ///< from one link, before others have theirs
constexpr Micros kSuspendGap{500000};

/// CLOCK_BOOTTIME counts through suspend and CLOCK_MONOTONIC does not: their distance is the time slept.
Micros slept() {
    timespec mono{};
    clock_gettime(CLOCK_MONOTONIC, &mono);
    const Micros monotonic =
        std::chrono::seconds(mono.tv_sec) + std::chrono::duration_cast<Micros>(std::chrono::nanoseconds(mono.tv_nsec));
    return BootClock::now().time_since_epoch() - monotonic;
}

/// Runs one job where the TPM is and waits for it; only while no call exists.
template <class R>
Result<R> wait_for_tpm(tpm::Worker& worker, std::function<Result<R>(tpm::Tpm&)> job) {
    struct Wait {
        std::optional<Result<R>> result;
        bool done = false;
    };
    auto wait =
        std::make_shared<Wait>();  // shared: after a timeout the job still runs, and must not write into our frame
    TRY_STATUS(worker.post(
        tpm::Urgency::keep_alive, [wait, job = std::move(job)](tpm::Tpm& t) { wait->result.emplace(job(t)); },
        [wait] { wait->done = true; }));
    const BootInstant deadline = BootClock::now() + kStartDeadline;
    while (!wait->done) {
        const auto left = std::chrono::duration_cast<Millis>(deadline - BootClock::now()).count();
        if (left <= 0) return Error{Errc::tpm_timeout, "the TPM did not answer", 0};
        pollfd p{.fd = worker.fd(), .events = POLLIN, .revents = 0};
        (void)::poll(&p, 1, static_cast<int>(left));
        worker.dispatch();
    }
    return std::move(*wait->result);
}

}  // namespace

Enclave::~Enclave() = default;

ipc::Ready not_ready(const char* what, const Error& e) {
    std::array<char, 24> code{};
    std::snprintf(code.data(), code.size(), " (0x%x)", e.detail);
    std::string text = std::string(what) + ": " + e.what + (e.detail != 0 ? code.data() : "");
    if (e.code == Errc::tpm_policy_refused)
        text += "; sealcall's own programs are not the ones that this identity was made for";
    std::fprintf(stderr, "event=start_failed what=\"%s\"\n", text.c_str());
    return ipc::Ready{.ok = false, .problem = BoundedString<256>::cut(text)};
}

std::unique_ptr<Enclave> Enclave::create(Ports ports, ipc::ConfigureEnclave config) {
    auto self = std::unique_ptr<Enclave>(new Enclave());
    self->ports_ = std::move(ports);
    self->config_ = std::move(config);
    return self;
}

Status Enclave::start() {
    Status s = prepare();
    (void)ports_.control.send(s ? ipc::Ready{} : not_ready("the enclave cannot start", s.error()));
    return s;
}

Status Enclave::prepare() {
    buffer_.resize(ipc::kMessageMax + 1);
    suspended_for_ = slept();
    verifiers_ = std::make_unique<VerifierPool>(std::move(ports_.verifiers));
    TRY_STATUS(load_keys());
    TRY(auto vault, wait_for_tpm<vault::Vault>(
                        *ports_.worker,
                        [disk = std::make_shared<vault::Vault::Disk>(std::move(ports_.vault)),
                         owner = config_.own_uri](tpm::Tpm& t) { return vault::Vault::open(t, disk, owner.view()); }));
    vault_ = std::make_unique<VaultKeeper>(
        std::move(vault), VaultKeeper::Parts{.worker = *ports_.worker,
                                             .ui = ports_.ui,
                                             .record = [this](const audit::Record& r) { return context_->record(r); },
                                             .lock_after = Millis{1000} * config_.lock_after_s,
                                             .lock_changed = [this] { calls_->lock_changed(); }});
    TRY(Millis lease, wait_for_tpm<Millis>(*ports_.worker, [](tpm::Tpm& t) -> Result<Millis> { return t.lease(); }));
    notary_.emplace(
        *ports_.worker, *ports_.log, audit_value_, [this](const audit::Record& r) { return context_->record(r); },
        [this](const Error& why) { notice_missed_anchor(why); });
    context_.emplace(Context{.host = ports_.host,
                             .ui = ports_.ui,
                             .audio = ports_.audio,
                             .control = ports_.control,
                             .worker = *ports_.worker,
                             .verifiers = *verifiers_,
                             .log = *ports_.log,
                             .notary = *notary_,
                             .attester = attester_ ? &*attester_ : nullptr,
                             .config = config_,
                             .bundle = ports_.bundle,
                             .limits = std::make_shared<CallerLimits>(),
                             .logs = logs_,
                             .slots = slots_,
                             .lease = lease,
                             .recheck = ports_.recheck,
                             .microphone_owner = microphone_owner_,
                             .dropped = dropped_,
                             .vault = *vault_,
                             .find = [this](SessionId id) { return calls_->session(id); },
                             .answer_status = [this](RequestId r) { answer_status(r); },
                             .take_bundle = [this](const ipc::NewBundle& part) { return take_bundle(part); }});
    set_times();
    calls_ = std::make_unique<Calls>(*context_);
    monitor_ = std::make_unique<Monitor>(*context_, *calls_);
    for (auto* link : {&ports_.host, &ports_.ui, &ports_.audio}) TRY_STATUS(link->hello(ipc::ProcessRole::enclave));
    TRY_STATUS(record_start());
    vault_->tell_state();
    if (vault_->is_new())
        context_->to_ui(
            ipc::Notice{.kind = ipc::NoticeKind::vault,
                        .text = BoundedString<512>("A new vault was made: no PIN, no contacts, and nobody is "
                                                   "remembered. If this phone had one, somebody removed it.")});
    notice_bundle();
    notary_->anchor({});
    return {};
}

/// What a reader needs to check the anchors that follow, and where the index stood: records that were taken away
/// between two runs leave a gap there. No phone starts without it: its anchors would look like a log that was cut.
Status Enclave::record_start() {
    bool recorded = context_->record(audit::Record("started")
                                         .text("uri", config_.own_uri.view())
                                         .flag("enrolled", attester_.has_value())
                                         .text("tpm", tpm_name_)
                                         .flag("software_tpm", config_.software_tpm)
                                         .hex("ak_public", ak_public_.view())
                                         .hex("ak_certificate", config_.ak_certificate.view())
                                         .flag("pin", vault_->has_pin())
                                         .number("vault_made", vault_->made())
                                         .hex("value", audit_value_));
    const ipc::AuditDrop& drop = config_.audit_drop;
    const policy::Document* document = context_->bundle.document().get();
    const uint32_t least = document == nullptr ? 0 : document->keep_days;
    // No file goes of which this is not said: a shorter rule than the administrator's drops nothing, nor does a phone
    // that cannot know what the rule is.
    if (recorded && drop.keep_days != 0 && drop.keep_days >= least && !context_->bundle.lost())
        recorded = context_->record(audit::Record("dropped")
                                        .number("first", drop.first)
                                        .number("last", drop.last)
                                        .hex("head", drop.head)
                                        .number("keep_days", drop.keep_days)
                                        .number("policy_days", least));
    return recorded ? Status() : Status(Error{Errc::io, "audit log", 0});
}

void Enclave::notice_missed_anchor(const Error& why) {
    context_->record(audit::Record("anchor_missing").text("why", why.what).number("code", why.detail));
    context_->to_ui(ipc::Notice{
        .kind = ipc::NoticeKind::dropped_messages,
        .text = BoundedString<512>("The TPM could not be given the newest records of the audit log; calls end until it "
                                   "can. Run `sealcall doctor`.")});
}

/// The last anchor: without it whatever follows the one before could be cut off unseen, but by the live TPM.
void Enclave::notarise_end() {
    notary_->anchor({});
    const BootInstant until = BootClock::now() + kEndDeadline;
    while (!notary_->idle() && BootClock::now() < until) {
        pollfd p{.fd = ports_.worker->fd(), .events = POLLIN, .revents = 0};
        (void)::poll(&p, 1, 20);
        ports_.worker->dispatch();
    }
}

Status Enclave::load_keys() {
    const tpm::IdentityBlobs blobs{.public_area = to_bytes(config_.identity_public.view()),
                                   .private_area = to_bytes(config_.identity_private.view())};
    const bool enrolled = !config_.identity_certificate.view().empty() && !config_.ak_certificate.view().empty();
    struct Loaded {
        std::string name;
        Digest measurement{};
        std::optional<Attester> attester;
        std::optional<tpm::AuthorityPin> pin;
        rats::TpmPublic ak_public;
        Digest audit_value{};
    };
    auto config = std::make_shared<const ipc::ConfigureEnclave>(config_);  // the job may outlive us by a slow TPM
    TRY(Loaded loaded,
        wait_for_tpm<Loaded>(*ports_.worker,
                             [blobs, config, enrolled, logs = ports_.platform_logs](tpm::Tpm& t) -> Result<Loaded> {
                                 Loaded l;
                                 l.name = t.name();
                                 TRY_STATUS(t.load(blobs));
                                 // An enclave starts with no calls: whatever an earlier one sealed must be dead before
                                 // anything else happens.
                                 for (uint8_t slot = 0; slot < tpm::kSlots; ++slot)
                                     if (auto counter = t.end_slot(slot); !counter) return counter.error();
                                 TRY(l.measurement, t.read_pcr(config->measurement_pcr));
                                 TRY(l.pin, t.authority_pin());
                                 TRY(l.ak_public, t.ak_public());
                                 TRY(l.audit_value, t.audit_value());
                                 if (enrolled) {
                                     TRY(l.attester, Attester::create(t, *config, logs));
                                 }
                                 return l;
                             }));
    tpm_name_ = std::move(loaded.name);
    measurement_ = loaded.measurement;
    ak_public_ = std::move(loaded.ak_public);
    audit_value_ = loaded.audit_value;
    attester_ = std::move(loaded.attester);
    pin_ = loaded.pin;
    ports_.bundle.open(config_.bundle_signer.view(), pin_);
    const attestation::ReferenceSet* set = ports_.bundle.references();
    if (set == nullptr) return {};
    // Before anything is decided by it: from here on no older one is believed, whoever puts it there.
    TRY(bool accepted, wait_for_tpm<bool>(*ports_.worker, [version = set->head().version](tpm::Tpm& t) -> Result<bool> {
            TRY_STATUS(t.accept_version(version));
            return true;
        }));
    CHECK(accepted);
    if (pin_) pin_->oldest_version = std::max(pin_->oldest_version, set->head().version);
    return {};
}

/// Shows and records what becomes of the bundle: at start, and when it grows old under way.
void Enclave::notice_bundle() {
    const ipc::BundleState now = ports_.bundle.state(wall_ms());
    if (now == bundle_shown_) return;
    bundle_shown_ = now;
    record_bundle();
    if (now == ipc::BundleState::good) return;
    const policy::Text& text = policy::text(now);
    context_->to_ui(
        ipc::Notice{.kind = ipc::NoticeKind::bundle,
                    .text = BoundedString<512>::cut(std::string(text.sentence) + " " + std::string(text.next_step))});
}

bool Enclave::step(Millis longest) {
    if (ending_ && ((calls_->idle() && notary_->idle() && vault_->idle()) || BootClock::now() >= end_by_)) {
        context_->record(audit::Record("stopped").number("status", static_cast<uint64_t>(exit_status_)));
        notarise_end();
        (void)wait_for_tpm<bool>(*ports_.worker, [](tpm::Tpm& t) -> Result<bool> { return t.shutdown().has_value(); });
        return false;
    }
    std::array<pollfd, 5 + ipc::fd::kEnclaveVerifierSlots> fds{};
    const std::array<std::pair<ipc::ProcessRole, ipc::Link*>, 4> links{{{ipc::ProcessRole::launcher, &ports_.control},
                                                                        {ipc::ProcessRole::host, &ports_.host},
                                                                        {ipc::ProcessRole::ui, &ports_.ui},
                                                                        {ipc::ProcessRole::audio, &ports_.audio}}};
    for (size_t i = 0; i < links.size(); ++i)
        fds[i] = {.fd = links[i].second->fd(), .events = links[i].second->events(), .revents = 0};
    fds[4] = {.fd = ports_.worker->fd(), .events = POLLIN, .revents = 0};
    size_t count = 5;
    for (size_t i = 0; i < verifiers_->fds().size(); ++i)
        fds[count++] = {.fd = verifiers_->fds()[i], .events = verifiers_->events(i), .revents = 0};

    BootInstant wake = std::min({BootClock::now() + longest, calls_->next_deadline(), vault_->next_deadline()});
    if (auto t = verifiers_->next_deadline()) wake = std::min(wake, *t);
    if (ending_) wake = std::min(wake, BootClock::now() + Millis{20});
    const auto wait = std::chrono::ceil<Millis>(wake - BootClock::now()).count();
    if (::poll(fds.data(), count, static_cast<int>(std::clamp<int64_t>(wait, 0, 60000))) < 0) return true;

    notice_suspend();  // before anything is sent: plain keys must not outlive a sleep
    vault_->lock_when_due(BootClock::now(), calls_->busy());
    if (fds[4].revents != 0) ports_.worker->dispatch();
    for (size_t i = 5; i < count; ++i)
        if (fds[i].revents != 0) verifiers_->ready(i - 5, fds[i].revents);
    for (size_t i = 0; i < links.size(); ++i) receive(links[i].first, *links[i].second, fds[i].revents);
    const BootInstant now = BootClock::now();
    notice_bundle();
    verifiers_->tick(now);
    calls_->tick(now);
    vault_->tick(now);
    for (const auto& [role, link] : links)
        if (!link->open()) lose(role, "link closed");
    if (monitor_->shutdown_asked() && !ending_) {
        ending_ = true;
        end_by_ = now + kEndDeadline;
        calls_->end_all(ipc::EndReason::hung_up_here);
    }
    return true;
}

void Enclave::receive(ipc::ProcessRole role, ipc::Link& link, short revents) {
    if (!link.open() || revents == 0) return;
    if ((revents & POLLOUT) != 0 && !link.flush()) return lose(role, "cannot be written");
    if ((revents & (POLLIN | POLLHUP | POLLERR)) == 0) return;
    for (int i = 0; i < kMessagesPerTurn && link.open(); ++i) {
        auto message = link.receive(buffer_);
        if (!message) {
            if (message.error().code != Errc::would_block) lose(role, message.error().what);
            return;
        }
        bool& greeted = greeted_[static_cast<size_t>(role)];
        Status handled;
        if (!greeted && role != ipc::ProcessRole::launcher) {
            auto hello = ipc::decode_message<ipc::LinkHello>(*message);
            greeted = hello && ipc::hello_matches(*hello, role);
            if (!greeted) handled = Error{Errc::wrong_state, "no hello of the same build", 0};
        } else {
            handled = monitor_->handle(role, *message);
        }
        if (role == ipc::ProcessRole::ui) {
            const uint16_t id = ipc::message_id(*message).value_or(0);
            const bool by_itself = id == ipc::QueryStatus::kId || id == ipc::KeepCall::kId || id == ipc::VaultRead::kId;
            if (!by_itself) vault_->touched(BootClock::now());
            wipe(buffer_.data(), message->size());  // it may have been a PIN
        }
        if (!handled) {
            context_->record(audit::Record("protocol_violation")
                                 .number("role", static_cast<uint64_t>(role))
                                 .text("why", handled.error().what)
                                 .number("code", handled.error().detail));
            std::fprintf(stderr, "event=protocol_violation role=%d why=\"%s\" detail=%u\n", static_cast<int>(role),
                         handled.error().what, handled.error().detail);
            exit_status_ = 70;
            return lose(role, handled.error().what);
        }
    }
}

/// A process that is gone, or that broke the protocol, takes the phone with it: no call goes on with a stranger in its
/// place.
void Enclave::lose(ipc::ProcessRole role, const char* why) {
    for (auto* link : {&ports_.control, &ports_.host, &ports_.ui, &ports_.audio}) {
        const bool lost = (role == ipc::ProcessRole::launcher && link == &ports_.control) ||
                          (role == ipc::ProcessRole::host && link == &ports_.host) ||
                          (role == ipc::ProcessRole::ui && link == &ports_.ui) ||
                          (role == ipc::ProcessRole::audio && link == &ports_.audio);
        if (lost) link->close();
    }
    if (ending_) return;
    ending_ = true;
    end_by_ = BootClock::now() + kEndDeadline;
    if (exit_status_ == 0) exit_status_ = 74;
    problem_ = why;
    calls_->end_all(ipc::EndReason::host_lost);
}

void Enclave::notice_suspend() {
    const Micros now = slept();
    if (now - suspended_for_ > kSuspendGap) calls_->suspended();
    suspended_for_ = now;
}

void Enclave::answer_status(RequestId request) {
    ipc::EnclaveStatus s;
    s.request = request;
    s.own_uri = config_.own_uri;
    s.enrolled = attester_.has_value();
    s.software_tpm = config_.software_tpm;
    s.secret_memory = ports_.secret_memory;
    s.tpm_ready = true;
    if (s.enrolled) {
        auto own = attestation::check_identity_certificate(config_.identity_certificate.view(),
                                                           context_->anchors().items(), wall_ms());
        if (own) s.vouched_by = BoundedString<128>::cut(own->authority);
    }
    s.tpm_name = BoundedString<128>::cut(tpm_name_);
    s.measurement = measurement_;
    s.calls = calls_->live();
    s.dropped = dropped_;
    s.bundle = ports_.bundle.state(wall_ms());
    s.pin_set = vault_->has_pin();
    s.locked = vault_->locked();
    if (const attestation::ReferenceSet* set = ports_.bundle.references()) {
        s.bundle_version = set->head().version;
        s.bundle_next_update_ms = set->head().next_update_ms;
    }
    context_->to_ui(s);
}

}  // namespace sealcall::enclave
