// Records every byte between us and the TPM, as an interposer on the bus would.
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "enclave/tpm/policy_digest.h"
#include "enclave/tpm/templates.h"
#include "tests/unit/tpm/private_tpm.h"

namespace sealcall::tpm::test {
namespace {

constexpr ESYS_TR kNone = ESYS_TR_NONE;

/// Copies both ways between its own socket and a TPM's, and keeps what it saw.
class Recorder {
  public:
    explicit Recorder(UniqueFd tpm) : tpm_(std::move(tpm)), stop_(::eventfd(0, EFD_CLOEXEC)) {
        int fds[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) std::abort();
        client_ = UniqueFd(fds[0]);
        ours_ = UniqueFd(fds[1]);
        thread_ = std::thread([this] { run(); });
    }
    Recorder(const Recorder&) = delete;
    Recorder& operator=(const Recorder&) = delete;
    ~Recorder() { static_cast<void>(finish()); }
    UniqueFd take_client() { return std::move(client_); }
    const Bytes& finish() {
        const uint64_t one = 1;
        if (thread_.joinable() && ::write(stop_.get(), &one, sizeof(one)) == sizeof(one)) thread_.join();
        return seen_;
    }

  private:
    bool copy(int from, int to) {
        std::array<std::byte, 4096> buffer;
        const ssize_t n = ::recv(from, buffer.data(), buffer.size(), 0);
        if (n <= 0) return false;
        seen_.insert(seen_.end(), buffer.begin(), buffer.begin() + n);
        return ::send(to, buffer.data(), static_cast<size_t>(n), MSG_NOSIGNAL) == n;
    }
    void run() {
        for (;;) {
            pollfd p[3]{{ours_.get(), POLLIN, 0}, {tpm_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
            if (::poll(p, 3, -1) < 0) continue;
            if (p[0].revents != 0 && !copy(ours_.get(), tpm_.get())) return;
            if (p[1].revents != 0 && !copy(tpm_.get(), ours_.get())) return;
            if (p[2].revents != 0) return;
        }
    }

    UniqueFd tpm_, stop_, client_, ours_;
    Bytes seen_;
    std::thread thread_;
};

/// Does any run of 8 bytes of `secret` occur in `seen`?
bool any_piece(ByteSpan seen, ByteSpan secret) {
    for (size_t i = 0; i + 8 <= secret.size(); ++i) {
        const ByteSpan piece = secret.subspan(i, 8);
        if (!std::ranges::search(seen, piece).empty()) return true;
    }
    return false;
}

class Wire : public PhoneTest {};

TEST_F(Wire, NoSecretAndNoAuthValueIsEverSeenOnTheWay) {
    const Digest plain = digest_of_text("the call secret");
    const Digest second = digest_of_text("another call's");
    const TempDir fresh;
    const Swtpm other(fresh.path());
    Recorder recorder(other.connect());
    {
        auto tpm = Tpm::open(recorder.take_client(), options());
        ASSERT_OK(tpm);
        ASSERT_OK((*tpm)->provision());
        auto identity = (*tpm)->create_identity();
        ASSERT_OK(identity);
        ASSERT_OK((*tpm)->load(*identity));
        auto sealed = (*tpm)->seal(0, *Secret<32>::from(plain));
        ASSERT_OK(sealed);
        auto back = (*tpm)->unseal(*sealed);
        ASSERT_OK(back);
        EXPECT_TRUE(equal_bytes(back->reveal(SecretAccess{}), plain));
        ASSERT_OK((*tpm)->renew(*sealed));
        ASSERT_OK((*tpm)->seal(1, *Secret<32>::from(second)));
        ASSERT_OK((*tpm)->sign_identity({}));
        ASSERT_OK((*tpm)->certify_identity({}));
        ASSERT_OK((*tpm)->quote({}));
        ASSERT_OK((*tpm)->end_slot(0));
    }
    const Bytes& seen = recorder.finish();
    EXPECT_GT(seen.size(), 5000U);
    EXPECT_FALSE(any_piece(seen, plain));
    EXPECT_FALSE(any_piece(seen, second));
    EXPECT_FALSE(any_piece(seen, auth_));
    for (const AuthFor purpose :
         {AuthFor::attestation_key, AuthFor::identity_key, AuthFor::call_secret, AuthFor::counter})
        for (uint8_t index = 0; index < kSlots; ++index) {
            const Secret<32> auth = derive_auth(auth_, purpose, index);
            EXPECT_FALSE(any_piece(seen, auth.reveal(SecretAccess{}))) << static_cast<int>(purpose);
        }
}

// The control: the recorder does find a secret that travels without encryption.
TEST_F(Wire, TheRecorderSeesASecretThatIsNotEncrypted) {
    tpm_.reset();
    const Digest plain = digest_of_text("the call secret");
    Recorder recorder(swtpm_->connect());
    auto esys = Esys::open(recorder.take_client(), tpm_raw::Wire::stream, kPatient);
    ASSERT_OK(esys);
    ESYS_CONTEXT* e = (*esys)->context();
    ESYS_TR srk = kNone;
    ASSERT_EQ(Esys_TR_FromTPMPublic(e, kSrkHandle, kNone, kNone, kNone, &srk), 0U);
    TPM2B_SENSITIVE_CREATE sensitive{};
    auto& data = sensitive.sensitive.data;
    ASSERT_OK(fill(data.size, data.buffer, plain));
    const TPM2B_PUBLIC pub = sealed_template({});
    const TPM2B_DATA outside{};
    const TPML_PCR_SELECTION none{};
    EsysPtr<TPM2B_PRIVATE> priv;
    EsysPtr<TPM2B_PUBLIC> made;
    EsysPtr<TPM2B_CREATION_DATA> creation;
    EsysPtr<TPM2B_DIGEST> hash;
    EsysPtr<TPMT_TK_CREATION> ticket;
    ASSERT_EQ(Esys_Create(e, srk, ESYS_TR_PASSWORD, kNone, kNone, &sensitive, &pub, &outside, &none, priv.out(),
                          made.out(), creation.out(), hash.out(), ticket.out()),
              0U);
    esys->reset();
    EXPECT_TRUE(any_piece(recorder.finish(), plain));
}

/// Passes commands on and flips one bit in the answer to a chosen one, as an active interposer would.
class Forger {
  public:
    explicit Forger(UniqueFd tpm) : tpm_(std::move(tpm)) {
        int fds[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) std::abort();
        client_ = UniqueFd(fds[0]);
        ours_ = UniqueFd(fds[1]);
        thread_ = std::jthread([this] {
            while (pass()) {
            }
        });
    }
    UniqueFd take_client() { return std::move(client_); }
    /// Answers to `command` (0: none) get one bit of byte `at` changed.
    void forge(uint32_t command, size_t at = 18) {
        at_ = at;
        forged_ = command;
    }

  private:
    bool pass() {
        Bytes in(tpm_raw::kMessageMax);
        // A command has the same header as a response.
        auto n = tpm_raw::receive_response(ours_.get(), tpm_raw::Wire::stream, in, BootClock::now() + kPatient);
        if (!n) return false;
        ByteReader code(ByteSpan(in).subspan(6, 4));
        const uint32_t command = code.u32().value_or(0);
        auto answer = tpm_raw::transact(tpm_.get(), tpm_raw::Wire::stream, ByteSpan(in).first(*n), kPatient);
        if (!answer) return false;
        if (command == forged_ && answer->size() > at_) (*answer)[at_] ^= std::byte{1};
        return ::send(ours_.get(), answer->data(), answer->size(), MSG_NOSIGNAL) > 0;
    }

    UniqueFd tpm_, client_, ours_;
    std::atomic<uint32_t> forged_{0};
    std::atomic<size_t> at_{0};
    std::jthread thread_;
};

TEST_F(Wire, AnAnswerChangedOnTheWayEndsTheConnection) {
    tpm_.reset();
    for (const uint32_t command : {TPM2_CC_Unseal, TPM2_CC_NV_Read, TPM2_CC_Create, TPM2_CC_Quote}) {
        Forger forger(swtpm_->connect());
        auto opened = Tpm::open(forger.take_client(), options());
        ASSERT_OK(opened);
        Tpm& tpm = **opened;
        ASSERT_OK(tpm.load(identity_));
        auto sealed = tpm.seal(0, {});
        ASSERT_OK(sealed);
        ASSERT_OK(tpm.unseal(*sealed));
        ASSERT_OK(tpm.quote({}));
        forger.forge(command);
        if (command == TPM2_CC_Unseal) EXPECT_ERROR(tpm.unseal(*sealed), Errc::tpm_bad_response);
        if (command == TPM2_CC_NV_Read) EXPECT_ERROR(tpm.end_slot(1), Errc::tpm_bad_response);
        if (command == TPM2_CC_Create) EXPECT_ERROR(tpm.create_identity(), Errc::tpm_bad_response);
        if (command == TPM2_CC_Quote) EXPECT_ERROR(tpm.quote({}), Errc::tpm_bad_response);
        forger.forge(0);
        EXPECT_ERROR(tpm.sign_identity({}), Errc::tpm_bad_response);
        opened->reset();
    }
}

TEST_F(Wire, NoKeyIsBoundToAForgedPcr) {
    constexpr size_t kInDigest = 40;  // of TPM2_PCR_Read's answer, with a session or without
    tpm_.reset();
    for (const bool loaded : {false, true}) {
        Forger forger(swtpm_->connect());
        auto opened = Tpm::open(forger.take_client(), options());
        ASSERT_OK(opened);
        Tpm& tpm = **opened;
        if (loaded) ASSERT_OK(tpm.load(identity_));
        ASSERT_OK(tpm.create_identity());
        forger.forge(TPM2_CC_PCR_Read, kInDigest);
        if (loaded)
            EXPECT_ERROR(tpm.read_pcr(13), Errc::tpm_bad_response);
        else
            EXPECT_ERROR(tpm.create_identity(), Errc::tpm_bad_response);
        forger.forge(0);
        EXPECT_ERROR(tpm.create_identity(), Errc::tpm_bad_response);
        opened->reset();
    }
}

TEST_F(Wire, NoSecretIsSealedToAForgedStateOrClock) {
    constexpr size_t kClockOfQuote = 67, kResetCountOfQuote = 75, kPcrDigestOfQuote = 110;
    tpm_.reset();
    for (const size_t at : {kClockOfQuote, kResetCountOfQuote, kPcrDigestOfQuote}) {
        Forger forger(swtpm_->connect());
        auto opened = Tpm::open(forger.take_client(), options());
        ASSERT_OK(opened);
        ASSERT_OK((*opened)->load(identity_));
        ASSERT_OK((*opened)->seal(0, {}));
        forger.forge(TPM2_CC_Quote, at);
        EXPECT_ERROR((*opened)->seal(0, {}), Errc::tpm_bad_response);
        opened->reset();
    }
}

// TPM2_ReadClock cannot have a session: what it says must not matter.
TEST_F(Wire, AForgedReadClockOnlyRefuses) {
    constexpr size_t kClock = 18, kResetCount = 29;
    tpm_.reset();
    Forger forger(swtpm_->connect());
    auto opened = Tpm::open(forger.take_client(), options());
    ASSERT_OK(opened);
    Tpm& tpm = **opened;
    ASSERT_OK(tpm.load(identity_));
    for (const size_t at : {kClock, kResetCount}) {
        forger.forge(0);
        auto honest = tpm.seal(0, {});
        ASSERT_OK(honest);
        forger.forge(TPM2_CC_ReadClock, at);
        auto sealed = tpm.seal(0, {});
        ASSERT_OK(sealed);
        EXPECT_LT(sealed->lease_until_ms, honest->lease_until_ms + 3'600'000);
        if (at == kResetCount) EXPECT_ERROR(tpm.unseal(*sealed), Errc::tpm_policy_refused);
        forger.forge(0);
        ASSERT_OK(tpm.unseal(*sealed));
    }
}

}  // namespace
}  // namespace sealcall::tpm::test
