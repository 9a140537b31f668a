#include "attestation/corim.h"

#include <charconv>

#include "attestation/cbor.h"
#include "attestation/corim_reader.h"
#include "sealcall/base/hex.h"

namespace sealcall::attestation {

using namespace corim;

namespace {

constexpr size_t kFileMax = 4 * 1024 * 1024, kTagsMax = 64;
constexpr uint64_t kTagCorim = 500, kTagUnsigned = 501, kTagSigned = 502, kTagCoswid = 505, kTagComid = 506,
                   kTagCotl = 508, kTagSign1 = 18, kTagUri = 32, kTagOid = 111, kTagTime = 1;
constexpr int64_t kEs256 = -7, kEs384 = -35;

Result<int64_t> read_time(CborCursor& c) {
    TRY(const uint64_t tag, as(c.tag(), CorimFault::structure, "time"));
    if (tag != kTagTime) return fault(CorimFault::structure, "time");
    return as(c.integer(), CorimFault::structure, "time");
}

Status read_validity(CborCursor& c, Corim& out) {
    const Status entries = each_entry(c, "validity", [&](int64_t key) -> Result<bool> {
        if (key != 0 && key != 1) return false;
        TRY((key == 0 ? out.not_before : out.not_after), read_time(c));
        return true;
    });
    if (!entries) return entries.error();
    if (!out.not_after) return fault(CorimFault::missing, "end of the validity");
    return {};
}

/// #6.32 or #6.111; older drafts have an array of them, of which one is taken.
Result<std::string> read_profile(CborCursor& c) {
    TRY(const CborType type, as(c.type(), CorimFault::cbor, "profile"));
    if (type == CborType::array) {
        TRY(const size_t n, as(c.array(), CorimFault::structure, "profile"));
        if (n != 1) return fault(CorimFault::structure, "more than one profile");
    }
    TRY(const uint64_t tag, as(c.tag(), CorimFault::structure, "profile"));
    if (tag == kTagUri) return short_text(c, "profile");
    if (tag != kTagOid) return fault(CorimFault::structure, "profile");
    TRY(const ByteSpan b, as(c.bytes(), CorimFault::structure, "profile"));
    return "oid:" + to_hex(b);
}

Status read_tags(CborCursor& c, Corim& out) {
    TRY(const size_t n, as(c.array(), CorimFault::structure, "tags"));
    if (n == 0) return fault(CorimFault::missing, "tags");
    if (n > kTagsMax) return fault(CorimFault::size, "tags");
    for (size_t i = 0; i < n; ++i) {
        TRY(const uint64_t tag, as(c.tag(), CorimFault::structure, "tag of a tag"));
        TRY(const ByteSpan inner, as(c.bytes(), CorimFault::structure, "tag"));
        if (tag == kTagComid) {
            TRY_STATUS(read_comid(inner, out));
        } else if (tag == kTagCoswid || tag == kTagCotl) {
            out.tags.push_back({.type = tag == kTagCoswid ? "coswid" : "cotl", .value = {}});
        } else {
            return fault(CorimFault::structure, "tag of another kind");
        }
    }
    return {};
}

/// 501 { ... }, with the tag already taken.
Status read_corim_map(CborCursor& c, Corim& out) {
    bool tags = false;
    const Status entries = each_entry(c, "CoRIM", [&](int64_t key) -> Result<bool> {
        switch (key) {
            case 0: {
                TRY(TypedValue id, typed_value(c, "id"));
                out.id = std::move(id.value);
                return true;
            }
            case 1:
                tags = true;
                TRY_STATUS(read_tags(c, out));
                return true;
            case 3: {
                TRY(out.profile, read_profile(c));
                return true;
            }
            case 4:
                TRY_STATUS(read_validity(c, out));
                return true;
            default:
                return false;
        }
    });
    if (!entries) return entries.error();
    if (out.id.empty()) return fault(CorimFault::missing, "id");
    if (!tags) return fault(CorimFault::missing, "tags");
    return {};
}

Status read_meta(ByteSpan cbor, CorimSignature& s) {
    CborCursor c(cbor);
    const Status entries = each_entry(c, "CoRIM meta", [&](int64_t key) -> Result<bool> {
        if (key != 0) return false;
        const Status parts = each_entry(c, "signer", [&](int64_t part) -> Result<bool> {
            if (part != 0) return false;
            TRY(s.signer, short_text(c, "signer"));
            return true;
        });
        if (!parts) return parts.error();
        return true;
    });
    if (!entries) return entries.error();
    return as(c.finish(), CorimFault::cose, "CoRIM meta");
}

Status read_protected(ByteSpan cbor, CorimSignature& s) {
    CborCursor c(cbor);
    const Status entries = each_entry(c, "protected header", [&](int64_t key) -> Result<bool> {
        switch (key) {
            case 1: {
                TRY(const int64_t alg, as(c.integer(), CorimFault::cose, "alg"));
                s.alg = alg == kEs256 ? "ES256" : alg == kEs384 ? "ES384" : std::to_string(alg);
                return true;
            }
            case 2:
                return fault(CorimFault::cose, "critical header");
            case 4: {
                TRY(const ByteSpan kid, as(c.bytes(), CorimFault::cose, "kid"));
                s.kid = to_hex(kid);
                return true;
            }
            case 8: {
                TRY(const ByteSpan meta, as(c.bytes(), CorimFault::cose, "CoRIM meta"));
                TRY_STATUS(read_meta(meta, s));
                return true;
            }
            default:
                return false;
        }
    });
    if (!entries) return entries.error();
    TRY_STATUS(as(c.finish(), CorimFault::cose, "protected header"));
    if (s.alg.empty()) return fault(CorimFault::cose, "no alg");
    return {};
}

/// COSE_Sign1 (RFC 9052 4.2), with the tag already taken. Returns the payload.
Result<ByteSpan> read_sign1(CborCursor& c, Corim& out) {
    TRY(const size_t n, as(c.array(), CorimFault::cose, "COSE_Sign1"));
    if (n != 4) return fault(CorimFault::cose, "COSE_Sign1");
    CorimSignature s;
    TRY(const ByteSpan header, as(c.bytes(), CorimFault::cose, "protected header"));
    TRY_STATUS(read_protected(header, s));
    const Status entries = each_entry(c, "unprotected header", [](int64_t key) -> Result<bool> {
        // What counts must be signed.
        if (key == 1 || key == 2) return fault(CorimFault::cose, "alg or crit outside of the signature");
        return false;
    });
    if (!entries) return entries.error();
    TRY(const ByteSpan payload, as(c.bytes(), CorimFault::cose, "payload"));
    TRY(const ByteSpan value, as(c.bytes(), CorimFault::cose, "signature"));
    s.value = to_bytes(value);
    s.signed_bytes = CborWriter().array(4).text("Signature1").bytes(header).bytes({}).bytes(payload).view();
    out.signature = std::move(s);
    return payload;
}

Status read_unsigned(ByteSpan cbor, Corim& out) {
    CborCursor c(cbor);
    TRY(uint64_t tag, as(c.tag(), CorimFault::tag, "not a CoRIM"));
    if (tag == kTagCorim) {
        TRY(tag, as(c.tag(), CorimFault::tag, "not a CoRIM"));
    }
    if (tag != kTagUnsigned) return fault(CorimFault::tag, "not a CoRIM");
    TRY_STATUS(read_corim_map(c, out));
    return as(c.finish(), CorimFault::cbor, "something behind the CoRIM");
}

bool is_uuid(const std::optional<TypedValue>& v) { return v && v->type == "uuid"; }

Status check_parsec_environment(const CorimEnvironment& e) {
    if (!e.has_class) return fault(CorimFault::class_of, "no class");
    if (!e.class_id) return fault(CorimFault::class_id, "no class id");
    if (!is_uuid(e.class_id)) return fault(CorimFault::class_id, "the class id is no UUID");
    return {};
}

Status check_parsec(const Corim& corim) {
    for (const CorimMeasurement& m : corim.references) {
        TRY_STATUS(check_parsec_environment(corim.environments[m.environment]));
        if (!m.key) return fault(CorimFault::pcr, "a measurement without its PCR");
        unsigned pcr = 0;
        const char* end = m.key->value.data() + m.key->value.size();
        const auto [stop, code] = std::from_chars(m.key->value.data(), end, pcr);
        if (m.key->type != "uint" || code != std::errc() || stop != end || pcr > 23)
            return fault(CorimFault::pcr, "the measurement's key is no PCR");
        if (m.digests.empty()) return fault(CorimFault::digests, "a measurement without digests");
    }
    for (const CorimKeys& k : corim.attestation_keys) {
        const CorimEnvironment& e = corim.environments[k.environment];
        TRY_STATUS(check_parsec_environment(e));
        if (!e.instance) return fault(CorimFault::instance, "no instance");
        if (e.instance->type != "ueid" && e.instance->type != "bytes")
            return fault(CorimFault::instance, "the instance is no UEID");
        if (k.keys.size() != 1) return fault(CorimFault::keys, "more than one key of an instance");
    }
    return {};
}

}  // namespace

Status corim::check_profile(const Corim& corim) {
    if (corim.profile == kParsecTpmProfile) return check_parsec(corim);
    return {};
}

const char* corim_fault_name(uint32_t detail) {
    static constexpr const char* kNames[] = {"other",    "size",   "cbor", "tag",         "structure", "duplicate",
                                             "missing",  "digest", "cose", "environment", "class",     "class_id",
                                             "instance", "keys",   "pcr",  "digests",     "signature"};
    return detail < std::size(kNames) ? kNames[detail] : kNames[0];
}

Result<Corim> parse_corim(ByteSpan file) {
    if (file.size() > kFileMax) return fault(CorimFault::size, "CoRIM");
    CborCursor c(file);
    Corim out;
    uint64_t tag = 0;
    for (int i = 0; i < 3 && (i == 0 || tag == kTagCorim || tag == kTagSigned); ++i) {
        TRY(tag, as(c.tag(), CorimFault::tag, "not a CoRIM"));
    }
    if (tag == kTagSign1) {
        TRY(const ByteSpan payload, read_sign1(c, out));
        TRY_STATUS(as(c.finish(), CorimFault::cbor, "something behind the CoRIM"));
        TRY_STATUS(read_unsigned(payload, out));
    } else {
        TRY_STATUS(read_unsigned(file, out));
    }
    TRY_STATUS(check_profile(out));
    return out;
}

Status verify_corim(const Corim& corim, const JoseKey& key) {
    const auto refuse = [](CorimFault f, const char* what) {
        return Error{Errc::bad_signature, what, static_cast<uint32_t>(f)};
    };
    if (!corim.signature) return refuse(CorimFault::missing, "it is not signed");
    if (corim.signature->alg != key.alg) return refuse(CorimFault::cose, "alg is not the key's");
    if (!verify_jose(key, corim.signature->signed_bytes, corim.signature->value))
        return refuse(CorimFault::signature, "the signature is not by this key");
    return {};
}

std::vector<ReferenceValue> reference_values(const Corim& corim) {
    std::vector<ReferenceValue> out;
    for (const CorimMeasurement& m : corim.references)
        for (const CorimDigest& d : m.digests)
            out.push_back({.environment = corim.environments[m.environment],
                           .key = m.key,
                           .algorithm = d.algorithm,
                           .digest = d.value});
    return out;
}

}  // namespace sealcall::attestation
