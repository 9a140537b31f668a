/* malloc over memfd_secret. Two layers: runs of 4 KiB pages (first fit from the bottom, so that few pages are ever
 * touched), and on top of them blocks of fixed classes without headers: a page knows the class of its blocks.
 * Everything free is zero but the link of a free block, so calloc costs nothing extra and a freed secret is gone. */
#define _GNU_SOURCE
#include "enclave/sandbox/secret_heap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE ((size_t)4096)
#define FIRST_ARENA ((size_t)6 << 20) /* fits the usual RLIMIT_MEMLOCK of 8 MiB */
#define MORE_ARENA ((size_t)2 << 20)
#define LARGEST ((size_t)1 << 30)
#define SLAB_PAGES_BIG 4u /* for classes above 512 bytes, so that little is left over at the end of a slab */

/* What a page is: free, inside a run, start of a run of n pages, or part of a slab of class c. */
#define IS_FREE 0u
#define IS_INSIDE 1u
#define IS_RUN 0x80000000u
#define IS_SLAB 0x40000000u
#define NUMBER 0x3fffffffu

static const uint16_t kClass[] = {16,  32,  48,  64,  80,  96,  112,  128,  160,  192,  224,  256,  320,
                                  384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 1792, 2048, 2560, 3072};
#define CLASSES (sizeof kClass / sizeof kClass[0])
#define LARGEST_CLASS 3072u

struct arena {
    struct arena* next;
    size_t pages;
    size_t lowest_free; /* no page below is free */
    enum sealcall_heap_kind kind;
    uint32_t page[]; /* one per page, the ones of this table included */
};

struct block {
    struct block* next;
};

static struct arena* arenas;
static struct block* free_blocks[CLASSES];
static char* fresh[CLASSES]; /* untouched rest of the newest slab of a class */
static char* fresh_end[CLASSES];
static unsigned long live;
static _Atomic uint32_t lock_word; /* 0 open, 1 held, 2 held and somebody waits */

static void lock(void) {
    uint32_t seen = 0;
    if (atomic_compare_exchange_strong(&lock_word, &seen, 1)) return;
    if (seen != 2) seen = atomic_exchange(&lock_word, 2);
    while (seen != 0) {
        syscall(SYS_futex, &lock_word, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0);
        seen = atomic_exchange(&lock_word, 2);
    }
}

static void unlock(void) {
    if (atomic_exchange(&lock_word, 0) == 2) syscall(SYS_futex, &lock_word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void wipe(void* p, size_t n) {
    memset(p, 0, n);
    __asm__ __volatile__("" : : "r"(p) : "memory");
}

/* The heap's own rules are broken (a wild or doubled free): go no further with keys in memory. */
static void broken(void) { abort(); }

/* ---- arenas ---- */

static void* map_secret(size_t n) {
    int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
    if (fd < 0) return NULL;
    void* p = ftruncate(fd, (off_t)n) == 0 ? mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    close(fd);
    return p == MAP_FAILED ? NULL : p;
}

static void* map_ordinary(size_t n, enum sealcall_heap_kind* kind) {
    void* p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return NULL;
    /* On fault: locking must not touch what nobody asked for. */
    *kind = mlock2(p, n, MLOCK_ONFAULT) == 0 ? SEALCALL_HEAP_LOCKED : SEALCALL_HEAP_ORDINARY;
    return p;
}

static struct arena* add_arena(size_t at_least) {
    bool first = arenas == NULL;
    size_t n = first ? FIRST_ARENA : MORE_ARENA;
    size_t pages_needed = at_least + (at_least * sizeof(uint32_t) + sizeof(struct arena)) / PAGE + 2;
    if (n < pages_needed * PAGE) n = pages_needed * PAGE;
    enum sealcall_heap_kind kind = SEALCALL_HEAP_SECRET;
    struct arena* a = first ? map_secret(n) : NULL;
    if (a == NULL) a = map_ordinary(n, &kind);
    if (a == NULL) return NULL;
    madvise(a, n, MADV_DONTDUMP);
    madvise(a, n, MADV_DONTFORK);
    a->pages = n / PAGE;
    a->kind = kind;
    size_t own = (sizeof(struct arena) + a->pages * sizeof(uint32_t) + PAGE - 1) / PAGE;
    a->page[0] = IS_RUN | (uint32_t)own;
    for (size_t i = 1; i < own; ++i) a->page[i] = IS_INSIDE;
    a->lowest_free = own;
    struct arena** last = &arenas;
    while (*last != NULL) last = &(*last)->next;
    *last = a;
    return a;
}

static struct arena* arena_of(const void* p) {
    for (struct arena* a = arenas; a != NULL; a = a->next)
        if ((const char*)p >= (const char*)a && (const char*)p < (const char*)a + a->pages * PAGE) return a;
    broken();
    return NULL;
}

static size_t page_of(const struct arena* a, const void* p) { return (size_t)((const char*)p - (const char*)a) / PAGE; }

/* ---- runs of pages ---- */

static void mark_run(struct arena* a, size_t at, size_t n) {
    a->page[at] = IS_RUN | (uint32_t)n;
    for (size_t i = 1; i < n; ++i) a->page[at + i] = IS_INSIDE;
    while (a->lowest_free < a->pages && a->page[a->lowest_free] != IS_FREE) ++a->lowest_free;
}

/* First fit; `align` in pages, a power of two. 0: no room. */
static size_t find_run(const struct arena* a, size_t n, size_t align) {
    size_t at = a->lowest_free;
    while (at + n <= a->pages) {
        size_t address = (size_t)((uintptr_t)a / PAGE) + at;
        size_t skip = (align - address % align) % align;
        at += skip;
        size_t have = 0;
        while (have < n && at + have < a->pages && a->page[at + have] == IS_FREE) ++have;
        if (have == n) return at;
        at += have + 1;
    }
    return 0;
}

static void* take_run(size_t n, size_t align) {
    for (struct arena* a = arenas; a != NULL; a = a->next) {
        size_t at = find_run(a, n, align);
        if (at != 0) {
            mark_run(a, at, n);
            return (char*)a + at * PAGE;
        }
    }
    struct arena* a = add_arena(n + align);
    size_t at = a != NULL ? find_run(a, n, align) : 0;
    if (at == 0) return NULL;
    mark_run(a, at, n);
    return (char*)a + at * PAGE;
}

static void free_pages(struct arena* a, size_t at, size_t n) {
    wipe((char*)a + at * PAGE, n * PAGE);
    for (size_t i = 0; i < n; ++i) a->page[at + i] = IS_FREE;
    if (at < a->lowest_free) a->lowest_free = at;
}

/* ---- blocks of a class ---- */

static size_t class_for(size_t n, size_t align) {
    size_t c = 0;
    while (c < CLASSES && (kClass[c] < n || kClass[c] % align != 0)) ++c;
    return c;
}

static bool new_slab(size_t c) {
    size_t pages = kClass[c] > 512 ? SLAB_PAGES_BIG : 1;
    char* p = take_run(pages, 1);
    if (p == NULL) return false;
    struct arena* a = arena_of(p);
    size_t at = page_of(a, p);
    for (size_t i = 0; i < pages; ++i) a->page[at + i] = IS_SLAB | (uint32_t)c;
    fresh[c] = p;
    fresh_end[c] = p + pages * PAGE / kClass[c] * kClass[c];
    return true;
}

static void* take_block(size_t c) {
    struct block* b = free_blocks[c];
    if (b != NULL) {
        free_blocks[c] = b->next;
        b->next = NULL;
        return b;
    }
    if (fresh[c] == fresh_end[c] && !new_slab(c)) return NULL;
    char* p = fresh[c];
    fresh[c] += kClass[c];
    return p;
}

static size_t size_of(const void* p) {
    const struct arena* a = arena_of(p);
    uint32_t what = a->page[page_of(a, p)];
    if ((what & IS_SLAB) != 0) return kClass[what & NUMBER];
    if ((what & IS_RUN) == 0 || (uintptr_t)p % PAGE != 0) broken();
    return (what & NUMBER) * PAGE;
}

/* `align`: a power of two of at least 16. Zeroed, as all free memory is. */
static void* allocate(size_t n, size_t align) {
    if (n == 0) n = 1;
    if (n > LARGEST || align > LARGEST) {
        errno = ENOMEM;
        return NULL;
    }
    lock();
    if (arenas == NULL) (void)add_arena(1);
    size_t c = n <= LARGEST_CLASS ? class_for(n, align) : CLASSES;
    void* p = c < CLASSES ? take_block(c) : take_run((n + PAGE - 1) / PAGE, align <= PAGE ? 1 : align / PAGE);
    if (p != NULL) live += size_of(p);
    unlock();
    if (p == NULL) errno = ENOMEM;
    return p;
}

void* malloc(size_t n) { return allocate(n, 16); }

void* calloc(size_t count, size_t size) {
    size_t n;
    if (__builtin_mul_overflow(count, size, &n)) {
        errno = ENOMEM;
        return NULL;
    }
    return allocate(n, 16);
}

void free(void* p) {
    if (p == NULL) return;
    lock();
    struct arena* a = arena_of(p);
    size_t at = page_of(a, p);
    uint32_t what = a->page[at];
    size_t n = size_of(p);
    live -= n;
    if ((what & IS_SLAB) != 0) {
        struct block* b = p;
        wipe(p, n);
        b->next = free_blocks[what & NUMBER];
        free_blocks[what & NUMBER] = b;
    } else {
        free_pages(a, at, what & NUMBER);
    }
    unlock();
}

/* A run grows into free pages behind it, or gives back its end. */
static bool resize_run(void* p, size_t n) {
    if (n <= LARGEST_CLASS || n > LARGEST) return false;
    struct arena* a = arena_of(p);
    size_t at = page_of(a, p);
    if ((a->page[at] & IS_RUN) == 0) return false;
    size_t have = a->page[at] & NUMBER;
    size_t want = (n + PAGE - 1) / PAGE;
    if (at + want > a->pages) return false;
    for (size_t i = have; i < want; ++i)
        if (a->page[at + i] != IS_FREE) return false;
    if (want < have) free_pages(a, at + want, have - want);
    mark_run(a, at, want);
    live = live + want * PAGE - have * PAGE;
    return true;
}

void* realloc(void* p, size_t n) {
    if (p == NULL) return malloc(n);
    if (n == 0) {
        free(p);
        return NULL;
    }
    lock();
    size_t have = size_of(p);
    bool fits = (n <= have && n > have / 2) || resize_run(p, n);
    unlock();
    if (fits) return p;
    void* q = malloc(n);
    if (q == NULL) return NULL;
    memcpy(q, p, n < have ? n : have);
    free(p);
    return q;
}

int posix_memalign(void** out, size_t align, size_t n) {
    if (align < sizeof(void*) || (align & (align - 1)) != 0) return EINVAL;
    void* p = allocate(n, align < 16 ? 16 : align);
    if (p == NULL) return ENOMEM;
    *out = p;
    return 0;
}

void* aligned_alloc(size_t align, size_t n) {
    if (align == 0 || (align & (align - 1)) != 0) {
        errno = EINVAL;
        return NULL;
    }
    return allocate(n, align < 16 ? 16 : align);
}

void* memalign(size_t align, size_t n) { return aligned_alloc(align, n); }

void* valloc(size_t n) { return allocate(n, PAGE); }

void* pvalloc(size_t n) { return n > LARGEST ? allocate(n, PAGE) : allocate((n + PAGE - 1) / PAGE * PAGE, PAGE); }

size_t malloc_usable_size(void* p) {
    if (p == NULL) return 0;
    lock();
    size_t n = size_of(p);
    unlock();
    return n;
}

int sealcall_secret_heap_kind(void) {
    enum sealcall_heap_kind weakest = SEALCALL_HEAP_SECRET;
    lock();
    if (arenas == NULL) (void)add_arena(1);
    for (const struct arena* a = arenas; a != NULL; a = a->next)
        if (a->kind < weakest) weakest = a->kind;
    if (arenas == NULL) weakest = SEALCALL_HEAP_ORDINARY;
    unlock();
    return weakest;
}

unsigned long sealcall_secret_heap_live(void) {
    lock();
    unsigned long n = live;
    unlock();
    return n;
}
