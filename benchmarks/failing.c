/* Makes the n-th write below a folder fail, or kills the process there.

   cc -shared -fPIC -O2 -o failing.so failing.c -ldl
   FAILING_STATE=FILE LD_PRELOAD=failing.so python ...

   FILE holds a struct state, which all processes share: failing.py writes it. A write is
   each call of the C library that changes a disk: creating and opening for writing,
   writing, flushing, renaming, removing. What takes no space goes well on a full disk. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

struct state {
  long armed;
  long at;     /* which write, the first is 1 */
  long error;  /* ENOSPC or EROFS; 0: the process is killed */
  long once;   /* the writes after it go well */
  long count;  /* of writes so far */
  char folder[PATH_MAX];
  char found[PATH_MAX]; /* what the n-th was */
};

static struct state *state;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("FAILING_STATE");
  int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (file < 0) return;
  void *found = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (found != MAP_FAILED) state = found;
}

enum { GOES_WELL, FAILS, BREAKS };

/* Whether a write of a path, relative to a folder, is to fail: BREAKS is the n-th. */
static int hit(const char *call, int space, int folder, const char *path) {
  char whole[2 * PATH_MAX] = "";
  if (!state || !state->armed || (state->error == ENOSPC && !space)) return GOES_WELL;
  int before = errno;
  if (!path || path[0] != '/') {
    char link[64];
    if (folder == AT_FDCWD) strcpy(link, "/proc/self/cwd");
    else snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    ssize_t length = readlink(link, whole, PATH_MAX - 1);
    whole[length < 0 ? 0 : length] = 0;
    if (path) strcat(whole, "/");
  }
  if (path) strncat(whole, path, PATH_MAX - 1);
  errno = before;
  size_t length = strlen(state->folder);
  if (strncmp(whole, state->folder, length) || (whole[length] && whole[length] != '/'))
    return GOES_WELL;
  long number = __atomic_add_fetch(&state->count, 1, __ATOMIC_SEQ_CST);
  if (number < state->at || (state->once && number > state->at)) return GOES_WELL;
  if (number == state->at)
    snprintf(state->found, PATH_MAX, "%s %s", call, whole + length);
  return number == state->at ? BREAKS : FAILS;
}

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

static int fails(const char *call, int space, int folder, const char *path) {
  int found = hit(call, space, folder, path);
  if (found == GOES_WELL) return 0;
  if (!state->error) {
    if (found == BREAKS) die();
    return 0;
  }
  errno = state->error;
  return 1;
}

#define REAL(name, type, ...)                             \
  static type (*real)(__VA_ARGS__);                       \
  if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

#define WRITES(flags) (((flags) & O_ACCMODE) != O_RDONLY || ((flags) & O_CREAT))

#define OPEN(name)                                              \
  int name(const char *path, int flags, ...) {                  \
    REAL(name, int, const char *, int, ...);                    \
    va_list rest;                                               \
    va_start(rest, flags);                                      \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                               \
    int makes = flags & O_CREAT && access(path, F_OK);          \
    if (WRITES(flags) && fails("open", makes, AT_FDCWD, path)) return -1; \
    return real(path, flags, mode);                             \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                            \
  int name(int folder, const char *path, int flags, ...) {      \
    REAL(name, int, int, const char *, int, ...);               \
    va_list rest;                                               \
    va_start(rest, flags);                                      \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                               \
    int makes = flags & O_CREAT && faccessat(folder, path, F_OK, 0); \
    if (WRITES(flags) && fails("open", makes, folder, path)) return -1; \
    return real(folder, path, flags, mode);                     \
  }
OPENAT(openat)
OPENAT(openat64)

#define FOPEN(name)                                             \
  FILE *name(const char *path, const char *mode) {              \
    REAL(name, FILE *, const char *, const char *);             \
    int makes = mode[0] != 'r' && access(path, F_OK);           \
    int writes = mode[0] != 'r' || strchr(mode, '+');           \
    if (writes && fails("open", makes, AT_FDCWD, path)) return NULL; \
    return real(path, mode);                                    \
  }
FOPEN(fopen)
FOPEN(fopen64)

/* The n-th write of many bytes is broken off in the middle, as on a disk that has
   room for so many, or by a kill. */
ssize_t write(int file, const void *data, size_t size) {
  REAL(write, ssize_t, int, const void *, size_t);
  int found = hit("write", 1, file, NULL);
  if (found == GOES_WELL || (found == FAILS && !state->error))
    return real(file, data, size);
  if (found == BREAKS && size > 1) {
    ssize_t half = real(file, data, size / 2);
    if (!state->error) die();
    return half;
  }
  if (!state->error) die();
  errno = state->error;
  return -1;
}

ssize_t writev(int file, const struct iovec *parts, int count) {
  REAL(writev, ssize_t, int, const struct iovec *, int);
  return fails("write", 1, file, NULL) ? -1 : real(file, parts, count);
}

#define PWRITE(name)                                            \
  ssize_t name(int file, const void *data, size_t size, off_t at) { \
    REAL(name, ssize_t, int, const void *, size_t, off_t);      \
    return fails("write", 1, file, NULL) ? -1 : real(file, data, size, at); \
  }
PWRITE(pwrite)
PWRITE(pwrite64)

size_t fwrite(const void *data, size_t size, size_t count, FILE *file) {
  REAL(fwrite, size_t, const void *, size_t, size_t, FILE *);
  return fails("write", 1, fileno(file), NULL) ? 0 : real(data, size, count, file);
}

int fflush(FILE *file) {
  REAL(fflush, int, FILE *);
  return file && fails("flush", 1, fileno(file), NULL) ? EOF : real(file);
}

int fsync(int file) {
  REAL(fsync, int, int);
  return fails("fsync", 1, file, NULL) ? -1 : real(file);
}

int fdatasync(int file) {
  REAL(fdatasync, int, int);
  return fails("fsync", 1, file, NULL) ? -1 : real(file);
}

#define TRUNCATE(name)                                          \
  int name(int file, off_t size) {                              \
    REAL(name, int, int, off_t);                                \
    return fails("truncate", 0, file, NULL) ? -1 : real(file, size); \
  }
TRUNCATE(ftruncate)
TRUNCATE(ftruncate64)

int rename(const char *old, const char *path) {
  REAL(rename, int, const char *, const char *);
  return fails("rename", 1, AT_FDCWD, path) ? -1 : real(old, path);
}

int renameat(int first, const char *old, int second, const char *path) {
  REAL(renameat, int, int, const char *, int, const char *);
  return fails("rename", 1, second, path) ? -1 : real(first, old, second, path);
}

int mkdir(const char *path, mode_t mode) {
  REAL(mkdir, int, const char *, mode_t);
  int makes = access(path, F_OK);
  return makes && fails("mkdir", 1, AT_FDCWD, path) ? -1 : real(path, mode);
}

int unlink(const char *path) {
  REAL(unlink, int, const char *);
  return !access(path, F_OK) && fails("unlink", 0, AT_FDCWD, path) ? -1 : real(path);
}

int unlinkat(int folder, const char *path, int flags) {
  REAL(unlinkat, int, int, const char *, int);
  return fails("unlink", 0, folder, path) ? -1 : real(folder, path, flags);
}

int rmdir(const char *path) {
  REAL(rmdir, int, const char *);
  return fails("rmdir", 0, AT_FDCWD, path) ? -1 : real(path);
}

int chmod(const char *path, mode_t mode) {
  REAL(chmod, int, const char *, mode_t);
  return fails("chmod", 0, AT_FDCWD, path) ? -1 : real(path, mode);
}
