#include "host/ui/json_read.h"

#include <algorithm>

#include "host/ui/json_write.h"
#include "host/ui/text.h"

namespace sealcall::ui {
namespace {

/// A cursor over one line; every read is checked.
class Reader {
  public:
    explicit Reader(std::string_view in) : in_(in) {}

    Status finish() {
        skip_space();
        return at_ == in_.size() ? Status{} : syntax("bytes after the request");
    }
    bool peek(char c) {
        skip_space();
        return at_ < in_.size() && in_[at_] == c;
    }
    bool take(char c) {
        if (!peek(c)) return false;
        ++at_;
        return true;
    }
    Status expect(char c) { return take(c) ? Status{} : syntax("another character expected"); }
    Result<std::string> string();
    Result<RpcScalar> scalar();
    [[nodiscard]] Error syntax(const char* what) const {
        return Error{at_ >= in_.size() ? Errc::truncated : Errc::not_canonical, what, static_cast<uint32_t>(at_)};
    }

  private:
    void skip_space() {
        while (at_ < in_.size() && (in_[at_] == ' ' || in_[at_] == '\t' || in_[at_] == '\r' || in_[at_] == '\n')) ++at_;
    }
    bool word(std::string_view w) {
        if (in_.substr(at_, w.size()) != w) return false;
        at_ += w.size();
        return true;
    }
    Result<uint32_t> hex4();
    Result<char32_t> escape();
    Result<RpcScalar> number();

    std::string_view in_;
    size_t at_ = 0;
};

Result<uint32_t> Reader::hex4() {
    uint32_t v = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
        if (at_ >= in_.size()) return syntax("escape");
        const char c = in_[at_];
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0) return syntax("escape");
        v = v << 4 | static_cast<uint32_t>(digit);
    }
    return v;
}

/// Behind the backslash.
Result<char32_t> Reader::escape() {
    if (at_ >= in_.size()) return syntax("escape");
    switch (in_[at_++]) {
        case '"':
            return U'"';
        case '\\':
            return U'\\';
        case '/':
            return U'/';
        case 'b':
            return U'\b';
        case 'f':
            return U'\f';
        case 'n':
            return U'\n';
        case 'r':
            return U'\r';
        case 't':
            return U'\t';
        case 'u':
            break;
        default:
            --at_;
            return syntax("escape");
    }
    TRY(uint32_t high, hex4());
    if (high == 0) return syntax("NUL in a string");
    if (high < 0xD800 || high > 0xDFFF) return static_cast<char32_t>(high);
    if (high > 0xDBFF || !word("\\u")) return syntax("half a surrogate pair");
    TRY(uint32_t low, hex4());
    if (low < 0xDC00 || low > 0xDFFF) return syntax("half a surrogate pair");
    return static_cast<char32_t>(0x10000 + ((high - 0xD800) << 10 | (low - 0xDC00)));
}

Result<std::string> Reader::string() {
    TRY_STATUS(expect('"'));
    std::string out;
    out.reserve(in_.size() - at_);  // in one piece, which can be wiped
    for (;;) {
        if (at_ >= in_.size()) return syntax("string without end");
        if (in_[at_] == '"') break;
        if (static_cast<unsigned char>(in_[at_]) < 0x20) return syntax("control character");
        if (in_[at_] == '\\') {
            ++at_;
            TRY(char32_t c, escape());
            append_utf8(out, c);
            continue;
        }
        const size_t before = at_;
        const char32_t c = next_code_point(in_, at_);
        if (c == kReplacement && at_ - before != 3) return syntax("invalid UTF-8");
        append_utf8(out, c);
    }
    ++at_;
    return out;
}

Result<RpcScalar> Reader::number() {
    RpcScalar v{.kind = RpcScalar::Kind::number};
    v.negative = word("-");
    const size_t start = at_;
    for (; at_ < in_.size() && in_[at_] >= '0' && in_[at_] <= '9'; ++at_) {
        v.number = v.number * 10 + static_cast<uint64_t>(in_[at_] - '0');
        if (v.number > kRpcNumberMax) return Error{Errc::too_large, "number", static_cast<uint32_t>(at_)};
    }
    if (at_ == start || (in_[start] == '0' && at_ - start > 1)) return syntax("number");
    if (v.negative && v.number == 0) return syntax("minus zero");
    if (at_ < in_.size() && (in_[at_] == '.' || in_[at_] == 'e' || in_[at_] == 'E'))
        return Error{Errc::bad_value, "only whole numbers", static_cast<uint32_t>(at_)};
    return v;
}

Result<RpcScalar> Reader::scalar() {
    skip_space();
    RpcScalar v;
    if (word("null")) return v;
    if (word("true") || word("false")) {
        v.kind = RpcScalar::Kind::boolean;
        v.boolean = in_[at_ - 2] == 'u';  // tr[u]e, fal[s]e
        return v;
    }
    if (peek('"')) {
        v.kind = RpcScalar::Kind::string;
        TRY(v.string, string());
        return v;
    }
    if (peek('{') || peek('[')) return Error{Errc::bad_value, "nested value", static_cast<uint32_t>(at_)};
    return number();
}

Status read_members(Reader& r, JsonMembers& out) {
    if (!r.peek('{')) return Error{Errc::bad_value, "not an object", 0};
    TRY_STATUS(r.expect('{'));
    if (r.take('}')) return {};
    out.reserve(kRpcParamsMax);
    do {
        if (out.size() >= kRpcParamsMax) return Error{Errc::too_large, "members", kRpcParamsMax};
        TRY(std::string name, r.string());
        if (std::ranges::find(out, name, &JsonMembers::value_type::first) != out.end())
            return Error{Errc::bad_value, "repeated member", 0};
        TRY_STATUS(r.expect(':'));
        TRY(RpcScalar value, r.scalar());
        out.emplace_back(std::move(name), std::move(value));
    } while (r.take(','));
    return r.expect('}');
}

Status read_id(Reader& r, RpcRequest& out) {
    TRY(RpcScalar id, r.scalar());
    if (id.kind == RpcScalar::Kind::boolean) return Error{Errc::bad_value, "id", 0};
    if (id.string.size() > kRpcIdMax) return Error{Errc::too_large, "id", static_cast<uint32_t>(id.string.size())};
    out.id = std::move(id);
    return {};
}

/// Which members were there, so that none comes twice.
struct Seen {
    bool version = false, method = false, params = false;
};

Status read_member(Reader& r, std::string_view name, RpcRequest& out, Seen& seen) {
    const Error repeated{Errc::bad_value, "repeated member", 0};
    if (name == "jsonrpc") {
        if (std::exchange(seen.version, true)) return repeated;
        TRY(RpcScalar v, r.scalar());
        return v.string == "2.0" ? Status{} : Error{Errc::bad_value, "jsonrpc must be \"2.0\"", 0};
    }
    if (name == "method") {
        if (std::exchange(seen.method, true)) return repeated;
        TRY(RpcScalar v, r.scalar());
        if (v.kind != RpcScalar::Kind::string) return Error{Errc::bad_value, "method must be a string", 0};
        out.method = std::move(v.string);
        return {};
    }
    if (name == "params") return std::exchange(seen.params, true) ? repeated : read_members(r, out.params);
    if (name == "id") return out.id ? Status{repeated} : read_id(r, out);
    return Error{Errc::bad_value, "unknown member", 0};
}

}  // namespace

const RpcScalar* RpcRequest::param(std::string_view name) const {
    const auto at = std::ranges::find_if(params, [&](const auto& p) { return p.first == name; });
    return at == params.end() ? nullptr : &at->second;
}

Result<RpcRequest> parse_rpc_request(std::string_view line) {
    if (line.size() > kRpcLineMax) return Error{Errc::too_large, "line", static_cast<uint32_t>(line.size())};
    Reader r(line);
    RpcRequest out;
    if (r.peek('[')) return Error{Errc::bad_value, "batches are not supported", 0};
    TRY_STATUS(r.expect('{'));
    Seen seen;
    if (!r.take('}')) {
        do {
            TRY(std::string name, r.string());
            TRY_STATUS(r.expect(':'));
            TRY_STATUS(read_member(r, name, out, seen));
        } while (r.take(','));
        TRY_STATUS(r.expect('}'));
    }
    TRY_STATUS(r.finish());
    if (!seen.version || !seen.method) return Error{Errc::bad_value, "jsonrpc and method are needed", 0};
    return out;
}

Result<JsonMembers> parse_json_object(std::string_view text) {
    Reader r(text);
    JsonMembers out;
    TRY_STATUS(read_members(r, out));
    TRY_STATUS(r.finish());
    return out;
}

std::string encode_rpc_scalar(const RpcScalar& v) {
    std::string out;
    switch (v.kind) {
        case RpcScalar::Kind::null:
            return "null";
        case RpcScalar::Kind::boolean:
            return v.boolean ? "true" : "false";
        case RpcScalar::Kind::number:
            return (v.negative ? "-" : "") + std::to_string(v.number);
        case RpcScalar::Kind::string:
            append_json_string(out, v.string);
            return out;
    }
    return "null";
}

std::string encode_rpc_request(const RpcRequest& request) {
    JsonObject o;
    o.text("jsonrpc", "2.0");
    if (request.id) o.raw("id", encode_rpc_scalar(*request.id));
    o.text("method", request.method);
    if (!request.params.empty()) {
        std::string params = "{";
        for (const auto& [name, value] : request.params) {
            if (params.size() > 1) params.push_back(',');
            append_json_string(params, name);
            params.append(":").append(encode_rpc_scalar(value));
        }
        o.raw("params", params.append("}"));
    }
    return o.take();
}

}  // namespace sealcall::ui
