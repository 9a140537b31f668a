// What holds for every list of files, in either form.
#pragma once

#include "attestation/logs/ima.h"
#include "sealcall/base/hex.h"
#include "tests/fuzz/seeded.h"

namespace sealcall::fuzz {

inline Bytes ima_data(std::string_view name) {
    return logs::encode_ima_ng(logs::kSha256, logs::Hasher(logs::kSha256).hash(as_bytes(name)).view(), name);
}

inline Bytes ima_seed_binary() {
    Bytes out;
    for (const char* name : {"boot_aggregate", "/init", "/usr/bin/bash"}) {
        const Bytes entry = logs::encode_ima_binary(logs::ImaTemplate::ima_ng, ima_data(name));
        out.insert(out.end(), entry.begin(), entry.end());
    }
    return out;
}

inline Bytes ima_seed_ascii() {
    std::string out;
    for (const char* name : {"boot_aggregate", "/init", "/usr/bin/bash"})
        out += "10 " + to_hex(logs::Hasher(logs::kSha1).hash(ima_data(name)).view()) +
               " ima-ng sha256:" + to_hex(logs::Hasher(logs::kSha256).hash(as_bytes(name)).view()) + " " + name + "\n";
    return to_bytes(as_bytes(out));
}

using ImaReader = Status (*)(ByteSpan, const logs::ImaVisitor&);

/// Everything that a list says, in a form to compare.
inline Result<std::pair<std::string, logs::AnyDigest>> ima_told(ByteSpan list, ImaReader read) {
    std::string told;
    logs::ImaHashCheck check;
    logs::ImaReplay replay(logs::kSha1, logs::ImaRule::padded_sha1);
    TRY_STATUS(read(list, [&](const logs::ImaEntry& e) {
        CHECK(e.pcr < 24 && e.name.size() <= logs::kImaNameMax && e.data.size() <= 2 * logs::kImaFieldsMax);
        if (!check.is_honest(e)) return true;
        told += std::to_string(e.pcr) + to_hex(e.data);
        if (e.pcr == 10) replay.add(e);
        return true;
    }));
    return std::pair{told, replay.value()};
}

inline void check_ima(ByteSpan data, const Bytes& made, ImaReader read) {
    static const Bytes seed = made;
    static const auto honest = *ima_told(seed, read);
    const Bytes in = own_or_patched(data, seed);
    const auto told = ima_told(in, read);
    // The same PCR 10 from honest entries alone: the same entries.
    if (told && told->second == honest.second) CHECK(told->first.size() >= honest.first.size());
    static_cast<void>(logs::summarize_ima(in));
    static_cast<void>(logs::find_ima_prefix(in, logs::kSha256, honest.second.view()));
}

}  // namespace sealcall::fuzz
