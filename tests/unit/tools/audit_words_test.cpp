// The numbers of audit records, as an auditor reads them.
#include "audit_words.h"

#include <gtest/gtest.h>

#include "sealcall/policy/reason_text.h"

namespace sealcall::cli {
namespace {

AuditRecord record(const audit::Record& written) {
    AuditRecord out;
    EXPECT_EQ(read_record(written.line(0, 1, std::string(64, '0')), out), "");
    return out;
}

template <class E>
constexpr uint64_t kLast = static_cast<uint64_t>(ipc::EnumRange<E>::last);

TEST(AuditWords, AnAppraisedRecordIsToldInWords) {
    const AuditRecord r =
        record(audit::Record("appraised")
                   .number("level", static_cast<uint64_t>(rats::Level::measured))
                   .flag("lab", true)
                   .number("action", static_cast<uint64_t>(policy::Action::warn))
                   .number("decided_by", static_cast<uint64_t>(policy::Rule::document_rule))
                   .number("rule", 2)
                   .numbers("reasons", std::array{rats::Reason::quote_fresh_and_bound, rats::Reason::tpm_genuine_lab}));
    EXPECT_EQ(fields_line(r), "level=2 Measured  lab=true  action=warn  rule=2");
    const std::vector<std::string> wanted{
        "decided_by: A rule of the administrator's policy decided this.",
        "reasons: The other device proved its state for this very call.",
        "reasons: LAB: the security chip is vouched for by a laboratory only, not by a maker."};
    EXPECT_EQ(record_sentences(r), wanted);
}

TEST(AuditWords, ANumberMeansWhatItsEventSays) {
    EXPECT_EQ(fields_line(record(audit::Record("ended").number("state", 6))), "state=media");
    EXPECT_EQ(record_sentences(record(audit::Record("ended").number("reason", 1))),
              std::vector<std::string>{"reason: You hung up."});
    EXPECT_EQ(record_sentences(record(audit::Record("bundle").number("state", 1))).size(), 1u);
    EXPECT_EQ(fields_line(record(audit::Record("protocol_violation").number("role", 2).number("code", 7))),
              "role=host  code=7");
    EXPECT_EQ(fields_line(record(audit::Record("pin").number("code", static_cast<uint64_t>(Errc::tpm_auth_refused)))),
              "code=wrong PIN");
    EXPECT_EQ(fields_line(record(audit::Record("policy_changed").number("action_before", 4).number("action", 0))),
              "action_before=allow  action=refuse");
    EXPECT_EQ(fields_line(record(audit::Record("rechecked").number("level_before", 0))), "level_before=X Failed");
    EXPECT_EQ(fields_line(record(audit::Record("stopped").number("status", 0))), "status=0");
    EXPECT_EQ(fields_line(record(audit::Record("call").text("from_hearsay", "sip:a@b.test  level=4"))),
              "from_hearsay=\"sip:a@b.test  level=4\"")
        << "one value looks like two";
}

TEST(AuditWords, EveryNumberOfAnEnumerationHasWordsAndWhatIsBeyondStaysANumber) {
    const auto word = [](const char* event, audit::Field<audit::FieldKind::number> name, uint64_t last) {
        for (uint64_t i = 0; i <= last + 1; ++i) {
            const AuditRecord r = record(audit::Record(event).number(name, i));
            const bool is_number = fields_line(r) == std::string(name.name()) + "=" + std::to_string(i);
            EXPECT_EQ(is_number, i > last) << event << " " << fields_line(r);
        }
    };
    word("open", "level", kLast<rats::Level>);
    word("open", "action", kLast<policy::Action>);
    word("peer_verdict", "answer", kLast<policy::Action>);
    word("ended", "state", kLast<ipc::CallState>);
    word("protocol_violation", "role", kLast<ipc::ProcessRole>);
    // Those that are told in sentences are not on the line.
    word("appraised", "decided_by", kLast<policy::Rule>);
    word("ended", "reason", kLast<ipc::EndReason>);
    word("bundle", "state", kLast<ipc::BundleState>);
    const AuditRecord newer =
        record(audit::Record("appraised").numbers("reasons", std::array<uint64_t, 2>{1, kLast<rats::Reason> + 1}));
    ASSERT_EQ(record_sentences(newer).size(), 2u);
    EXPECT_EQ(record_sentences(newer)[1], "reasons: " + std::to_string(kLast<rats::Reason> + 1));
}

}  // namespace
}  // namespace sealcall::cli
