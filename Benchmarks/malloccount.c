// Counts heap allocations of a process from outside: loaded with LD_PRELOAD, it writes into a file that the reader
// maps. While `armed`, each allocation's call stack is counted too.
//
// environment: MALLOC_COUNT_FILE, a file of at least sizeof(struct shared) zero bytes
#define _GNU_SOURCE
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { STACKS = 1024, DEPTH = 20, SKIPPED = 2 };

struct stack {
    _Atomic uint64_t hash;
    _Atomic uint64_t count;
    uint64_t frames[DEPTH];
};

// The reader (allocations.py) knows this layout.
struct shared {
    _Atomic uint64_t allocations;
    _Atomic uint64_t bytes;
    _Atomic uint64_t armed;
    struct stack stacks[STACKS];
};

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static struct shared *shared;
// backtrace() allocates when it is first called; an allocation within the count is not the program's.
static _Thread_local int busy __attribute__((tls_model("initial-exec")));

static void record_stack(void) {
    void *frames[DEPTH + SKIPPED];
    int depth = backtrace(frames, DEPTH + SKIPPED);
    uint64_t hash = 1469598103934665603u;
    for (int index = SKIPPED; index < depth; index++) hash = (hash ^ (uint64_t)frames[index]) * 1099511628211u;
    for (unsigned probe = 0; probe < STACKS; probe++) {
        struct stack *stack = &shared->stacks[(hash + probe) % STACKS];
        uint64_t expected = 0;
        if (atomic_compare_exchange_strong(&stack->hash, &expected, hash)) {
            for (int index = SKIPPED; index < depth; index++) stack->frames[index - SKIPPED] = (uint64_t)frames[index];
            expected = hash;
        }
        if (expected == hash) {
            atomic_fetch_add(&stack->count, 1);
            return;
        }
    }
}

static void __attribute__((noinline)) count(size_t size) {
    if (!shared || busy) return;
    busy = 1;
    atomic_fetch_add_explicit(&shared->allocations, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&shared->bytes, size, memory_order_relaxed);
    if (atomic_load_explicit(&shared->armed, memory_order_relaxed)) record_stack();
    busy = 0;
}

void *malloc(size_t size) {
    count(size);
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    count(number * size);
    return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size) {
    count(size);
    return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
    count(size);
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    count(size);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    count(size);
    *result = __libc_memalign(alignment, size);
    return *result ? 0 : 12;
}

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("MALLOC_COUNT_FILE");
    if (!path) return;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void *mapped = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped == MAP_FAILED) return;
    busy = 1;
    void *frame[1];
    backtrace(frame, 1);
    busy = 0;
    shared = mapped;
}
