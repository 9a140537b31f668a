// An authority that is killed at any statement between the answer to the challenge and the certificates: whatever the
// moment, nothing is half-enrolled, and the phone that asks again gets its certificates.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "world.h"

namespace sealcall::authority {
namespace {

/// Ends this process at the n-th statement, before or after it was carried out.
class FatalDatabase : public Database {
    template <class F>
    auto counted(F f) {
        const bool last = armed_ && left_-- == 0;
        if (last && !after_) ::kill(::getpid(), SIGKILL);
        auto out = f();
        if (last) ::kill(::getpid(), SIGKILL);
        return out;
    }

  public:
    FatalDatabase(std::unique_ptr<Database> real, int at, bool after)
        : real_(std::move(real)), left_(at), after_(after) {}
    [[nodiscard]] Dialect dialect() const override { return real_->dialect(); }
    std::vector<Row> run(const std::string& sql, const std::vector<Value>& values) override {
        return counted([&] { return real_->run(sql, values); });
    }
    void run_script(const std::string& sql) override { real_->run_script(sql); }
    void begin() override {
        counted([&] { return real_->begin(), 0; });
    }
    void commit() override {
        counted([&] { return real_->commit(), 0; });
    }
    void rollback() noexcept override { real_->rollback(); }
    void reconnect() override { real_->reconnect(); }
    /// The statements of opening do not count.
    void arm() { armed_ = true; }

  private:
    std::unique_ptr<Database> real_;
    int left_;
    bool after_, armed_ = false;
};

/// What an enrolment leaves behind.
struct Found {
    size_t devices = 0, users = 0, keys = 0, certificates = 0, used = 0;
    uint64_t enrolled = 0;
    bool audit_holds = false;
    bool operator==(const Found&) const = default;
};
constexpr Found kNothing{.audit_holds = true};
constexpr Found kAll{
    .devices = 1, .users = 1, .keys = 1, .certificates = 2, .used = 1, .enrolled = 1, .audit_holds = true};

class Killed : public ::testing::TestWithParam<Dialect> {
  protected:
    static void SetUpTestSuite() { tpms_ = test::make_two_tpms(); }
    static void TearDownTestSuite() { tpms_.reset(); }
    void SetUp() override {
        if (!tpms_) GTEST_SKIP() << "swtpm is not installed";
        url_ = test::empty_database(GetParam(), dir_);
        if (url_.empty()) GTEST_SKIP() << "no PostgreSQL: run it by tests/support/with_postgresql";
        store_ = test::make_store(*tpms_, dir_ / "authority", url_);
        (void)store_->escrow_key_pem();  // made when first asked for: not in a child
        Registry registry(open_database(url_));
        const auto made = Administration(*store_, registry, wall_ms).create_token({"test"}, {.uri = kUser});
        const auto bearer = parse_bearer(made.text);
        ASSERT_TRUE(bearer);
        admission_ = Admission::by_token(*bearer);
        Enroller enroller(*store_, registry, wall_ms);
        answer_ = test::answer_to(enroller.begin(admission_, test::request_of(tpms_->alice_keys)), *tpms_->alice_tpm);
    }

    /// The child's end: the signal that ended it, or 0 if it got its certificates.
    int finish_in_child(int at, bool after) {
        const pid_t child = ::fork();
        if (child == 0) {
            try {
                auto fatal = std::make_unique<FatalDatabase>(open_database(url_), at, after);
                FatalDatabase& arming = *fatal;
                Registry registry(std::move(fatal));
                Enroller enroller(*store_, registry, wall_ms);
                arming.arm();
                (void)enroller.finish(admission_, answer_);
            } catch (...) {
                ::_exit(1);
            }
            ::_exit(0);
        }
        int status = 0;
        EXPECT_EQ(::waitpid(child, &status, 0), child);
        if (WIFSIGNALED(status)) return WTERMSIG(status);
        EXPECT_EQ(WEXITSTATUS(status), 0) << "the authority refused or failed at statement " << at;
        return WEXITSTATUS(status) == 0 ? 0 : -1;
    }

    [[nodiscard]] Found found() const {
        Registry registry(open_database(url_));
        // As a writer, so that it waits for a transaction that PostgreSQL still rolls back.
        return registry.write([](Database& db) {
            Found out;
            out.devices = devices(db).size();
            out.users = users(db).size();
            out.keys = attestation_keys(db).size();
            out.certificates = certificates(db).size();
            for (const auto& token : tokens(db)) out.used += token.used_ms != 0 ? 1 : 0;
            for (const auto& r : read_audit(db, 0, 100)) out.enrolled += r.action == "device.enrolled" ? 1 : 0;
            out.audit_holds = check_audit(db).holds;
            return out;
        });
    }
    static constexpr const char* kUser = "sip:alice@example.com";

    static std::unique_ptr<test::TwoTpms> tpms_;
    test::TemporaryDir dir_;
    std::string url_;
    std::optional<Store> store_;
    Admission admission_;
    ActivatedCredential answer_;
};
std::unique_ptr<test::TwoTpms> Killed::tpms_;

TEST_P(Killed, BeforeAnyStatementNothingIsHalfEnrolledAndThePhoneRepeats) {
    int deaths = 0;
    while (deaths < 100) {
        const int end = finish_in_child(deaths, false);
        if (end == 0) break;
        ASSERT_EQ(end, SIGKILL) << "at statement " << deaths;
        ASSERT_EQ(found(), kNothing) << "killed before statement " << deaths;
        ++deaths;
    }
    EXPECT_GT(deaths, 10) << "the statements were not counted";
    EXPECT_EQ(found(), kAll);
}

TEST_P(Killed, AfterTheCommitThePhoneRepeatsAndGetsTheSameCertificates) {
    int deaths = 0;
    Found now = kNothing;
    while (deaths < 100 && now == kNothing) {
        ASSERT_EQ(finish_in_child(deaths, true), SIGKILL) << "at statement " << deaths;
        now = found();
        ++deaths;
    }
    EXPECT_GT(deaths, 10) << "the statements were not counted";
    ASSERT_EQ(now, kAll) << "all or nothing, at statement " << deaths;
    Registry registry(open_database(url_));
    Enroller enroller(*store_, registry, wall_ms);
    const EnrolmentGrant grant = enroller.finish(admission_, answer_);
    const auto stored = registry.read([](Database& db) { return certificates(db); });
    bool same = false;
    for (const auto& c : stored) same |= c.der == cli::to_hex(grant.ak_certificate.view());
    EXPECT_TRUE(same) << "the answer is the one that was recorded";
    EXPECT_EQ(found(), kAll);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Killed, ::testing::Values(Dialect::sqlite, Dialect::postgresql), test::kind_name);

}  // namespace
}  // namespace sealcall::authority
