#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "attestation/checks.h"
#include "attestation/tpm_structs.h"
#include "enclave/guard/sealed_boot.h"
#include "enclave/tpm/policy_digest.h"
#include "sealcall/base/tpm_extend.h"
#include "tests/unit/guard/machine.h"

namespace sealcall::guard::test {
namespace {

using ipc::GuardKeys;
using tpm::test::digest_of_text;

class BootTest : public ::testing::Test {
  protected:
    void SetUp() override {
        machine_.approve_samples();
        ASSERT_OK(machine_.provision());
    }
    tpm::IdentityBlobs sealed() const {
        const SealedBoot s = read_sealed(machine_.paths().sealed()).value();
        return {.public_area = to_bytes(s.public_area.view()), .private_area = to_bytes(s.private_area.view())};
    }
    Machine machine_{::getegid()};
};

TEST_F(BootTest, MeasuresUnsealsAndCaps) {
    const Boot boot = Boot::start(machine_.paths());
    EXPECT_EQ(boot.keys(), GuardKeys::ready) << boot.problem();
    const auto roles = read_approved(machine_.paths()).value();
    EXPECT_EQ(machine_.pcr(), capped_value(roles));
    EXPECT_EQ(Machine::pcr_of_log(boot.log()), machine_.pcr());
    const auto log = attestation::parse_cel(boot.handover().log.view()).value();
    ASSERT_EQ(log.size(), 4U);
    EXPECT_EQ(log.front().role, "guard");
    EXPECT_EQ(log.back().role, "cap");
    Digest value{};
    for (const auto& record : log) {
        EXPECT_TRUE(attestation::is_honest(record));
        value = tpm::sha256(ByteWriter().bytes(value).bytes(record.digest).view());
    }
    EXPECT_EQ(value, machine_.pcr());
}

TEST_F(BootTest, GivesTheSameKeysInEveryBootAndOthersAfterAnotherProvisioning) {
    const Bytes first = to_bytes(Boot::start(machine_.paths()).handover().auth_value.view());
    machine_.reboot();
    EXPECT_EQ(to_bytes(Boot::start(machine_.paths()).handover().auth_value.view()), first);
    Machine other(::getegid());
    other.approve_samples();
    ASSERT_OK(other.provision());
    EXPECT_NE(to_bytes(Boot::start(other.paths()).handover().auth_value.view()), first);
}

TEST_F(BootTest, NobodyUnsealsTheSecretAfterTheCap) {
    ASSERT_EQ(Boot::start(machine_.paths()).keys(), GuardKeys::ready);
    auto stranger = open_phone(machine_, {});
    ASSERT_OK(stranger);
    EXPECT_ERROR((*stranger)->unseal_boot(sealed()), Errc::tpm_policy_refused);
}

TEST_F(BootTest, NobodyUnsealsTheSecretBeforeTheMeasurement) {
    auto stranger = open_phone(machine_, {});
    ASSERT_OK(stranger);
    EXPECT_ERROR((*stranger)->unseal_boot(sealed()), Errc::tpm_policy_refused);
}

TEST_F(BootTest, ASecondStartInTheSameBootGetsNothing) {
    ASSERT_EQ(Boot::start(machine_.paths()).keys(), GuardKeys::ready);
    const Digest capped = machine_.pcr();
    const Boot again = Boot::start(machine_.paths());
    EXPECT_EQ(again.keys(), GuardKeys::already_capped);
    EXPECT_FALSE(again.problem().empty());
    EXPECT_EQ(machine_.pcr(), capped) << "and changes nothing for the first one";
}

TEST_F(BootTest, WhoExtendsBeforeTheGuardStopsItAndNoMore) {
    machine_.extend("somebody was earlier");
    EXPECT_EQ(Boot::start(machine_.paths()).keys(), GuardKeys::already_capped);
    machine_.reboot();
    EXPECT_EQ(Boot::start(machine_.paths()).keys(), GuardKeys::ready);
}

TEST_F(BootTest, AnotherListGetsNoSecretAndIsCappedAllTheSame) {
    std::ofstream(machine_.paths().approved, std::ios::app) << "# nothing changed by a comment\n";
    ASSERT_EQ(Boot::start(machine_.paths()).keys(), GuardKeys::ready);
    machine_.reboot();
    std::ifstream in(machine_.paths().approved);
    std::string list((std::istreambuf_iterator<char>(in)), {});
    const size_t digest = list.find("file ", list.find("role enclave")) + 5;
    list[digest] = list[digest] == '0' ? '1' : '0';
    machine_.write("approved", list);
    const Boot boot = Boot::start(machine_.paths());
    EXPECT_EQ(boot.keys(), GuardKeys::not_set_up);
    EXPECT_EQ(machine_.pcr(), capped_value(read_approved(machine_.paths()).value()));
    auto stranger = open_phone(machine_, {});
    ASSERT_OK(stranger);
    EXPECT_ERROR((*stranger)->unseal_boot(sealed()), Errc::tpm_policy_refused);
}

TEST_F(BootTest, AnotherGuardGetsNoSecret) {
    machine_.write("guard", "program guard, changed");
    EXPECT_EQ(Boot::start(machine_.paths()).keys(), GuardKeys::not_set_up);
}

TEST_F(BootTest, AListThatOthersCanWriteIsNotRead) {
    ASSERT_EQ(::chmod(machine_.paths().approved.c_str(), 0666), 0);
    EXPECT_EQ(Boot::start(machine_.paths()).keys(), GuardKeys::not_set_up);
    EXPECT_EQ(machine_.pcr(), Digest{}) << "nothing was measured";
}

TEST_F(BootTest, TheEnclaveSignsQuotesAndUnsealsOnlyWithTheGuardsSecret) {
    const Boot boot = Boot::start(machine_.paths());
    tpm::IdentityBlobs identity;
    Bytes ak;
    {
        auto enclave = open_phone(machine_, boot.handover().auth_value.view());
        ASSERT_OK(enclave);
        ASSERT_OK((*enclave)->provision());
        auto made = (*enclave)->create_identity();
        ASSERT_OK(made);
        identity = *made;
        ASSERT_OK((*enclave)->load(identity));
        ASSERT_OK((*enclave)->sign_identity(digest_of_text("hello")));
        ASSERT_OK((*enclave)->quote(digest_of_text("nonce")));
        const auto sealed_secret = (*enclave)->seal(0, Secret<32>{});
        ASSERT_OK(sealed_secret);
        ASSERT_OK((*enclave)->unseal(*sealed_secret));
        const auto pub = attestation::parse_tpmt_public((*enclave)->identity_public().value().view()).value();
        EXPECT_TRUE(
            equal_bytes(pub.auth_policy, attestation::identity_auth_policy(13, Machine::pcr_of_log(boot.log()))));
        ASSERT_OK((*enclave)->endorsement());
    }
    for (const Bytes& guess : {Bytes{}, to_bytes(as_bytes("a guess"))}) {
        auto stranger = open_phone(machine_, guess);
        ASSERT_OK(stranger);
        EXPECT_FALSE((*stranger)->load(identity));
    }
}

TEST_F(BootTest, AComputerThatLostPowerQuotesAClockThatCounts) {
    tpm::IdentityBlobs identity;
    for (int boots = 0; boots < 2; ++boots) {  // the TPM is killed in between, and hears of no shutdown
        const Boot boot = Boot::start(machine_.paths());
        auto enclave = open_phone(machine_, boot.handover().auth_value.view());
        ASSERT_OK(enclave);
        if (boots == 0) {
            ASSERT_OK((*enclave)->provision());
            identity = (*enclave)->create_identity().value();
        }
        ASSERT_OK((*enclave)->load(identity));
        const auto quote = (*enclave)->quote(digest_of_text("nonce"));
        ASSERT_OK(quote);
        const auto attest = attestation::parse_tpms_attest(quote->main.attest.view());
        ASSERT_OK(attest);
        EXPECT_TRUE(attest->safe) << boots;
        enclave->reset();
        machine_.reboot();
    }
}

TEST_F(BootTest, TheHierarchiesAreTheAuthoritysAlone) {
    const std::string text = machine_.escrowed();
    auto escrow = parse_escrow(text);
    ASSERT_OK(escrow);
    EXPECT_EQ(print_escrow(*escrow), text);
    auto stranger = open_phone(machine_, {});
    ASSERT_OK(stranger);
    EXPECT_ERROR((*stranger)->authorise(nullptr), Errc::tpm_auth_refused);
    EXPECT_FALSE((*stranger)->set_hierarchy_auths({}));
    EXPECT_FALSE((*stranger)->forget_indices());
    stranger->reset();
    // Without them the computer cannot be set up again; with them it can.
    EXPECT_FALSE(machine_.provision());
    machine_.write("auths", text);
    std::string problem;
    EXPECT_TRUE(guard::provision(
        {.paths = machine_.paths(), .previous = machine_.file("auths"), .escrow_to = machine_.file("authority.pem")},
        problem))
        << problem;
    EXPECT_NE(machine_.escrowed(), text);
    EXPECT_EQ(Boot::start(machine_.paths()).keys(), GuardKeys::ready);
}

TEST_F(BootTest, AnUnapprovedEnclaveEndsTheKeysUntilTheNextBoot) {
    Boot boot = Boot::start(machine_.paths());
    const Bytes auth = to_bytes(boot.handover().auth_value.view());
    tpm::IdentityBlobs identity;
    {
        auto enclave = open_phone(machine_, auth);
        ASSERT_OK((*enclave)->provision());
        identity = (*enclave)->create_identity().value();
        ASSERT_OK((*enclave)->load(identity));
        ASSERT_OK((*enclave)->sign_identity(digest_of_text("hello")));
    }
    boot.end_keys({.role = "enclave", .files = {{.name = "tampered", .digest = digest_of_text("tampered")}}});
    EXPECT_EQ(boot.keys(), GuardKeys::ended);
    EXPECT_NE(machine_.pcr(), Machine::pcr_of_log(boot.log()));
    {
        auto enclave = open_phone(machine_, auth);  // even the genuine one, with the right secret
        ASSERT_OK(enclave);
        ASSERT_OK((*enclave)->load(identity));
        EXPECT_ERROR((*enclave)->sign_identity(digest_of_text("hello")), Errc::tpm_policy_refused);
    }
    EXPECT_EQ(Boot::start(machine_.paths()).keys(), GuardKeys::already_capped);
    machine_.reboot();
    const Boot next = Boot::start(machine_.paths());
    ASSERT_EQ(next.keys(), GuardKeys::ready);
    auto enclave = open_phone(machine_, next.handover().auth_value.view());
    ASSERT_OK((*enclave)->load(identity));
    ASSERT_OK((*enclave)->sign_identity(digest_of_text("hello")));
}

TEST(Unprovisioned, GuardLeavesTheTpmAloneAndSaysSo) {
    Machine machine(::getegid());
    machine.approve_samples();
    const Boot boot = Boot::start(machine.paths());
    EXPECT_EQ(boot.keys(), GuardKeys::not_set_up);
    EXPECT_EQ(machine.pcr(), Digest{});
}

}  // namespace
}  // namespace sealcall::guard::test
