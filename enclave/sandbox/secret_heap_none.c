/* Sanitizer builds: their own malloc finds bugs, ours would hide them. */
#include "enclave/sandbox/secret_heap.h"

int sealcall_secret_heap_kind(void) { return SEALCALL_HEAP_ORDINARY; }

unsigned long sealcall_secret_heap_live(void) { return 0; }
