#include "enclave/media_session.h"

#include <openssl/rand.h>

#include "attestation/binding.h"

namespace sealcall::enclave {
namespace {

constexpr Millis kStatsEvery{1000};

/// What one side says to show that it holds this DTLS association: the role keeps it from being reflected.
Digest confirm_proof(const Digest& exporter, rats::Role role) {
    ByteWriter w;
    w.bytes(as_bytes("sealcall media confirm")).u8(static_cast<uint8_t>(role)).bytes(exporter);
    return attestation::sha256(w.view());
}

}  // namespace

MediaSession::MediaSession(MediaGrant grant, Context& context, MediaOwner& owner, MediaSetup setup)
    : grant_(std::move(grant)), context_(context), owner_(owner), setup_(std::move(setup)) {
    microphone_ = setup_.microphone;
}

MediaSession::~MediaSession() { wipe_media(); }

Result<std::unique_ptr<MediaSession>> MediaSession::create(MediaGrant grant, Context& context, MediaOwner& owner,
                                                           MediaSetup setup) {
    CHECK(grant.session() == setup.session);
    auto self = std::unique_ptr<MediaSession>(new MediaSession(std::move(grant), context, owner, std::move(setup)));
    TRY(self->dtls_,
        dtls::Endpoint::create(*self->setup_.identity, self->setup_.dtls_client, self->setup_.peer_fingerprint));
    return self;
}

void MediaSession::path_ready(BootInstant now) {
    if (path_ready_) return;
    path_ready_ = true;
    owner_.mark(ipc::Phase::media_path);
    if (state_ != State::connecting || !setup_.dtls_client) return;
    if (Status s = dtls_->start(now); !s) return owner_.media_failed(ipc::EndReason::media_failed, s.error());
    flush_dtls();
}

void MediaSession::flush_dtls() {
    for (const Bytes& packet : dtls_->take_output()) {
        if (packet.size() > ipc::kDatagramMax) continue;
        // A handshake packet that cannot be sent now is one the network lost: the timer repeats it.
        (void)context_.host.send_or_drop(
            ipc::Datagram{.session = setup_.session, .bytes = BoundedBytes<ipc::kDatagramMax>(packet)});
    }
}

void MediaSession::datagram(ByteSpan bytes, BootInstant now) {
    if (bytes.empty()) return;
    const auto first = static_cast<unsigned>(bytes[0]);
    if (first >= 20 && first <= 63) {  // RFC 7983
        if (!dtls_) return;
        Status s = dtls_->handle_datagram(bytes, now);
        flush_dtls();
        if (!s) {
            const bool wrong_peer = s.error().code == Errc::wrong_name;
            return owner_.media_failed(wrong_peer ? ipc::EndReason::fingerprint_mismatch : ipc::EndReason::media_failed,
                                       s.error());
        }
        if (dtls_->finished() && state_ == State::connecting) dtls_finished();
        return;
    }
    if (first >= 128 && first <= 191) return media_packet(bytes, now);
    ++context_.dropped;
}

void MediaSession::dtls_finished() {
    owner_.mark(ipc::Phase::secure);
    auto keys = dtls_->take_media_keys();
    if (!keys) return owner_.media_failed(ipc::EndReason::media_failed, keys.error());
    profile_ = keys->profile;
    if (!setup_.attested) {
        setup_.identity.reset();
        return start_media(std::move(*keys), BootClock::now());
    }
    auto secret = dtls_->take_call_secret();
    auto exporter = dtls_->media_confirm_value();
    if (!secret || !exporter)
        return owner_.media_failed(ipc::EndReason::media_failed, Error{Errc::crypto_failed, "exporter", 0});
    setup_.identity.reset();
    pending_keys_ = std::move(*keys);
    state_ = State::confirming;
    expected_proof_ = confirm_proof(*exporter, rats::other(setup_.role));
    owner_.send_frame(rats::FrameType::media_confirm,
                      ipc::encode(rats::MediaConfirm{.proof = confirm_proof(*exporter, setup_.role)}));
    if (state_ != State::confirming) return;  // the channel is gone, and the session with it
    key_event(ipc::KeyEvent::created, 0);
    seal(std::move(*secret));
    if (early_proof_ && state_ == State::confirming) {
        const Digest proof = *early_proof_;
        early_proof_.reset();
        (void)on_confirm(ipc::encode(rats::MediaConfirm{.proof = proof}));
    }
}

Status MediaSession::on_confirm(ByteSpan body) {
    TRY(auto confirm, ipc::decode<rats::MediaConfirm>(body));
    if (!setup_.attested || early_proof_) return Error{Errc::wrong_state, "media confirm", 0};
    if (state_ == State::connecting) {
        early_proof_ = confirm.proof;  // the peer's last DTLS flight is still on its way to us
        return {};
    }
    if (state_ != State::confirming) return Error{Errc::wrong_state, "media confirm", 0};
    if (confirm.proof != expected_proof_) {
        owner_.media_failed(ipc::EndReason::fingerprint_mismatch,
                            Error{Errc::wrong_binding, "DTLS exporters differ", 0});
        return {};
    }
    owner_.mark(ipc::Phase::confirmed);
    dtls::MediaKeys keys = std::move(*pending_keys_);
    pending_keys_.reset();
    start_media(std::move(keys), BootClock::now());
    return {};
}

void MediaSession::seal(Secret<32> secret) {
    sealing_ = true;
    auto shared = std::make_shared<Secret<32>>(std::move(secret));  // shared: the job must be copyable
    const uint8_t slot = setup_.slot;
    context_.on_tpm<Result<tpm::SealedSecret>>(
        tpm::Urgency::keep_alive, setup_.session,
        [shared, slot](tpm::Tpm& t) {
            auto sealed = t.seal(slot, *shared);
            shared->clear();
            return sealed;
        },
        [this](Session&, Result<tpm::SealedSecret> sealed) {
            sealing_ = false;
            if (state_ == State::ended) return;  // end_slot is already on its way behind this seal
            if (!sealed) return owner_.media_failed(ipc::EndReason::own_tpm_failed, sealed.error());
            sealed_ = std::move(*sealed);
            lease_half_ = BootClock::now() + context_.lease / 2;
            key_event(ipc::KeyEvent::sealed, 0);
            record_sealed();
            context_.notary.prove_creation(setup_.call, *sealed_);
            try_derive();
        });
}

void MediaSession::start_media(dtls::MediaKeys keys, BootInstant now) {
    auto media = srtp::Media::create(std::move(keys), setup_.payload_type);
    if (!media) return owner_.media_failed(ipc::EndReason::media_failed, media.error());
    media_ = std::move(*media);
    const bool new_keys_only = state_ == State::running;
    state_ = State::running;
    context_since_ = last_in_ = now;
    rekey_asked_ = {};
    next_stats_ = now + kStatsEvery;
    if (!stream_open_) {
        stream_open_ = true;
        context_.to_audio(ipc::OpenStream{.session = setup_.session, .capture = owns_microphone(), .playback = true});
    } else if (!new_keys_only) {
        // Nothing that a peer sends moves the microphone: its owner is whom the person spoke to last.
        context_.to_audio(ipc::Capture{.session = setup_.session, .on = owns_microphone(), .playback = true});
    }
    owner_.media_changed();
}

void MediaSession::media_packet(ByteSpan bytes, BootInstant now) {
    if (!media_) return;  // before the confirmation or while held: nothing is accepted, nothing is counted as an attack
    auto packet = media_->receive(bytes, now);
    if (!packet) {
        ++context_.dropped;
        return;
    }
    last_in_ = now;
    quiet_told_ = false;
    if (!*packet) return;
    if (!heard_) {
        heard_ = true;
        dtls_.reset();  // the peer has our last flight, or it could not have sent this
        owner_.mark(ipc::Phase::first_audio_in);
    }
    auto opus = BoundedBytes<ipc::kAudioFrameMax>::from((*packet)->opus);
    if (!opus) {
        ++context_.dropped;
        return;
    }
    (void)context_.audio.send_or_drop(ipc::PlayFrame{.session = setup_.session,
                                                     .sequence = (*packet)->sequence,
                                                     .timestamp = (*packet)->timestamp,
                                                     .opus = std::move(*opus)});
}

void MediaSession::captured(const ipc::CapturedFrame& frame, BootInstant now) {
    if (state_ != State::running || !owns_microphone()) return;
    auto packet = media_->send(frame.opus.view(), frame.timestamp, now);
    if (!packet || packet->size() > ipc::kDatagramMax) return;
    (void)context_.host.send_or_drop(
        ipc::Datagram{.session = setup_.session, .bytes = BoundedBytes<ipc::kDatagramMax>(*packet)});
}

void MediaSession::stream_stats(const ipc::StreamStats& stats) { stream_ = stats; }

ipc::MediaStats MediaSession::stats() const {
    ipc::MediaStats s{};
    if (media_) media_->fill(s);
    s.call = setup_.call;
    s.sent += totals_.sent;
    s.received += totals_.received;
    s.lost += totals_.lost;
    s.rejected += totals_.rejected;
    s.late = stream_.late;
    s.longest_gap_ms = stream_.longest_gap_ms;
    s.srtp_profile = BoundedString<32>(profile_ == dtls::SrtpProfile::aead_aes_128_gcm    ? "AEAD_AES_128_GCM"
                                       : profile_ == dtls::SrtpProfile::aes128_cm_sha1_80 ? "AES_CM_128_HMAC_SHA1_80"
                                                                                          : "");
    return s;
}

void MediaSession::wipe_media() {
    if (media_) {
        ipc::MediaStats now{};
        media_->fill(now);
        totals_.sent += now.sent;
        totals_.received += now.received;
        totals_.lost += now.lost;
        totals_.rejected += now.rejected;
    }
    media_.reset();
    pending_keys_.reset();
    ++generation_;
}

Status MediaSession::set_hold(bool on) {
    if (!setup_.attested) return Error{Errc::unavailable, "an ordinary phone cannot be put on hold", 0};
    if (state_ != State::running && state_ != State::held) return Error{Errc::wrong_state, "no media yet", 0};
    if (held_here_ == on) return {};
    held_here_ = on;
    if (on) {
        const bool was_running = state_ == State::running;
        wipe_media();
        own_share_.reset();  // our offer, if one stands, is withdrawn; the peer's still stands
        state_ = State::held;
        context_.to_audio(ipc::Capture{.session = setup_.session, .on = false, .playback = false});
        if (was_running) key_event(ipc::KeyEvent::wiped, 0);
        owner_.send_frame(rats::FrameType::hold, ipc::encode(rats::Hold{.context = context_number_}));
    } else {
        offer_context(std::max(highest_own_, peer_share_ ? peer_share_->number - 1 : highest_number_) + 1);
    }
    context_.to_host(ipc::SendHold{.session = setup_.session, .on = on});
    owner_.media_changed();
    return {};
}

Status MediaSession::on_hold(ByteSpan body) {
    TRY(auto hold, ipc::decode<rats::Hold>(body));
    (void)hold;
    if (!setup_.attested || (state_ != State::running && state_ != State::held))
        return Error{Errc::wrong_state, "hold", 0};
    if (state_ == State::held && held_there_ && !peer_share_) return {};
    const bool was_running = state_ == State::running;
    wipe_media();
    peer_share_.reset();  // the peer withdraws its offer
    state_ = State::held;
    held_there_ = true;
    context_.to_audio(ipc::Capture{.session = setup_.session, .on = false, .playback = false});
    if (was_running) key_event(ipc::KeyEvent::wiped, 0);
    owner_.media_changed();
    return {};
}

void MediaSession::offer_context(uint32_t number) {
    CHECK(number > highest_own_);  // one number, one fresh value: or the two sides could derive from different ones
    highest_own_ = number;
    Share share{.number = number, .fresh = {}};
    CHECK(RAND_bytes(as_u8(share.fresh.data()), static_cast<int>(share.fresh.size())) == 1);
    own_share_ = share;
    highest_number_ = std::max(highest_number_, number);
    owner_.send_frame(rats::FrameType::resume, ipc::encode(rats::Resume{.context = number, .fresh = share.fresh}));
    try_derive();
}

Status MediaSession::on_resume(ByteSpan body) {
    TRY(auto resume, ipc::decode<rats::Resume>(body));
    if (!setup_.attested || (state_ != State::running && state_ != State::held))
        return Error{Errc::wrong_state, "resume", 0};
    // Numbers only grow; a jump would burn them all, and the same number twice would be the same keys but for the fresh
    // bytes.
    constexpr uint32_t kLast = 0xffff0000;  // far from where the numbers would wrap
    if (resume.context > kLast || resume.context > highest_number_ + 1024)
        return Error{Errc::bad_value, "resume number", resume.context};
    // Crossed with a hold or with an offer of ours that is newer: the peer follows that one.
    if (resume.context <= context_number_ || (own_share_ && resume.context < own_share_->number)) return {};
    held_there_ = false;
    highest_number_ = std::max(highest_number_, resume.context);
    peer_share_ = Share{.number = resume.context, .fresh = resume.fresh};
    if (!held_here_ && (!own_share_ || own_share_->number < resume.context)) {
        offer_context(std::max(highest_own_ + 1, resume.context));
    } else {
        try_derive();
    }
    owner_.media_changed();
    return {};
}

void MediaSession::try_derive() {
    if (unsealing_ || !sealed_ || held_here_ || held_there_) return;
    if (!own_share_ || !peer_share_ || own_share_->number != peer_share_->number) return;
    unsealing_ = true;
    const Share own = *own_share_, peer = *peer_share_;
    const bool caller = setup_.role == rats::Role::caller;
    const uint32_t generation = generation_;
    const rats::Role role = setup_.role;
    const dtls::SrtpProfile profile = profile_;
    context_.on_tpm<Result<std::shared_ptr<dtls::MediaKeys>>>(
        tpm::Urgency::keep_alive, setup_.session,
        [sealed = *sealed_, own, peer, caller, role, profile](tpm::Tpm& t) -> Result<std::shared_ptr<dtls::MediaKeys>> {
            TRY(Secret<32> secret, t.unseal(sealed));
            TRY(dtls::MediaKeys keys, srtp::derive_context(secret, own.number, role, caller ? own.fresh : peer.fresh,
                                                           caller ? peer.fresh : own.fresh, profile));
            return std::make_shared<dtls::MediaKeys>(std::move(keys));
        },
        [this, generation, own](Session&, Result<std::shared_ptr<dtls::MediaKeys>> keys) {
            unsealing_ = false;
            if (generation != generation_) return try_derive();  // wiped meanwhile: only what stands now counts
            if (!keys) {
                if (keys.error().code == Errc::tpm_policy_refused)
                    key_event(ipc::KeyEvent::unseal_refused, keys.error().detail);
                return owner_.media_failed(keys.error().code == Errc::tpm_policy_refused
                                               ? ipc::EndReason::own_tpm_refused
                                               : ipc::EndReason::own_tpm_failed,
                                           keys.error());
            }
            key_event(ipc::KeyEvent::unsealed, 0);
            wipe_media();
            // What was offered beyond it meanwhile stands.
            if (own_share_ && own_share_->number == own.number) own_share_.reset();
            if (peer_share_ && peer_share_->number == own.number) peer_share_.reset();
            context_number_ = own.number;
            key_event(ipc::KeyEvent::rekeyed, 0);
            start_media(std::move(**keys), BootClock::now());
            try_derive();
        });
}

/// New keys for a running call, by both sides' fresh values. False: the peer gave none, and the call is over.
bool MediaSession::rekey_when_due(BootInstant now) {
    if (!setup_.attested || now - context_since_ < context_.rekey_every) return true;
    if (rekey_asked_ == BootInstant{}) rekey_asked_ = now;
    if (!own_share_) {
        offer_context(highest_number_ + 1);
    } else if (!unsealing_ && now - rekey_asked_ >= context_.recheck.overdue) {
        owner_.media_failed(ipc::EndReason::media_failed, Error{Errc::timeout, "the other phone took no new keys", 0});
    }
    return state_ == State::running;
}

void MediaSession::suspended() {
    if (state_ == State::ended) return;
    if (!setup_.attested || state_ == State::confirming || state_ == State::connecting)
        return owner_.media_failed(ipc::EndReason::media_failed, Error{Errc::closed, "suspended", 0});
    // Held or running: nothing comes back without the person, and an unseal that is under way is not wanted any more.
    wipe_media();
    own_share_.reset();
    held_here_ = false;
    state_ = State::running;
    (void)set_hold(true);
}

void MediaSession::set_microphone(bool on) {
    microphone_ = on;
    if (state_ == State::running)
        context_.to_audio(ipc::Capture{.session = setup_.session, .on = on, .playback = true});
    owner_.media_changed();
}

void MediaSession::renew_lease() {
    renewing_ = true;
    context_.on_tpm<Result<tpm::SealedSecret>>(
        tpm::Urgency::keep_alive, setup_.session, [sealed = *sealed_](tpm::Tpm& t) { return t.renew(sealed); },
        [this](Session&, Result<tpm::SealedSecret> renewed) {
            renewing_ = false;
            if (state_ == State::ended) return;
            if (!renewed) return owner_.media_failed(ipc::EndReason::own_tpm_failed, renewed.error());
            sealed_ = std::move(*renewed);
            lease_half_ = BootClock::now() + context_.lease / 2;
            record_sealed();
        });
}

/// The conditions to which the TPM sealed it: whoever reads them can compute the policy, and see that the counter ends
/// it.
void MediaSession::record_sealed() {
    context_.record(audit::Record("key_sealed")
                        .call(setup_.call)
                        .number("slot", sealed_->slot)
                        .number("counter", sealed_->counter)
                        .number("pcr", context_.config.measurement_pcr)
                        .hex("pcr_digest", sealed_->pcr_digest)
                        .number("reset_count", sealed_->reset_count)
                        .number("restart_count", sealed_->restart_count)
                        .number("lease_until_ms", sealed_->lease_until_ms)
                        .hex("public", sealed_->public_area));
}

void MediaSession::tick(BootInstant now) {
    if (dtls_) {
        if (auto deadline = dtls_->next_deadline(); deadline && now >= *deadline) {
            Status s = dtls_->handle_timeout(now);
            flush_dtls();
            if (!s) return owner_.media_failed(ipc::EndReason::media_failed, s.error());
        }
    }
    if (sealed_ && !renewing_ && now >= lease_half_) renew_lease();
    if (state_ != State::running) return;
    if (now - last_in_ >= context_.recheck.quiet && !std::exchange(quiet_told_, true)) owner_.peer_quiet();
    if (!rekey_when_due(now)) return;
    if (auto rtcp = media_->rtcp_due(now); rtcp && *rtcp && (*rtcp)->size() <= ipc::kDatagramMax)
        (void)context_.host.send_or_drop(
            ipc::Datagram{.session = setup_.session, .bytes = BoundedBytes<ipc::kDatagramMax>(**rtcp)});
    if (now >= next_stats_) {
        next_stats_ = now + kStatsEvery;
        context_.to_ui(stats());
    }
}

std::optional<BootInstant> MediaSession::next_deadline() const {
    std::optional<BootInstant> next;
    auto sooner = [&](BootInstant t) {
        if (!next || t < *next) next = t;
    };
    if (dtls_)
        if (auto t = dtls_->next_deadline()) sooner(*t);
    if (sealed_ && !renewing_) sooner(lease_half_);
    if (state_ == State::running) {
        sooner(next_stats_);
        sooner(media_->next_rtcp());
    }
    return next;
}

void MediaSession::key_event(ipc::KeyEvent event, uint32_t tpm_rc) {
    context_.key_event(ipc::KeyLife{.call = setup_.call,
                                    .event = event,
                                    .context = context_number_,
                                    .slot = setup_.slot,
                                    .counter = sealed_ ? sealed_->counter : 0,
                                    .wall_ms = wall_ms(),
                                    .tpm_rc = tpm_rc});
}

void MediaSession::retry_destroy() {
    if (destroy_later_ && destroy_later_()) destroy_later_ = nullptr;
}

void MediaSession::destroy(std::function<void()> done) {
    const bool had_keys = media_ != nullptr;
    state_ = State::ended;
    wipe_media();
    dtls_.reset();
    setup_.identity.reset();
    if (stream_open_) context_.to_audio(ipc::CloseStream{.session = setup_.session});
    if (had_keys) key_event(ipc::KeyEvent::wiped, 0);
    if (!sealed_ && !sealing_) return done();

    struct Outcome {
        Result<uint64_t> counter{Error{Errc::unavailable, "not tried", 0}};
        bool tried = false;
        uint32_t refusal = 0;
    };
    auto outcome = std::make_shared<Outcome>();
    auto life = ipc::KeyLife{.call = setup_.call,
                             .event = ipc::KeyEvent::destroyed,
                             .context = context_number_,
                             .slot = setup_.slot,
                             .counter = sealed_ ? sealed_->counter : 0,
                             .wall_ms = 0,
                             .tpm_rc = 0};
    // The copy that an attacker could have made: after the counter moved the TPM must refuse it, and we look.
    auto copy = sealed_ ? std::make_shared<tpm::SealedSecret>(std::move(*sealed_)) : nullptr;
    auto job = [outcome, copy, slot = setup_.slot](tpm::Tpm& t) {
        outcome->counter = t.end_slot(slot);
        if (!outcome->counter || !copy) return;
        outcome->tried = true;
        // Only a refusal of the policy is proof; a TPM that did not answer has not said no.
        if (auto secret = t.unseal(*copy); !secret && secret.error().code == Errc::tpm_policy_refused)
            outcome->refusal = secret.error().detail;
    };
    Context& context = context_;  // outlives every session
    auto finish = [outcome, life, done, &context]() mutable {
        life.wall_ms = wall_ms();
        if (outcome->counter) {
            life.counter = *outcome->counter;
            context.key_event(life);
            context.notary.prove_end(life.call, life.slot);
        }
        if (outcome->tried && outcome->refusal != 0) {
            life.event = ipc::KeyEvent::unseal_refused;
            life.tpm_rc = outcome->refusal;
            context.key_event(life);
        }
        if (!outcome->counter || (outcome->tried && outcome->refusal == 0))
            context.to_ui(
                ipc::Notice{.kind = ipc::NoticeKind::tpm_gone,
                            .text = BoundedString<512>("The TPM did not confirm that the call's sealed secret is dead; "
                                                       "it dies with its lease.")});
        done();
    };
    sealed_.reset();
    tpm::Worker& worker = context_.worker;
    destroy_later_ = [&worker, job, finish] { return worker.post(tpm::Urgency::keep_alive, job, finish).has_value(); };
    retry_destroy();
}

}  // namespace sealcall::enclave
