#include "attestation/foreign/pcr_values.h"

#include <charconv>

#include "attestation/bounded_json.h"
#include "attestation/logs/algorithms.h"
#include "sealcall/base/hex.h"

namespace sealcall::attestation::foreign {

namespace {

constexpr size_t kSelectionMemory = 132, kDigestListMemory = 532, kSelectionsMax = 16, kDigestsPerList = 8,
                 kDigestBuffer = 64;
constexpr size_t kDigestListsMax = 32;
constexpr unsigned kPcrs = 24;
// Other members may stand beside the banks.
constexpr JsonBounds kJson{.bytes = kPcrFileMax, .depth = 8, .values = 8192};

/// Little-endian memory of a C structure.
class MemoryReader {
  public:
    explicit MemoryReader(ByteSpan in) : r_(in) {}
    Result<uint16_t> u16() {
        TRY(uint16_t v, r_.u16());
        return static_cast<uint16_t>(v >> 8 | v << 8);
    }
    Result<uint32_t> u32() {
        TRY(uint16_t low, u16());
        TRY(uint16_t high, u16());
        return static_cast<uint32_t>(high) << 16 | low;
    }
    Result<uint8_t> u8() { return r_.u8(); }
    Result<ByteSpan> bytes(size_t n) { return r_.bytes(n); }
    Status zeros(size_t n) {
        TRY(ByteSpan b, r_.bytes(n));
        if (!std::ranges::all_of(b, [](std::byte x) { return x == std::byte{0}; }))
            return Error{Errc::not_canonical, "bytes that carry nothing are not zero", 0};
        return {};
    }
    Status finish() const { return r_.finish(); }

  private:
    ByteReader r_;
};

class MemoryWriter {
  public:
    void u16(uint16_t v) { w_.u16(static_cast<uint16_t>(v >> 8 | v << 8)); }
    void u32(uint32_t v) {
        u16(static_cast<uint16_t>(v));
        u16(static_cast<uint16_t>(v >> 16));
    }
    void u8(uint8_t v) { w_.u8(v); }
    void bytes(ByteSpan b) { w_.bytes(b); }
    void zeros(size_t n) { w_.bytes(Bytes(n)); }
    Bytes take() { return w_.take(); }

  private:
    ByteWriter w_;
};

Result<std::vector<PcrSelection>> read_selection_memory(MemoryReader& r) {
    TRY(uint32_t count, r.u32());
    if (count > kSelectionsMax) return Error{Errc::too_large, "PCR selections", count};
    std::vector<PcrSelection> out;
    for (uint32_t i = 0; i < count; ++i) {
        PcrSelection s;
        TRY(s.hash, r.u16());
        TRY(uint8_t size, r.u8());
        if (size > 4) return Error{Errc::too_large, "sizeofSelect", size};
        for (unsigned k = 0; k < 4; ++k) {
            TRY(uint8_t bits, r.u8());
            if (k >= size && bits != 0) return Error{Errc::not_canonical, "select bits beyond their size", bits};
            s.pcrs |= static_cast<uint32_t>(bits) << (8 * k);
        }
        TRY_STATUS(r.zeros(1));
        if (logs::registered_digest_size(s.hash) == 0) return Error{Errc::bad_value, "bank", s.hash};
        if (s.pcrs >> kPcrs != 0) return Error{Errc::bad_value, "PCR index", s.pcrs};
        out.push_back(s);
    }
    TRY_STATUS(r.zeros((kSelectionsMax - count) * 8));
    return out;
}

Result<std::vector<Bytes>> read_digest_memory(MemoryReader& r) {
    TRY(uint32_t lists, r.u32());
    if (lists > kDigestListsMax) return Error{Errc::too_large, "digest lists", lists};
    std::vector<Bytes> out;
    for (uint32_t i = 0; i < lists; ++i) {
        TRY(uint32_t count, r.u32());
        if (count > kDigestsPerList) return Error{Errc::too_large, "digests", count};
        for (uint32_t k = 0; k < count; ++k) {
            TRY(uint16_t size, r.u16());
            if (size > kDigestBuffer) return Error{Errc::too_large, "digest", size};
            TRY(ByteSpan value, r.bytes(size));
            TRY_STATUS(r.zeros(kDigestBuffer - size));
            out.push_back(to_bytes(value));
        }
        TRY_STATUS(r.zeros((kDigestsPerList - count) * (2 + kDigestBuffer)));
    }
    TRY_STATUS(r.finish());
    return out;
}

Status put(PcrBanks& banks, uint16_t hash, unsigned pcr, ByteSpan value) {
    if (pcr >= kPcrs) return Error{Errc::bad_value, "PCR index", pcr};
    if (value.size() != logs::registered_digest_size(hash)) return Error{Errc::bad_value, "length of a PCR value", pcr};
    if (!banks[hash].emplace(static_cast<uint8_t>(pcr), to_bytes(value)).second)
        return Error{Errc::not_canonical, "a PCR stands twice", pcr};
    return {};
}

std::optional<Bytes> from_hex(std::string_view text) {
    if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
    if (text.empty() || text.size() % 2 != 0 || text.size() > 2 * kDigestBuffer) return std::nullopt;
    Bytes out;
    for (size_t i = 0; i < text.size(); i += 2) {
        uint8_t v = 0;
        const auto [end, code] = std::from_chars(text.data() + i, text.data() + i + 2, v, 16);
        if (code != std::errc() || end != text.data() + i + 2) return std::nullopt;
        out.push_back(static_cast<std::byte>(v));
    }
    return out;
}

std::string_view trimmed(std::string_view s) {
    constexpr const char* kEdges = " \t\r\n\"";  // tpm2_eventlog quotes its values
    const size_t first = s.find_first_not_of(kEdges);
    if (first == std::string_view::npos) return {};
    return s.substr(first, s.find_last_not_of(kEdges) - first + 1);
}

std::optional<unsigned> pcr_index(std::string_view text) {
    if (text.starts_with("PCR") || text.starts_with("pcr")) text = trimmed(text.substr(3));
    unsigned v = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), v);
    if (code != std::errc() || end != text.data() + text.size() || v >= kPcrs || text.size() > 2) return std::nullopt;
    return v;
}

Status read_json_bank(PcrBanks& banks, std::string_view bank_name, const nlohmann::json& bank) {
    const auto hash = logs::algorithm_number(bank_name);
    if (!hash || !bank.is_object()) return Error{Errc::bad_value, "bank of PCRs", 0};
    for (const auto& [name, value] : bank.items()) {
        const auto index = pcr_index(name);
        const auto bytes = value.is_string() ? from_hex(value.get_ref<const std::string&>()) : std::nullopt;
        if (!index || !bytes) return Error{Errc::bad_value, "PCR value", index.value_or(0)};
        TRY_STATUS(put(banks, *hash, *index, *bytes));
    }
    return {};
}

std::string base64(ByteSpan in) {
    std::string out(4 * ((in.size() + 2) / 3) + 1, '\0');
    const int n =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), as_u8(in.data()), static_cast<int>(in.size()));
    out.resize(static_cast<size_t>(n));
    return out;
}

Result<Bytes> from_base64(std::string_view text) {
    Bytes out(text.size());
    const int n = text.size() % 4 == 0
                      ? EVP_DecodeBlock(as_u8(out.data()), as_u8(as_bytes(text).data()), static_cast<int>(text.size()))
                      : -1;
    if (n < 0) return Error{Errc::bad_value, "base64", 0};
    const size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
    out.resize(static_cast<size_t>(n) - std::min(padding, static_cast<size_t>(n)));
    if (base64(out) != text) return Error{Errc::not_canonical, "base64", 0};
    return out;
}

}  // namespace

Result<PcrFile> parse_pcr_blob(ByteSpan file) {
    if (file.size() > kPcrFileMax) return Error{Errc::too_large, "PCR file", static_cast<uint32_t>(file.size())};
    MemoryReader r(file);
    PcrFile out;
    TRY(out.selection, read_selection_memory(r));
    TRY(auto values, read_digest_memory(r));
    size_t at = 0;
    for (const auto& s : out.selection)
        for (unsigned pcr = 0; pcr < kPcrs; ++pcr) {
            if ((s.pcrs >> pcr & 1) == 0) continue;
            if (at == values.size()) return Error{Errc::bad_value, "fewer values than selected PCRs", pcr};
            TRY_STATUS(put(out.banks, s.hash, pcr, values[at++]));
        }
    if (at != values.size()) return Error{Errc::bad_value, "more values than selected PCRs", 0};
    return out;
}

Bytes encode_pcr_blob(const PcrFile& file) {
    MemoryWriter w;
    std::vector<Bytes> values;
    CHECK(file.selection.size() <= kSelectionsMax);
    w.u32(static_cast<uint32_t>(file.selection.size()));
    for (const auto& s : file.selection) {
        w.u16(s.hash);
        w.u8(3);
        for (unsigned k = 0; k < 4; ++k) w.u8(static_cast<uint8_t>(s.pcrs >> (8 * k)));
        w.zeros(1);
        for (unsigned pcr = 0; pcr < kPcrs; ++pcr)
            if ((s.pcrs >> pcr & 1) != 0) values.push_back(file.banks.at(s.hash).at(static_cast<uint8_t>(pcr)));
    }
    w.zeros((kSelectionsMax - file.selection.size()) * 8);
    const size_t lists = (values.size() + kDigestsPerList - 1) / kDigestsPerList;
    w.u32(static_cast<uint32_t>(lists));
    for (size_t i = 0; i < lists; ++i) {
        const size_t count = std::min(kDigestsPerList, values.size() - i * kDigestsPerList);
        w.u32(static_cast<uint32_t>(count));
        for (size_t k = 0; k < count; ++k) {
            const Bytes& value = values[i * kDigestsPerList + k];
            w.u16(static_cast<uint16_t>(value.size()));
            w.bytes(value);
            w.zeros(kDigestBuffer - value.size());
        }
        w.zeros((kDigestsPerList - count) * (2 + kDigestBuffer));
    }
    return w.take();
}

Result<PcrFile> parse_pcr_yaml(std::string_view text) {
    if (text.size() > kPcrFileMax) return Error{Errc::too_large, "PCR file", static_cast<uint32_t>(text.size())};
    PcrFile out;
    std::optional<uint16_t> bank;
    uint32_t line = 1;
    // tpm2_eventlog prints its events first, and they are not for us.
    if (const size_t at = text.find("\npcrs:\n"); at != std::string_view::npos) {
        line += static_cast<uint32_t>(std::ranges::count(text.substr(0, at + 1), '\n'));
        text.remove_prefix(at + 1);
    }
    for (; !text.empty(); ++line) {
        const size_t end = std::min(text.find('\n'), text.size());
        const std::string_view row = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (row.empty() || row.starts_with('#') || row == "pcrs:" || row == "---") continue;
        const size_t colon = row.find(':');
        if (colon == std::string_view::npos) return Error{Errc::bad_value, "line of a PCR table", line};
        const std::string_view name = trimmed(row.substr(0, colon)), value = trimmed(row.substr(colon + 1));
        const auto index = pcr_index(name);
        if (!index && value.empty()) {
            bank = logs::algorithm_number(name);
            if (!bank) return Error{Errc::bad_value, "bank of PCRs", line};
            continue;
        }
        const auto bytes = from_hex(value);
        if (!index || !bytes) return Error{Errc::bad_value, "line of a PCR table", line};
        const auto in_bank = bank ? bank : logs::bank_of_size(bytes->size());
        if (!in_bank) return Error{Errc::bad_value, "a value that is no digest", line};
        TRY_STATUS(put(out.banks, *in_bank, *index, *bytes));
    }
    if (out.banks.empty()) return Error{Errc::bad_value, "no PCR in this table", 0};
    return out;
}

Result<PcrFile> parse_pcr_json(std::string_view text) {
    TRY(nlohmann::json root, parse_bounded_json(text, kJson));
    if (!root.is_object()) return Error{Errc::bad_value, "no object", 0};
    const char* member = root.contains("expected_pcrs") ? "expected_pcrs" : "pcrs";
    const nlohmann::json& pcrs = root.contains(member) ? root.at(member) : root;
    PcrFile out;
    if (root.contains("bank")) {
        const auto& name = root.at("bank");
        TRY_STATUS(read_json_bank(out.banks, name.is_string() ? name.get<std::string>() : std::string(), pcrs));
    } else {
        if (!pcrs.is_object()) return Error{Errc::bad_value, "no object", 0};
        for (const auto& [name, bank] : pcrs.items()) TRY_STATUS(read_json_bank(out.banks, name, bank));
    }
    if (out.banks.empty()) return Error{Errc::bad_value, "no PCR in this table", 0};
    return out;
}

Result<PcrFile> parse_pcr_concatenation(ByteSpan file, const std::vector<PcrSelection>& selection) {
    ByteReader r(file);
    PcrFile out;
    for (const auto& s : selection)
        for (unsigned pcr = 0; pcr < kPcrs; ++pcr) {
            if ((s.pcrs >> pcr & 1) == 0) continue;
            TRY(ByteSpan value, r.bytes(logs::registered_digest_size(s.hash)));
            TRY_STATUS(put(out.banks, s.hash, pcr, value));
        }
    TRY_STATUS(r.finish());
    return out;
}

namespace {

Result<PcrFile> read_any_form(ByteSpan file, const std::vector<PcrSelection>& selection) {
    // Only the first form has such a length and begins with a small little-endian count.
    if (file.size() >= kSelectionMemory + 4 && (file.size() - kSelectionMemory - 4) % kDigestListMemory == 0)
        if (auto blob = parse_pcr_blob(file)) return blob;
    const std::string_view text = trimmed(as_chars(file));
    if (text.starts_with('{')) return parse_pcr_json(text);
    if (auto values = parse_pcr_concatenation(file, selection)) return values;
    const bool is_text = !file.empty() && std::ranges::find(file, std::byte{0}) == file.end();
    return is_text ? parse_pcr_yaml(as_chars(file)) : parse_pcr_blob(file);
}

}  // namespace

Result<PcrFile> read_pcr_file(ByteSpan file, const std::vector<PcrSelection>& selection) {
    if (file.empty()) return Error{Errc::truncated, "PCR file", 0};
    if (file.size() > kPcrFileMax) return Error{Errc::too_large, "PCR file", static_cast<uint32_t>(file.size())};
    TRY(PcrFile out, read_any_form(file, selection));
    if (out.banks.empty()) return Error{Errc::bad_value, "no PCR value in it", 0};
    return out;
}

Result<Bytes> pcr_digest(const PcrBanks& banks, const std::vector<PcrSelection>& selection, uint16_t hash) {
    ByteWriter all;
    for (const auto& s : selection)
        for (unsigned pcr = 0; pcr < 32; ++pcr) {
            if ((s.pcrs >> pcr & 1) == 0) continue;
            const auto bank = banks.find(s.hash);
            if (bank == banks.end()) return Error{Errc::not_found, "PCR value", pcr};
            const auto value = bank->second.find(static_cast<uint8_t>(pcr));
            if (value == bank->second.end()) return Error{Errc::not_found, "PCR value", pcr};
            all.bytes(value->second);
        }
    return digest_by(hash, all.view());
}

Result<KeylimeQuote> parse_keylime_quote(std::string_view text) {
    while (text.ends_with('\n')) text.remove_suffix(1);
    if (text.size() > 2 * kTpmFileMax) return Error{Errc::too_large, "quote", static_cast<uint32_t>(text.size())};
    const size_t first = text.find(':');
    const size_t second = first == std::string_view::npos ? first : text.find(':', first + 1);
    if (!text.starts_with('r') || second == std::string_view::npos) return Error{Errc::bad_value, "keylime quote", 0};
    KeylimeQuote out;
    TRY(out.attest, from_base64(text.substr(1, first - 1)));
    TRY(out.signature, from_base64(text.substr(first + 1, second - first - 1)));
    TRY(out.pcrs, from_base64(text.substr(second + 1)));
    return out;
}

std::string encode_keylime_quote(const KeylimeQuote& quote) {
    return "r" + base64(quote.attest) + ":" + base64(quote.signature) + ":" + base64(quote.pcrs);
}

}  // namespace sealcall::attestation::foreign
