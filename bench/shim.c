/* Preloaded into a measured process: delays and counts what the disk is asked to flush.

   BENCH_FSYNC_DELAY_US  microseconds to wait after the real call
   BENCH_FSYNC_COUNTS    a file of at least 4 x 8 bytes that gets the counts, by kind of file:
                         0 write-ahead logs (-wal), 1 databases, 2 rollback journals, 3 everything else */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define KINDS 4

static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static long delay_us;
static uint64_t *counts;

__attribute__((constructor)) static void begin(void) {
    real_fsync = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    const char *delay = getenv("BENCH_FSYNC_DELAY_US"), *file = getenv("BENCH_FSYNC_COUNTS");
    delay_us = delay ? atol(delay) : 0;
    int fd = file ? open(file, O_RDWR) : -1;
    if (fd < 0)
        return;
    void *shared = mmap(NULL, KINDS * sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    counts = shared == MAP_FAILED ? NULL : shared;
    close(fd);
}

static int ends_with(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

static void count(int fd) {
    char link[32], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n < 0 ? 0 : n] = 0;
    int kind = ends_with(path, "-wal") ? 0 : ends_with(path, ".db") ? 1 : ends_with(path, "-journal") ? 2 : 3;
    __atomic_fetch_add(&counts[kind], 1, __ATOMIC_RELAXED);
}

static int flush(int (*real)(int), int fd) {
    int result = real(fd);
    if (counts)
        count(fd);
    if (delay_us > 0) {
        struct timespec wait = {delay_us / 1000000, delay_us % 1000000 * 1000};
        nanosleep(&wait, NULL);
    }
    return result;
}

int fsync(int fd) { return flush(real_fsync, fd); }
int fdatasync(int fd) { return flush(real_fdatasync, fd); }
