// A file of contacts from anywhere: what is taken fits the vault, is a SIP address, and can be written and read again.
#include "tests/fuzz/seeded.h"
#include "vcard.h"

using namespace sealcall;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto cards = cli::parse_vcards({reinterpret_cast<const char*>(data), size});
    if (!cards || cards->contacts.empty()) return 0;
    for (const auto& c : cards->contacts) CHECK(c.uri.starts_with("sip:"));
    const auto again = cli::parse_vcards(cli::write_vcards(cards->contacts));
    CHECK(again && again->contacts.size() == cards->contacts.size());
    for (size_t i = 0; i < again->contacts.size(); ++i) CHECK(again->contacts[i].uri == cards->contacts[i].uri);
    return 0;
}
