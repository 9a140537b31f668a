// CoMID (draft-ietf-rats-corim 5): one module's triples.
#include "attestation/corim_reader.h"
#include "sealcall/base/hex.h"

namespace sealcall::attestation::corim {

namespace {

constexpr size_t kTextMax = 4096, kMeasurementsMax = 65536, kKeysMax = 4096, kDigestsMax = 16, kBytesMax = 65536;
constexpr uint64_t kTagUuid = 37, kTagOid = 111, kTagUeid = 550, kTagBytes = 560, kTagSvn = 552, kTagMinSvn = 553;

std::string uuid_text(ByteSpan b) {
    std::string hex = to_hex(b);
    for (size_t at : {20u, 16u, 12u, 8u}) hex.insert(at, 1, '-');
    return hex;
}

/// BER-encoded OBJECT IDENTIFIER contents (RFC 9090) as dotted numbers; hexadecimal when it is none.
std::string oid_text(ByteSpan b) {
    std::string out;
    uint64_t arc = 0;
    bool first = true;
    for (size_t i = 0; i < b.size(); ++i) {
        if (arc >> 56 != 0) return to_hex(b);
        arc = arc << 7 | (static_cast<uint64_t>(b[i]) & 0x7f);
        if ((static_cast<unsigned>(b[i]) & 0x80) != 0) {
            if (i + 1 == b.size()) return to_hex(b);
            continue;
        }
        if (first) {
            const uint64_t top = std::min<uint64_t>(arc / 40, 2);
            out = std::to_string(top);
            arc -= 40 * top;
            first = false;
        }
        out += '.';
        out += std::to_string(arc);
        arc = 0;
    }
    return out;
}

const char* tag_name(uint64_t tag) {
    switch (tag) {
        case kTagUuid:
            return "uuid";
        case kTagOid:
            return "oid";
        case kTagUeid:
            return "ueid";
        case kTagBytes:
            return "bytes";
        case 554:
            return "pkix-base64-key";
        case 555:
            return "pkix-base64-cert";
        case 556:
            return "pkix-base64-cert-path";
        case 557:
            return "key-thumbprint";
        case 558:
            return "cose-key";
        case 559:
            return "cert-thumbprint";
        case 561:
            return "cert-path-thumbprint";
        case 562:
            return "pkix-asn1der-cert";
        default:
            return "other";
    }
}

struct Algorithm {
    int64_t id;
    const char* name;
    size_t size;
};
/// IANA "Named Information Hash Algorithm Registry".
constexpr Algorithm kAlgorithms[] = {{1, "sha-256", 32},    {2, "sha-256-128", 16}, {3, "sha-256-120", 15},
                                     {4, "sha-256-96", 12}, {5, "sha-256-64", 8},   {6, "sha-256-32", 4},
                                     {7, "sha-384", 48},    {8, "sha-512", 64},     {9, "sha3-224", 28},
                                     {10, "sha3-256", 32},  {11, "sha3-384", 48},   {12, "sha3-512", 64}};

Result<CorimDigest> read_digest(CborCursor& c) {
    TRY(const size_t n, as(c.array(), CorimFault::structure, "digest"));
    if (n != 2) return fault(CorimFault::structure, "digest");
    TRY(const CborType type, as(c.type(), CorimFault::cbor, "digest"));
    const Algorithm* found = std::end(kAlgorithms);
    if (type == CborType::text) {
        TRY(const std::string name, short_text(c, "digest algorithm"));
        found = std::ranges::find_if(kAlgorithms, [&](const Algorithm& a) { return name == a.name; });
    } else {
        TRY(const int64_t id, as(c.integer(), CorimFault::structure, "digest algorithm"));
        found = std::ranges::find(kAlgorithms, id, &Algorithm::id);
    }
    if (found == std::end(kAlgorithms)) return fault(CorimFault::digest, "digest algorithm is not known");
    TRY(const ByteSpan value, as(c.bytes(), CorimFault::structure, "digest"));
    if (value.size() != found->size)
        return fault(CorimFault::digest, "digest is not as long as its algorithm makes it");
    return CorimDigest{.algorithm = found->name, .value = to_bytes(value)};
}

Status read_digests(CborCursor& c, CorimMeasurement& out) {
    TRY(const size_t n, as(c.array(), CorimFault::structure, "digests"));
    if (n == 0 || n > kDigestsMax) return fault(CorimFault::structure, "digests");
    for (size_t i = 0; i < n; ++i) {
        TRY(CorimDigest d, read_digest(c));
        for (const auto& other : out.digests)
            if (other.algorithm == d.algorithm && other.value != d.value)
                return fault(CorimFault::digest, "two digests of one algorithm");
        out.digests.push_back(std::move(d));
    }
    return {};
}

Status read_svn(CborCursor& c, CorimMeasurement& out) {
    TRY(const CborType type, as(c.type(), CorimFault::cbor, "svn"));
    uint64_t tag = kTagSvn;
    if (type == CborType::tag) {
        TRY(tag, as(c.tag(), CorimFault::structure, "svn"));
    }
    if (tag != kTagSvn && tag != kTagMinSvn) return fault(CorimFault::structure, "svn");
    TRY(const uint64_t v, as(c.uint(), CorimFault::structure, "svn"));
    (tag == kTagSvn ? out.svn : out.min_svn) = v;
    return {};
}

Status read_raw(CborCursor& c, CorimMeasurement& out) {
    TRY(const CborType type, as(c.type(), CorimFault::cbor, "raw value"));
    if (type == CborType::tag) {
        TRY(const uint64_t tag, as(c.tag(), CorimFault::structure, "raw value"));
        if (tag != kTagBytes) return fault(CorimFault::structure, "raw value");
    }
    TRY(const ByteSpan b, as(c.bytes(), CorimFault::structure, "raw value"));
    if (b.size() > kBytesMax) return fault(CorimFault::size, "raw value");
    out.raw_value = to_bytes(b);
    return {};
}

/// measurement-values-map.
Status read_values(CborCursor& c, CorimMeasurement& out) {
    bool any = false;
    const Status entries = each_entry(c, "measurement values", [&](int64_t key) -> Result<bool> {
        any = true;
        switch (key) {
            case 1:
                TRY_STATUS(read_svn(c, out));
                return true;
            case 2:
                TRY_STATUS(read_digests(c, out));
                return true;
            case 4:
                TRY_STATUS(read_raw(c, out));
                return true;
            default:
                ++out.other_values;
                return false;
        }
    });
    if (!entries) return entries.error();
    if (!any) return fault(CorimFault::missing, "measurement without values");
    return {};
}

Status read_measurement(CborCursor& c, size_t environment, Corim& out) {
    CorimMeasurement m;
    m.environment = environment;
    bool values = false;
    const Status entries = each_entry(c, "measurement", [&](int64_t key) -> Result<bool> {
        if (key == 0) {
            TRY(m.key, typed_value(c, "measurement key"));
            return true;
        }
        if (key != 1) return false;
        values = true;
        TRY_STATUS(read_values(c, m));
        return true;
    });
    if (!entries) return entries.error();
    if (!values) return fault(CorimFault::missing, "measurement without values");
    if (out.references.size() == kMeasurementsMax) return fault(CorimFault::size, "measurements");
    out.references.push_back(std::move(m));
    return {};
}

Status read_class(CborCursor& c, CorimEnvironment& e) {
    e.has_class = true;
    bool any = false;
    const Status entries = each_entry(c, "class", [&](int64_t key) -> Result<bool> {
        any = true;
        switch (key) {
            case 0: {
                TRY(e.class_id, typed_value(c, "class id"));
                return true;
            }
            case 1: {
                TRY(e.vendor, short_text(c, "vendor"));
                return true;
            }
            case 2: {
                TRY(e.model, short_text(c, "model"));
                return true;
            }
            case 3: {
                TRY(e.layer, as(c.uint(), CorimFault::structure, "layer"));
                return true;
            }
            case 4: {
                TRY(e.index, as(c.uint(), CorimFault::structure, "index"));
                return true;
            }
            default:
                return false;
        }
    });
    if (!entries) return entries.error();
    if (!any) return fault(CorimFault::environment, "empty class");
    return {};
}

/// Adds an environment-map; its index.
Result<size_t> read_environment(CborCursor& c, Corim& out) {
    CorimEnvironment e;
    bool any = false;
    const Status entries = each_entry(c, "environment", [&](int64_t key) -> Result<bool> {
        any = true;
        if (key == 0) {
            TRY_STATUS(read_class(c, e));
            return true;
        }
        if (key != 1 && key != 2) return false;
        TRY((key == 1 ? e.instance : e.group), typed_value(c, "instance"));
        return true;
    });
    if (!entries) return entries.error();
    if (!any) return fault(CorimFault::environment, "empty environment");
    if (out.environments.size() == kMeasurementsMax) return fault(CorimFault::size, "environments");
    out.environments.push_back(std::move(e));
    return out.environments.size() - 1;
}

Status read_reference_triple(CborCursor& c, Corim& out) {
    TRY(const size_t parts, as(c.array(), CorimFault::structure, "reference triple"));
    if (parts != 2) return fault(CorimFault::structure, "reference triple");
    TRY(const size_t environment, read_environment(c, out));
    TRY(const size_t n, as(c.array(), CorimFault::structure, "measurements"));
    if (n == 0) return fault(CorimFault::missing, "measurements");
    for (size_t i = 0; i < n; ++i) TRY_STATUS(read_measurement(c, environment, out));
    return {};
}

Status read_key_triple(CborCursor& c, Corim& out, std::vector<CorimKeys>& list) {
    TRY(const size_t parts, as(c.array(), CorimFault::structure, "key triple"));
    if (parts != 2 && parts != 3) return fault(CorimFault::structure, "key triple");
    CorimKeys k;
    TRY(k.environment, read_environment(c, out));
    TRY(const size_t n, as(c.array(), CorimFault::structure, "keys"));
    if (n == 0) return fault(CorimFault::missing, "keys");
    if (n > kKeysMax || list.size() == kKeysMax) return fault(CorimFault::size, "keys");
    for (size_t i = 0; i < n; ++i) {
        TRY(TypedValue key, typed_value(c, "key"));
        k.keys.push_back(std::move(key));
    }
    if (parts == 3) TRY_STATUS(as(c.skip(), CorimFault::cbor, "key triple"));
    list.push_back(std::move(k));
    return {};
}

Status read_triples(CborCursor& c, Corim& out) {
    bool any = false;
    const Status entries = each_entry(c, "triples", [&](int64_t key) -> Result<bool> {
        any = true;
        if (key != 0 && key != 2 && key != 3) {
            ++out.other_triples;
            return false;
        }
        TRY(const size_t n, as(c.array(), CorimFault::structure, "triples"));
        if (n == 0) return fault(CorimFault::missing, "triples");
        for (size_t i = 0; i < n; ++i)
            TRY_STATUS(key == 0 ? read_reference_triple(c, out)
                                : read_key_triple(c, out, key == 2 ? out.identity_keys : out.attestation_keys));
        return true;
    });
    if (!entries) return entries.error();
    if (!any) return fault(CorimFault::missing, "triples");
    return {};
}

}  // namespace

Result<std::string> short_text(CborCursor& c, const char* what) {
    TRY(const std::string_view t, as(c.text(), CorimFault::structure, what));
    if (t.size() > kTextMax) return fault(CorimFault::size, what);
    return std::string(t);
}

Result<TypedValue> typed_value(CborCursor& c, const char* what) {
    TRY(CborType type, as(c.type(), CorimFault::cbor, what));
    TypedValue out;
    uint64_t tag = 0;
    if (type == CborType::tag) {
        TRY(tag, as(c.tag(), CorimFault::structure, what));
        out.type = tag_name(tag);
        TRY(type, as(c.type(), CorimFault::cbor, what));
    }
    const bool bare = tag == 0;
    if (type == CborType::text) {
        if (bare) out.type = "text";
        TRY(out.value, short_text(c, what));
    } else if (type == CborType::bytes) {
        TRY(const ByteSpan b, as(c.bytes(), CorimFault::structure, what));
        if (b.size() > kTextMax || (tag == kTagUuid && b.size() != 16)) return fault(CorimFault::structure, what);
        if (bare) out.type = "bytes";
        out.value = tag == kTagUuid ? uuid_text(b) : tag == kTagOid ? oid_text(b) : to_hex(b);
    } else if (type == CborType::uint || type == CborType::negative) {
        if (bare) out.type = "uint";
        TRY(const int64_t v, as(c.integer(), CorimFault::structure, what));
        if (bare && v < 0) return fault(CorimFault::structure, what);
        out.value = std::to_string(v);
    } else {
        // A structure (a COSE key, a thumbprint): kept as it stands.
        TRY(const ByteSpan b, as(c.item(), CorimFault::cbor, what));
        if (bare || b.size() > kTextMax) return fault(CorimFault::structure, what);
        out.value = to_hex(b);
    }
    return out;
}

Status read_comid(ByteSpan cbor, Corim& out) {
    CborCursor c(cbor);
    bool identity = false, triples = false;
    TypedValue id{.type = "comid", .value = {}};
    const Status entries = each_entry(c, "CoMID", [&](int64_t key) -> Result<bool> {
        if (key == 4) {
            triples = true;
            TRY_STATUS(read_triples(c, out));
            return true;
        }
        if (key != 1) return false;
        const Status parts = each_entry(c, "tag identity", [&](int64_t part) -> Result<bool> {
            if (part != 0) return false;
            identity = true;
            TRY(const CborType type, as(c.type(), CorimFault::cbor, "tag id"));
            if (type == CborType::bytes) {
                TRY(const ByteSpan b, as(c.bytes(), CorimFault::structure, "tag id"));
                if (b.size() != 16) return fault(CorimFault::structure, "tag id");
                id.value = uuid_text(b);
                return true;
            }
            TRY(const TypedValue v, typed_value(c, "tag id"));
            id.value = v.value;
            return true;
        });
        if (!parts) return parts.error();
        return true;
    });
    if (!entries) return entries.error();
    TRY_STATUS(as(c.finish(), CorimFault::cbor, "something behind the CoMID"));
    if (!identity) return fault(CorimFault::missing, "tag identity");
    if (!triples) return fault(CorimFault::missing, "triples");
    out.tags.push_back(std::move(id));
    return {};
}

}  // namespace sealcall::attestation::corim
