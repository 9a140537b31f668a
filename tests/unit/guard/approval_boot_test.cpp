// An update of a managed computer: its state is approved before the restart, it keeps its keys, and the programs from
// before get nothing any more.
#include <fstream>

#include "attestation/state_approval.h"
#include "enclave/guard/sealed_boot.h"
#include "sealcall/base/hex.h"
#include "tests/unit/guard/machine.h"

namespace sealcall::guard::test {
namespace {

using ipc::GuardKeys;

class ApprovalBootTest : public ::testing::Test {
  protected:
    void SetUp() override {
        machine_.approve_samples();
        before_ = list();
        approve(before_, 1);
        ASSERT_OK(machine_.provision());
        keys_ = keys_of_boot();
        ASSERT_FALSE(keys_.empty());
    }
    std::string list() const {
        std::ifstream in(machine_.paths().approved);
        return {(std::istreambuf_iterator<char>(in)), {}};
    }
    /// What the authority signs from a list alone, added to the file.
    void approve(const std::string& programs, uint64_t number) {
        const Digest state = measured_value(parse_approved(programs).value());
        file_.approver = attestation::approver_of(key_.get()).value();
        ASSERT_TRUE(
            file_.approvals.push(attestation::approve_state(kMeasurementPcr, state, number, key_.get()).value()));
        install();
    }
    void install() { machine_.write("approvals", as_chars(ipc::encode_message(file_))); }
    /// The list after an update of the enclave. Its file is not replaced yet: the guard hashes it when it starts one.
    std::string updated() const {
        std::string out = before_;
        const size_t digest = out.find("file ", out.find("role enclave")) + 5;
        out[digest] = out[digest] == '0' ? '1' : '0';
        return out;
    }
    /// The enclave's secret after a restart; empty: none.
    Bytes keys_of_boot() {
        machine_.reboot();
        const Boot boot = Boot::start(machine_.paths());
        problem_ = boot.problem();
        return boot.keys() == GuardKeys::ready ? to_bytes(boot.handover().auth_value.view()) : Bytes();
    }

    Machine machine_{::getegid()};
    attestation::PkeyPtr key_ = attestation::make_software_key().value();
    rats::StateApprovals file_;
    std::string before_, problem_;
    Bytes keys_;
};

TEST_F(ApprovalBootTest, AnApprovedUpdateKeepsTheKeys) {
    approve(updated(), 2);
    EXPECT_EQ(keys_of_boot(), keys_) << "not updated yet: " << problem_;
    machine_.write("approved", updated());
    EXPECT_EQ(keys_of_boot(), keys_) << problem_;
    EXPECT_EQ(keys_of_boot(), keys_) << problem_;
}

TEST_F(ApprovalBootTest, AnUpdateThatNobodyApprovedGetsNothingUntilSomebodyDoes) {
    machine_.write("approved", updated());
    EXPECT_TRUE(keys_of_boot().empty());
    EXPECT_FALSE(problem_.empty());
    approve(updated(), 2);
    EXPECT_EQ(keys_of_boot(), keys_) << problem_;
}

TEST_F(ApprovalBootTest, TheProgramsFromBeforeGetNothingOnceTheNewOnesRan) {
    approve(updated(), 2);
    machine_.write("approved", updated());
    ASSERT_EQ(keys_of_boot(), keys_) << problem_;
    machine_.write("approved", before_);
    EXPECT_TRUE(keys_of_boot().empty()) << "their approval is dead";
    rats::StateApprovals old;
    old.approver = file_.approver;
    ASSERT_TRUE(old.approvals.push(file_.approvals.items()[0]));
    machine_.write("approvals", as_chars(ipc::encode_message(old)));
    EXPECT_TRUE(keys_of_boot().empty()) << "nor with the file from before";
    install();
    machine_.write("approved", updated());
    EXPECT_EQ(keys_of_boot(), keys_) << problem_;
}

TEST_F(ApprovalBootTest, AnUpdateThatFailedGoesBack) {
    approve(updated(), 2);  // and the new programs never start
    EXPECT_EQ(keys_of_boot(), keys_) << problem_;
}

TEST_F(ApprovalBootTest, AnotherAuthoritysApprovalCountsForNothing) {
    const attestation::PkeyPtr mine = std::move(key_);
    key_ = attestation::make_software_key().value();
    file_ = {};
    approve(updated(), 7);
    machine_.write("approved", updated());
    EXPECT_TRUE(keys_of_boot().empty());
}

TEST_F(ApprovalBootTest, ProvisioningRefusesApprovalsThatDoNotNameWhatIsThere) {
    Machine other(::getegid());
    other.approve_samples();
    file_.approvals = {};
    other.write("approvals", as_chars(ipc::encode_message(file_)));
    EXPECT_FALSE(other.provision());
    std::error_code none;
    EXPECT_FALSE(std::filesystem::exists(other.paths().sealed(), none));
}

TEST_F(ApprovalBootTest, ASecretFromBeforeTheApprovalsStillOpens) {
    Machine other(::getegid());
    other.approve_samples();
    ASSERT_OK(other.provision());
    const Digest state = measured_value(read_approved(other.paths()).value());
    file_.approvals = {};
    ASSERT_TRUE(file_.approvals.push(attestation::approve_state(kMeasurementPcr, state, 1, key_.get()).value()));
    other.write("approvals", as_chars(ipc::encode_message(file_)));
    const Boot boot = Boot::start(other.paths());
    EXPECT_EQ(boot.keys(), GuardKeys::ready) << boot.problem();
}

TEST_F(ApprovalBootTest, ADamagedFileStopsTheGuardAloud) {
    machine_.write("approvals", "what is this");
    EXPECT_TRUE(keys_of_boot().empty());
    EXPECT_FALSE(problem_.empty());
}

}  // namespace
}  // namespace sealcall::guard::test
