// After warm_up a whole media session works without opening a file or a socket: DTLS, SRTP, a derived context.
#include <gtest/gtest.h>

#include "enclave/srtp/media.h"
#include "enclave/tls/openssl.h"
#include "tests/unit/dtls/pair.h"
#include "tests/unit/srtp/keys.h"
#include "tests/unit/tls/lockdown.h"

namespace sealcall::srtp::test {
namespace {

bool talk(MediaKeys first, MediaKeys second) {
    auto a = Media::create(std::move(first), 111), b = Media::create(std::move(second), 111);
    if (!a || !b) return false;
    const auto packet = (*a)->send(Bytes(80), 960, BootClock::now());
    if (!packet) return false;
    const auto got = (*b)->receive(*packet, BootClock::now());
    return got && got->has_value();
}

TEST(LockDown, DtlsAndSrtpWorkAfterWarmUp) {
    tls::warm_up();
    warm_up();
    EXPECT_EQ(tls::test::in_lockdown([] {
                  dtls::test::Pair p;
                  p.run();
                  if (!p.client->finished() || !p.server->finished()) return false;
                  auto a = p.client->take_media_keys(), b = p.server->take_media_keys();
                  const auto secret = p.client->take_call_secret();
                  if (!a || !b || !secret || !talk(std::move(*a), std::move(*b))) return false;
                  constexpr std::array<std::byte, 16> kOne{std::byte{1}}, kTwo{std::byte{2}};
                  for (const auto profile : {SrtpProfile::aead_aes_128_gcm, SrtpProfile::aes128_cm_sha1_80}) {
                      auto caller = derive_context(*secret, 1, rats::Role::caller, kOne, kTwo, profile);
                      auto callee = derive_context(*secret, 1, rats::Role::callee, kOne, kTwo, profile);
                      if (!caller || !callee || !talk(std::move(*caller), std::move(*callee))) return false;
                  }
                  return true;
              }),
              0);
}

}  // namespace
}  // namespace sealcall::srtp::test
