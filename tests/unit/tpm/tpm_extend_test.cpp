#include "sealcall/base/tpm_extend.h"

#include <signal.h>
#include <sys/socket.h>

#include "enclave/tpm/policy_digest.h"
#include "tests/unit/tpm/private_tpm.h"

namespace sealcall::tpm::test {
namespace {

using tpm_raw::Wire;

struct Pair {
    UniqueFd ours, theirs;
    Pair() {
        int fds[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) std::abort();
        ours = UniqueFd(fds[0]);
        theirs = UniqueFd(fds[1]);
    }
    void answer(ByteSpan bytes) const {
        ASSERT_EQ(::send(theirs.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    }
};

Bytes response(uint16_t tag, uint32_t code, ByteSpan body) {
    ByteWriter out;
    out.u16(tag).u32(static_cast<uint32_t>(10 + body.size())).u32(code).bytes(body);
    return out.take();
}

TEST(TpmExtend, ExtendsARealTpmExactlyOnce) {
    const TempDir dir;
    const Swtpm swtpm(dir.path());
    const Digest digest = digest_of_text("measured");
    auto before = tpm_raw::read_pcr(swtpm.fd(), Wire::stream, 13, kPatient);
    ASSERT_OK(before);
    EXPECT_EQ(*before, Digest{});
    ASSERT_OK(tpm_raw::extend_pcr(swtpm.fd(), Wire::stream, 13, digest, kPatient));
    auto after = tpm_raw::read_pcr(swtpm.fd(), Wire::stream, 13, kPatient);
    ASSERT_OK(after);
    EXPECT_EQ(*after, sha256(Digest{}, digest));
    auto other = tpm_raw::read_pcr(swtpm.fd(), Wire::stream, 12, kPatient);
    ASSERT_OK(other);
    EXPECT_EQ(*other, Digest{});
}

TEST(TpmExtend, SaysWhatTheTpmRefused) {
    const TempDir dir;
    const Swtpm swtpm(dir.path());
    // PCR 17 takes extends only from a higher locality: TPM_RC_LOCALITY.
    EXPECT_ERROR_RC(tpm_raw::extend_pcr(swtpm.fd(), Wire::stream, 17, {}, kPatient), Errc::tpm_failed, 0x907);
}

TEST(TpmExtend, EncodesTheCommandOfTheSpecification) {
    Digest digest{};
    digest.fill(std::byte{0xab});
    const Bytes got = tpm_raw::encode_pcr_extend(13, digest);
    ByteWriter wanted;
    wanted.u16(0x8002)
        .u32(65)
        .u32(0x182)
        .u32(13)
        .u32(9)
        .u32(0x40000009)
        .u16(0)
        .u8(0)
        .u16(0)
        .u32(1)
        .u16(0x0b)
        .bytes(digest);
    EXPECT_EQ(got, wanted.view());
}

TEST(TpmExtend, StoppedTpmIsATimeoutWithinTheDeadline) {
    const TempDir dir;
    const Swtpm swtpm(dir.path());
    ASSERT_OK(tpm_raw::read_pcr(swtpm.fd(), Wire::stream, 0, kPatient));
    swtpm.send_signal(SIGSTOP);
    const BootInstant start = BootClock::now();
    EXPECT_ERROR(tpm_raw::read_pcr(swtpm.fd(), Wire::stream, 0, Millis(100)), Errc::tpm_timeout);
    EXPECT_GE(BootClock::now() - start, Millis(100));
    EXPECT_LT(BootClock::now() - start, Millis(2000));
}

TEST(TpmExtend, LateAnswerIsNotTakenForTheNextCommands) {
    const Pair pair;
    EXPECT_ERROR(tpm_raw::read_pcr(pair.ours.get(), Wire::stream, 0, Millis(20)), Errc::tpm_timeout);
    pair.answer(response(0x8001, 0, Bytes(52)));
    EXPECT_ERROR(tpm_raw::read_pcr(pair.ours.get(), Wire::stream, 0, kPatient), Errc::tpm_bad_response);
}

TEST(TpmExtend, ClosedConnectionIsGone) {
    Pair pair;
    pair.theirs.reset();
    EXPECT_ERROR(tpm_raw::read_pcr(pair.ours.get(), Wire::stream, 0, kPatient), Errc::tpm_gone);
}

TEST(TpmExtend, ConnectionThatEndsInsideAnAnswerIsGone) {
    Pair pair;
    pair.theirs.reset();
    int fds[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    const UniqueFd ours(fds[0]);
    UniqueFd theirs(fds[1]);
    const Bytes whole = response(0x8001, 0, Bytes(52));
    ASSERT_EQ(::send(theirs.get(), whole.data(), 30, 0), 30);
    theirs.reset();
    Bytes out(4096);
    EXPECT_ERROR(tpm_raw::receive_response(ours.get(), Wire::stream, out, BootClock::now() + kPatient), Errc::tpm_gone);
}

TEST(TpmExtend, RejectsAnswersOfAbsurdSize) {
    for (const uint32_t size : {0U, 9U, 4097U, 0xffffffffU}) {
        const Pair pair;
        ByteWriter header;
        header.u16(0x8001).u32(size).u32(0);
        pair.answer(header.view());
        Bytes out(4096);
        EXPECT_ERROR(tpm_raw::receive_response(pair.ours.get(), Wire::stream, out, BootClock::now() + kPatient),
                     Errc::tpm_bad_response);
    }
}

TEST(TpmExtend, AnswerInSmallPiecesIsOneAnswer) {
    const Pair pair;
    const Bytes whole = response(0x8001, 0, Bytes(52));
    for (size_t i = 0; i < whole.size(); i += 7)
        pair.answer(ByteSpan(whole).subspan(i, std::min<size_t>(7, whole.size() - i)));
    Bytes out(4096);
    auto n = tpm_raw::receive_response(pair.ours.get(), Wire::stream, out, BootClock::now() + kPatient);
    ASSERT_OK(n);
    EXPECT_EQ(*n, whole.size());
}

TEST(TpmExtend, ADeviceGivesOneAnswerPerRead) {
    int fds[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    const UniqueFd ours(fds[0]), theirs(fds[1]);
    const Bytes whole = response(0x8001, 0, Bytes(52));
    ASSERT_EQ(::send(theirs.get(), whole.data(), whole.size(), 0), 62);
    Bytes out(4096);
    auto n = tpm_raw::receive_response(ours.get(), Wire::device, out, BootClock::now() + kPatient);
    ASSERT_OK(n);
    EXPECT_EQ(*n, 62U);
    ASSERT_EQ(::send(theirs.get(), whole.data(), 40, 0), 40);  // the header says 62
    EXPECT_ERROR(tpm_raw::receive_response(ours.get(), Wire::device, out, BootClock::now() + kPatient),
                 Errc::tpm_bad_response);
}

TEST(TpmExtend, RejectsAPcrReadAnswerAboutAnotherPcr) {
    const Bytes asked = tpm_raw::encode_pcr_read(13);
    ByteWriter body;
    body.u32(7).bytes(ByteSpan(asked).subspan(10)).u32(1).u16(32).bytes(digest_of_text("value"));
    const Bytes good = response(0x8001, 0, body.view());
    auto value = tpm_raw::parse_pcr_read_response(good, 13);
    ASSERT_OK(value);
    EXPECT_EQ(*value, digest_of_text("value"));
    EXPECT_ERROR(tpm_raw::parse_pcr_read_response(good, 12), Errc::tpm_bad_response);
    for (size_t cut = 0; cut < good.size(); ++cut)
        EXPECT_FALSE(tpm_raw::parse_pcr_read_response(ByteSpan(good).first(cut), 13)) << cut;
    Bytes longer = good;
    longer.push_back({});
    EXPECT_FALSE(tpm_raw::parse_pcr_read_response(longer, 13));
}

TEST(TpmExtend, RejectsAnExtendAnswerWithParameters) {
    ByteWriter good;
    good.u32(0).u16(0).u8(0).u16(0);
    ASSERT_OK(tpm_raw::parse_pcr_extend_response(response(0x8002, 0, good.view())));
    ByteWriter bad;
    bad.u32(1).u8(0).u16(0).u8(0).u16(0);
    EXPECT_ERROR(tpm_raw::parse_pcr_extend_response(response(0x8002, 0, bad.view())), Errc::tpm_bad_response);
    EXPECT_ERROR_RC(tpm_raw::parse_pcr_extend_response(response(0x8001, 0x101, {})), Errc::tpm_failed, 0x101);
}

}  // namespace
}  // namespace sealcall::tpm::test
