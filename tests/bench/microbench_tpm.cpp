// Each operation of enclave/tpm on a private swtpm, as the TPM worker does it: sessions are kept, parameters encrypted.
#include "tests/bench/microbench.h"
#include "tests/unit/tpm/private_tpm.h"

namespace sealcall::bench {
namespace {

using tpm::IdentityBlobs;
using tpm::SealedSecret;
using tpm::Tpm;

Digest some_digest() { return tpm::test::digest_of_text("bench"); }

/// A swtpm and the Tpm of a running phone on it.
class Device {
  public:
    static Device& the() {
        static Device device;
        return device;
    }
    /// A new connection with everything loaded, as at the start of an enclave.
    Status load() {
        tpm_.reset();
        TRY(tpm_, open());
        return tpm_->load(identity_);
    }
    Result<Tpm*> get() {
        if (tpm_) return tpm_.get();
        TRY(tpm_, open());
        TRY_STATUS(tpm_->provision());
        TRY(identity_, tpm_->create_identity());
        TRY_STATUS(tpm_->load(identity_));
        return tpm_.get();
    }

  private:
    Result<std::unique_ptr<Tpm>> open() const {
        return Tpm::open(swtpm_.connect(), {.kind = ipc::TpmKind::swtpm_socket,
                                            .auth_value = tpm::test::boot_secret(),
                                            .measurement_pcr = 13,
                                            .deadline = tpm::test::kPatient});
    }
    tpm::test::TempDir dir_;
    tpm::test::Swtpm swtpm_{dir_.path()};
    std::unique_ptr<Tpm> tpm_;
    IdentityBlobs identity_;
};

/// One operation a repetition, after one outside of the clock: sessions are made at first use.
template <class F>
void add(const char* name, F operation) {
    benchmark::RegisterBenchmark(name,
                                 [operation](benchmark::State& state) {
                                     auto tpm = Device::the().get();
                                     if (failed(state, tpm) || failed(state, operation(**tpm))) return;
                                     for (auto _ : state)
                                         if (failed(state, operation(**tpm))) return;
                                 })
        ->Iterations(3)
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
}

/// The same with a secret that was sealed before.
template <class F>
void add_sealed(const char* name, F operation) {
    benchmark::RegisterBenchmark(name,
                                 [operation](benchmark::State& state) {
                                     auto tpm = Device::the().get();
                                     if (failed(state, tpm)) return;
                                     auto sealed = (*tpm)->seal(1, *Secret<32>::from(some_digest()));
                                     if (failed(state, sealed)) return;
                                     for (auto _ : state)
                                         if (failed(state, operation(**tpm, *sealed))) return;
                                 })
        ->Iterations(3)
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
}

void load(benchmark::State& state) {
    if (failed(state, Device::the().get())) return;
    for (auto _ : state)
        if (failed(state, Device::the().load())) return;
}

}  // namespace

void register_tpm() {
    add("tpm/sign", [](Tpm& t) { return t.sign_identity(some_digest()); });
    add("tpm/quote", [](Tpm& t) { return t.quote(some_digest()); });
    add("tpm/certify", [](Tpm& t) { return t.certify_identity(some_digest()); });
    add("tpm/read_pcr", [](Tpm& t) { return t.read_pcr(13); });
    add("tpm/seal", [](Tpm& t) { return t.seal(0, *Secret<32>::from(some_digest())); });
    add_sealed("tpm/unseal", [](Tpm& t, const SealedSecret& s) { return t.unseal(s); });
    add_sealed("tpm/renew", [](Tpm& t, const SealedSecret& s) { return t.renew(s); });
    add("tpm/end_slot", [](Tpm& t) { return t.end_slot(2); });
    add("tpm/anchor", [](Tpm& t) { return t.extend_audit(some_digest()); });
    add("tpm/certify_audit", [](Tpm& t) { return t.certify_audit(some_digest()); });
    add("tpm/certify_counter", [](Tpm& t) { return t.certify_counter(2, some_digest()); });
    add_sealed("tpm/certify_sealed", [](Tpm& t, const SealedSecret& s) { return t.certify_sealed(s, some_digest()); });
    add("tpm/create_identity", [](Tpm& t) { return t.create_identity(); });
    benchmark::RegisterBenchmark("tpm/load", load)->Iterations(1)->UseRealTime()->Unit(benchmark::kMillisecond);
}

}  // namespace sealcall::bench
