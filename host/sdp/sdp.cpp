#include "host/sdp/sdp.h"

#include <charconv>
#include <map>

namespace sealcall::host {
namespace {

constexpr size_t kLinesMax = 400;
constexpr size_t kMediaMax = 8;

bool iequal(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b,
                              [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

template <class U>
bool number(std::string_view s, U& out) {
    auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), out);
    return ec == std::errc() && end == s.data() + s.size() && !s.empty();
}

std::vector<std::string_view> words(std::string_view s) {
    std::vector<std::string_view> out;
    while (!s.empty()) {
        size_t n = std::min(s.find(' '), s.size());
        if (n) out.push_back(s.substr(0, n));
        s.remove_prefix(std::min(n + 1, s.size()));
    }
    return out;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

/// "sha-256 AB:CD:..." of exactly 32 bytes (RFC 8122 5); other hash functions are passed over.
Result<bool> parse_fingerprint(std::string_view value, Digest& out) {
    auto w = words(value);
    if (w.size() != 2) return Error{Errc::bad_sdp, "fingerprint", 0};
    if (!iequal(w[0], "sha-256")) return false;
    if (w[1].size() != 32 * 3 - 1) return Error{Errc::bad_sdp, "fingerprint length", 0};
    for (size_t i = 0; i < 32; ++i) {
        int hi = hex_digit(w[1][3 * i]), lo = hex_digit(w[1][3 * i + 1]);
        if (hi < 0 || lo < 0 || (i < 31 && w[1][3 * i + 2] != ':')) return Error{Errc::bad_sdp, "fingerprint", 0};
        out[i] = static_cast<std::byte>(hi * 16 + lo);
    }
    return true;
}

/// Attributes that may stand for the whole session or for one stream; the stream's own win.
struct Scope {
    std::string address;
    bool has_fingerprint = false;
    Digest fingerprint{};
    Setup setup = Setup::none;
    bool has_direction = false;
    Direction direction = Direction::sendrecv;
    bool rtcp_mux = false;
    IceDescription ice;
    std::map<unsigned, std::string> codecs;  // payload type -> "opus/48000/2"
};

struct Media {
    std::string kind, protocol, line;
    uint16_t port = 0;
    std::vector<unsigned> formats;
    Scope scope;
};

Status take_setup(std::string_view v, Scope& s) {
    if (v == "actpass")
        s.setup = Setup::actpass;
    else if (v == "active")
        s.setup = Setup::active;
    else if (v == "passive")
        s.setup = Setup::passive;
    else if (v == "holdconn")
        s.setup = Setup::holdconn;
    else
        return Error{Errc::bad_sdp, "setup", 0};
    return {};
}

bool take_direction(std::string_view name, Scope& s) {
    if (name == "sendrecv")
        s.direction = Direction::sendrecv;
    else if (name == "sendonly")
        s.direction = Direction::sendonly;
    else if (name == "recvonly")
        s.direction = Direction::recvonly;
    else if (name == "inactive")
        s.direction = Direction::inactive;
    else
        return false;
    s.has_direction = true;
    return true;
}

Status take_rtpmap(std::string_view value, Scope& s) {
    auto w = words(value);
    unsigned pt = 0;
    if (w.size() != 2 || !number(w[0], pt) || pt > 127) return Error{Errc::bad_sdp, "rtpmap", 0};
    s.codecs[pt] = std::string(w[1]);
    return {};
}

Status take_attribute(std::string_view body, Scope& s) {
    size_t colon = body.find(':');
    std::string_view name = body.substr(0, colon);
    std::string_view value = colon == body.npos ? std::string_view() : body.substr(colon + 1);
    TRY(bool ice, take_ice_attribute(name, value, s.ice));
    if (ice || take_direction(name, s)) return {};
    if (name == "fingerprint") {
        TRY(bool usable, parse_fingerprint(value, s.fingerprint));
        s.has_fingerprint = s.has_fingerprint || usable;
    } else if (name == "setup") {
        return take_setup(value, s);
    } else if (name == "rtpmap") {
        return take_rtpmap(value, s);
    } else if (name == "rtcp-mux") {
        s.rtcp_mux = true;
    }
    return {};
}

Result<Media> parse_media(std::string_view body) {
    auto w = words(body);
    Media m;
    if (w.size() < 4) return Error{Errc::bad_sdp, "m=", 0};
    m.kind = std::string(w[0]);
    m.protocol = std::string(w[2]);
    m.line = m.kind + " 0 " + m.protocol;
    for (size_t i = 3; i < w.size(); ++i) m.line += " " + std::string(w[i]);
    if (!number(w[1].substr(0, w[1].find('/')), m.port)) return Error{Errc::bad_sdp, "m= port", 0};
    for (size_t i = 3; i < w.size() && i < 64; ++i) {
        unsigned pt = 0;
        if (number(w[i], pt) && pt < 128) m.formats.push_back(pt);
    }
    return m;
}

Status take_connection(std::string_view body, Scope& s) {
    auto w = words(body);
    if (w.size() != 3 || w[0] != "IN" || (w[1] != "IP4" && w[1] != "IP6")) return Error{Errc::bad_sdp, "c=", 0};
    s.address = std::string(w[2].substr(0, w[2].find('/')));
    return {};
}

bool secure_profile(std::string_view p) { return p == "UDP/TLS/RTP/SAVPF" || p == "UDP/TLS/RTP/SAVP"; }

/// Index of the stream to use: the first audio with our profile, else the first audio.
size_t choose(const std::vector<Media>& media) {
    size_t first = media.size();
    for (size_t i = 0; i < media.size(); ++i) {
        if (media[i].kind != "audio") continue;
        if (secure_profile(media[i].protocol) && media[i].port != 0) return i;
        first = std::min(first, i);
    }
    return first;
}

RemoteSdp combine(const Scope& session, const std::vector<Media>& media, size_t at) {
    const Media& m = media[at];
    RemoteSdp r;
    r.secure = secure_profile(m.protocol);
    r.feedback = m.protocol.ends_with('F');
    r.port = m.port;
    r.address = m.scope.address.empty() ? session.address : m.scope.address;
    const Scope& f = m.scope.has_fingerprint ? m.scope : session;
    r.has_fingerprint = f.has_fingerprint;
    if (r.has_fingerprint) r.fingerprint = f.fingerprint;
    r.setup = m.scope.setup != Setup::none ? m.scope.setup : session.setup;
    r.direction = m.scope.has_direction ? m.scope.direction : session.direction;
    r.rtcp_mux = m.scope.rtcp_mux;
    r.ice = m.scope.ice;
    if (r.ice.ufrag.empty()) r.ice.ufrag = session.ice.ufrag;
    if (r.ice.pwd.empty()) r.ice.pwd = session.ice.pwd;
    r.ice.lite = m.scope.ice.lite || session.ice.lite;
    for (unsigned pt : m.formats) {
        auto c = m.scope.codecs.find(pt);
        if (c == m.scope.codecs.end() || !iequal(c->second, "opus/48000/2") || r.opus) continue;
        r.opus = true;
        r.opus_payload_type = static_cast<uint8_t>(pt);
    }
    r.audio_index = at;
    r.other_media = media.size() - 1;
    for (const auto& each : media) r.media_lines.push_back(each.line);
    return r;
}

std::string fingerprint_text(const Digest& d) {
    static constexpr char kHex[] = "0123456789ABCDEF";
    std::string out;
    for (std::byte b : d) {
        if (!out.empty()) out += ':';
        out += kHex[std::to_integer<unsigned>(b) >> 4];
        out += kHex[std::to_integer<unsigned>(b) & 15];
    }
    return out;
}

const char* name_of(Setup s) {
    switch (s) {
        case Setup::active:
            return "active";
        case Setup::passive:
            return "passive";
        case Setup::holdconn:
            return "holdconn";
        case Setup::none:
        case Setup::actpass:
            break;
    }
    return "actpass";
}

const char* name_of(Direction d) {
    switch (d) {
        case Direction::sendonly:
            return "sendonly";
        case Direction::recvonly:
            return "recvonly";
        case Direction::inactive:
            return "inactive";
        case Direction::sendrecv:
            break;
    }
    return "sendrecv";
}

/// One line without its end, and moves `in` behind it.
std::string_view next_line(std::string_view& in) {
    size_t n = std::min(in.find('\n'), in.size());
    std::string_view line = in.substr(0, n);
    in.remove_prefix(std::min(n + 1, in.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

}  // namespace

Result<RemoteSdp> parse_sdp(ByteSpan bytes) {
    if (bytes.size() > kSdpMax) return Error{Errc::too_large, "sdp", static_cast<uint32_t>(bytes.size())};
    std::string_view in = as_chars(bytes);
    if (!in.starts_with("v=0\r\n") && !in.starts_with("v=0\n")) return Error{Errc::bad_sdp, "v=", 1};
    if (in.find('\0') != in.npos) return Error{Errc::bad_sdp, "NUL", 0};
    Scope session;
    std::vector<Media> media;
    bool origin = false;
    for (uint32_t line_number = 1; !in.empty(); ++line_number) {
        std::string_view line = next_line(in);
        if (line_number > kLinesMax) return Error{Errc::too_large, "sdp lines", line_number};
        if (line.empty()) continue;
        if (line.size() < 2 || line[1] != '=') return Error{Errc::bad_sdp, "line", line_number};
        std::string_view body = line.substr(2);
        Scope& scope = media.empty() ? session : media.back().scope;
        Status s;
        if (line[0] == 'o') origin = true;
        if (line[0] == 'c') s = take_connection(body, scope);
        if (line[0] == 'a') s = take_attribute(body, scope);
        if (!s) return Error{s.error().code, s.error().what, line_number};
        if (line[0] != 'm') continue;
        if (media.size() == kMediaMax) return Error{Errc::too_large, "m= lines", line_number};
        TRY(Media m, parse_media(body));
        media.push_back(std::move(m));
    }
    size_t at = choose(media);
    if (!origin || at == media.size()) return Error{Errc::bad_sdp, "no audio", 0};
    RemoteSdp r = combine(session, media, at);
    if (r.address.empty() && r.port != 0) return Error{Errc::bad_sdp, "no c=", 0};
    return r;
}

std::string build_sdp(const LocalSdp& l) {
    const std::string family = l.address.find(':') == std::string::npos ? "IP4" : "IP6";
    const std::string pt = std::to_string(l.payload_type);
    std::string s = "v=0\r\no=- " + std::to_string(l.session_id) + " " + std::to_string(l.version) +
                    " IN IP4 0.0.0.0\r\ns=-\r\nc=IN " + family + " " + l.address + "\r\nt=0 0\r\n";
    for (const auto& m : l.refused_before) s += "m=" + m + "\r\n";
    s +=
        "m=audio " + std::to_string(l.port) + (l.feedback ? " UDP/TLS/RTP/SAVPF " : " UDP/TLS/RTP/SAVP ") + pt + "\r\n";
    s += "a=rtpmap:" + pt + " opus/48000/2\r\n";
    // Constant bit rate without DTX: the length of a packet must not tell what is said.
    s += "a=fmtp:" + pt + " stereo=0;sprop-stereo=0;cbr=1;usedtx=0;useinbandfec=1\r\n";
    s += "a=ptime:20\r\na=fingerprint:sha-256 " + fingerprint_text(l.fingerprint) + "\r\n";
    s += std::string("a=setup:") + name_of(l.setup) + "\r\na=rtcp-mux\r\n";
    if (l.trickle) s += "a=ice-options:trickle\r\n";
    if (l.ice.present()) s += encode_fragment(l.ice);
    s += std::string("a=") + name_of(l.direction) + "\r\n";
    for (const auto& m : l.refused_after) s += "m=" + m + "\r\n";
    return s;
}

void mirror_media_lines(const RemoteSdp& offer, LocalSdp& answer) {
    answer.refused_before.clear();
    answer.refused_after.clear();
    for (size_t i = 0; i < offer.media_lines.size(); ++i) {
        if (i < offer.audio_index) answer.refused_before.push_back(offer.media_lines[i]);
        if (i > offer.audio_index) answer.refused_after.push_back(offer.media_lines[i]);
    }
}

Direction answer_direction(Direction offered, Direction wanted) {
    if (offered == Direction::inactive || wanted == Direction::inactive) return Direction::inactive;
    const bool may_send = offered != Direction::sendonly && wanted != Direction::recvonly;
    const bool may_receive = offered != Direction::recvonly && wanted != Direction::sendonly;
    if (may_send && may_receive) return Direction::sendrecv;
    if (may_send) return Direction::sendonly;
    return may_receive ? Direction::recvonly : Direction::inactive;
}

bool is_hold(Direction theirs) { return theirs == Direction::inactive || theirs == Direction::sendonly; }

}  // namespace sealcall::host
