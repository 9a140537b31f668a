// One suite for both databases: what the records keep, and what the schema refuses whatever program asks.
#include <atomic>
#include <thread>

#include "administration.h"
#include "databases.h"
#include "files.h"
#include "records.h"
#include "registry.h"
#include "sealcall/base/time.h"

namespace sealcall::authority {
namespace {

constexpr uint64_t kNow = 1'800'000'000'000;
constexpr const char* kInjection = "x'); DROP TABLE audit; --\"$1\\";

class Storage : public ::testing::TestWithParam<Dialect> {
  protected:
    void SetUp() override {
        url_ = test::empty_database(GetParam(), dir_);
        if (url_.empty()) GTEST_SKIP() << "no PostgreSQL: run it by tests/support/with_postgresql";
        registry_ = std::make_unique<Registry>(open_database(url_));
    }
    template <class F>
    void write(F f) {
        registry_->write([&](Database& db) {
            f(db);
            return true;
        });
    }
    template <class F>
    DatabaseError::Kind failure(F f) {
        try {
            write(f);
        } catch (const DatabaseError& error) {
            return error.kind();
        }
        ADD_FAILURE() << "nothing was refused";
        return DatabaseError::Kind::lost;
    }
    static DeviceRecord device(const std::string& id, const std::string& ek) {
        return {.id = id,
                .ek = ek,
                .ek_certificate = "",
                .endorsement = "lab",
                .profile = "embedded",
                .software_tpm = true,
                .first_ms = kNow,
                .last_ms = kNow,
                .revoked_ms = 0,
                .reason = {}};
    }
    static KeyRecord key(const std::string& spki, const std::string& of, const std::string& partner) {
        return {.spki = spki,
                .device = of,
                .partner = partner,
                .label = of + partner,
                .uri = {},
                .created_ms = kNow,
                .revoked_ms = 0,
                .reason = {}};
    }
    static TokenRecord token(const std::string& id, const std::string& uri) {
        return {.id = id,
                .secret_hash = "hash of " + id,
                .uri = uri,
                .profile = "embedded",
                .created_ms = kNow,
                .created_by = "local:root",
                .expires_ms = kNow + 1000};
    }

    sealcall::test::TemporaryDir dir_;
    std::string url_;
    std::unique_ptr<Registry> registry_;
};

TEST_P(Storage, MigratesOnceAndOpensAgain) {
    write([](Database& db) { insert(db, device("d", "e")); });
    Registry again(open_database(url_));
    EXPECT_EQ(again.read([](Database& db) { return devices(db); }).size(), 1u);
}

TEST_P(Storage, RefusesSchemaOfTheFuture) {
    write([](Database& db) { db.run("UPDATE schema_version SET number = 1000"); });
    EXPECT_THROW(Registry{open_database(url_)}, DatabaseError);
}

TEST_P(Storage, TextIsNeverPartOfAStatement) {
    write([](Database& db) {
        insert(db, token("t", kInjection));
        append_audit(db, {kInjection}, kNow, "token.created", kInjection, kInjection);
    });
    EXPECT_EQ(registry_->read([](Database& db) { return tokens(db); }).at(0).uri, kInjection);
    const auto trail = registry_->read([](Database& db) { return read_audit(db, 0, 10); });
    EXPECT_EQ(trail.at(0).subject, kInjection);
    EXPECT_FALSE(registry_->read([](Database& db) { return token_by_secret(db, "' OR '1'='1").has_value(); }));
}

TEST_P(Storage, ExceptionRollsEverythingBack) {
    EXPECT_THROW(write([](Database& db) {
                     insert(db, device("d", "e"));
                     bind_user(db, "sip:a@b.test", "d", kNow);
                     append_audit(db, {"x"}, kNow, "a", "b", "c");
                     throw std::runtime_error("in the middle");
                 }),
                 std::runtime_error);
    EXPECT_TRUE(registry_->read([](Database& db) { return devices(db); }).empty());
    EXPECT_TRUE(registry_->read([](Database& db) { return users(db); }).empty());
    EXPECT_EQ(registry_->read([](Database& db) { return check_audit(db); }).records, 0u);
}

TEST_P(Storage, DeviceIsItsEkForever) {
    write([](Database& db) { insert(db, device("d", "e")); });
    EXPECT_EQ(failure([](Database& db) { insert(db, device("other", "e")); }), DatabaseError::Kind::constraint);
    EXPECT_EQ(failure([](Database& db) { insert(db, device("d", "other")); }), DatabaseError::Kind::constraint);
    EXPECT_EQ(failure([](Database& db) { db.run("UPDATE devices SET ek = 'other'"); }),
              DatabaseError::Kind::constraint);
    EXPECT_EQ(failure([](Database& db) { db.run("UPDATE devices SET id = 'other'"); }),
              DatabaseError::Kind::constraint);
}

TEST_P(Storage, AttestationKeyStaysWithItsDevice) {
    write([](Database& db) {
        insert(db, device("d", "e"));
        insert(db, device("d2", "e2"));
        insert_attestation_key(db, key("k", "d", ""));
    });
    EXPECT_EQ(failure([](Database& db) { db.run("UPDATE attestation_keys SET device = 'd2'"); }),
              DatabaseError::Kind::constraint);
    EXPECT_EQ(failure([](Database& db) { insert_attestation_key(db, key("k", "d2", "")); }),
              DatabaseError::Kind::constraint);
}

TEST_P(Storage, AuditTrailOnlyGrowsAndIsChained) {
    write([](Database& db) {
        for (int i = 0; i < 5; ++i) append_audit(db, {"a"}, kNow, "did", "it", std::to_string(i));
    });
    EXPECT_EQ(failure([](Database& db) { db.run("UPDATE audit SET actor = 'b' WHERE seq = 3"); }),
              DatabaseError::Kind::constraint);
    EXPECT_EQ(failure([](Database& db) { db.run("DELETE FROM audit WHERE seq = 5"); }),
              DatabaseError::Kind::constraint);
    const AuditCheck check = registry_->read([](Database& db) { return check_audit(db); });
    EXPECT_TRUE(check.holds);
    EXPECT_EQ(check.records, 5u);
}

TEST_P(Storage, ChangeBehindTheTriggersShowsInTheChain) {
    write([](Database& db) {
        for (int i = 0; i < 5; ++i) append_audit(db, {"a"}, kNow, "did", "it", std::to_string(i));
        if (db.dialect() == Dialect::sqlite)
            db.run_script("DROP TRIGGER audit_no_update");
        else
            db.run_script("ALTER TABLE audit DISABLE TRIGGER ALL");
        db.run("UPDATE audit SET actor = 'b' WHERE seq = 3");
    });
    const AuditCheck check = registry_->read([](Database& db) { return check_audit(db); });
    EXPECT_FALSE(check.holds);
    EXPECT_EQ(check.broken_at, 3u);
}

TEST_P(Storage, TokenIsUsedByOneOfManyAtOnce) {
    write([](Database& db) { insert(db, token("t", "sip:a@b.test")); });
    std::atomic<int> won = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&, i] {
            Registry own(open_database(url_));
            const bool mine = own.write([&](Database& db) { return use_token(db, "t", std::to_string(i), kNow); });
            if (mine) ++won;
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(won, 1);
}

TEST_P(Storage, WritersOfOneTrailStandInLine) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            Registry own(open_database(url_));
            for (int n = 0; n < 10; ++n)
                own.write([&](Database& db) {
                    append_audit(db, {"thread"}, kNow, "did", "it", "");
                    return true;
                });
        });
    for (auto& thread : threads) thread.join();
    const AuditCheck check = registry_->read([](Database& db) { return check_audit(db); });
    EXPECT_TRUE(check.holds);
    EXPECT_EQ(check.records, 40u);
}

TEST_P(Storage, RevocationReachesEveryKeyOfADevice) {
    const std::string one(64, '1'), two(64, '2');
    write([&](Database& db) {
        insert(db, device("d", "e"));
        bind_user(db, "sip:a@b.test", "d", kNow);
        insert_attestation_key(db, key(one, "d", ""));
        insert_attestation_key(db, key(two, "d", "p"));
    });
    EXPECT_TRUE(registry_->read([](Database& db) { return revoked_attestation_keys(db); }).empty());
    write([](Database& db) { revoke_device(db, "d", "lost", kNow); });
    EXPECT_EQ(registry_->read([](Database& db) { return revoked_attestation_keys(db); }).size(), 2u);
}

TEST(StorageForeign, NulIsNoTextOfPostgreSQL) {
    const char* server = std::getenv("SEALCALL_TEST_POSTGRESQL");  // NOLINT(concurrency-mt-unsafe)
    if (server == nullptr) GTEST_SKIP() << "no PostgreSQL";
    EXPECT_THROW(open_postgresql(server)->run("SELECT $1::text", {std::string("a\0b", 3)}), DatabaseError);
}

TEST_P(Storage, StruckOffKeysAreThoseThatSomebodyCouldStillShow) {
    const std::string ak(64, '1'), identity(64, '2'), old(64, '3'), foreign(64, '4');
    constexpr uint64_t kDay = 24ULL * 3600 * 1000;
    const auto certified = [&](Database& db, const char* kind, const std::string& spki, uint64_t until) {
        insert(db, CertificateRecord{.sha256 = kind + spki,
                                     .kind = kind,
                                     .device = "d",
                                     .uri = "sip:a@b.test",
                                     .spki = spki,
                                     .der = "00",
                                     .enrolment = "t",
                                     .issued_ms = kNow,
                                     .not_after_ms = until});
    };
    const auto identity_key = [](const std::string& spki) {
        KeyRecord out = key(spki, "d", "");
        out.uri = "sip:a@b.test";
        return out;
    };
    write([&](Database& db) {
        insert(db, device("d", "e"));
        bind_user(db, "sip:a@b.test", "d", kNow);
        insert_attestation_key(db, key(ak, "d", ""));
        insert_identity_key(db, identity_key(identity));
        insert_identity_key(db, identity_key(old));
        certified(db, "ak", ak, kNow + 300 * kDay);
        certified(db, "identity", identity, kNow + 300 * kDay);
        certified(db, "identity", old, kNow + kDay);
        revoke_identity_keys(db, "sip:a@b.test", identity, "another took its place", kNow);
    });
    const auto hex = [&](uint64_t now) {
        std::vector<std::string> out;
        for (const Digest& d : registry_->read([&](Database& db) { return struck_off(db, now); }))
            out.push_back(cli::to_hex(d));
        return out;
    };
    using Keys = std::vector<std::string>;
    EXPECT_EQ(hex(kNow), (Keys{old}));
    EXPECT_EQ(hex(kNow + 2 * kDay - 1), (Keys{old})) << "clocks differ by a day at most";
    EXPECT_EQ(hex(kNow + 2 * kDay), Keys{}) << "its certificate is over";
    write([&](Database& db) {
        revoke_device(db, "d", "lost", kNow);
        revoke_key(db, foreign, "certified elsewhere", kNow);
        revoke_key(db, foreign, "said twice", kNow);
        revoke_key(db, ak, "and this one by itself", kNow);
    });
    EXPECT_EQ(hex(kNow + 2 * kDay), (Keys{ak, identity, foreign}));
    EXPECT_EQ(hex(kNow + 400 * kDay), (Keys{ak, foreign})) << "what was named by its key stays for ever";
}

TEST_P(Storage, AKeyThatWasStruckOffBeforeItWasEnrolledIsStruckOffOnceMore) {
    const std::string ak(64, '1');
    write([&](Database& db) {
        EXPECT_TRUE(revoke_key(db, ak, "before", kNow));
        EXPECT_FALSE(revoke_key(db, ak, "nothing changes", kNow));
        insert(db, device("d", "e"));
        insert_attestation_key(db, key(ak, "d", ""));
        EXPECT_TRUE(revoke_key(db, ak, "after", kNow));
        EXPECT_NE(attestation_key(db, ak)->revoked_ms, 0u);
        EXPECT_TRUE(is_struck_off(db, ak));
    });
}

TEST_P(Storage, VersionsOfBundlesAreNeverForgotten) {
    EXPECT_EQ(registry_->read([](Database& db) { return newest_bundle(db); }), 0u);
    write([](Database& db) {
        insert(db, BundleRecord{.version = 7, .sha256 = "x", .issued_ms = kNow, .next_update_ms = kNow + 1});
    });
    EXPECT_EQ(registry_->read([](Database& db) { return newest_bundle(db); }), 7u);
    EXPECT_EQ(failure([](Database& db) { insert(db, BundleRecord{.version = 7, .sha256 = "y"}); }),
              DatabaseError::Kind::constraint);
    EXPECT_EQ(failure([](Database& db) { db.run("DELETE FROM bundles"); }), DatabaseError::Kind::constraint);
    EXPECT_EQ(failure([](Database& db) { db.run("UPDATE bundles SET version = 1"); }), DatabaseError::Kind::constraint);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Storage, ::testing::Values(Dialect::sqlite, Dialect::postgresql), test::kind_name);

}  // namespace
}  // namespace sealcall::authority
