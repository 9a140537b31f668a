// PCR values, and quotes over them.
#include <tss2/tss2_mu.h>

#include "enclave/tpm/esys_tpm.h"

namespace sealcall::tpm {

namespace {

constexpr ESYS_TR kNone = ESYS_TR_NONE;
constexpr uint32_t kQuoted = 0x7bff;  ///< 0-9 and 11-14
constexpr uint32_t kPcr10 = 1U << 10;
constexpr int kTries = 3;
constexpr std::string_view kOwnUse = "own use";

TPML_PCR_SELECTION select(uint32_t pcrs) {
    TPML_PCR_SELECTION s{};
    s.count = 1;
    s.pcrSelections[0].hash = TPM2_ALG_SHA256;
    s.pcrSelections[0].sizeofSelect = 3;
    for (size_t i = 0; i < 3; ++i) s.pcrSelections[0].pcrSelect[i] = static_cast<BYTE>(pcrs >> (8 * i) & 0xff);
    return s;
}

uint32_t selected(const TPML_PCR_SELECTION& s) {
    uint32_t out = 0;
    if (s.count != 1 || s.pcrSelections[0].hash != TPM2_ALG_SHA256 || s.pcrSelections[0].sizeofSelect != 3) return 0;
    for (size_t i = 0; i < 3; ++i) out |= static_cast<uint32_t>(s.pcrSelections[0].pcrSelect[i]) << (8 * i);
    return out;
}

Digest digest_of(const std::array<Digest, 15>& values, uint32_t pcrs) {
    Bytes all;
    for (size_t i = 0; i < values.size(); ++i)
        if ((pcrs >> i & 1) != 0) all.insert(all.end(), values[i].begin(), values[i].end());
    return sha256(all);
}

}  // namespace

// Without a session: the caller compares with what was quoted.
// The TPM may answer with fewer PCRs than asked (swtpm: at most 8): ask for the rest until there is none.
Result<std::array<Digest, 15>> EsysTpm::read_pcrs() {
    std::array<Digest, 15> values{};
    for (uint32_t missing = kQuoted | kPcr10; missing != 0;) {
        const TPML_PCR_SELECTION ask = select(missing);
        UINT32 update_counter = 0;
        EsysPtr<TPML_PCR_SELECTION> got;
        EsysPtr<TPML_DIGEST> digests;
        TRY_STATUS(esys_->call("TPM2_PCR_Read", [&](ESYS_CONTEXT* e) {
            return Esys_PCR_Read(e, kNone, kNone, kNone, &ask, &update_counter, got.out(), digests.out());
        }));
        const uint32_t answered = selected(*got);
        if (answered == 0 || (answered & ~missing) != 0)
            return Error{Errc::tpm_bad_response, "the TPM has no SHA-256 PCR bank", answered};
        size_t next = 0;
        for (size_t i = 0; i < values.size(); ++i) {
            if ((answered >> i & 1) == 0) continue;
            if (next >= digests->count || next >= std::size(digests->digests) || digests->digests[next].size != 32)
                return Error{Errc::tpm_bad_response, "TPM2_PCR_Read", static_cast<uint32_t>(i)};
            const auto& d = digests->digests[next++];
            std::ranges::copy(view(d.size, d.buffer), values[i].begin());
        }
        missing &= ~answered;
    }
    return values;
}

Result<Digest> EsysTpm::read_pcr(uint8_t pcr) {
    if (pcr > 23) return Error{Errc::bad_value, "PCR", pcr};
    TRY_STATUS(open_srk());
    return once_more([&] { return read_pcr_once(pcr); });
}

Result<Digest> EsysTpm::read_pcr_once(uint8_t pcr) {
    const TPML_PCR_SELECTION ask = select(1U << pcr);
    UINT32 update_counter = 0;
    EsysPtr<TPML_PCR_SELECTION> got;
    EsysPtr<TPML_DIGEST> digests;
    // An audit session puts an HMAC on the answer: keys are bound to what it says.
    TRY(const ESYS_TR session, sessions_->hmac(TPMA_SESSION_AUDIT));
    TRY_STATUS(esys_->call("TPM2_PCR_Read", [&](ESYS_CONTEXT* e) {
        return Esys_PCR_Read(e, session, kNone, kNone, &ask, &update_counter, got.out(), digests.out());
    }));
    if (selected(*got) != 1U << pcr || digests->count != 1 || digests->digests[0].size != 32)
        return Error{Errc::tpm_bad_response, "TPM2_PCR_Read", pcr};
    Digest out{};
    std::ranges::copy(view(32, digests->digests[0].buffer), out.begin());
    return out;
}

Result<EsysTpm::Quoted> EsysTpm::quote_pcrs(uint32_t pcrs, ByteSpan qualifying_data) {
    TRY(const ESYS_TR session, sessions_->hmac(0));
    TPM2B_DATA data{};
    TRY_STATUS(fill(data.size, data.buffer, qualifying_data));
    TPMT_SIG_SCHEME own_scheme{};
    own_scheme.scheme = TPM2_ALG_NULL;
    const TPML_PCR_SELECTION selection = select(pcrs);
    EsysPtr<TPM2B_ATTEST> attest;
    EsysPtr<TPMT_SIGNATURE> signature;
    TRY_STATUS(esys_->call("TPM2_Quote", [&](ESYS_CONTEXT* e) {
        return Esys_Quote(e, ak_.get(), session, kNone, kNone, &data, &own_scheme, &selection, attest.out(),
                          signature.out());
    }));
    TPMS_ATTEST parsed{};
    size_t used = 0;
    const TSS2_RC rc = Tss2_MU_TPMS_ATTEST_Unmarshal(
        attest->attestationData, std::min<size_t>(attest->size, sizeof(attest->attestationData)), &used, &parsed);
    const auto& quoted = parsed.attested.quote;
    if (rc != TSS2_RC_SUCCESS || parsed.type != TPM2_ST_ATTEST_QUOTE || selected(quoted.pcrSelect) != pcrs ||
        quoted.pcrDigest.size != 32)
        return Error{Errc::tpm_bad_response, "TPM2_Quote", rc};
    const auto& c = parsed.clockInfo;
    Quoted out{.blob = {},
               .pcr_digest = {},
               .clock = {.clock_ms = c.clock, .reset_count = c.resetCount, .restart_count = c.restartCount}};
    std::ranges::copy(view(32, quoted.pcrDigest.buffer), out.pcr_digest.begin());
    TRY(out.blob, to_blob(*attest, *signature));
    return out;
}

// TPM2_ReadClock takes no session, so anyone on the bus could forge its answer. A quote brings the clock and the PCR
// together, with the session's HMAC; the AK is in the endorsement hierarchy, so the counts in it are the true ones
// (Part 1, 36.7). Its qualifying data is too short to be an answer to anybody's challenge.
Result<EsysTpm::Quoted> EsysTpm::current_state() {
    TRY_STATUS(need_ak());
    return once_more([&] { return quote_pcrs(1U << options_.measurement_pcr, as_bytes(kOwnUse)); });
}

Result<Quotes> EsysTpm::quote(const Digest& qualifying_data) {
    TRY_STATUS(ready());
    TRY_STATUS(need_ak());
    for (int i = 0; i < kTries; ++i) {
        Quotes out;
        TRY(const Quoted main, once_more([&] { return quote_pcrs(kQuoted, qualifying_data); }));
        TRY(const Quoted pcr10, quote_pcrs(kPcr10, qualifying_data));
        TRY(const auto values, read_pcrs());
        if (digest_of(values, kQuoted) != main.pcr_digest || digest_of(values, kPcr10) != pcr10.pcr_digest) continue;
        out.main = main.blob;
        out.pcr10 = pcr10.blob;
        for (size_t pcr = 0; pcr < values.size(); ++pcr)
            out.pcrs.push_back({.pcr = static_cast<uint8_t>(pcr), .value = values[pcr]});
        return out;
    }
    return Error{Errc::unavailable, "PCRs change faster than they can be quoted", 0};
}

}  // namespace sealcall::tpm
