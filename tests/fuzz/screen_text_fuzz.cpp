// Text of others on its way to a terminal, and bytes from the keyboard: no control character leaves, nothing grows
// beyond its bound.
#include "host/ui/line.h"
#include "host/ui/screen.h"
#include "sealcall/base/check.h"
#include "sealcall/base/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace sealcall::ui;
    if (size < 2) return 0;
    const size_t columns = 1 + data[0] % 100;
    const Charset charset = data[1] % 2 != 0 ? Charset::unicode : Charset::ascii;
    const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
    const std::string shown = printable(text, charset);
    for (size_t at = 0; at < shown.size();) {
        const char32_t c = sealcall::next_code_point(shown, at);
        CHECK(c >= 0x20 && !(c >= 0x7F && c < 0xA0) && !(c >= 0x202A && c <= 0x202E));
        CHECK(charset == Charset::unicode || c < 0x7F);
    }
    CHECK(columns_of(cut(shown, columns, charset)) <= columns);
    for (const std::string& line : wrap(shown, columns)) CHECK(columns_of(line) <= std::max<size_t>(columns, 2));
    const std::string claim = says(text, columns + 10, charset);
    CHECK(claim.starts_with("says: \"") && claim.ends_with("\"") && columns_of(claim) <= columns + 10);
    CHECK(claim.find('"', 7) == claim.size() - 1);
    const Look look{.charset = charset, .columns = columns};
    CHECK(columns_of(paint({{std::string(text)}}, look)) <= columns);
    Screen screen;
    Phone phone;
    screen.keys(text, phone, 1);
    CHECK(screen.lines(phone, text, look, 10).size() <= 10);
    return 0;
}
