// The policy in a bundle: any bytes give a document that is written back as it was read, or none; and whatever document
// it is, decisions about it keep their promises.
#include "policy/decide.h"
#include "tests/fuzz/seeded.h"
#include "tests/unit/policy/documents.h"

using namespace sealcall;
using namespace sealcall::policy;

namespace {

Document seed() {
    DocumentRule r = test::rule("one", Action::pin, rats::Level::trusted_boot);
    r.groups = test::list<uint16_t, 16>({0, 1});
    r.when = test::list<Window, 16>({{.days = 31, .from = 480, .until = 1080}});
    r.oldest_s = 60;
    return test::document({r, test::rule("two", Action::warn, rats::Level::unverified)});
}

void decide_all(const Document& d) {
    for (const char* peer : {"sip:alice@corp.example", "sip:x@a.b.corp.example", "", "sip:@@;?>", "sip:x@[::1]:5061"})
        for (auto direction : {Direction::incoming, Direction::outgoing}) {
            Action before = Action::refuse;
            for (auto level : {rats::Level::failed, rats::Level::unverified, rats::Level::known_device,
                               rats::Level::measured, rats::Level::trusted_boot, rats::Level::trusted_runtime}) {
                CallContext c = test::from(peer, d.labels.items().back().view());
                c.direction = direction;
                const Decision got = decide(test::proven(level), c, d);
                if (level == rats::Level::failed) CHECK(got.action == Action::refuse);
                CHECK(got.action >= before);  // better evidence, no stricter answer
                CHECK(got.number <= d.rules.size());
                before = got.action;
            }
        }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Bytes genuine = ipc::encode(seed());
    const Bytes bytes = fuzz::own_or_patched(fuzz::input(data, size), genuine);
    const auto document = read_document(bytes);
    if (!document) return 0;
    CHECK(ipc::encode(*document) == bytes);
    decide_all(*document);
    return 0;
}
