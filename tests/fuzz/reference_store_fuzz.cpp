// Any lines where a reference store, or another administrator's list, should be: read, or refused with a Problem; what
// is read can be written and read again.
#include "problem.h"
#include "reference_store.h"
#include "tests/fuzz/seeded.h"

using namespace sealcall;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Bytes seed = [] {
        reference::Entry e;
        e.value.id = 7;
        e.value.pcr = 4;
        e.text = "The boot loader was started.";
        e.source = "golden.log";
        return to_bytes(as_bytes(reference::ReferenceStore::format({e})));
    }();
    const Bytes lines = fuzz::own_or_patched(fuzz::input(data, size), seed);
    try {
        const auto entries = reference::ReferenceStore::parse(as_chars(lines), "input");
        const auto again = reference::ReferenceStore::parse(reference::ReferenceStore::format(entries), "output");
        CHECK(again.size() == entries.size());
        for (size_t i = 0; i < again.size(); ++i) CHECK(again[i].value == entries[i].value);
    } catch (const cli::Problem&) {
    }
    return 0;
}
