// The codec over every message of the contracts: what goes in comes out, and nothing but the one encoding is accepted.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "tests/unit/include/message_list.h"

namespace sealcall::test {
namespace {

using ipc::decode;
using ipc::encode;

constexpr uint64_t kSeed = 20231120;

template <class T>
std::string name_of() {
    std::string s = __PRETTY_FUNCTION__;
    return s.substr(s.find("T = ") + 4);
}

/// How one leaf of a value is spoiled.
enum class Spoil { nothing, enum_beyond, bool_two, too_long, nul_inside };

/// A second encoder, written apart from the one under test, that can spoil the n-th leaf that allows `how`.
struct SpoilingEncoder {
    Spoil how;
    size_t index;
    size_t seen = 0;
    Bytes out{};

    bool hit(Spoil kind) { return kind == how && seen++ == index; }
    void number(uint64_t v, size_t width) {
        for (size_t i = width; i-- > 0;) out.push_back(static_cast<std::byte>(v >> (8 * i) & 0xff));
    }
    template <class T>
    void put(const T& v) {
        using namespace ipc::detail;
        if constexpr (std::is_same_v<T, bool>) {
            number(hit(Spoil::bool_two) ? 2 : static_cast<uint64_t>(v), 1);
        } else if constexpr (std::is_enum_v<T>) {
            auto last = static_cast<uint64_t>(ipc::EnumRange<T>::last);
            number(hit(Spoil::enum_beyond) ? last + 1 : static_cast<uint64_t>(v), sizeof(T));
        } else if constexpr (std::is_unsigned_v<T>) {
            number(v, sizeof(T));
        } else if constexpr (is_strong<T>) {
            number(v.value, sizeof(v.value));
        } else if constexpr (is_byte_array<T>) {
            out.insert(out.end(), v.begin(), v.end());
        } else if constexpr (is_bounded_list<T>) {
            number(hit(Spoil::too_long) ? T::kMax + 1 : v.size(), 2);
            for (const auto& item : v) put(item);
        } else if constexpr (is_secret<T>) {
            const auto secret = v.reveal(SecretAccess{});
            out.insert(out.end(), secret.begin(), secret.end());
        } else if constexpr (is_bounded_bytes<T> || is_bounded_string<T>) {
            put_run(v);
        } else {
            std::apply([&](auto... m) { (put(v.*m), ...); }, T::fields);
        }
    }
    template <class T>
    void put_run(const T& v) {
        const size_t width = T::kMax < 65536 ? 2 : 4;
        if (hit(Spoil::too_long)) {
            number(T::kMax + 1, width);
            out.insert(out.end(), T::kMax + 1, std::byte{'a'});
        } else if (ipc::detail::is_bounded_string<T> && hit(Spoil::nul_inside)) {
            number(1, width);
            out.push_back(std::byte{0});
        } else {
            const auto* p = reinterpret_cast<const std::byte*>(v.view().data());
            number(v.size(), width);
            out.insert(out.end(), p, p + v.size());
        }
    }
};

template <class F>
void for_all(F f) {
    for_each_type<IpcMessages>(f);
    for_each_type<WireValues>(f);
}

TEST(Codec, GivesBackWhatWentIn) {
    Random r(kSeed);
    for_all([&]<class T>() {
        for (int i = 0; i < 50; ++i) {
            T v = random_value<T>(r);
            auto back = decode<T>(encode(v));
            ASSERT_TRUE(back) << name_of<T>() << " round " << i;
            ASSERT_TRUE(same(v, *back)) << name_of<T>() << " round " << i;
        }
    });
}

TEST(Codec, WritesTheDocumentedForm) {
    Random r(kSeed + 1);
    for_all([&]<class T>() {
        for (int i = 0; i < 20; ++i) {
            T v = random_value<T>(r);
            SpoilingEncoder e{.how = Spoil::nothing, .index = 0};
            e.put(v);
            ASSERT_EQ(encode(v), e.out) << name_of<T>();
        }
    });
}

TEST(Codec, RefusesEveryTruncation) {
    Random r(kSeed + 2);
    for_all([&]<class T>() {
        Bytes b = encode(random_value<T>(r));
        for (size_t n = 0; n<b.size(); n += b.size()> 4096 && n > 1024 ? 37 : 1) {
            auto got = decode<T>(ByteSpan(b).first(n));
            ASSERT_FALSE(got) << name_of<T>() << " cut at " << n << " of " << b.size();
        }
    });
}

TEST(Codec, RefusesATrailingByte) {
    Random r(kSeed + 3);
    for_all([&]<class T>() {
        Bytes b = encode(random_value<T>(r));
        b.push_back(std::byte{0});
        auto got = decode<T>(b);
        ASSERT_FALSE(got) << name_of<T>();
        EXPECT_EQ(got.error().code, Errc::trailing_bytes) << name_of<T>();
    });
}

/// Spoils each leaf in turn; returns how many there were.
template <class T>
size_t expect_refused(const T& v, Spoil how, Errc code) {
    for (size_t k = 0;; ++k) {
        SpoilingEncoder e{.how = how, .index = k};
        e.put(v);
        if (e.seen <= k) return k;
        auto got = decode<T>(e.out);
        EXPECT_FALSE(got) << name_of<T>() << " leaf " << k;
        if (!got) {
            EXPECT_EQ(got.error().code, code) << name_of<T>() << " leaf " << k;
        }
    }
}

size_t spoil_everything(Spoil how, Errc code) {
    Random r(kSeed + 4);
    size_t leaves = 0;
    for_all([&]<class T>() { leaves += expect_refused(random_value<T>(r), how, code); });
    return leaves;
}

TEST(Codec, RefusesAnEnumeratorBeyondTheLast) { EXPECT_GE(spoil_everything(Spoil::enum_beyond, Errc::bad_value), 30u); }
TEST(Codec, RefusesABoolThatIsTwo) { EXPECT_GE(spoil_everything(Spoil::bool_two, Errc::not_canonical), 40u); }
TEST(Codec, RefusesWhatIsLongerThanItsBound) { EXPECT_GE(spoil_everything(Spoil::too_long, Errc::too_large), 80u); }
TEST(Codec, RefusesNulInStrings) { EXPECT_GE(spoil_everything(Spoil::nul_inside, Errc::bad_value), 50u); }

TEST(Codec, AcceptsNoSecondEncodingOfAValue) {
    Random r(kSeed + 5);
    size_t accepted = 0;
    for_all([&]<class T>() {
        for (int i = 0; i < 200; ++i) {
            Bytes b = encode(random_value<T>(r));
            if (b.empty()) continue;
            for (uint64_t k = 1 + r() % 3; k-- > 0;) b[r() % b.size()] = static_cast<std::byte>(r());
            auto got = decode<T>(b);
            if (!got) continue;
            ++accepted;
            ASSERT_EQ(encode(*got), b) << name_of<T>();
        }
    });
    EXPECT_GT(accepted, 1000u);  // most damaged bytes lie inside digests and texts, and those still decode
}

TEST(Codec, SurvivesRandomBytes) {
    Random r(kSeed + 6);
    for_all([&]<class T>() {
        for (int i = 0; i < 50; ++i) {
            Bytes b(r() % 200);
            for (auto& x : b) x = static_cast<std::byte>(r() % 4 ? r() % 4 : r());
            if (auto got = decode<T>(b)) {
                ASSERT_EQ(encode(*got), b) << name_of<T>();
            }
        }
    });
}

TEST(Codec, EveryMessageFitsALink) {
    for_each_type<IpcMessages>([]<class T>() {
        static_assert(2 + ipc::max_size<T>() <= ipc::kMessageMax);
        EXPECT_LE(2 + ipc::max_size<T>(), ipc::kMessageMax) << name_of<T>();
    });
}

TEST(Codec, EveryChannelMessageFitsAFrame) {
    for_each_type<WireValues>([]<class T>() { EXPECT_LE(ipc::max_size<T>() + 4, rats::kFrameMax) << name_of<T>(); });
    EXPECT_LE(ipc::max_size<rats::EvidenceBody>(), decltype(rats::Evidence::body)::kMax);
}

TEST(Codec, MaxSizeIsNeverExceeded) {
    Random r(kSeed + 7);
    for_all([&]<class T>() {
        for (int i = 0; i < 50; ++i) ASSERT_LE(encode(random_value<T>(r)).size(), ipc::max_size<T>()) << name_of<T>();
    });
    EXPECT_EQ(ipc::max_size<BoundedBytes<65536>>(), 4u + 65536u);
    EXPECT_EQ(ipc::max_size<BoundedBytes<65535>>(), 2u + 65535u);
    EXPECT_EQ((ipc::max_size<BoundedList<uint16_t, 5>>()), 12u);
}

TEST(Codec, EveryMessageHasANumberOfItsOwn) {
    std::map<uint16_t, std::string> ids;
    for_each_type<IpcMessages>([&]<class T>() {
        auto [at, fresh] = ids.emplace(T::kId, name_of<T>());
        EXPECT_TRUE(fresh) << T::kId << ": " << at->second << " and " << name_of<T>();
    });
}

TEST(Codec, ListNamesEveryMessage) {
    size_t in_headers = 0;
    const std::string include = SEALCALL_SOURCE_DIR "/include/sealcall/";
    std::vector<std::filesystem::path> headers{include + "ipc/collect.h", include + "ipc/guard.h",
                                               include + "rats/wire.h"};
    for (const auto& entry : std::filesystem::directory_iterator(include + "ipc/messages"))
        headers.push_back(entry.path());
    for (const auto& path : headers) {
        std::ifstream file(path);
        ASSERT_TRUE(file) << path;
        for (std::string line; std::getline(file, line);)
            in_headers += line.find("static constexpr uint16_t kId = ") != std::string::npos;
    }
    EXPECT_EQ(in_headers, std::tuple_size_v<IpcMessages>);
}

TEST(Codec, MessageNumberLeadsAndIsChecked) {
    Bytes b = ipc::encode_message(ipc::Answer{.call = CallId{7}, .microphone = false});
    EXPECT_EQ(b, (Bytes{std::byte{0}, std::byte{122}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{7},
                        std::byte{0}, std::byte{0}}));
    auto id = ipc::message_id(b);
    ASSERT_TRUE(id);
    EXPECT_EQ(*id, 122);
    EXPECT_TRUE(ipc::decode_message<ipc::Answer>(b));
    auto other = ipc::decode_message<ipc::SetHold>(b);  // same shape, another number
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, Errc::unknown_message);
    EXPECT_FALSE(ipc::message_id(ByteSpan(b).first(1)));
    EXPECT_FALSE(ipc::decode_message<ipc::Answer>(ByteSpan(b).first(b.size() - 1)));
    b.push_back(std::byte{0});
    EXPECT_FALSE(ipc::decode_message<ipc::Answer>(b));
}

}  // namespace
}  // namespace sealcall::test
