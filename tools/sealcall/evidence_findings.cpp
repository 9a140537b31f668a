#include "evidence_findings.h"

#include <charconv>
#include <chrono>
#include <ctime>
#include <iostream>

#include "audit_commands.h"
#include "files.h"
#include "problem.h"

namespace sealcall::cli {

using namespace sealcall::attestation::foreign;

std::string evidence_file(const std::string& name, size_t most) {
    auto content = read_file(name, most);
    if (!content) throw Problem("There is no file " + printable(name, 200) + ".", "Name a file that exists.");
    return *std::move(content);
}

attestation::JoseKey evidence_key(const std::string& name, const std::string& whose) {
    constexpr size_t kKeyMax = 65536;
    const std::string text = evidence_file(name, kKeyMax);
    auto key = attestation::read_jose_key(as_bytes(text));
    if (!key)
        throw Problem(printable(name, 200) + " is no key to check with: " + key.error().what + ".",
                      "Give the " + whose + "'s public key, P-256 or P-384, as JWK, PEM or DER.", exit_status::kUsage);
    return *std::move(key);
}

Bytes nonce_bytes(const std::string& digits) {
    constexpr size_t kNonceMax = 64;
    const std::string bare = digits.starts_with("0x") ? digits.substr(2) : digits;
    const auto bytes = bare.empty() ? std::optional<Bytes>(Bytes{}) : from_hex(bare);
    if (!bytes || bytes->size() > kNonceMax)
        throw Problem("The nonce is not hexadecimal, or longer than 64 bytes.",
                      "Give the nonce that was asked for as hexadecimal digits.", exit_status::kUsage);
    return *bytes;
}

Digest file_nonce(const std::string& digits) {
    const Bytes bytes = nonce_bytes(digits);
    Digest out{};
    if (bytes.size() != out.size())
        throw Problem("The nonce has " + std::to_string(bytes.size()) + " bytes, not 32.",
                      "Make one with: openssl rand -hex 32", exit_status::kUsage);
    std::ranges::copy(bytes, out.begin());
    return out;
}

uint64_t evidence_time(const std::string& text) {
    using namespace std::chrono;
    if (text.empty())
        return static_cast<uint64_t>(duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
    uint64_t seconds = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (code == std::errc() && end == text.data() + text.size() && seconds < 253402300800) return seconds * 1000;
    for (const char* form : {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"}) {
        std::tm tm{};
        const char* rest = ::strptime(text.c_str(), form, &tm);
        if (rest == nullptr || *rest != '\0') continue;
        const std::time_t t = ::timegm(&tm);
        if (t >= 0) return static_cast<uint64_t>(t) * 1000;
    }
    throw Problem("\"" + printable(text, 40) + "\" is no time.",
                  "Give it as 2026-11-21, 2026-11-21T10:00:00Z or in seconds since 1970, in UTC.", exit_status::kUsage);
}

bool not_proven(const Findings& findings) {
    Verdict worst = Verdict::ok;
    for (const Finding& f : findings.list()) worst = std::max(worst, f.verdict);
    return worst == Verdict::unknown;
}

int answer(const Context& context, const Findings& findings, nlohmann::json facts, const std::string& yes,
           const std::string& no, const std::string& open) {
    const bool holds = findings.holds(), is_open = not_proven(findings);
    if (context.json()) {
        auto list = nlohmann::json::array();
        for (const Finding& f : findings.list())
            list.push_back({{"name", f.name}, {"verdict", verdict_name(f.verdict)}, {"text", f.text}});
        facts["ok"] = holds;
        facts["answer"] = holds ? "holds" : is_open ? "not_proven" : "does_not_hold";
        facts["findings"] = std::move(list);
        print_json(facts);
    } else {
        for (const Finding& f : findings.list()) {
            const std::string mark =
                f.verdict == Verdict::ok ? "[ok]" : std::string("[") + verdict_name(f.verdict) + "]";
            std::cout << mark << std::string(mark.size() < 10 ? 10 - mark.size() : 1, ' ') << printable(f.text) << "\n";
        }
        std::cout << (holds ? "Holds: " + yes : is_open ? "Not proven: " + open : "Does not hold: " + no) << "\n";
    }
    return holds ? exit_status::kOk : exit_status::kDoesNotHold;
}

}  // namespace sealcall::cli
