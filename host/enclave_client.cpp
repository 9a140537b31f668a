#include "host/enclave_client.h"

namespace sealcall::host {
namespace {

template <ipc::Message... Ts>
Status dispatch_one_of(uint16_t id, ByteSpan message, EnclaveCommands& to) {
    Status result = Error{Errc::unknown_message, "from the enclave", id};
    auto attempt = [&]<class T>(std::type_identity<T>) {
        if (id != T::kId) return;
        auto m = ipc::decode_message<T>(message);
        if (!m) {
            result = m.error();
            return;
        }
        result = {};
        to.on(*m);
    };
    (attempt(std::type_identity<Ts>{}), ...);
    return result;
}

}  // namespace

Status EnclaveClient::dispatch(ByteSpan message, EnclaveCommands& to) {
    TRY(uint16_t id, ipc::message_id(message));
    return dispatch_one_of<ipc::PlaceCall, ipc::LegAdmitted, ipc::IncomingAdmitted, ipc::IncomingRefused,
                           ipc::ChannelOut, ipc::SendRinging, ipc::SendOk, ipc::EndLeg, ipc::EndCall,
                           ipc::StartMediaPath, ipc::RemoteCandidates, ipc::Datagram, ipc::SendHold,
                           ipc::DigestResponse, ipc::AskPassport>(id, message, to);
}

}  // namespace sealcall::host
