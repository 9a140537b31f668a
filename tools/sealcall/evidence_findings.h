// What the `evidence` commands that ask one question have in common: reading their files, and showing what was found.
#pragma once

#include "attestation/foreign/finding.h"
#include "attestation/jose_key.h"
#include "commands.h"

namespace sealcall::cli {

/// The file's bytes; Problem if it is not there, cannot be read or is larger than `most` bytes.
std::string evidence_file(const std::string& name, size_t most);

/// The key of --key: a JWK, PEM or DER; Problem (usage) if it is none. `whose`: "signer", for the advice.
attestation::JoseKey evidence_key(const std::string& name, const std::string& whose);

/// Hexadecimal digits of a --nonce, at most 64 bytes, "0x" allowed; Problem (usage) if they are none.
Bytes nonce_bytes(const std::string& digits);

/// The same for evidence in a file: exactly 32 bytes.
Digest file_nonce(const std::string& digits);

/// Milliseconds since 1970 UTC of "2026-11-21", "2026-11-21T10:00:00Z" or a number of seconds; now if empty. Problem
/// (usage) if it is none of these.
uint64_t evidence_time(const std::string& text);

/// Nothing is wrong, and something could not be checked.
bool not_proven(const attestation::foreign::Findings& findings);

/// Adds "ok", "answer" and "findings" to `facts` and prints it, or prints the findings and the answer in words: `yes`,
/// `no`, or `open` where nothing is wrong and something could not be checked. Returns the exit status.
int answer(const Context& context, const attestation::foreign::Findings& findings, nlohmann::json facts,
           const std::string& yes, const std::string& no,
           const std::string& open = "nothing wrong was found, but what is marked [unknown] could not be checked.");

}  // namespace sealcall::cli
