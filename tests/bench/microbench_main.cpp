// Costs of single operations, in the order: SRTP alone, through a whole enclave, each TPM operation on a private
// swtpm, logs,
// appraisal. Google Benchmark's own options apply; tools/bench reads its JSON.
#include <benchmark/benchmark.h>

#include "enclave/srtp/session.h"
#include "tests/bench/microbench.h"

int main(int argc, char** argv) {
    sealcall::srtp::warm_up();
    sealcall::bench::register_srtp();
    sealcall::bench::register_enclave();
    sealcall::bench::register_tpm();
    sealcall::bench::register_logs();
    sealcall::bench::register_appraisal();
    sealcall::bench::register_policy();
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
