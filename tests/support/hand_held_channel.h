// For tests that are the peer themselves: a TLS channel in the test's own hands, and a phone at its other end.
#pragma once

#include <unistd.h>

#include "attestation/cel.h"
#include "enclave/tls/channel.h"
#include "sealcall/base/tpm_extend.h"
#include "tests/support/enclave_phone.h"

namespace sealcall::test {

/// The TPM of such a peer, with the roles in PCR 13.
inline std::unique_ptr<tpm::Tpm> open_measured(tpm::test::Swtpm& swtpm,
                                               const std::vector<attestation::MeasuredRole>& roles) {
    for (const auto& role : roles)
        CHECK(tpm_raw::extend_pcr(swtpm.fd(), tpm_raw::Wire::stream, 13, attestation::cel_digest(role),
                                  tpm::test::kPatient)
                  .has_value());
    return tpm::Tpm::open(swtpm.connect(),
                          {.kind = ipc::TpmKind::swtpm_socket, .auth_value = {}, .deadline = tpm::test::kPatient})
        .value();
}

/// Carries what both ends have to say to the other, and keeps the frames that came.
inline void carry(tls::Channel& channel, EnclavePhone& phone, SessionId session,
                  std::vector<tls::Channel::Frame>& frames) {
    for (const Bytes& body : channel.take_output())
        (void)phone.host.send(ipc::ChannelIn{.session = session, .body = BoundedBytes<rats::kInfoBodyMax>(body)});
    while (auto out = EnclavePhone::take<ipc::ChannelOut>(phone.from_host))
        if (channel.feed(out->body.view())) (void)channel.advance();
    if (channel.state() != tls::ChannelState::open) return;
    if (auto more = channel.receive())
        for (auto& f : *more) frames.push_back(std::move(f));
}

/// False: it was not done within 15 s.
inline bool turned_until(const std::function<bool()>& done, const std::function<void()>& turn) {
    const BootInstant deadline = BootClock::now() + Millis{15000};
    while (!done()) {
        if (BootClock::now() > deadline) return false;
        turn();
        usleep(300);
    }
    return true;
}

}  // namespace sealcall::test
