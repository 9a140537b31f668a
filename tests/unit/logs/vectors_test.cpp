// Every PCR table that other projects state for their logs, reproduced in every bank.
#include "tests/unit/logs/vectors.h"

#include "attestation/logs/bank_replay.h"
#include "tools/sealcall/pcrs_file.h"

namespace sealcall::logs::test {
namespace {

using LogVectors = Vectors;

/// Compares every value of the table, and that no PCR was extended that the table leaves out.
void expect_table(const fs::path& log_file, const fs::path& table_file, bool whole) {
    SCOPED_TRACE(log_file.string());
    const Bytes raw = vector_file(log_file);
    const auto log = parse_event_log(raw);
    ASSERT_TRUE(log) << log.error().what << " " << log.error().detail;
    const Bytes text = vector_file(table_file);
    const auto table = cli::parse_pcrs_file(text);
    ASSERT_TRUE(table) << table.error().what << " " << table.error().detail;
    for (const auto& [bank, values] : *table) {
        ASSERT_TRUE(log->has_bank(bank)) << algorithm_name(bank);
        const BankReplay replay = replay_bank(*log, bank);
        for (const auto& [pcr, value] : values) {
            EXPECT_TRUE(replay.pcrs[pcr].complete);
            EXPECT_EQ(replay.pcrs[pcr].value, value) << algorithm_name(bank) << " PCR " << pcr;
        }
        for (uint32_t pcr = 0; whole && pcr < kPcrCount; ++pcr)
            EXPECT_TRUE(replay.pcrs[pcr].events == 0 || values.contains(pcr))
                << "PCR " << pcr << " is not in the table";
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
            const auto table = cli::parse_pcrs_file(vector_file(dir / ("quote_" + std::string(bank) + ".pcrs.json")));
            ASSERT_TRUE(log && table) << which << bank;
            const auto& [number, values] = *table->begin();
            const BankReplay replay = replay_bank(*log, number);
            for (const auto& [pcr, value] : values) {
                if (pcr == 10) continue;  // the kernel's own list
                EXPECT_EQ(replay.pcrs[pcr].value, value) << which << " " << bank << " PCR " << pcr;
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

}  // namespace
}  // namespace sealcall::logs::test
