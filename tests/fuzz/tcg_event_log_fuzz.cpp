// Any boot log: bounded, spans inside of the input, the same replay twice, and Secure Boot is never on by changing a
// log in which it is off without changing its replay.
#include "attestation/logs/bank_replay.h"
#include "attestation/logs/measured_boot.h"
#include "tests/fuzz/seeded.h"
#include "tests/unit/logs/new_log.h"

using namespace sealcall;
using namespace sealcall::logs;

namespace {

Bytes make_seed() {
    using test::event;
    NewEvent grub = event(8, event_type::kIpl, "set a=b");
    grub.data = to_bytes(as_bytes("grub_cmd: set a=b"));
    return test::log_of({event(0, event_type::kNoAction, std::string_view("StartupLocality\0\3", 17)),
                         event(0, event_type::kSCrtmVersion, "1.0"), test::switch_event(0),
                         event(7, event_type::kSeparator, std::string_view("\0\0\0\0", 4)), test::switch_event(1),
                         event(4, event_type::kEfiAction, "Calling EFI Application from Boot Option"), grub,
                         event(5, event_type::kEfiAction, "Exit Boot Services Invocation")});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Bytes seed = make_seed();
    static const auto honest = replay_all(*parse_event_log(seed));
    const Bytes in = fuzz::own_or_patched(fuzz::input(data, size), seed);
    const auto log = parse_event_log(in);
    if (!log) {
        CHECK(!read_boot_log(in));
        return 0;
    }
    CHECK(log->events.size() <= kBootEventsMax && log->algorithms.size() <= kBankMax);
    for (const LogEvent& e : log->events) {
        CHECK(!e.extends() || e.pcr < kPcrCount);
        CHECK(e.data.empty() || (e.data.data() >= in.data() && e.data.data() + e.data.size() <= in.data() + in.size()));
    }
    const auto banks = replay_all(*log);
    CHECK(banks == replay_all(*log));
    if (const auto bank = best_bank(*log)) {
        const BootFacts facts = read_boot_facts(*log, *bank);
        CHECK(facts.facts.size() == log->events.size());
        for (const BootFact& f : facts.facts) CHECK(!sentence_of(f).empty());
        if (banks == honest && *bank == kSha256) CHECK(facts.secure_boot.state != SecureBoot::State::on);
        const auto changes = compare_boots(*log, facts, *log, facts, *bank);
        CHECK(changes.empty() || log->events.size() > kCompareMax);
    }
    static_cast<void>(read_boot_log(in));
    return 0;
}
