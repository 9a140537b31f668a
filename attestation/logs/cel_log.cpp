#include "attestation/logs/cel_log.h"

#include "attestation/logs/event_data.h"

namespace sealcall::logs {
namespace {

constexpr uint8_t kRecnum = 0, kPcr = 1, kNvIndex = 2, kDigests = 3, kManagement = 4, kPcClient = 5, kImaTemplate = 7,
                  kCos = 0x50, kRuntimeRegister = 0x6c;

struct Element {
    uint8_t tag = 0;
    ByteSpan value;
    ByteSpan whole;  ///< tag and length included
};

Error bad(const char* what, size_t record, Errc code = Errc::bad_value) {
    return {code, what, static_cast<uint32_t>(record)};
}

Result<Element> read_element(ByteReader& r, ByteSpan in, size_t record) {
    const size_t from = r.offset();
    const auto tag = r.u8();
    const auto length = r.u32();
    if (!tag || !length || *length > r.left()) return bad("an element is longer than the log", record, Errc::truncated);
    TRY(const ByteSpan value, r.bytes(*length));
    return Element{.tag = *tag, .value = value, .whole = in.subspan(from, r.offset() - from)};
}

Result<uint64_t> number_in(ByteSpan value, size_t record) {
    if (value.empty() || value.size() > 8) return bad("a number of a wrong size", record);
    uint64_t out = 0;
    for (std::byte b : value) out = out << 8 | static_cast<uint64_t>(b);
    return out;
}

Status read_register(const Element& e, CelEvent& out, size_t record) {
    TRY(const uint64_t index, number_in(e.value, record));
    if (index > UINT32_MAX) return bad("register", record);
    out.index = static_cast<uint32_t>(index);
    switch (e.tag) {
        case kPcr:
            out.kind = CelRegister::pcr;
            return out.index < kPcrCount ? Status{} : bad("PCR over 23", record);
        case kNvIndex:
            out.kind = CelRegister::nv_index;
            return {};
        case kRuntimeRegister:
            out.kind = CelRegister::runtime_register;
            return {};
        default:
            return bad("a register that is not known", record);
    }
}

Status read_digests(ByteSpan in, CelEvent& out, size_t record) {
    ByteReader r(in);
    while (!r.done()) {
        if (out.digests.size() == kBankMax) return bad("too many digests", record, Errc::too_large);
        TRY(const Element e, read_element(r, in, record));
        const size_t size = registered_digest_size(e.tag);
        if (size == 0 || e.value.size() != size) return bad("digest", record);
        if (!out.digest_of(e.tag).empty()) return bad("two digests of one algorithm", record);
        out.digests.emplace_back(e.tag, AnyDigest::of(e.value));
    }
    return out.digests.empty() ? bad("no digest", record) : Status{};
}

/// The two parts of pcclient_std and ima_template.
Result<std::pair<ByteSpan, ByteSpan>> read_two(ByteSpan in, size_t record) {
    ByteReader r(in);
    TRY(const Element first, read_element(r, in, record));
    TRY(const Element second, read_element(r, in, record));
    if (first.tag != 0 || second.tag != 1 || !r.done()) return bad("content", record);
    return std::pair{first.value, second.value};
}

const char* cos_kind(uint8_t tag) {
    static constexpr const char* kKinds[] = {
        "image",    "image digest",      "restart policy",    "image id",        "argument",
        "variable", "override argument", "override variable", "launch separator"};
    return tag < std::size(kKinds) ? kKinds[tag] : "";
}

Status read_content(const Element& e, CelEvent& out, size_t record) {
    switch (e.tag) {
        case kManagement:
            out.content_type = "cel";
            break;
        case kPcClient: {
            TRY(const auto parts, read_two(e.value, record));
            TRY(const uint64_t type, number_in(parts.first, record));
            out.content_type = "pcclient_std";
            out.type = static_cast<uint32_t>(type);
            out.preimage = to_bytes(parts.second);
            out.text = any_text(parts.second);
            return {};
        }
        case kImaTemplate: {
            TRY(const auto parts, read_two(e.value, record));
            out.content_type = "ima_template";
            out.preimage = to_bytes(parts.second);
            out.text = ascii_text(parts.first);
            return {};
        }
        case kCos: {
            ByteReader r(e.value);
            TRY(const Element inner, read_element(r, e.value, record));
            out.content_type = "cos";
            out.text = cos_kind(inner.tag) + std::string(": ") + ascii_text(inner.value);
            break;
        }
        default: {
            char name[8];
            std::snprintf(name, sizeof name, "0x%02x", e.tag);
            out.content_type = name;
            break;
        }
    }
    out.preimage = to_bytes(e.whole);
    return {};
}

Result<CelEvent> read_record(ByteReader& r, ByteSpan in, size_t record) {
    CelEvent out;
    TRY(const Element number, read_element(r, in, record));
    if (number.tag != kRecnum) return bad("a record without its number", record);
    TRY(out.number, number_in(number.value, record));
    TRY(const Element place, read_element(r, in, record));
    TRY_STATUS(read_register(place, out, record));
    TRY(const Element digests, read_element(r, in, record));
    if (digests.tag != kDigests) return bad("a record without digests", record);
    TRY_STATUS(read_digests(digests.value, out, record));
    TRY(const Element content, read_element(r, in, record));
    TRY_STATUS(read_content(content, out, record));
    return out;
}

}  // namespace

ByteSpan CelEvent::digest_of(uint16_t algorithm) const {
    for (const auto& [number_, digest] : digests)
        if (number_ == algorithm) return digest.view();
    return {};
}

bool CelEvent::proven(Hasher& hasher) const {
    const ByteSpan digest = digest_of(hasher.algorithm());
    return !digest.empty() && !preimage.empty() && equal_bytes(hasher.hash(preimage).view(), digest);
}

std::vector<LogAlgorithm> CelLog::algorithms() const {
    std::vector<LogAlgorithm> out;
    if (events.empty()) return out;
    for (const auto& [number, digest] : events.front().digests) out.push_back({number, digest.size});
    return out;
}

Result<CelLog> parse_cel_tlv(ByteSpan in) {
    if (in.size() > kCelLogMax) return Error{Errc::too_large, "canonical event log", 0};
    CelLog log;
    ByteReader r(in);
    while (!r.done()) {
        const size_t record = log.events.size();
        if (record == kCelEventsMax) return bad("too many records", record, Errc::too_large);
        TRY(CelEvent event, read_record(r, in, record));
        if (record > 0 && event.number != log.events.back().number + 1)
            return bad("record numbers do not rise", record);
        log.events.push_back(std::move(event));
    }
    return log;
}

void extend_banks(const CelLog& log, std::vector<BankReplay>& banks) {
    for (BankReplay& bank : banks) {
        Hasher hasher(bank.algorithm);
        for (const CelEvent& e : log.events) {
            if (e.kind != CelRegister::pcr || !e.extends()) continue;
            PcrValue& pcr = bank.pcrs[e.index];
            const ByteSpan digest = e.digest_of(bank.algorithm);
            if (digest.empty()) {
                pcr.complete = false;
                continue;
            }
            ++pcr.events;
            hasher.extend(pcr.value.bytes.data(), digest);
        }
    }
}

Result<Bytes> to_event_log(const CelLog& log) {
    const auto algorithms = log.algorithms();
    std::vector<NewEvent> events;
    for (const CelEvent& e : log.events) {
        if (e.kind != CelRegister::pcr) continue;
        NewEvent out{.pcr = e.index, .type = e.type.value_or(event_type::kEventTag), .digests = {}, .data = e.preimage};
        for (const LogAlgorithm& a : algorithms) {
            const ByteSpan digest = e.digest_of(a.number);
            if (digest.empty() || e.digests.size() != algorithms.size())
                return Error{Errc::bad_value, "records of different algorithms", static_cast<uint32_t>(e.number)};
            out.digests.push_back(AnyDigest::of(digest));
        }
        events.push_back(std::move(out));
    }
    return encode_event_log(algorithms, events);
}

}  // namespace sealcall::logs
