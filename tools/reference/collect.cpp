#include "collect.h"

#include "attestation/binding.h"
#include "attestation/cel.h"
#include "attestation/corim.h"
#include "attestation/logs/explain.h"
#include "attestation/logs/ima.h"
#include "authenticode.h"
#include "problem.h"

namespace sealcall::reference {
namespace {

using cli::Problem;

[[noreturn]] void unreadable(const std::string& source, const Error& e) {
    throw Problem(source + " cannot be read: " + e.what + " (at " + std::to_string(e.detail) + ").",
                  "Look at it with `sealcall evidence replay`.");
}

Entry entry(uint8_t pcr, const Digest& digest, rats::ReferenceKind kind, std::string text, const std::string& source) {
    return {.value = {.id = 0, .pcr = pcr, .kind = kind, .digest = digest},
            .state = EntryState::waiting,
            .text = std::move(text),
            .source = source};
}

}  // namespace

std::vector<Entry> from_boot_log(ByteSpan bytes, uint32_t pcrs, const std::string& source) {
    auto log = logs::parse_event_log(bytes);
    if (!log) unreadable(source, log.error());
    if (!log->has_bank(logs::kSha256))
        throw Problem(source + " has no SHA-256 bank, and nothing else counts.",
                      "Turn the bank on in the firmware of the golden machine, and start it again.");
    const logs::BootFacts facts = logs::read_boot_facts(*log, logs::kSha256);
    std::vector<Entry> out;
    for (size_t i = 0; i < log->events.size(); ++i) {
        const logs::LogEvent& event = log->events[i];
        if (!event.extends() || event.pcr >= 24 || (pcrs >> event.pcr & 1) == 0) continue;
        const ByteSpan stands = log->digest_of(event, logs::kSha256);
        Digest digest{};
        if (stands.size() != digest.size()) continue;
        std::ranges::copy(stands, digest.begin());
        const std::string text = i < facts.facts.size() ? logs::sentence_of(facts.facts[i]) : std::string();
        out.push_back(entry(static_cast<uint8_t>(event.pcr), digest, rats::ReferenceKind::approved, text, source));
    }
    return out;
}

std::vector<Entry> from_ima_list(ByteSpan list, const std::string& source, size_t& left_out) {
    std::vector<Entry> out;
    logs::ImaHashCheck check;
    left_out = 0;
    const Status read = logs::visit_ima_list(list, [&](const logs::ImaEntry& e) {
        if (e.index == 0 && e.name == "boot_aggregate" && e.file_algorithm == logs::kSha256) return true;
        if (e.pcr != 10 || e.violation() || !check.is_honest(e)) {
            ++left_out;
            return true;
        }
        out.push_back(
            entry(10, attestation::sha256(e.data), rats::ReferenceKind::approved, std::string(e.name), source));
        return out.size() <= kEntriesMax;
    });
    if (!read) unreadable(source, read.error());
    return out;
}

std::vector<Entry> from_sealcall_log(ByteSpan log, const std::string& source) {
    auto records = attestation::parse_cel(log);
    if (!records) unreadable(source, records.error());
    std::vector<Entry> out;
    for (const auto& r : *records) {
        if (!attestation::is_honest(r))
            throw Problem(source + ": record " + std::to_string(r.number) + " is not what its digest says.",
                          "Take the log of another machine.");
        const auto kind = r.role == "guard" ? rats::ReferenceKind::measurer : rats::ReferenceKind::sealcall;
        out.push_back(entry(r.pcr, r.digest, kind, "sealcall-" + r.role, source));
    }
    return out;
}

std::vector<Entry> from_corim(ByteSpan file, ByteSpan key_file, const std::string& source, size_t& left_out) {
    const auto corim = attestation::parse_corim(file);
    if (!corim)
        throw Problem(source + " is no CoRIM: " + attestation::corim_fault_name(corim.error().detail) + ".",
                      "Look at it with `sealcall evidence corim`.");
    if (corim->signature && key_file.empty())
        throw Problem(source + " is signed, and nobody said by whom.", "Give the signer's key with --key.",
                      cli::exit_status::kUsage);
    if (!key_file.empty()) {
        const auto key = attestation::read_jose_key(key_file);
        if (!key) throw Problem(std::string("The key cannot be read: ") + key.error().what + ".", "");
        if (!attestation::verify_corim(*corim, *key))
            throw Problem("The signature of " + source + " does not hold.", "Take nothing from it.",
                          cli::exit_status::kRefused);
    }
    if (corim->profile == attestation::kParsecTpmProfile)
        throw Problem(source + " lists the values that PCRs end in, and approval goes by single events.",
                      "Import the logs of a golden machine with --log and --ima.");
    std::vector<Entry> out;
    left_out = 0;
    for (const auto& r : attestation::reference_values(*corim)) {
        Digest digest{};
        const bool numbered = r.key && r.key->type == "uint" && r.key->value.size() <= 2 && !r.key->value.empty() &&
                              std::ranges::all_of(r.key->value, [](char c) { return c >= '0' && c <= '9'; });
        const int pcr = numbered ? std::stoi(r.key->value) : 24;
        if (pcr >= 24 || r.algorithm != "sha-256" || r.digest.size() != digest.size()) {
            ++left_out;
            continue;
        }
        std::ranges::copy(r.digest, digest.begin());
        std::string text = r.environment.vendor;
        if (!r.environment.model.empty()) text += (text.empty() ? "" : " ") + r.environment.model;
        out.push_back(entry(static_cast<uint8_t>(pcr), digest, rats::ReferenceKind::approved,
                            text.empty() ? corim->id : text, source));
    }
    return out;
}

Entry from_file(ByteSpan content, const std::string& path) {
    const Bytes data = logs::encode_ima_ng(logs::kSha256, attestation::sha256(content), path);
    return entry(10, attestation::sha256(data), rats::ReferenceKind::approved, path, "predicted");
}

Entry from_boot_image(ByteSpan image, const std::string& name) {
    const auto digest = authenticode_sha256(image);
    if (!digest)
        throw Problem("The file " + name + " is no image that firmware starts: " + digest.error().what + ".",
                      "Give the boot loader or kernel as it will lie in the EFI system partition.");
    return entry(4, *digest, rats::ReferenceKind::approved, "The boot loader or kernel " + name + " was started.",
                 "predicted");
}

}  // namespace sealcall::reference
