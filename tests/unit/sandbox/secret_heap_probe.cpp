// Runs with the secret heap as its malloc and prints what it finds, one "name=value" a line; secret_heap_test reads it.
// Its own executable, because gtest must not live on this heap. argv[1]: which probe.
#include <fcntl.h>
#include <malloc.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string_view>
#include <thread>
#include <vector>

#include "enclave/sandbox/sandbox.h"
#include "enclave/sandbox/secret_heap.h"

namespace {

bool filled_with(const unsigned char* p, size_t n, unsigned char c) {
    for (size_t i = 0; i < n; ++i)
        if (p[i] != c) return false;
    return true;
}

int probe_kind() {
    std::printf("kind=%d\n", sealcall_secret_heap_kind());
    void* secret = std::malloc(64);
    std::memset(secret, 'S', 64);
    const int mem = ::open("/proc/self/mem", O_RDONLY);
    char got[64];
    const ssize_t n = ::pread(mem, got, sizeof got, static_cast<off_t>(reinterpret_cast<uintptr_t>(secret)));
    std::printf("proc_mem=%s\n", n == 64 ? "readable" : "unreadable");
    std::free(secret);
    return 0;
}

int probe_wipe() {
    int dirty = 0;
    for (size_t n : {16U, 100U, 600U, 3000U, 5000U, 70000U}) {
        auto* p = static_cast<unsigned char*>(std::malloc(n));
        std::memset(p, 'K', n);
        volatile uintptr_t at = reinterpret_cast<uintptr_t>(p);  // volatile: the compiler must not follow it
        std::free(p);
        // Reading freed memory is the point here; the first word of a small block is the free list's link.
        const auto* freed = reinterpret_cast<const volatile unsigned char*>(uintptr_t{at});
        for (size_t i = sizeof(void*); i < n; ++i) dirty += freed[i] == 'K';
    }
    std::printf("dirty=%d\n", dirty);
    return 0;
}

struct Piece {
    unsigned char* p = nullptr;
    size_t n = 0;
    unsigned char fill = 0;
};

// Random life of many blocks; every block must keep its own bytes. Returns the number of broken ones.
int churn(unsigned seed, int steps) {
    std::mt19937 random(seed);
    std::vector<Piece> pieces(200);
    int broken = 0;
    for (int i = 0; i < steps; ++i) {
        Piece& x = pieces[random() % pieces.size()];
        if (x.p != nullptr && !filled_with(x.p, x.n, x.fill)) ++broken;
        const size_t n = random() % 8 == 0 ? random() % 40000 : random() % 700;
        const unsigned what = random() % 4;
        if (what == 0 || x.p == nullptr) {
            std::free(x.p);
            x.p = static_cast<unsigned char*>(std::calloc(1, n + 1));
            if (!filled_with(x.p, n + 1, 0)) ++broken;
        } else if (what == 1) {
            auto* q = static_cast<unsigned char*>(std::realloc(x.p, n + 1));
            if (!filled_with(q, n + 1 < x.n ? n + 1 : x.n, x.fill)) ++broken;
            x.p = q;
        } else {
            std::free(x.p);
            const size_t align = size_t{16} << random() % 10;
            x.p = static_cast<unsigned char*>(std::aligned_alloc(align, n + 1));
            if (reinterpret_cast<uintptr_t>(x.p) % align != 0) ++broken;
        }
        x.n = n + 1;
        x.fill = static_cast<unsigned char>(random());
        std::memset(x.p, x.fill, x.n);
    }
    for (Piece& x : pieces) std::free(x.p);
    return broken;
}

int probe_churn() {
    const unsigned long before = sealcall_secret_heap_live();
    int broken[4] = {};
    {
        std::vector<std::thread> threads;
        for (unsigned t = 0; t < 4; ++t) threads.emplace_back([&broken, t] { broken[t] = churn(t + 1, 20000); });
        for (auto& t : threads) t.join();
    }
    std::printf("broken=%d\n", broken[0] + broken[1] + broken[2] + broken[3]);
    std::printf("leaked=%d\n", sealcall_secret_heap_live() > before + 65536 ? 1 : 0);
    return 0;
}

int probe_grow() {
    std::printf("before=%d\n", sealcall_secret_heap_kind());
    std::vector<std::vector<char>> all;
    size_t right = 0;
    for (int i = 0; i < 200; ++i) {
        all.emplace_back(100000, static_cast<char>(i));
        if (i == 70) std::printf("second=%d\n", sealcall_secret_heap_kind());
    }
    for (int i = 0; i < 200; ++i) right += all[static_cast<size_t>(i)][99999] == static_cast<char>(i);
    std::printf("right=%zu\nafter=%d\n", right, sealcall_secret_heap_kind());
    errno = 0;
    void* volatile too_much = std::malloc(size_t{1} << 40);
    std::printf("too_much=%s\n", too_much == nullptr && errno == ENOMEM ? "refused" : "given");
    return 0;
}

// The enclave's heap outgrows its first arena when it is locked down already.
int probe_grow_locked_down() {
    if (!sealcall::sandbox::enter(sealcall::ipc::ProcessRole::enclave)) return 2;
    const int r = probe_grow();
    std::fflush(stdout);
    ::_exit(r);
}

// What the enclave does after lock-down, with nothing of OpenSSL touched before: keys, certificate, a DTLS handshake's
// worth.
int probe_openssl() {
    if (!sealcall::sandbox::enter(sealcall::ipc::ProcessRole::enclave)) return 2;
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* cert = X509_new();
    if (key == nullptr || cert == nullptr) return 3;
    X509_set_pubkey(cert, key);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    if (X509_sign(cert, key, EVP_sha256()) == 0) return 4;
    SSL_CTX* ctx = SSL_CTX_new(DTLS_method());
    if (ctx == nullptr || SSL_CTX_use_certificate(ctx, cert) != 1 || SSL_CTX_use_PrivateKey(ctx, key) != 1) return 5;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 1; });
    SSL* a = SSL_new(ctx);
    SSL* b = SSL_new(ctx);
    BIO* to_a = BIO_new(BIO_s_mem());
    BIO* to_b = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(to_a, -1);
    BIO_set_mem_eof_return(to_b, -1);
    BIO_up_ref(to_a);
    BIO_up_ref(to_b);
    SSL_set_bio(a, to_a, to_b);
    SSL_set_bio(b, to_b, to_a);
    SSL_set_connect_state(a);
    SSL_set_accept_state(b);
    bool done = false;
    for (int i = 0; i < 10 && !done; ++i) {
        const int ra = SSL_do_handshake(a);
        const int rb = SSL_do_handshake(b);
        done = ra == 1 && rb == 1;
    }
    ERR_raise(ERR_LIB_USER, 1);
    char text[200];
    ERR_error_string_n(ERR_get_error(), text, sizeof text);
    std::printf("handshake=%s\nkind=%d\nlive_kib=%lu\n", done ? "done" : "failed", sealcall_secret_heap_kind(),
                sealcall_secret_heap_live() / 1024);
    std::fflush(stdout);
    ::_exit(done ? 0 : 6);
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view which = argc > 1 ? argv[1] : "";
    if (which == "kind") return probe_kind();
    if (which == "wipe") return probe_wipe();
    if (which == "churn") return probe_churn();
    if (which == "grow") return probe_grow();
    if (which == "grow_locked_down") return probe_grow_locked_down();
    if (which == "openssl") return probe_openssl();
    return 64;
}
