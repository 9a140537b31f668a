// config.toml: any bytes give a configuration or problems with a place inside of the text; what a person may write
// never crashes.
#include <cstdint>

#include "config.h"
#include "sealcall/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace sealcall::cli;
    const std::string text(reinterpret_cast<const char*>(data), size);
    const ConfigOutcome outcome = parse_config(text);
    if (const auto* problems = std::get_if<std::vector<ConfigProblem>>(&outcome)) {
        CHECK(!problems->empty());
        for (const ConfigProblem& p : *problems)
            CHECK(p.line >= 1 && !p.text.empty() && p.text.find('\x1b') == std::string::npos);
        return 0;
    }
    const auto& config = std::get<PhoneConfig>(outcome);
    CHECK(config.measurement_pcr >= 8 && config.measurement_pcr <= 14);
    CHECK(config.policy.minimum != sealcall::rats::Level::failed);
    // An address set in a good configuration stays good, unless another line sets it in a way that a person would not
    // write.
    (void)parse_config(with_uri(text, "sip:alice@example.com"));
    return 0;
}
