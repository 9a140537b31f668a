// Logs of others: a kernel's list of 100 000 files in both forms beside its floors (its bytes hashed in one piece; by
// entry its template hash, the bank's hash of it, and the extension), and a boot log of the usual size.
#include "attestation/logs/ima.h"
#include "attestation/logs/measured_boot.h"
#include "sealcall/base/hex.h"
#include "tests/bench/microbench.h"
#include "tests/unit/logs/new_log.h"

namespace sealcall::bench {
namespace {

using namespace sealcall::logs;

constexpr size_t kEntries = 100'000;

struct List {
    std::vector<Bytes> data;
    Bytes binary;
    std::string ascii;
};

/// Made once: names of the length that libraries have, a SHA-256 file hash each.
const List& list() {
    static const List made = [] {
        List out;
        Hasher sha1(kSha1), sha256(kSha256);
        for (size_t i = 0; i < kEntries; ++i) {
            const std::string name = "/usr/lib/x86_64-linux-gnu/packages/libexample-" + std::to_string(i) + ".so.1";
            const AnyDigest hash = sha256.hash(as_bytes(name));
            out.data.push_back(encode_ima_ng(kSha256, hash.view(), name));
            const Bytes entry = encode_ima_binary(ImaTemplate::ima_ng, out.data.back());
            out.binary.insert(out.binary.end(), entry.begin(), entry.end());
            out.ascii += "10 " + to_hex(sha1.hash(out.data.back()).view()) + " ima-ng sha256:" + to_hex(hash.view()) +
                         " " + name + "\n";
        }
        return out;
    }();
    return made;
}

void floor_of_hashes(benchmark::State& state) {
    Hasher sha1(kSha1), sha256(kSha256);
    (void)list();  // made outside of what is measured
    for (auto _ : state) {
        std::array<std::byte, 20> hash{};
        std::array<std::byte, 32> digest{}, pcr{};
        for (const Bytes& data : list().data) {
            sha1.hash({data}, hash.data());
            sha256.hash({data}, digest.data());
            sha256.extend(pcr.data(), digest);
            benchmark::DoNotOptimize(hash);
        }
        benchmark::DoNotOptimize(pcr);
    }
}

/// The same bytes as one block: what somebody would pay who believed a list by its digest.
void one_block(benchmark::State& state) {
    Hasher sha256(kSha256);
    const ByteSpan bytes = list().binary;
    for (auto _ : state) benchmark::DoNotOptimize(sha256.hash(bytes));
}

/// What a verifier does in a call: which beginning of the list gives the quoted PCR 10? Here all of it does.
void find_prefix(benchmark::State& state) {
    ImaReplay replay(kSha256, ImaRule::bank_hash);
    const auto done = visit_ima_list(list().binary, [&](const ImaEntry& e) {
        replay.add(e);
        return true;
    });
    if (failed(state, done)) return;
    for (auto _ : state) {
        const auto prefix = find_ima_prefix(list().binary, kSha256, replay.value().view());
        if (failed(state, prefix)) return;
        if (!*prefix || (*prefix)->entries != kEntries) state.SkipWithError("not the whole list");
    }
}

/// What a verifier does: reads, checks each template hash, replays one bank.
void check_and_replay(benchmark::State& state, bool ascii) {
    const ByteSpan in = ascii ? as_bytes(list().ascii) : ByteSpan(list().binary);
    for (auto _ : state) {
        ImaReplay replay(kSha256, ImaRule::bank_hash);
        ImaHashCheck check;
        size_t honest = 0;
        const auto done = visit_ima_list(in, [&](const ImaEntry& e) {
            honest += check.is_honest(e) ? 1 : 0;
            replay.add(e);
            return true;
        });
        if (failed(state, done)) return;
        if (honest != kEntries) state.SkipWithError("dishonest entries");
    }
}

void boot_log(benchmark::State& state) {
    std::vector<NewEvent> events{test::switch_event(1),
                                 test::event(7, event_type::kSeparator, std::string_view("\0\0\0\0", 4))};
    for (int i = 0; i < 100; ++i)
        events.push_back(test::event(8, event_type::kIpl, "grub_cmd: set number=" + std::to_string(i)));
    const Bytes raw = test::log_of(events);
    for (auto _ : state) {
        const auto boot = read_boot_log(raw);
        if (failed(state, boot)) return;
    }
}

}  // namespace

void register_logs() {
    benchmark::RegisterBenchmark("logs/ima_100000/hashes_alone", floor_of_hashes)->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark("logs/ima_100000/one_block", one_block)->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark("logs/ima_100000/find_prefix", find_prefix)->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark("logs/ima_100000/binary", check_and_replay, false)->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark("logs/ima_100000/ascii", check_and_replay, true)->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark("logs/boot_102_events", boot_log)->Unit(benchmark::kMicrosecond);
}

}  // namespace sealcall::bench
