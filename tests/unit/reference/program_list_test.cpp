// The state of programs that were started nowhere yet, as the guard would measure it.
#include "program_list.h"

#include <gtest/gtest.h>

#include "attestation/binding.h"
#include "attestation/cel.h"
#include "problem.h"

namespace sealcall::reference {
namespace {

std::string file(char digit, const std::string& place) {
    return "file " + std::string(64, digit) + " " + place + " /usr" + place + "\n";
}
std::string sample() {
    return "# made by a tool\nrole guard\n" + file('1', "/sealcall-guard") + "role enclave\n" +
           file('2', "/sealcall-enclave") + file('3', "/lib/libc.so.6") + "\n";
}
Digest filled(uint8_t value) {
    Digest out{};
    out.fill(static_cast<std::byte>(value));
    return out;
}

TEST(ProgramList, GivesTheValueAfterEveryRole) {
    const attestation::MeasuredRole guard{.role = "guard",
                                          .files = {{.name = "sealcall-guard", .digest = filled(0x11)}}};
    const attestation::MeasuredRole enclave{
        .role = "enclave",
        .files = {{.name = "sealcall-enclave", .digest = filled(0x22)}, {.name = "libc.so.6", .digest = filled(0x33)}}};
    Digest value{};
    for (const auto& role : {guard, enclave})
        value = attestation::sha256(ByteWriter().bytes(value).bytes(attestation::cel_digest(role)).view());
    EXPECT_EQ(measured_state(sample()), value);
    const auto entries = from_program_list(sample(), "s");
    ASSERT_EQ(entries.size(), 3u) << "and the cap";
    EXPECT_EQ(entries[0].value.kind, rats::ReferenceKind::measurer);
    EXPECT_EQ(entries[1].value.kind, rats::ReferenceKind::sealcall);
    EXPECT_EQ(entries[1].value.digest, attestation::cel_digest(enclave));
    EXPECT_EQ(entries[2].text, "sealcall-cap");
    for (const auto& e : entries) EXPECT_EQ(e.value.pcr, kMeasurementPcr);
}

TEST(ProgramList, EveryFileCounts) {
    std::string other = sample();
    other[other.find("333")] = '4';
    EXPECT_NE(measured_state(other), measured_state(sample()));
}

TEST(ProgramList, RefusesWhatIsNoSuchList) {
    const std::string enclave = "role enclave\n" + file('2', "/e");
    for (const std::string& bad :
         {std::string(), std::string("hello\n"), file('1', "/a"), "role guard\n" + enclave, enclave + "role guard\n",
          "role guard\n" + file('1', "/g"), sample() + "role late\n" + file('1', "/l"),
          sample() + "role guard\n" + file('1', "/g"), sample() + "file 12 /a /b\n", sample() + file('1', "/a/"),
          sample() + "file " + std::string(64, '1') + " /a /b /c\n", std::string(kProgramListMax + 1, '\n')})
        EXPECT_THROW(measured_state(bad), cli::Problem) << bad.substr(0, 80);
}

}  // namespace
}  // namespace sealcall::reference
