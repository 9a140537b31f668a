// PCR values as other tools write them to files. The values are somebody's word: compared with a quote or a replay they
// say whether the two agree, no more. For tools; trusts nothing. Limits: 256 KiB a file, 24 PCRs a bank, the registered
// hashes of logs/algorithms.h.
#pragma once

#include <map>

#include "attestation/foreign/tpm_files.h"

namespace sealcall::attestation::foreign {

inline constexpr size_t kPcrFileMax = 256 * 1024;  ///< bytes; tpm2_eventlog prints its events before the values

using PcrBank = std::map<uint8_t, Bytes>;      ///< PCR index -> value, of the bank's length
using PcrBanks = std::map<uint16_t, PcrBank>;  ///< TPM hash algorithm -> bank

struct PcrFile {
    PcrBanks banks;
    /// What the file itself says was selected, in its order; empty for tables, which may hold more than was quoted.
    std::vector<PcrSelection> selection;
};

/// `tpm2_quote --pcr` and keylime's third part: the memory of TPML_PCR_SELECTION (132 bytes), a count, and so many
/// TPML_DIGEST (532 bytes each), little-endian. Bytes that carry nothing must be zero. Errors: truncated,
/// trailing_bytes, too_large, not_canonical, bad_value.
Result<PcrFile> parse_pcr_blob(ByteSpan file);
Bytes encode_pcr_blob(const PcrFile& file);

/// What `tpm2_pcrread` prints ("sha256:" and lines "0 : 0xAB..."), and tpm2_eventlog from its line "pcrs:" on; or plain
/// lines "7: 65ca..." or "PCR 7: 65ca...", where the number of digits tells the bank. Errors: bad_value (detail: the
/// line), too_large, not_canonical (a PCR stands twice).
Result<PcrFile> parse_pcr_yaml(std::string_view text);

/// {"sha256": {"0": "ab..", ...}, ...}, or that as member "pcrs" or "expected_pcrs", what stands beside it not looked
/// at; or {"bank": "sha256", "pcrs": {"0": "ab..", ...}}. Errors: as parse_bounded_json, bad_value.
Result<PcrFile> parse_pcr_json(std::string_view text);

/// Values one after the other in the order of `selection` (`tpm2_quote --pcrs_format values`, `tpm2_pcrread -o`).
/// Errors: bad_value when the length does not fit.
Result<PcrFile> parse_pcr_concatenation(ByteSpan file, const std::vector<PcrSelection>& selection);

/// Any of the four, by its looks; `selection` is that of the quote, empty where there is none. Error also: bad_value
/// when there is no value in it.
Result<PcrFile> read_pcr_file(ByteSpan file, const std::vector<PcrSelection>& selection);

/// H(the values in the order of `selection`) by `hash`, as a TPM makes pcrDigest (Part 3, 18.4). Error: not_found when
/// a selected PCR has no value, detail = its index.
Result<Bytes> pcr_digest(const PcrBanks& banks, const std::vector<PcrSelection>& selection, uint16_t hash);

/// keylime's quote: "r" base64(TPMS_ATTEST) ":" base64(TPMT_SIGNATURE) ":" base64(PCR blob).
struct KeylimeQuote {
    Bytes attest, signature, pcrs;
    bool operator==(const KeylimeQuote&) const = default;
};
Result<KeylimeQuote> parse_keylime_quote(std::string_view text);
std::string encode_keylime_quote(const KeylimeQuote& quote);

}  // namespace sealcall::attestation::foreign
