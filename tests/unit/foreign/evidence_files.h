// A file of evidence of a machine that a bundle approves whole: boot log, guard, roles and two programs, signed by the
// software TPM of the attestation tests. Each part is at hand to be changed.
#pragma once

#include "attestation/evidence_file.h"
#include "attestation/logs/ima.h"
#include "attestation/logs/measured_boot.h"
#include "tests/unit/attestation/bundles.h"
#include "tests/unit/logs/new_log.h"

namespace sealcall::attestation::test {

inline const Digest kAskedNonce = digest_of(0x77);

inline Bytes boot_log_bytes() {
    using namespace logs::test;
    namespace type = logs::event_type;
    constexpr std::string_view kZeros("\0\0\0\0", 4);
    return log_of({event(0, type::kPostCode, "firmware 1.0"), switch_event(1), event(0, type::kSeparator, kZeros),
                   event(4, type::kSeparator, kZeros), event(7, type::kSeparator, kZeros),
                   event(4, type::kIpl, "boot loader 2.12"), event(8, type::kIpl, "kernel_cmdline: quiet")});
}

/// What the machine was started with, before anybody quotes.
struct Machine {
    Bytes boot = boot_log_bytes();
    Bytes runtime;
    std::vector<MeasuredRole> roles;
    std::array<Digest, 15> pcrs{};
    rats::Measured measured;

    Machine() {
        roles.push_back({.role = "guard", .files = {{"sealcall-guard", digest_of(9)}}});
        for (const auto& role : measured_roles()) roles.push_back(role);
        const auto measured_boot = logs::read_boot_log(boot);
        for (const auto& e : measured_boot->events) extend(static_cast<uint8_t>(e.pcr), e.sha256);
        for (const auto& role : roles) extend(13, cel_digest(role));
        ByteWriter first_ten;
        for (size_t i = 0; i < 10; ++i) first_ten.bytes(pcrs[i]);
        add_file("boot_aggregate", sha256(first_ten.view()));
        add_file("/usr/bin/bash", digest_of(0x21));
        add_file("/usr/bin/sealcall", digest_of(0x22));
    }
    void extend(uint8_t pcr, const Digest& digest) {
        pcrs[pcr] = extended(pcrs[pcr], digest);
        measured.events.push_back({.pcr = pcr, .digest = digest});
    }
    void add_file(std::string_view name, const Digest& hash) {
        const Bytes data = logs::encode_ima_ng(logs::kSha256, hash, name);
        const Bytes entry = logs::encode_ima_binary(logs::ImaTemplate::ima_ng, data);
        runtime.insert(runtime.end(), entry.begin(), entry.end());
        measured.runtime.push_back(sha256(data));
        pcrs[10] = extended(pcrs[10], measured.runtime.back());
    }
};

inline rats::LogOffer offer_of(const Bytes& log) {
    return {.size = static_cast<uint32_t>(log.size()), .digest = sha256(log)};
}

/// A managed machine of a vendor's TPM; `s` changes what it says.
inline EvidenceFile make_file(const Machine& m, Scenario s = {}) {
    s.roles = m.roles;
    s.identity.auth_policy = to_bytes(identity_auth_policy(13, m.pcrs[13]));
    if (!s.ask) s.ask = [](Expectation& e) { e.binding = file_binding(kAskedNonce, e.identity_spki); };
    s.pcrs = [&](std::array<Digest, 15>& pcrs) { pcrs = m.pcrs; };
    s.body = [&, also = s.body](rats::EvidenceBody& body) {
        body.round = 0;
        body.boot_log = offer_of(m.boot);
        if (also) also(body);
    };
    EvidenceFile file;
    file.nonce = kAskedNonce;
    file.collected_ms = kNow;
    file.evidence = make_case(s).evidence;
    file.evidence.runtime_log = offer_of(m.runtime);
    CHECK(file.chain.push(rats::CertificateDer(keys().authority_root)));
    file.boot_log = BoundedBytes<rats::kBootLogMax>(m.boot);
    file.runtime_log = BoundedBytes<rats::kRuntimeLogMax>(m.runtime);
    return file;
}

/// Approves all that `m` has measured; the first role is the measurer.
inline rats::Bundle approving(const Machine& m) {
    rats::Bundle b = empty_bundle();
    uint32_t id = 1;
    for (const auto& e : m.measured.events) {
        auto kind = e.pcr == 13 ? rats::ReferenceKind::sealcall : rats::ReferenceKind::approved;
        if (e.pcr == 13 && e.digest == cel_digest(m.roles[0])) kind = rats::ReferenceKind::measurer;
        const bool known = std::ranges::any_of(b.references.items(),
                                               [&](const auto& r) { return r.pcr == e.pcr && r.digest == e.digest; });
        if (!known) CHECK(b.references.push(reference(e.pcr, e.digest, id++, kind)));
    }
    for (const Digest& d : m.measured.runtime) CHECK(b.runtime.push(reference(10, d, id++)));
    return b;
}

/// Who believes the authority of the tests, asked for the nonce, and knows the bundle.
inline FileGround ground_of(const ReferenceSet* references) {
    FileGround g;
    g.anchors = {rats::CertificateDer(keys().authority_root)};
    g.references = references;
    g.wall_ms = kNow;
    g.nonce = kAskedNonce;
    return g;
}

}  // namespace sealcall::attestation::test
