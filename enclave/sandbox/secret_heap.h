/* The heap of the enclave: malloc itself over memory that neither the kernel nor root can read from outside
 * (memfd_secret(2)). ESYS, OpenSSL, libsrtp and libstdc++ all allocate here, so whatever they leave behind lies in it.
 * Freed bytes are wiped. Linking sealcall::secret_heap into an executable replaces its malloc. A process with this heap
 * must not fork: the pages are not inherited. */
#ifndef SEALCALL_SECRET_HEAP_H
#define SEALCALL_SECRET_HEAP_H

#ifdef __cplusplus
extern "C" {
#endif

enum sealcall_heap_kind {
    SEALCALL_HEAP_ORDINARY = 0, /* nothing could be had: pages may go to swap */
    SEALCALL_HEAP_LOCKED = 1,   /* stays in memory, not in dumps; root can read it */
    SEALCALL_HEAP_SECRET = 2    /* memfd_secret: root cannot read it either */
};

/* The weakest kind of memory in use now, an enum sealcall_heap_kind. Any thread. */
int sealcall_secret_heap_kind(void);

/* Bytes handed out and not freed, in whole blocks. Any thread. */
unsigned long sealcall_secret_heap_live(void);

#ifdef __cplusplus
}
#endif

#endif
