// The TPM goes away, hangs, locks out, loses sessions: a clear error in time, and never another command's answer.
#include <signal.h>
#include <sys/wait.h>

#include <thread>

#include "tests/unit/tpm/private_tpm.h"

namespace sealcall::tpm::test {
namespace {

constexpr ESYS_TR kNone = ESYS_TR_NONE;

TEST(Errors, ReturnCodesMapWhateverParameterTheyName) {
    for (const TSS2_RC rc : {0x9dU, 0x99dU, 0xa9dU, 0x126U, 0x12fU, 0x128U, 0x9a3U, 0xb099dU})
        EXPECT_EQ(errc_of(rc), Errc::tpm_policy_refused) << std::hex << rc;
    for (const TSS2_RC rc : {0x8eU, 0x98eU, 0xa8eU, 0x9a2U, 0xc09a2U})
        EXPECT_EQ(errc_of(rc), Errc::tpm_auth_refused) << std::hex << rc;
    EXPECT_EQ(errc_of(0x921), Errc::tpm_locked_out);
    EXPECT_EQ(errc_of(0x902), Errc::tpm_failed);
    EXPECT_EQ(errc_of(0x18b), Errc::tpm_failed);
    EXPECT_EQ(errc_of(TSS2_ESYS_RC_RSP_AUTH_FAILED), Errc::tpm_bad_response);
    EXPECT_EQ(errc_of(TSS2_SYS_RC_MALFORMED_RESPONSE), Errc::tpm_bad_response);
    EXPECT_EQ(errc_of(TSS2_MU_RC_INSUFFICIENT_BUFFER), Errc::tpm_bad_response);
    EXPECT_EQ(errc_of(TSS2_ESYS_RC_BAD_TR), Errc::tpm_failed);
}

class Failure : public PhoneTest {
  protected:
    void open_with_deadline(Millis deadline) {
        tpm_.reset();
        Options o = options();
        o.deadline = deadline;
        auto tpm = Tpm::open(swtpm_->connect(), std::move(o));
        ASSERT_OK(tpm);
        tpm_ = std::move(*tpm);
        ASSERT_OK(tpm_->load(identity_));
    }
};

TEST_F(Failure, KilledTpmIsGoneAndStaysGone) {
    swtpm_->kill9();
    EXPECT_ERROR(tpm_->sign_identity({}), Errc::tpm_gone);
    EXPECT_ERROR(tpm_->quote({}), Errc::tpm_gone);
    EXPECT_ERROR(tpm_->seal(0, {}), Errc::tpm_gone);
    EXPECT_ERROR(tpm_->end_slot(0), Errc::tpm_gone);
    EXPECT_ERROR(tpm_->shutdown(), Errc::tpm_gone);
}

TEST_F(Failure, TpmKilledInMidCommandIsGone) {
    swtpm_->send_signal(SIGSTOP);
    std::thread killer([&] {
        std::this_thread::sleep_for(Millis(50));
        swtpm_->send_signal(SIGKILL);
    });
    EXPECT_ERROR(tpm_->sign_identity({}), Errc::tpm_gone);
    killer.join();
}

TEST_F(Failure, OpeningAConnectionToNobodyIsGone) {
    swtpm_->kill9();
    EXPECT_ERROR(Tpm::open(swtpm_->connect(), options()), Errc::tpm_gone);
    EXPECT_ERROR(Tpm::open(UniqueFd(), options()), Errc::tpm_gone);
}

TEST_F(Failure, StoppedTpmIsATimeoutWithinTheDeadlineAndTheConnectionIsGivenUp) {
    open_with_deadline(Millis(400));
    ASSERT_OK(tpm_->sign_identity({}));
    swtpm_->send_signal(SIGSTOP);
    const BootInstant start = BootClock::now();
    EXPECT_ERROR(tpm_->sign_identity({}), Errc::tpm_timeout);
    const auto took = BootClock::now() - start;
    EXPECT_GE(took, Millis(400));
    EXPECT_LT(took, Millis(1500));
    swtpm_->send_signal(SIGCONT);
    std::this_thread::sleep_for(Millis(100));  // the late answer arrives
    const BootInstant again = BootClock::now();
    EXPECT_ERROR(tpm_->sign_identity({}), Errc::tpm_timeout);  // at once, and nothing was read as the answer
    EXPECT_ERROR(tpm_->read_pcr(0), Errc::tpm_timeout);
    EXPECT_LT(BootClock::now() - again, Millis(200));
}

TEST_F(Failure, ALockedOutTpmStillServesOurKeys) {
    auto sealed = tpm_->seal(0, {});
    ASSERT_OK(sealed);
    lock_out();
    ASSERT_OK(tpm_->sign_identity({}));
    ASSERT_OK(tpm_->unseal(*sealed));
    ASSERT_OK(tpm_->quote({}));
    ASSERT_OK(tpm_->end_slot(0));
}

TEST_F(Failure, LostSessionsAreMadeAnew) {
    auto sealed = tpm_->seal(0, {});
    ASSERT_OK(sealed);
    ASSERT_OK(tpm_->sign_identity({}));
    const auto flush_all = [&] {
        // As another program, or a suspend, may: TPM2_FlushContext of every loaded session.
        auto other = stranger();
        TPMI_YES_NO more = 0;
        EsysPtr<TPMS_CAPABILITY_DATA> list;
        ASSERT_EQ(Esys_GetCapability(other->context(), kNone, kNone, kNone, TPM2_CAP_HANDLES, TPM2_LOADED_SESSION_FIRST,
                                     10, &more, list.out()),
                  0U);
        ASSERT_EQ(list->data.handles.count, 2U);  // one for authorisation, one for policies: no leak
        for (uint32_t i = 0; i < list->data.handles.count; ++i) {
            ByteWriter command;
            command.u16(0x8001).u32(14).u32(TPM2_CC_FlushContext).u32(list->data.handles.handle[i]);
            auto response = tpm_raw::transact(swtpm_->fd(), tpm_raw::Wire::stream, command.view(), kPatient);
            ASSERT_OK(response);
            ASSERT_OK(tpm_raw::parse_response(*response));
        }
    };
    flush_all();
    ASSERT_OK(tpm_->sign_identity({}));
    ASSERT_OK(tpm_->seal(1, {}));
    flush_all();
    ASSERT_OK(tpm_->unseal(*sealed));
    flush_all();
    ASSERT_OK(tpm_->end_slot(0));
    ASSERT_OK(tpm_->sign_identity({}));
    flush_all();
    ASSERT_OK(tpm_->certify_identity({}));
    ASSERT_OK(tpm_->sign_identity({}));
    flush_all();
    ASSERT_OK(tpm_->quote({}));
}

TEST_F(Failure, HundredsOfCallsLeaveNothingBehind) {
    for (int i = 0; i < 60; ++i) {
        const auto slot = static_cast<uint8_t>(i % kSlots);
        auto sealed = tpm_->seal(slot, {});
        ASSERT_OK(sealed);
        ASSERT_OK(tpm_->unseal(*sealed));
        ASSERT_OK(tpm_->quote({}));
        ASSERT_OK(tpm_->certify_identity({}));
        ASSERT_OK(tpm_->sign_identity({}));
        ASSERT_OK(tpm_->end_slot(slot));
        EXPECT_FALSE(tpm_->unseal(*sealed));
    }
    ASSERT_OK(tpm_->shutdown());
    auto other = stranger();
    for (const TPM2_HANDLE first : {TPM2_TRANSIENT_FIRST, TPM2_LOADED_SESSION_FIRST, TPM2_ACTIVE_SESSION_FIRST}) {
        TPMI_YES_NO more = 0;
        EsysPtr<TPMS_CAPABILITY_DATA> list;
        ASSERT_EQ(
            Esys_GetCapability(other->context(), kNone, kNone, kNone, TPM2_CAP_HANDLES, first, 10, &more, list.out()),
            0U);
        EXPECT_EQ(list->data.handles.count, 0U) << std::hex << first;
    }
}

TEST_F(Failure, WhatAKilledEnclaveLeftLoadedDoesNotStopTheNext) {
    auto sealed = tpm_->seal(0, {});
    ASSERT_OK(sealed);
    ASSERT_OK(tpm_->sign_identity({}));
    ASSERT_OK(tpm_->quote({}));
    const pid_t pid = ::fork();
    if (pid == 0) {  // loads three objects and two sessions, ends without a word
        auto tpm = Tpm::open(swtpm_->connect(), options());
        const bool ok = tpm && (*tpm)->load(identity_) && (*tpm)->sign_identity({}) && (*tpm)->quote({});
        ::_exit(ok ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    ASSERT_EQ(status, 0);
    open_loaded();
    ASSERT_OK(tpm_->unseal(*sealed));
    ASSERT_OK(tpm_->sign_identity({}));
}

TEST_F(Failure, ShutdownMakesTheNextStartSafe) {
    ASSERT_OK(tpm_->shutdown());
    tpm_.reset();
    swtpm_.reset();
    swtpm_ = std::make_unique<Swtpm>(dir_.path());
    auto other = stranger();
    EsysPtr<TPMS_TIME_INFO> info;
    ASSERT_EQ(Esys_ReadClock(other->context(), kNone, kNone, kNone, info.out()), 0U);
    EXPECT_EQ(info->clockInfo.safe, 1);
}

}  // namespace
}  // namespace sealcall::tpm::test
