// The table by which readers judge records (tools/sealcall/audit_events.h), against the enclave's sources, which write
// them.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <regex>
#include <set>

#include "tools/sealcall/audit_events.h"
#include "tools/sealcall/files.h"

namespace sealcall::audit::test {
namespace {

using Events = std::map<std::string, std::set<std::string>>;

/// Of each `Record("event")` the fields that stand before the next one, or before the end of the function.
void collect(const std::string& source, Events& out) {
    static const std::regex kBegin(R"re(Record(?: record)?\("(\w+)"\))re");
    static const std::regex kField(R"re(\.(?:(?:text|hex|number|numbers|flag)\("(\w+)"|(call)\())re");
    const std::sregex_iterator end;
    for (std::sregex_iterator at(source.begin(), source.end(), kBegin); at != end;) {
        auto& fields = out[(*at)[1]];
        const auto from = static_cast<size_t>(at->position());
        ++at;
        const size_t next = at == end ? source.size() : static_cast<size_t>(at->position());
        const std::string text = source.substr(from, std::min(next, source.find("\n}\n", from)) - from);
        for (std::sregex_iterator f(text.begin(), text.end(), kField); f != end; ++f)
            fields.insert((*f)[1].matched ? (*f)[1] : (*f)[2]);
    }
}

Events written() {
    Events out;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(SEALCALL_SOURCE_DIR "/enclave")) {
        const auto kind = entry.path().extension();
        if (kind == ".cpp" || kind == ".h") collect(cli::read_file(entry.path(), 1 << 20).value(), out);
    }
    return out;
}

TEST(EventTable, HasEveryEventAndFieldThatTheEnclaveWrites) {
    for (const auto& [name, fields] : written()) {
        const cli::AuditEvent* event = cli::find_audit_event(name);
        ASSERT_NE(event, nullptr) << name;
        for (const auto& field : fields) EXPECT_TRUE(has_word(event->fields, field)) << name << " " << field;
    }
}

TEST(EventTable, HasNoEventThatNobodyWritesAndTheGuideHasAllOfThem) {
    const Events events = written();
    const std::string guide = cli::read_file(SEALCALL_SOURCE_DIR "/docs/audit.md", 1 << 20).value();
    for (const cli::AuditEvent& event : cli::audit_events()) {
        EXPECT_TRUE(events.contains(std::string(event.name))) << event.name;
        EXPECT_TRUE(std::regex_search(guide, std::regex("\\n\\|[^|]*\\b" + std::string(event.name) + "\\b[^|]*\\|")))
            << event.name;
    }
}

}  // namespace
}  // namespace sealcall::audit::test
