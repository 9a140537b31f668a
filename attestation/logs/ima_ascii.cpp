#include "attestation/logs/ima_fields.h"

namespace sealcall::logs {
namespace {

Error bad(uint32_t index, const char* what, Errc code = Errc::bad_value) { return {code, what, index}; }

constexpr std::array<int8_t, 256> make_digits() {
    std::array<int8_t, 256> out{};
    out.fill(-1);
    for (int i = 0; i < 10; ++i) out[static_cast<size_t>('0' + i)] = static_cast<int8_t>(i);
    for (int i = 0; i < 6; ++i) out[static_cast<size_t>('a' + i)] = static_cast<int8_t>(10 + i);
    return out;
}
constexpr std::array<int8_t, 256> kDigits = make_digits();

int digit(char c) { return kDigits[static_cast<unsigned char>(c)]; }

/// Lower-case pairs into `out`; false for anything else.
bool unhex(std::string_view text, std::byte* out) {
    if (text.size() % 2 != 0) return false;
    for (size_t i = 0; i < text.size(); i += 2) {
        const int high = digit(text[i]), low = digit(text[i + 1]);
        if (high < 0 || low < 0) return false;
        out[i / 2] = static_cast<std::byte>(high << 4 | low);
    }
    return true;
}

/// Cuts the next word off; words are separated by one blank. The kernel writes two before an empty last field.
std::string_view next_word(std::string_view& line) {
    const size_t end = line.find(' ');
    const std::string_view word = line.substr(0, end);
    line = end == std::string_view::npos ? std::string_view{} : line.substr(end + 1);
    return word;
}

/// Builds template data again from the words of a line: what the kernel hashed. The buffer is used for each line anew.
class Builder {
  public:
    void begin() { at_ = 0; }
    /// Room for `n` bytes of a field; its length goes before it when it is ended.
    void begin_field() {
        start_ = at_;
        at_ += 4;
        grow();
    }
    void put(std::string_view text) {
        const size_t from = at_;
        at_ += text.size();
        grow();
        std::ranges::copy(as_bytes(text), buffer_.begin() + static_cast<std::ptrdiff_t>(from));
    }
    void put_nul() {
        ++at_;
        grow();
        buffer_[at_ - 1] = std::byte{0};
    }
    bool put_hex(std::string_view text) {
        const size_t from = at_;
        at_ += text.size() / 2;
        grow();
        return unhex(text, buffer_.data() + from);
    }
    void end_field() {
        const size_t size = at_ - start_ - 4;
        for (size_t i = 0; i < 4; ++i) buffer_[start_ + i] = static_cast<std::byte>(size >> (8 * i));
    }
    [[nodiscard]] ByteSpan view() const { return ByteSpan(buffer_).first(at_); }

  private:
    void grow() {
        if (buffer_.size() < at_) buffer_.resize(2 * at_ + 256);
    }
    Bytes buffer_;
    size_t at_ = 0, start_ = 0;
};

/// Template "ima": hash 20 and the name padded to 256 bytes, without lengths.
Status build_old(std::string_view digest, std::string_view name, ImaEntry& e, Builder& b) {
    constexpr size_t kOldNameSize = 256;
    if (digest.size() != 40 || name.empty() || name.size() >= kOldNameSize)
        return bad(e.index, "entry of template ima");
    if (!b.put_hex(digest)) return bad(e.index, "file hash");
    b.put(name);
    for (size_t i = name.size(); i < kOldNameSize; ++i) b.put_nul();
    e.data = b.view();
    e.file_hash = e.data.first(20);
    e.name = as_chars(e.data.subspan(20, name.size()));
    return {};
}

/// The last field of ima-sig and ima-buf stands behind the name, and a name may hold blanks: the last word is it when
/// it is hexadecimal. ima-sig leaves it out for files without signature, but not its blank.
std::string_view cut_extra(ImaTemplate form, std::string_view& rest) {
    if (form != ImaTemplate::ima_sig && form != ImaTemplate::ima_buf && form != ImaTemplate::ima_sigv2) return {};
    const size_t blank = rest.rfind(' ');
    if (blank == std::string_view::npos) return {};
    const std::string_view last = rest.substr(blank + 1);
    if (last.size() % 2 != 0 || !std::ranges::all_of(last, [](char c) { return digit(c) >= 0; })) return {};
    rest = rest.substr(0, blank);
    return last;
}

Status build_fields(std::string_view digest, std::string_view rest, ImaEntry& e, Builder& b) {
    const std::string_view extra = cut_extra(e.form, rest);
    const size_t colon = digest.rfind(':');
    if (colon == std::string_view::npos) return bad(e.index, "digest field");
    b.begin_field();
    b.put(digest.substr(0, colon + 1));
    b.put_nul();
    if (!b.put_hex(digest.substr(colon + 1))) return bad(e.index, "file hash");
    b.end_field();
    b.begin_field();
    b.put(rest);
    b.put_nul();
    b.end_field();
    if (e.form == ImaTemplate::ima_sig || e.form == ImaTemplate::ima_buf || e.form == ImaTemplate::ima_sigv2) {
        b.begin_field();
        if (!b.put_hex(extra)) return bad(e.index, "last field");
        b.end_field();
    }
    e.data = b.view();
    return read_fields(e);
}

Status read_line(std::string_view line, ImaEntry& e, Builder& b) {
    while (!line.empty() && line.front() == ' ') line.remove_prefix(1);  // the kernel writes the PCR as %2d
    const std::string_view pcr = next_word(line), hash = next_word(line), form = next_word(line);
    if (pcr.empty() || pcr.size() > 2 || digit(pcr.front()) < 0 || digit(pcr.front()) > 9 || digit(pcr.back()) < 0 ||
        digit(pcr.back()) > 9)
        return bad(e.index, "PCR number");
    e.pcr = static_cast<uint32_t>(pcr.size() == 2 ? digit(pcr[0]) * 10 + digit(pcr[1]) : digit(pcr[0]));
    if (e.pcr >= 24) return bad(e.index, "PCR over 23");
    if (hash.size() != 40 || !unhex(hash, e.template_hash.data())) return bad(e.index, "template hash");
    const auto known = template_of(form);
    if (!known) return bad(e.index, "a template that is not known");
    e.form = *known;
    const std::string_view digest = next_word(line);
    b.begin();
    return *known == ImaTemplate::ima ? build_old(digest, line, e, b) : build_fields(digest, line, e, b);
}

}  // namespace

Status visit_ima_ascii(ByteSpan list, const ImaVisitor& visit) {
    if (list.size() > kImaListMax) return Error{Errc::too_large, "IMA list", 0};
    std::string_view text = as_chars(list);
    Builder builder;
    for (uint32_t index = 0; !text.empty(); ++index) {
        if (index == kImaEntriesMax) return bad(index, "too many entries", Errc::too_large);
        const size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        if (line.size() > 2 * kImaFieldsMax) return bad(index, "line", Errc::too_large);
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        ImaEntry e;
        e.index = index;
        TRY_STATUS(read_line(line, e, builder));
        if (!visit(e)) return {};
    }
    return {};
}

}  // namespace sealcall::logs
