// One RTP packet through libsrtp2 as the enclave uses it, and nothing around it.
#include "tests/bench/microbench.h"
#include "tests/unit/srtp/keys.h"

namespace sealcall::bench {
namespace {

using dtls::SrtpProfile;
using srtp::SrtpSession;
using srtp::test::Side;

constexpr uint32_t kSsrc = 0x11223344;
constexpr size_t kBatch = 500;

struct Sender {
    std::unique_ptr<SrtpSession> session;
    uint16_t sequence = 0;

    static Result<Sender> create(SrtpProfile profile) {
        TRY(auto session, SrtpSession::create(srtp::test::keys(profile, Side::first), kSsrc));
        return Sender{.session = std::move(session)};
    }
    /// The next packet in the clear, with room for the trailer.
    Bytes packet() {
        Bytes p = srtp::test::rtp_packet(sequence++, kSsrc, kOpusBytes);
        p.resize(p.size() + SrtpSession::kTrailerMax);
        return p;
    }
};

constexpr size_t kClear = 12 + kOpusBytes;

void protect(benchmark::State& state, SrtpProfile profile) {
    auto sender = Sender::create(profile);
    if (failed(state, sender)) return;
    std::vector<Bytes> batch(kBatch);
    for (auto _ : state) {
        for (Bytes& p : batch) p = sender->packet();
        const Stopwatch watch;
        for (Bytes& p : batch)
            if (failed(state, sender->session->protect_rtp(p, kClear))) return;
        state.SetIterationTime(watch.seconds() / kBatch);
    }
}

void unprotect(benchmark::State& state, SrtpProfile profile) {
    auto sender = Sender::create(profile);
    auto receiver = SrtpSession::create(srtp::test::keys(profile, Side::second), kSsrc + 1);
    if (failed(state, sender) || failed(state, receiver)) return;
    std::vector<Bytes> batch(kBatch);
    for (auto _ : state) {
        for (Bytes& p : batch) {
            p = sender->packet();
            auto size = sender->session->protect_rtp(p, kClear);
            if (failed(state, size)) return;
            p.resize(*size);
        }
        const Stopwatch watch;
        for (Bytes& p : batch)
            if (failed(state, (*receiver)->unprotect_rtp(p))) return;
        state.SetIterationTime(watch.seconds() / kBatch);
    }
}

}  // namespace

void register_srtp() {
    const auto add = [](const char* name, auto function, SrtpProfile profile) {
        benchmark::RegisterBenchmark(name, function, profile)
            ->UseManualTime()
            ->Iterations(20)
            ->Unit(benchmark::kMicrosecond);
    };
    add("srtp/protect/AEAD_AES_128_GCM", protect, SrtpProfile::aead_aes_128_gcm);
    add("srtp/unprotect/AEAD_AES_128_GCM", unprotect, SrtpProfile::aead_aes_128_gcm);
    add("srtp/protect/AES_CM_128_HMAC_SHA1_80", protect, SrtpProfile::aes128_cm_sha1_80);
    add("srtp/unprotect/AES_CM_128_HMAC_SHA1_80", unprotect, SrtpProfile::aes128_cm_sha1_80);
}

}  // namespace sealcall::bench
