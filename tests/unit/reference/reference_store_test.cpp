// The store: lines that can be read back, ids that are never given twice, and bundles that the enclave opens.
#include "reference_store.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "attestation/bundle.h"
#include "attestation/bundle_writer.h"
#include "attestation/certificates.h"
#include "compile.h"
#include "files.h"
#include "problem.h"
#include "tests/unit/tools/temporary_dir.h"

namespace sealcall::reference {
namespace {

Digest digest(uint8_t fill) {
    Digest d{};
    d.fill(static_cast<std::byte>(fill));
    return d;
}

Entry entry(uint8_t pcr, uint8_t fill, const std::string& text = "something") {
    Entry e;
    e.value = {.id = 0, .pcr = pcr, .kind = rats::ReferenceKind::approved, .digest = digest(fill)};
    e.text = text;
    e.source = "test";
    return e;
}

TEST(ReferenceStore, KeepsWhatItIsGivenAndNumbersItOnce) {
    const test::TemporaryDir dir;
    ReferenceStore store = ReferenceStore::open_to_change(dir / "refs");
    EXPECT_EQ(store.add({entry(4, 1), entry(7, 1), entry(4, 1)}), 2u);
    store.set_boot_pcrs(1u << 4 | 1u << 7);
    store.save();
    ReferenceStore again = ReferenceStore::open(dir / "refs");
    EXPECT_EQ(again.entries(), store.entries());
    EXPECT_EQ(again.boot_pcrs(), 1u << 4 | 1u << 7);
    EXPECT_EQ(again.add({entry(4, 1), entry(4, 2)}), 1u);
    EXPECT_EQ(again.entries().back().value.id, 3u);
    EXPECT_EQ(again.entries().back().state, EntryState::waiting) << "nothing is approved by being imported";
}

TEST(ReferenceStore, ForeignTextCannotBreakALine) {
    std::vector<Entry> entries{entry(4, 1, "a\nb\"c\\d\x01\xff{}")};
    entries[0].value.id = 1;
    const std::string text = ReferenceStore::format(entries);
    EXPECT_EQ(std::ranges::count(text, '\n'), 1);
    EXPECT_EQ(ReferenceStore::parse(text, "x").size(), 1u);
}

TEST(ReferenceStore, DamagedLinesAreNamed) {
    Entry e = entry(4, 1);
    e.value.id = 1;
    const std::string good = ReferenceStore::format({e});
    for (const std::string& bad :
         {std::string("{}"), std::string("not json"), std::string("[]"), good + good, std::string("{\"id\":1}")}) {
        try {
            ReferenceStore::parse(bad, "refs.jsonl");
            ADD_FAILURE() << bad;
        } catch (const cli::Problem& p) {
            EXPECT_NE(std::string(p.what()).find("refs.jsonl"), std::string::npos);
        }
    }
    for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{{"\"pcr\":4", "\"pcr\":24"},
                                                                                   {"\"id\":1", "\"id\":0"},
                                                                                   {"approved", "trusted"},
                                                                                   {"0101", "01"},
                                                                                   {"waiting", "good"}}) {
        std::string bad = good;
        bad.replace(bad.find(from), from.size(), to);
        EXPECT_THROW(ReferenceStore::parse(bad, "x"), cli::Problem) << to;
    }
}

TEST(ReferenceStore, OnlyWhatIsApprovedGoesIntoABundleAndTheBundleOpens) {
    const test::TemporaryDir dir;
    ReferenceStore store = ReferenceStore::open(dir / "refs");
    store.add({entry(7, 9), entry(4, 2), entry(4, 1), entry(10, 5), entry(4, 3), entry(4, 4)});
    for (uint32_t id : {1u, 2u, 3u, 4u}) store.find_id(id)->state = EntryState::approved;
    store.find_id(5)->state = EntryState::withdrawn;
    store.find_id(2)->value.kind = rats::ReferenceKind::forbidden;
    const auto key = attestation::make_software_key().value();
    const Bytes root = attestation::make_authority_root(key.get(), "Example Corp", {1000, 100000}).value();
    const rats::Bundle bundle = compile(store, {.authority = "Example Corp",
                                                .version = 3,
                                                .issued_ms = 1000,
                                                .next_update_ms = 2000,
                                                .anchors = {root},
                                                .revoked = {digest(8), digest(7), digest(8)},
                                                .partners = {}});
    const Bytes bytes = attestation::sign_bundle(bundle, key.get()).value();
    auto set = attestation::ReferenceSet::open(bytes, attestation::public_key_der(key.get()).value(), 3);
    ASSERT_TRUE(set) << set.error().what;
    EXPECT_EQ(set->references(), 3u);
    EXPECT_EQ(set->runtime(), 1u);
    EXPECT_EQ(set->find(4, digest(2))->kind, rats::ReferenceKind::forbidden);
    EXPECT_FALSE(set->find(4, digest(3))) << "withdrawn";
    EXPECT_FALSE(set->find(4, digest(4))) << "waiting";
    EXPECT_TRUE(set->revoked(digest(7)) && set->revoked(digest(8)));
}

TEST(ReferenceStore, ASignedListIsBelievedFromItsSignerAlone) {
    const auto key = attestation::make_software_key().value(), other = attestation::make_software_key().value();
    const std::string list = "{}\n";
    const Bytes signature = sign_list(list, key.get());
    EXPECT_NO_THROW(check_list(list, signature, key.get()));
    EXPECT_THROW(check_list(list, signature, other.get()), cli::Problem);
    EXPECT_THROW(check_list(list + " ", signature, key.get()), cli::Problem);
    EXPECT_THROW(check_list(list, {}, key.get()), cli::Problem);
}

}  // namespace
}  // namespace sealcall::reference
