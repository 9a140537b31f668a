#include "enclave/dtls/datagram_bio.h"

#include "enclave/dtls/identity.h"

namespace sealcall::dtls {

namespace {
/// A flight is a handful of datagrams; a peer that makes OpenSSL answer more without our sending any is not served.
constexpr size_t kOutputMax = 64;
}  // namespace

// OpenSSL has 128 BIO types for the life of a process: one constant method for all.
const BIO_METHOD* DatagramBio::method() {
    static const tls::BioMethodPtr kMethod = [] {
        tls::BioMethodPtr m(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sealcall datagrams"));
        CHECK(m != nullptr);
        CHECK(BIO_meth_set_write(m.get(), on_write) == 1 && BIO_meth_set_read(m.get(), on_read) == 1 &&
              BIO_meth_set_ctrl(m.get(), on_control) == 1);
        return m;
    }();
    return kMethod.get();
}

tls::BioPtr DatagramBio::make_bio() {
    tls::BioPtr bio(BIO_new(method()));
    if (bio) {
        BIO_set_data(bio.get(), this);
        BIO_set_init(bio.get(), 1);
    }
    return bio;
}

int DatagramBio::on_write(BIO* bio, const char* data, int size) {
    auto* self = static_cast<DatagramBio*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    if (size <= 0) return 0;
    // Lost, as on a network, when nobody takes them.
    if (self->output_.size() < kOutputMax)
        self->output_.push_back(to_bytes(std::as_bytes(std::span(data, static_cast<size_t>(size)))));
    return size;
}

int DatagramBio::on_read(BIO* bio, char* out, int capacity) {
    auto* self = static_cast<DatagramBio*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    if (self->input_.empty()) {
        BIO_set_retry_read(bio);
        return -1;
    }
    const size_t size = std::min(self->input_.size(), static_cast<size_t>(std::max(capacity, 0)));
    std::memcpy(out, self->input_.data(), size);
    self->input_.clear();  // what did not fit is cut off, as a socket would
    return static_cast<int>(size);
}

long DatagramBio::on_control(BIO*, int command, long, void*) {
    switch (command) {
        case BIO_CTRL_FLUSH:
        case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT:
            return 1;
        case BIO_CTRL_DGRAM_QUERY_MTU:
        case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
            return static_cast<long>(kDatagramMax);
        default:
            return 0;
    }
}

}  // namespace sealcall::dtls
