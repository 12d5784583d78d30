/* Stands between a process and its C library (LD_PRELOAD), and lies to it about its disk and its clock when it is told to.
 *
 * FAULTS names a folder. A file in it is an order, obeyed for as long as it is there:
 *   clock   "SECONDS"           the time of day is moved by so many (also backwards); the monotonic clock is not
 *   sync    "NAME"              fsync and fdatasync of files whose path holds NAME fail with EIO, and sync nothing
 *   tear    "NAME COUNT BYTES"  the COUNTth write to such a file from now on writes at most BYTES, and the process is killed
 *
 * Rust's standard library, tokio and SQLite reach all of these through the symbols below (glibc).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Reads an order; 0 if there is none. errno is left as it was. */
static int ordered(const char *name, char *text, size_t size) {
    const char *folder = getenv("FAULTS");
    char path[4096];
    int saved = errno, file;
    ssize_t length = -1;
    if (!folder || snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path) return 0;
    file = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        length = syscall(SYS_read, file, text, size - 1);
        syscall(SYS_close, file);
    }
    errno = saved;
    if (length <= 0) return 0;
    text[length] = 0;
    return 1;
}

static int is_of(int file, const char *name) {
    char link[64], path[4096];
    int saved = errno;
    ssize_t length;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    length = readlink(link, path, sizeof path - 1);
    errno = saved;
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, name) != NULL;
}

/* The clock */

static long shift(void) {
    char text[64];
    return ordered("clock", text, sizeof text) ? atol(text) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += shift();
    return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *told) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now)) return (time_t)-1;
    if (told) *told = now.tv_sec;
    return now.tv_sec;
}

/* The disk */

static int fails_to_sync(int file) {
    char name[256];
    if (!ordered("sync", name, sizeof name) || !is_of(file, name)) return 0;
    errno = EIO;
    return 1;
}

int fsync(int file) { return fails_to_sync(file) ? -1 : (int)syscall(SYS_fsync, file); }

int fdatasync(int file) { return fails_to_sync(file) ? -1 : (int)syscall(SYS_fdatasync, file); }

/* How many bytes of a write get through before the process dies; -1 if it is spared. */
static ssize_t torn_at(int file, size_t size) {
    static atomic_long seen;
    char order[256], name[128];
    long count, bytes;
    if (!ordered("tear", order, sizeof order)) return -1;
    if (sscanf(order, "%127s %ld %ld", name, &count, &bytes) != 3 || !is_of(file, name)) return -1;
    if (atomic_fetch_add(&seen, 1) + 1 < count) return -1;
    return (size_t)bytes < size ? bytes : (ssize_t)size;
}

ssize_t pwrite64(int file, const void *data, size_t size, off64_t at) {
    ssize_t torn = torn_at(file, size);
    if (torn >= 0) {
        syscall(SYS_pwrite64, file, data, (size_t)torn, at);
        kill(getpid(), SIGKILL);
        for (;;) pause();
    }
    return syscall(SYS_pwrite64, file, data, size, at);
}

ssize_t pwrite(int file, const void *data, size_t size, off_t at) { return pwrite64(file, data, size, at); }
