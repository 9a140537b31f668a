#include "attestation/logs/boot_facts.h"

#include <gtest/gtest.h>

#include "attestation/logs/bank_replay.h"
#include "attestation/logs/measured_boot.h"
#include "tests/unit/logs/new_log.h"

namespace sealcall::logs::test {
namespace {

using State = SecureBoot::State;

State state_of(const std::vector<NewEvent>& events) {
    const Bytes raw = log_of(events);
    return read_boot_facts(*parse_event_log(raw), kSha256).secure_boot.state;
}

const NewEvent kSeparator7 = event(7, event_type::kSeparator, "\0\0\0\0"sv);

TEST(SecureBootFacts, OneProvenSwitchBeforeTheSeparatorSaysIt) {
    EXPECT_EQ(state_of({switch_event(1), kSeparator7}), State::on);
    EXPECT_EQ(state_of({switch_event(0), kSeparator7}), State::off);
    EXPECT_EQ(state_of({kSeparator7}), State::unknown);
    EXPECT_EQ(state_of({switch_event(1)}), State::unknown) << "no separator";
}

TEST(SecureBootFacts, SwitchAfterTheSeparatorIsTheRunningSystemsWord) {
    EXPECT_EQ(state_of({kSeparator7, switch_event(1)}), State::unknown);
    EXPECT_EQ(state_of({switch_event(0), kSeparator7, switch_event(1)}), State::off);
}

TEST(SecureBootFacts, OtherNamesForTheSameDigestsDoNotHideASwitchThatIsOff) {
    NewEvent renamed = switch_event(0);
    for (uint32_t type : {event_type::kEfiAction, event_type::kEfiVariableAuthority, event_type::kCompactHash,
                          event_type::kEfiVariableBoot, event_type::kIpl}) {
        renamed.type = type;
        EXPECT_NE(state_of({renamed, kSeparator7, switch_event(1)}), State::on) << type;
        NewEvent separator = kSeparator7;
        separator.type = type;
        EXPECT_NE(state_of({renamed, separator, switch_event(1), kSeparator7}), State::on) << type;
        NewEvent junk = renamed;
        junk.data = to_bytes(as_bytes("nothing to see here"));
        EXPECT_NE(state_of({junk, switch_event(1), kSeparator7}), State::on) << type;
    }
}

TEST(SecureBootFacts, DataThatDoesNotHashToTheDigestIsNeverBelieved) {
    NewEvent lie = switch_event(0);
    lie.data = switch_event(1).data;
    EXPECT_EQ(state_of({lie, kSeparator7}), State::unknown);
    const Bytes raw = log_of({lie, kSeparator7});
    const auto boot = read_boot_log(raw);
    ASSERT_TRUE(boot);
    EXPECT_FALSE(boot->at(1)->proven);
    EXPECT_TRUE(boot->at(1)->what.starts_with("The log says: "));
    EXPECT_GE(boot->warnings.count, 1u);
}

TEST(SecureBootFacts, TwoSwitchesAreNoSwitch) {
    EXPECT_EQ(state_of({switch_event(0), switch_event(1), kSeparator7}), State::unknown);
    EXPECT_EQ(state_of({switch_event(1), switch_event(1), kSeparator7}), State::unknown);
}

TEST(SecureBootFacts, NoFlippedBitTurnsOffIntoOnWithTheSameReplay) {
    const Bytes raw = log_of({switch_event(0), event(7, event_type::kEfiVariableDriverConfig, "junk"), kSeparator7,
                              switch_event(1), event(4, event_type::kEfiAction, "x")});
    const auto banks = replay_all(*parse_event_log(raw));
    for (size_t at = 0; at < raw.size(); ++at)
        for (unsigned bit = 0; bit < 8; ++bit) {
            Bytes changed = raw;
            changed[at] ^= static_cast<std::byte>(1U << bit);
            const auto log = parse_event_log(changed);
            if (!log || replay_all(*log) != banks || !log->has_bank(kSha256)) continue;
            EXPECT_NE(read_boot_facts(*log, kSha256).secure_boot.state, State::on) << at << "." << bit;
        }
}

TEST(BootFacts, GrubCommandsAreProvenWithoutPrefixAndFilesAreClaims) {
    NewEvent command = event(8, event_type::kIpl, "set pager=1");
    command.data = to_bytes(as_bytes("grub_cmd: set pager=1\0"sv));
    NewEvent kernel = event(8, event_type::kIpl, "/vmlinuz quiet");
    kernel.data = to_bytes(as_bytes("kernel_cmdline: /vmlinuz quiet\0"sv));
    NewEvent file = event(9, event_type::kIpl, "contents");
    file.data = to_bytes(as_bytes("/boot/grub.cfg\0"sv));
    const Bytes raw = log_of({command, kernel, file});
    const auto facts = read_boot_facts(*parse_event_log(raw), kSha256).facts;
    EXPECT_EQ(facts[1].kind, FactKind::loader_command);
    EXPECT_EQ(facts[1].proof, Proof::text);
    EXPECT_EQ(facts[1].detail, "set pager=1");
    EXPECT_EQ(facts[2].kind, FactKind::kernel_command_line);
    EXPECT_EQ(sentence_of(facts[2]), "The kernel was given: /vmlinuz quiet");
    EXPECT_FALSE(facts[3].proven());
    EXPECT_EQ(sentence_of(facts[3]), "The log says: The boot loader read: /boot/grub.cfg");
}

TEST(BootFacts, TextForScreensHasNoControlCharacters) {
    EXPECT_EQ(ascii_text(as_bytes("a\x1b[31m\xc3\xa4")), "a\\x1b[31m\\xc3\\xa4");
    EXPECT_EQ(utf16_text(as_bytes("a\0\x2e\x20\0\0"sv)), "a\\u202e");
    EXPECT_EQ(ascii_text(Bytes(5000, std::byte{'x'})).size(), kTextMax + 3);
}

TEST(CompareBoots, SaysWhichEventChanged) {
    NewEvent old_loader = event(4, event_type::kEfiAction, "one"), new_loader = event(4, event_type::kEfiAction, "two");
    const NewEvent same = event(4, event_type::kEfiAction, "same");
    const Bytes a = log_of({old_loader, same, switch_event(1)}), b = log_of({new_loader, same, same, switch_event(0)});
    const auto before = *parse_event_log(a), after = *parse_event_log(b);
    const auto changes =
        compare_boots(before, read_boot_facts(before, kSha256), after, read_boot_facts(after, kSha256), kSha256);
    ASSERT_EQ(changes.size(), 3u);
    EXPECT_EQ(changes[0].sentence, "Before: The firmware notes: one Now: The firmware notes: two");
    EXPECT_EQ(changes[1].what, EventChange::What::added);
    EXPECT_EQ(changes[2].sentence, "Before: Secure Boot is on. Now: Secure Boot is off.");
    EXPECT_TRUE(
        compare_boots(before, read_boot_facts(before, kSha256), before, read_boot_facts(before, kSha256), kSha256)
            .empty());
}

TEST(DevicePath, NodesBecomeText) {
    Bytes raw;
    for (int c : std::initializer_list<int>{2, 1, 12, 0, 0xd0, 0x41, 0x03, 0x0a, 0,   0, 0, 0, 1,    1,    6, 0,
                                            0, 3, 4,  4, 10,   0,    '\\', 0,    'a', 0, 0, 0, 0x7f, 0xff, 4, 0})
        raw.push_back(static_cast<std::byte>(c));
    const auto path = parse_device_path(raw);
    ASSERT_TRUE(path);
    EXPECT_EQ(path->text, "PciRoot(0x0)/Pci(0x3,0x0)/\\a");
    EXPECT_EQ(path->file, "\\a");
    raw[2] = std::byte{3};
    EXPECT_FALSE(parse_device_path(raw)) << "a node shorter than its header";
    raw[2] = std::byte{200};
    EXPECT_FALSE(parse_device_path(raw)) << "a node longer than the path";
}

TEST(SignatureDatabase, SizesThatLieAreErrors) {
    Bytes list(28 + 48);
    list[16] = std::byte{28 + 48};
    list[24] = std::byte{48};
    EXPECT_TRUE(parse_signature_database(list));
    for (auto [at, value] :
         std::initializer_list<std::pair<size_t, int>>{{16, 27}, {16, 200}, {20, 100}, {24, 47}, {24, 0}}) {
        Bytes bad = list;
        bad[at] = static_cast<std::byte>(value);
        EXPECT_FALSE(parse_signature_database(bad)) << at << " " << value;
    }
    EXPECT_TRUE(parse_signature_database({})->certificates.empty());
}

TEST(MeasuredBoot, LargestLogOfTheWorstTextStaysSmall) {
    // Text that grows fourfold when it is escaped, in as many events as are read.
    const std::vector<LogAlgorithm> one{{kSha256, 32}};
    NewEvent e{.pcr = 8, .type = event_type::kIpl, .digests = {}, .data = Bytes(150, std::byte{0x80})};
    e.digests = {Hasher(kSha256).hash(e.data)};
    const Bytes raw = *encode_event_log(one, std::vector<NewEvent>(kBootEventsMax - 1, e));
    ASSERT_LE(raw.size(), kBootLogMax);
    const auto boot = read_boot_log(raw);
    ASSERT_TRUE(boot);
    size_t bytes = 0;
    for (const MeasuredEvent& m : boot->events) bytes += sizeof m + m.name.size() + m.detail.size() + m.what.size();
    EXPECT_LT(bytes, size_t{32} * 1024 * 1024);
    EXPECT_EQ(boot->warnings.list.size(), kWarningsMax);
}

TEST(MeasuredBoot, LogWithoutSha256IsRefusedAndEmptyLogProvesNothing) {
    EXPECT_TRUE(read_boot_log({})->events.empty());
    const std::vector<LogAlgorithm> one{{kSha384, 48}};
    const Bytes raw = *encode_event_log(one, {});
    EXPECT_EQ(read_boot_log(raw).error().code, Errc::unavailable);
}

}  // namespace
}  // namespace sealcall::logs::test
