#include "pcrs_file.h"

#include <nlohmann/json.hpp>

#include "attestation/logs/little_reader.h"
#include "files.h"

namespace sealcall::cli {
namespace {

using nlohmann::json;

constexpr size_t kSelections = 16, kSelectionSize = 8, kDigests = 8, kDigestSize = 2 + 64;  // sizes of tpm2-tss
constexpr size_t kHeadSize = 4 + kSelections * kSelectionSize + 4, kListSize = 4 + kDigests * kDigestSize;

Status put(PcrTable& table, uint16_t bank, uint32_t pcr, ByteSpan value, uint32_t where) {
    if (pcr >= logs::kPcrCount) return Error{Errc::bad_value, "a PCR over 23", where};
    if (value.size() != logs::registered_digest_size(bank))
        return Error{Errc::bad_value, "a value that is not as long as a digest of its bank", where};
    if (!table[bank].emplace(pcr, logs::AnyDigest::of(value)).second)
        return Error{Errc::bad_value, "one PCR twice", where};
    return {};
}

std::string_view trimmed(std::string_view s) {
    while (!s.empty() && (s.front() == ' ' || s.front() == '\t' || s.front() == '"')) s.remove_prefix(1);
    while (!s.empty() && (s.back() == ' ' || s.back() == '\t' || s.back() == '\r' || s.back() == '"'))
        s.remove_suffix(1);
    return s;
}

std::optional<uint32_t> pcr_number(std::string_view s) {
    if (s.starts_with("PCR") || s.starts_with("pcr")) s = trimmed(s.substr(3));
    if (s.empty() || s.size() > 2) return {};
    uint32_t n = 0;
    for (char c : s) {
        if (c < '0' || c > '9') return {};
        n = n * 10 + static_cast<uint32_t>(c - '0');
    }
    return n;
}

std::optional<Bytes> value_of(std::string_view s) {
    s = trimmed(s);
    if (s.starts_with("0x") || s.starts_with("0X")) s.remove_prefix(2);
    std::string lower(s);
    for (char& c : lower)
        if (c >= 'A' && c <= 'F') c = static_cast<char>(c + 32);
    auto bytes = from_hex(lower);
    return bytes && !bytes->empty() ? bytes : std::nullopt;
}

Result<PcrTable> parse_text(std::string_view text) {
    PcrTable table;
    std::optional<uint16_t> bank;
    uint32_t number = 0;
    // tpm2_eventlog prints its events first, and they are not for us.
    if (const size_t at = text.find("\npcrs:\n"); at != std::string_view::npos) {
        number = static_cast<uint32_t>(std::ranges::count(text.substr(0, at + 7), '\n'));
        text.remove_prefix(at + 7);
    }
    while (!text.empty()) {
        const size_t end = text.find('\n');
        const std::string_view line = trimmed(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        ++number;
        if (line.empty() || line.front() == '#' || line == "pcrs:" || line == "---") continue;
        const size_t colon = line.find(':');
        if (colon == std::string_view::npos) return Error{Errc::bad_value, "a line without a colon", number};
        const std::string_view key = trimmed(line.substr(0, colon)), value = trimmed(line.substr(colon + 1));
        const auto pcr = pcr_number(key);
        if (!pcr && value.empty()) {
            bank = logs::algorithm_number(key);
            if (!bank) return Error{Errc::bad_value, "a bank that is not known", number};
            continue;
        }
        const auto bytes = value_of(value);
        if (!pcr || !bytes) return Error{Errc::bad_value, "a line that is not \"PCR: value\"", number};
        const auto in_bank = bank ? bank : logs::bank_of_size(bytes->size());
        if (!in_bank) return Error{Errc::bad_value, "a value that is no digest", number};
        TRY_STATUS(put(table, *in_bank, *pcr, *bytes, number));
    }
    return table;
}

Status put_json(PcrTable& table, std::string_view bank_name, const json& values) {
    const auto bank = logs::algorithm_number(bank_name);
    if (!bank || !values.is_object()) return Error{Errc::bad_value, "a bank that is not known", 0};
    for (const auto& [key, value] : values.items()) {
        const auto pcr = pcr_number(key);
        const auto bytes = value.is_string() ? value_of(value.get_ref<const std::string&>()) : std::nullopt;
        if (!pcr || !bytes) return Error{Errc::bad_value, "a value that is no digest", 0};
        TRY_STATUS(put(table, *bank, *pcr, *bytes, 0));
    }
    return {};
}

Result<PcrTable> parse_json(std::string_view text) {
    const json all = json::parse(text, nullptr, false);
    if (!all.is_object()) return Error{Errc::bad_value, "not a JSON object", 0};
    PcrTable table;
    const auto inner = [&]() -> const json& {
        for (const char* key : {"expected_pcrs", "pcrs"})
            if (const auto it = all.find(key); it != all.end()) return *it;
        return all;
    };
    const json& banks = inner();
    if (const auto bank = all.find("bank"); bank != all.end() && bank->is_string()) {
        TRY_STATUS(put_json(table, bank->get_ref<const std::string&>(), banks));
        return table;
    }
    if (!banks.is_object()) return Error{Errc::bad_value, "no banks", 0};
    for (const auto& [name, values] : banks.items()) TRY_STATUS(put_json(table, name, values));
    return table;
}

struct Selected {
    uint16_t bank;
    uint32_t pcr;
};

Result<std::vector<Selected>> read_selection(logs::LittleReader& r) {
    std::vector<Selected> out;
    TRY(const uint32_t count, r.u32());
    if (count > kSelections) return Error{Errc::bad_value, "more banks than fit", 0};
    for (uint32_t i = 0; i < kSelections; ++i) {
        TRY(const uint16_t bank, r.u16());
        TRY(const uint8_t size, r.u8());
        TRY(const ByteSpan select, r.bytes(4));
        TRY(const uint8_t gap, r.u8());  // alignment of the C structure
        static_cast<void>(gap);
        if (i >= count) continue;
        if (size > select.size()) return Error{Errc::bad_value, "a PCR selection that is too long", 0};
        for (uint32_t pcr = 0; pcr < size * 8U; ++pcr)
            if ((static_cast<unsigned>(select[pcr / 8]) >> (pcr % 8) & 1U) != 0) out.push_back({bank, pcr});
    }
    return out;
}

Result<PcrTable> parse_binary(ByteSpan in) {
    logs::LittleReader r(in);
    TRY(const auto selected, read_selection(r));
    TRY(const uint32_t lists, r.u32());
    if (lists != r.left() / kListSize) return Error{Errc::bad_value, "a wrong number of digest lists", 0};
    PcrTable table;
    size_t next = 0;
    for (uint32_t i = 0; i < lists; ++i) {
        TRY(const uint32_t count, r.u32());
        if (count > kDigests) return Error{Errc::bad_value, "more digests than fit", 0};
        for (uint32_t j = 0; j < kDigests; ++j) {
            TRY(const uint16_t size, r.u16());
            TRY(const ByteSpan buffer, r.bytes(kDigestSize - 2));
            if (j >= count) continue;
            if (size > buffer.size() || next == selected.size())
                return Error{Errc::bad_value, "digests that do not fit the selection", 0};
            TRY_STATUS(put(table, selected[next].bank, selected[next].pcr, buffer.first(size), 0));
            ++next;
        }
    }
    if (next != selected.size()) return Error{Errc::bad_value, "fewer digests than PCRs are selected", 0};
    return table;
}

Result<PcrTable> parse_any(ByteSpan in) {
    const std::string_view text = as_chars(in);
    if (text.find('\0') != std::string_view::npos) {
        if (in.size() < kHeadSize || (in.size() - kHeadSize) % kListSize != 0)
            return Error{Errc::bad_value, "binary, but not as tpm2_quote writes it", 0};
        return parse_binary(in);
    }
    const size_t first = text.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && text[first] == '{' ? parse_json(text) : parse_text(text);
}

}  // namespace

Result<PcrTable> parse_pcrs_file(ByteSpan in) {
    if (in.size() > kPcrsFileMax) return Error{Errc::too_large, "PCR file", 0};
    TRY(PcrTable table, parse_any(in));
    std::erase_if(table, [](const auto& bank) { return bank.second.empty(); });
    if (table.empty()) return Error{Errc::bad_value, "no PCR value in it", 0};
    return table;
}

}  // namespace sealcall::cli
