// What a golden machine's logs become: values in PCRs, each with a sentence, and nothing that proves nothing.
#include "collect.h"

#include <gtest/gtest.h>

#include "attestation/binding.h"
#include "attestation/cel.h"
#include "attestation/logs/ima.h"
#include "attestation/logs/tcg_event_log.h"
#include "problem.h"
#include "tests/unit/reference/pe_image.h"

namespace sealcall::reference {
namespace {

using attestation::sha256;

Bytes boot_log() {
    const std::vector<logs::LogAlgorithm> algorithms{{logs::kSha256, 32}};
    std::vector<logs::NewEvent> events;
    for (auto [pcr, type, text] : std::vector<std::tuple<uint32_t, uint32_t, std::string_view>>{
             {0, logs::event_type::kPostCode, "firmware"},
             {4, logs::event_type::kEfiAction, "Calling EFI Application from Boot Option"},
             {1, logs::event_type::kPlatformConfigFlags, "settings"}}) {
        const Digest d = sha256(as_bytes(text));
        events.push_back(
            {.pcr = pcr, .type = type, .digests = {logs::AnyDigest::of(d)}, .data = to_bytes(as_bytes(text))});
    }
    return logs::encode_event_log(algorithms, events).value();
}

TEST(Collect, TakesTheEventsOfTheWantedPcrs) {
    const auto found = from_boot_log(boot_log(), 1u << 0 | 1u << 4, "golden.log");
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].value.pcr, 0);
    EXPECT_EQ(found[0].value.digest, sha256(as_bytes("firmware")));
    EXPECT_EQ(found[1].value.pcr, 4);
    EXPECT_FALSE(found[1].text.empty());
    EXPECT_EQ(found[1].state, EntryState::waiting);
}

TEST(Collect, RefusesALogWithoutSha256) {
    const std::vector<logs::LogAlgorithm> algorithms{{logs::kSha1, 20}};
    const Bytes log = logs::encode_event_log(algorithms, {}).value();
    EXPECT_THROW(from_boot_log(log, 1, "old.log"), cli::Problem);
    EXPECT_THROW(from_boot_log(as_bytes("garbage that is no log"), 1, "x"), cli::Problem);
}

TEST(Collect, TakesTemplateHashesOfTheKernelsListAndLeavesOutWhatProvesNothing) {
    const Digest file = sha256(as_bytes("bash"));
    const Bytes data = logs::encode_ima_ng(logs::kSha256, file, "/usr/bin/bash");
    Bytes list = logs::encode_ima_binary(logs::ImaTemplate::ima_ng, data);
    Bytes lie = logs::encode_ima_binary(logs::ImaTemplate::ima_ng, data);
    lie[4] ^= std::byte{1};  // its template hash
    list.insert(list.end(), lie.begin(), lie.end());
    size_t left_out = 0;
    const auto found = from_ima_list(list, "golden.ima", left_out);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(left_out, 1u);
    EXPECT_EQ(found[0].value.pcr, 10);
    EXPECT_EQ(found[0].text, "/usr/bin/bash");
    // u32 little-endian length, "sha256:" NUL digest; then length and path with its NUL: written out once by hand.
    ByteWriter by_hand;
    by_hand.u32(0x28000000).bytes(as_bytes("sha256:")).u8(0).bytes(file);
    by_hand.u32(0x0e000000).bytes(as_bytes("/usr/bin/bash")).u8(0);
    EXPECT_EQ(found[0].value.digest, sha256(by_hand.view()));
    EXPECT_EQ(from_file(as_bytes("bash"), "/usr/bin/bash").value, found[0].value) << "foreseen as it was measured";
    EXPECT_NE(from_file(as_bytes("bash"), "/tmp/bash").value, found[0].value) << "a file that moved is not approved";
}

TEST(Collect, TakesTheRolesOfSealcallsOwnLog) {
    const std::vector<attestation::MeasuredRole> roles{{.role = "host", .files = {{"sealcall-host", Digest{}}}}};
    Bytes log = attestation::encode_cel(roles, 13).value();
    const auto found = from_sealcall_log(log, "sealcall.cel");
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].value.pcr, 13);
    EXPECT_EQ(found[0].value.kind, rats::ReferenceKind::sealcall);
    EXPECT_EQ(found[0].value.digest, attestation::cel_digest(roles[0]));
    EXPECT_EQ(found[0].text, "sealcall-host");
    log.back() ^= std::byte{1};
    EXPECT_THROW(from_sealcall_log(log, "sealcall.cel"), cli::Problem);
}

TEST(Collect, ForeseesABootImage) {
    const auto e = from_boot_image(test::pe_image(), "vmlinuz");
    EXPECT_EQ(e.value.pcr, 4);
    EXPECT_NE(e.text.find("vmlinuz"), std::string::npos);
    EXPECT_THROW(from_boot_image(as_bytes("text"), "x"), cli::Problem);
}

}  // namespace
}  // namespace sealcall::reference
