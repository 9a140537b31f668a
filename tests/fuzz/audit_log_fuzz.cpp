// The audit log as a file that others may have written: any bytes are read to the first line that breaks the chain.
#include <cstdint>

#include "audit_calls.h"
#include "sealcall/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto report = sealcall::cli::read_audit({reinterpret_cast<const char*>(data), size});
    CHECK(report.head.size() == 64);
    CHECK(report.holds() == report.problem.empty());
    sealcall::attestation::foreign::Findings findings;
    const sealcall::cli::AuditTrail trail{.files = {}, .log = report};
    const auto anchors = sealcall::cli::check_anchors(trail, {}, findings);
    CHECK(anchors.signer_of.size() == report.records.size());
    CHECK(!findings.holds());  // nobody is believed here
    for (const auto& call : sealcall::cli::call_stories(report)) (void)sealcall::cli::key_steps(report, call);
    // What was read is what stands there.
    std::string again;
    for (const auto& r : report.records) again += r.line() + "\n";
    CHECK(std::string_view(reinterpret_cast<const char*>(data), size).starts_with(again));
    return 0;
}
