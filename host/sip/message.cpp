#include "host/sip/message.h"

#include <charconv>

namespace sealcall::host {
namespace {

Error bad(const char* what) { return Error{Errc::bad_sip, what, 0}; }

bool clean(std::string_view s) {
    return std::ranges::none_of(s, [](unsigned char c) { return c < 0x20 && c != '\t' && c != '\r' && c != '\n'; });
}

bool token_chars(std::string_view s) {
    return !s.empty() && std::ranges::all_of(s, [](unsigned char c) {
        return std::isalnum(c) || std::string_view("-.!%*_+`'~").find(static_cast<char>(c)) != std::string_view::npos;
    });
}

bool once(const sip_msg& m, sip_hdrid id) { return sip_msg_hdr_count(&m, id) == 1; }

Status check_identifiers(const sip_msg& m) {
    if (!once(m, SIP_HDR_FROM) || !once(m, SIP_HDR_TO) || !once(m, SIP_HDR_CALL_ID) || !once(m, SIP_HDR_CSEQ))
        return bad("mandatory header missing or repeated");
    if (sip_msg_hdr_count(&m, SIP_HDR_VIA) == 0) return bad("no Via");
    if (m.callid.l == 0 || m.callid.l > 256) return bad("Call-ID");
    if (m.from.tag.l == 0 || m.from.tag.l > 128 || m.to.tag.l > 128) return bad("tag");
    if (!token_chars(view(m.from.tag)) || (m.to.tag.l && !token_chars(view(m.to.tag)))) return bad("tag");
    if (m.from.auri.l == 0 || m.from.auri.l > 512 || m.to.auri.l == 0 || m.to.auri.l > 512) return bad("address");
    if (!view(m.via.branch).starts_with("z9hG4bK") || m.via.branch.l > 256) return bad("branch");
    if (m.cseq.num > 0x7fffffff || !token_chars(view(m.cseq.met))) return bad("CSeq");
    return {};
}

Status check_request_line(const sip_msg& m) {
    if (!token_chars(view(m.met)) || m.met.l > 32) return bad("method");
    if (view(m.met) != view(m.cseq.met)) return bad("CSeq method");
    if (m.ruri.l > 512) return bad("request URI");
    if (pl_strcasecmp(&m.uri.scheme, "sip") && pl_strcasecmp(&m.uri.scheme, "sips")) return bad("scheme");
    uint32_t hops = 70;
    if (pl_isset(&m.maxfwd) && (!parse_number(view(m.maxfwd), hops) || hops > 255)) return bad("Max-Forwards");
    return {};
}

struct TokenWalk {
    std::vector<std::string>* out;
};

bool take_tokens(const sip_hdr* h, const sip_msg*, void* arg) {
    auto* out = static_cast<TokenWalk*>(arg)->out;
    std::string_view in = view(h->val);
    while (!in.empty() && out->size() < 32) {
        size_t n = std::min(in.find(','), in.size());
        std::string_view t = in.substr(0, n);
        in.remove_prefix(std::min(n + 1, in.size()));
        t = t.substr(0, t.find(';'));
        while (!t.empty() && std::isspace(static_cast<unsigned char>(t.front()))) t.remove_prefix(1);
        while (!t.empty() && std::isspace(static_cast<unsigned char>(t.back()))) t.remove_suffix(1);
        if (!token_chars(t) || t.size() > 64) continue;
        std::string lower(t);
        for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        if (std::ranges::find(*out, lower) == out->end()) out->push_back(lower);
    }
    return false;
}

}  // namespace

bool parse_number(std::string_view in, uint32_t& out) {
    auto [end, ec] = std::from_chars(in.data(), in.data() + in.size(), out);
    return ec == std::errc() && end == in.data() + in.size() && !in.empty();
}

Status check_message(const sip_msg& m) {
    size_t headers = 0;
    for (const le* e = m.hdrl.head; e; e = e->next) {
        const auto* h = static_cast<const sip_hdr*>(e->data);
        if (++headers > kHeadersMax) return bad("too many headers");
        if (!token_chars(view(h->name)) || !clean(view(h->val)) || h->val.l > 8192) return bad("header");
    }
    TRY_STATUS(check_identifiers(m));
    if (m.req) TRY_STATUS(check_request_line(m));
    if (!m.req && (m.scode < 100 || m.scode > 699)) return bad("status code");
    uint32_t length = 0;
    if (sip_msg_hdr_count(&m, SIP_HDR_CONTENT_LENGTH) != 1 || !parse_number(view(m.clen), length))
        return bad("Content-Length");
    if (length != mbuf_get_left(m.mb) || length > kBodyMax) return bad("body size");
    return {};
}

std::vector<std::string> tokens_of(const sip_msg& msg, const char* header) {
    std::vector<std::string> out;
    TokenWalk walk{&out};
    (void)sip_msg_xhdr_apply(&msg, true, header, take_tokens, &walk);
    // The compact form hashes alike but has another name.
    if (std::string_view(header) == "Supported") (void)sip_msg_xhdr_apply(&msg, true, "k", take_tokens, &walk);
    return out;
}

bool has_token(const sip_msg& msg, const char* header, std::string_view token) {
    const auto all = tokens_of(msg, header);
    return std::ranges::find(all, token) != all.end();
}

std::vector<std::string> unknown_required(const sip_msg& msg) {
    auto all = tokens_of(msg, "Require");
    std::erase_if(all, [](const std::string& t) { return t == kAttestTag || t == "100rel" || t == "timer"; });
    return all;
}

std::string header_value(const sip_msg& msg, const char* header) {
    const sip_hdr* h = sip_msg_xhdr(&msg, header);
    return h ? text(h->val) : std::string();
}

Result<RAck> parse_rack(const sip_msg& msg) {
    const std::string value = header_value(msg, "RAck");
    std::string_view in = value;
    RAck r;
    size_t a = in.find(' ');
    size_t b = a == in.npos ? in.npos : in.find(' ', a + 1);
    if (b == in.npos || !parse_number(in.substr(0, a), r.rseq) || !parse_number(in.substr(a + 1, b - a - 1), r.cseq) ||
        in.substr(b + 1) != "INVITE")
        return bad("RAck");
    return r;
}

Result<ByteSpan> sdp_body(const sip_msg& msg) {
    const ByteSpan body = left_of(msg.mb);
    if (body.empty()) return body;
    if (sip_msg_hdr_count(&msg, SIP_HDR_CONTENT_TYPE) != 1 || !msg_ctype_cmp(&msg.ctyp, "application", "sdp"))
        return bad("body is not one SDP");
    return body;
}

std::string display_name(const sip_msg& msg) {
    std::string out;
    std::string_view in = view(msg.from.dname);
    for (size_t i = 0; i < in.size() && out.size() < 256; ++i) {
        if (in[i] == '"') continue;
        if (in[i] == '\\' && i + 1 < in.size()) ++i;
        out += in[i];
    }
    return out;
}

Result<SessionExpires> parse_session_expires(std::string_view value) {
    SessionExpires s;
    size_t semicolon = value.find(';');
    std::string_view digits = value.substr(0, semicolon);
    while (!digits.empty() && digits.back() == ' ') digits.remove_suffix(1);
    if (!parse_number(digits, s.seconds) || s.seconds > 86400) return bad("Session-Expires");
    if (semicolon == value.npos) return s;
    const pl params = to_pl(value.substr(semicolon));
    pl refresher{};
    if (msg_param_decode(&params, "refresher", &refresher)) return s;
    s.refresher_given = true;
    s.refresher_uac = pl_strcasecmp(&refresher, "uac") == 0;
    return s;
}

const char* reason_phrase(uint16_t status) {
    switch (status) {
        case 100:
            return "Trying";
        case 180:
            return "Ringing";
        case 183:
            return "Session Progress";
        case 200:
            return "OK";
        case 400:
            return "Bad Request";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 408:
            return "Request Timeout";
        case 415:
            return "Unsupported Media Type";
        case 420:
            return "Bad Extension";
        case 422:
            return "Session Interval Too Small";
        case 469:
            return "Bad Info Package";
        case 480:
            return "Temporarily Unavailable";
        case 481:
            return "Call/Transaction Does Not Exist";
        case 486:
            return "Busy Here";
        case 487:
            return "Request Terminated";
        case 488:
            return "Not Acceptable Here";
        case 491:
            return "Request Pending";
        case 500:
            return "Server Internal Error";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Server Time-out";
        case 603:
            return "Decline";
        default:
            break;
    }
    return status < 200 ? "Progress" : status < 300 ? "OK" : status < 500 ? "Refused" : "Failure";
}

}  // namespace sealcall::host
