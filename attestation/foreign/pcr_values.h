// PCR values as other tools write them to files. For tools; trusts nothing. Limits: 64 KiB a file, 24 PCRs a bank, the
// four hashes of tpm_files.h.
#pragma once

#include <map>

#include "attestation/foreign/tpm_files.h"

namespace sealcall::attestation::foreign {

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

/// The table that `tpm2_pcrread` prints ("sha256:" and lines "0 : 0xAB..."). Errors: bad_value (detail: the line),
/// too_large, not_canonical (a PCR stands twice).
Result<PcrFile> parse_pcr_yaml(std::string_view text);

/// {"sha256": {"0": "ab..", ...}, ...}, or that as member "pcrs"; or {"bank": "sha256", "pcrs": {"0": "ab..", ...}}.
/// Errors: as parse_bounded_json, bad_value.
Result<PcrFile> parse_pcr_json(std::string_view text);

/// Values one after the other in the order of `selection` (`tpm2_quote --pcrs_format values`, `tpm2_pcrread -o`).
/// Errors: bad_value when the length does not fit.
Result<PcrFile> parse_pcr_concatenation(ByteSpan file, const std::vector<PcrSelection>& selection);

/// Any of the four, by its looks; `selection` is that of the quote.
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
