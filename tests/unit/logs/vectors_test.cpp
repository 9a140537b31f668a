// Every PCR table that other projects state for their logs, reproduced in every bank.
#include "tests/support/vectors.h"

#include <nlohmann/json.hpp>

#include "attestation/foreign/pcr_values.h"
#include "attestation/logs/bank_replay.h"
#include "attestation/logs/explain.h"
#include "sealcall/base/hex.h"

namespace sealcall::logs::test {
namespace {

namespace fs = std::filesystem;
using LogVectors = sealcall::test::Vectors;
using sealcall::test::vector_file;
using sealcall::test::vectors_root;

/// Compares every value of the table, and that no PCR was extended that the table leaves out.
void expect_table(const fs::path& log_file, const fs::path& table_file, bool whole) {
    SCOPED_TRACE(log_file.string());
    const Bytes raw = vector_file(log_file);
    const auto log = parse_event_log(raw);
    ASSERT_TRUE(log) << log.error().what << " " << log.error().detail;
    const Bytes text = vector_file(table_file);
    const auto table = attestation::foreign::read_pcr_file(text, {});
    ASSERT_TRUE(table) << table.error().what << " " << table.error().detail;
    for (const auto& [bank, values] : table->banks) {
        ASSERT_TRUE(log->has_bank(bank)) << algorithm_name(bank);
        const BankReplay replay = replay_bank(*log, bank);
        for (const auto& [pcr, value] : values) {
            EXPECT_TRUE(replay.pcrs[pcr].complete);
            EXPECT_EQ(replay.pcrs[pcr].value, AnyDigest::of(value)) << algorithm_name(bank) << " PCR " << unsigned{pcr};
        }
        for (uint8_t pcr = 0; whole && pcr < kPcrCount; ++pcr)
            EXPECT_TRUE(replay.pcrs[pcr].events == 0 || values.contains(pcr))
                << "PCR " << unsigned{pcr} << " is not in the table";
    }
}

TEST_F(LogVectors, EveryStatedPcrTableIsReproducedInEveryBank) {
    size_t seen = 0;
    for (const auto& entry : fs::recursive_directory_iterator(vectors_root())) {
        const std::string name = entry.path().filename().string();
        if (!name.ends_with(".expected.json")) continue;
        const fs::path log = entry.path().parent_path() / name.substr(0, name.size() - 14);
        if (vector_file(entry.path()).empty() || !fs::exists(log)) continue;
        expect_table(log, entry.path(), true);
        ++seen;
    }
    EXPECT_GE(seen, 14u);
}

TEST_F(LogVectors, WhatTpm2EventlogPrintsIsReproduced) {
    const fs::path dir = "tpm2-software_tpm2-tools/eventlog";
    size_t seen = 0;
    for (const auto& entry : fs::directory_iterator(vectors_root() / dir)) {
        const std::string name = entry.path().filename().string();
        if (!name.ends_with(".bin") || name == "specid-vendordata.bin") continue;
        fs::path table = vectors_root() / dir / "event-raw" / (name + ".yaml");
        if (!fs::exists(table)) table = vectors_root() / dir / (name + ".yaml");
        expect_table(entry.path(), table, true);
        ++seen;
    }
    EXPECT_EQ(seen, 11u);
}

TEST_F(LogVectors, QuotedPcrsAreThoseOfTheLogInTheSameAttestation) {
    for (const char* which : {"nonce9009", "no-nonce"})
        for (const char* bank : {"sha1", "sha256", "sha384"}) {
            const fs::path dir =
                fs::path("google_go-tpm-tools/attestations") / ("gce-cos-85-" + std::string(which) + ".decoded");
            const Bytes raw = vector_file(dir / "event_log.bin");
            const auto log = parse_event_log(raw);
            const auto table = attestation::foreign::read_pcr_file(
                vector_file(dir / ("quote_" + std::string(bank) + ".pcrs.json")), {});
            ASSERT_TRUE(log && table) << which << bank;
            const auto& [number, values] = *table->banks.begin();
            const BankReplay replay = replay_bank(*log, number);
            for (const auto& [pcr, value] : values) {
                if (pcr == 10) continue;  // the kernel's own list
                EXPECT_EQ(replay.pcrs[pcr].value, AnyDigest::of(value))
                    << which << " " << bank << " PCR " << unsigned{pcr};
            }
        }
}

TEST_F(LogVectors, HeaderWhoseSizeLeavesOutItsVendorInformationIsReadWithAWarning) {
    const Bytes raw = vector_file("tpm2-software_tpm2-tools/eventlog/specid-vendordata.bin");
    const auto log = parse_event_log(raw);
    ASSERT_TRUE(log);
    EXPECT_EQ(log->events.size(), 1u);
    EXPECT_EQ(log->warnings.count, 1u);
}

/// What the log's own project, or tpm2-tools, expects a strict reader to notice.
BootFacts facts_of(const fs::path& log_file, Bytes& raw) {
    raw = vector_file(log_file);
    const auto log = parse_event_log(raw);
    EXPECT_TRUE(log) << log_file;
    return read_boot_facts(*log, *best_bank(*log));
}

bool warns(const BootFacts& facts, std::string_view words, uint32_t event = LogWarning::kWholeLog) {
    return std::ranges::any_of(facts.warnings.list, [&](const LogWarning& w) {
        return w.text.find(words) != std::string::npos && (event == LogWarning::kWholeLog || w.event == event);
    });
}

const fs::path kGoogle = "google_go-tpm-tools/eventlogs";

TEST_F(LogVectors, SecureBootIsAsTheProjectsStateIt) {
    using State = SecureBoot::State;
    Bytes raw;
    for (const auto& [name, state] :
         std::initializer_list<std::pair<const char*, State>>{{"rhel8-uefi.bin", State::on},
                                                              {"ubuntu-1804-amd-sev.bin", State::off},
                                                              {"ubuntu-2104-no-dbx.bin", State::off},
                                                              {"ubuntu-2104-no-secure-boot.bin", State::off},
                                                              {"ubuntu-2404-amd-sevsnp.bin", State::off},
                                                              {"glinux-alex.bin", State::off},
                                                              {"arch-linux-workstation.bin", State::unknown}})
        EXPECT_EQ(facts_of(kGoogle / name, raw).secure_boot.state, state) << name;
}

TEST_F(LogVectors, SecureBootDatabasesAreThoseOfGoogleAndMicrosoft) {
    Bytes raw;
    const SecureBoot sb = facts_of(kGoogle / "ubuntu-1804-amd-sev.bin", raw).secure_boot;
    const auto database = [&](std::string_view name) -> const KeyDatabase& {
        const auto found = std::ranges::find(sb.databases, name, &KeyDatabase::name);
        EXPECT_NE(found, sb.databases.end()) << name;
        return *found;
    };
    for (const char* name : {"PK", "KEK", "db", "dbx"}) EXPECT_TRUE(database(name).proven && database(name).readable);
    ASSERT_EQ(database("PK").content.certificates.size(), 1u);
    ASSERT_EQ(database("KEK").content.certificates.size(), 1u);
    EXPECT_NE(database("KEK").content.certificates[0].subject.find("Microsoft Corporation KEK CA 2011"),
              std::string::npos);
    ASSERT_EQ(database("db").content.certificates.size(), 2u);
    for (const char* name : {"Microsoft Windows Production PCA 2011", "Microsoft Corporation UEFI CA 2011"})
        EXPECT_EQ(std::ranges::count_if(
                      database("db").content.certificates,
                      [&](const DatabaseCertificate& c) { return c.subject.find(name) != std::string::npos; }),
                  1)
            << name;
    EXPECT_EQ(database("db").content.hashes, 0u);
    EXPECT_GT(database("dbx").content.hashes, 0u);
}

TEST_F(LogVectors, ApplicationDigestsAreAsTheProjectStatesThem) {
    size_t seen = 0;
    for (const auto& entry : fs::directory_iterator(vectors_root() / kGoogle)) {
        const std::string name = entry.path().filename().string();
        if (!name.ends_with(".expected.json")) continue;
        const auto expected = nlohmann::json::parse(as_chars(vector_file(entry.path())));
        if (!expected.contains("expected_efi_app_digests")) continue;
        const Bytes raw = vector_file(kGoogle / name.substr(0, name.size() - 14));
        const auto log = parse_event_log(raw);
        ASSERT_TRUE(log);
        for (const auto& [bank, digests] : expected["expected_efi_app_digests"].items()) {
            const uint16_t number = *algorithm_number(bank);
            std::vector<std::string> found;
            bool called = false;
            for (const BootFact& fact : read_boot_facts(*log, number).facts) {
                called = called || fact.kind == FactKind::boot_option_called;
                if (fact.kind == FactKind::application && fact.pcr == 4 && called)
                    found.push_back(sealcall::to_hex(log->digest_of(log->events[fact.event], number)));
            }
            const bool strict =
                name.starts_with("gdc-host");  // its own project refuses it: an application came too early
            if (strict) continue;
            EXPECT_EQ(found, digests.get<std::vector<std::string>>()) << name << " " << bank;
            ++seen;
        }
    }
    EXPECT_GE(seen, 10u);
}

TEST_F(LogVectors, KernelCommandLineIsProvenAndAsStated) {
    Bytes raw;
    const auto expected =
        nlohmann::json::parse(as_chars(vector_file(kGoogle / "ubuntu-2404-amd-sevsnp.bin.expected.json")));
    std::string wanted = expected["expected_kernel_cmdline"].get<std::string>();
    if (!wanted.empty() && wanted.back() == '\0') wanted.pop_back();
    size_t seen = 0;
    for (const BootFact& fact : facts_of(kGoogle / "ubuntu-2404-amd-sevsnp.bin", raw).facts) {
        if (fact.kind != FactKind::kernel_command_line || fact.pcr != 8) continue;
        EXPECT_TRUE(fact.proven());
        EXPECT_EQ(fact.detail, wanted);
        ++seen;
    }
    EXPECT_EQ(seen, 1u);
}

TEST_F(LogVectors, WhatStrictReadersRefuseIsWarnedOf) {
    Bytes raw;
    const BootFacts arch = facts_of(kGoogle / "arch-linux-workstation.bin", raw);
    EXPECT_TRUE(warns(arch, "The variable SecureBoot is not one byte"));
    EXPECT_TRUE(warns(arch, "before the firmware called a boot option"));
    EXPECT_TRUE(warns(arch, "is not that of its data", 24)) << "as tpm2_eventlog does";
    const BootFacts gdc = facts_of(kGoogle / "gdc-host.bin", raw);
    EXPECT_TRUE(warns(gdc, "EV_S_CRTM_VERSION event is not that of its data"));
    EXPECT_TRUE(warns(gdc, "before the firmware called a boot option"));
    EXPECT_TRUE(warns(facts_of(kGoogle / "debian-10.bin", raw), "No ExitBootServices event"));
    const BootFacts laptop = facts_of(kGoogle / "glinux-alex.bin", raw);
    EXPECT_TRUE(std::ranges::none_of(laptop.facts, [](const BootFact& f) {
        return f.kind == FactKind::loader_command;
    })) << "no GRUB measurements found";
}

TEST_F(LogVectors, SystemdBootAndMokListsAreTold) {
    Bytes raw;
    const auto stub = facts_of("tpm2-software_tpm2-tools/eventlog/event-sd-boot-fedora37.bin", raw).facts;
    EXPECT_TRUE(std::ranges::any_of(stub, [](const BootFact& f) {
        return f.pcr == 12 && f.kind == FactKind::kernel_command_line && f.proven() &&
               f.detail == " console=ttyS0 console=tty0 efi=debug ";
    }));
    const auto mok = facts_of("tpm2-software_tpm2-tools/eventlog/event-moklisttrusted.bin", raw).facts;
    for (const char* list : {"MokList", "MokListX", "MokListTrusted"})
        EXPECT_TRUE(std::ranges::any_of(mok, [&](const BootFact& f) {
            return f.kind == FactKind::mok_list && f.name == list && !f.proven();
        })) << list;
}

}  // namespace
}  // namespace sealcall::logs::test
