// The bodies of the attestation channel's frames, as one phone reads them from the other: one encoding for each value.
#include "sealcall/rats/wire.h"
#include "tests/fuzz/seeded.h"

using namespace sealcall;

namespace {

template <class T>
void try_body(ByteSpan in) {
    auto v = ipc::decode<T>(in);
    if (v) CHECK(equal_bytes(ipc::encode(*v), in) && in.size() <= ipc::max_size<T>());
}

void try_frame(rats::FrameType type, ByteSpan body) {
    switch (type) {
        case rats::FrameType::hello:
            return try_body<rats::Hello>(body);
        case rats::FrameType::evidence:
            return try_body<rats::Evidence>(body);
        case rats::FrameType::verdict:
            return try_body<rats::Verdict>(body);
        case rats::FrameType::candidates:
            return try_body<rats::Candidates>(body);
        case rats::FrameType::media_confirm:
            return try_body<rats::MediaConfirm>(body);
        case rats::FrameType::hold:
            return try_body<rats::Hold>(body);
        case rats::FrameType::resume:
            return try_body<rats::Resume>(body);
        case rats::FrameType::bye:
            return try_body<rats::Bye>(body);
        case rats::FrameType::log_request:
            return try_body<rats::LogRequest>(body);
        case rats::FrameType::log_part:
            return try_body<rats::LogPart>(body);
        case rats::FrameType::reattest:
            return try_body<rats::Reattest>(body);
        case rats::FrameType::result:
            return try_body<rats::ResultFrame>(body);
        case rats::FrameType::ringing:
            return;  // empty body
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    ByteReader r(fuzz::input(data, size));
    rats::FrameType type{};
    if (!ipc::decode_value(r, type)) return 0;
    const ByteSpan body = *r.bytes(r.left());
    try_frame(type, body);
    try_body<rats::EvidenceBody>(body);
    return 0;
}
