/* Loads a SavedModel as TensorFlow Serving does, without Python, and answers
 * requests: serve MODEL (INPUT... / OUTPUT... --)...
 *
 * Under load: serve MODEL --load THREADS SECONDS PERIOD POOL WEIGHTS
 *               (INPUT... / OUTPUT... --)...
 * Each request once, and then for SECONDS by THREADS at a time, drawn with
 * WEIGHTS, "3,1,..."; each thread begins with the first. POOL is --tensorflow_inter_op_parallelism, 0: one a core.
 * Says
 *   first REQUEST CODE MESSAGE       of each,
 *   run REQUEST MICROSECONDS SAME    1 if the answer is the first one's,
 *   cpu SECONDS 0 0                  of all threads under load,
 *   memory SECONDS QUIET PEAK        each PERIOD: kB while no request is
 *                                    answered, and at most since the last line.
 *
 * INPUT and OUTPUT are NAME:INDEX=FILE. A file holds the dtype, the rank and
 * the sizes as int64 and then the values; of strings each its length as int64
 * and its bytes. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tensorflow/c/c_api.h"

/* Serving turns XLA off at its start; tensorflow/compiler/jit/flags.h. */
void _ZN10tensorflow21DisableXlaCompilationEv(void);

/* The length of the first line of what a status says. */
static int first_line(TF_Status *status) { return strcspn(TF_Message(status), "\n"); }

static void check(TF_Status *status) {
  if (TF_GetCode(status) != TF_OK) {
    fprintf(stderr, "%.*s\n", first_line(status), TF_Message(status));
    exit(1);
  }
}

static void no_free(void *data, size_t length, void *arg) {}

/* Splits NAME:INDEX=FILE in place; returns FILE. */
static char *split(char *text, TF_Graph *graph, TF_Output *place) {
  char *file = strchr(text, '=');
  *file++ = 0;
  char *index = strrchr(text, ':');
  *index++ = 0;
  place->oper = TF_GraphOperationByName(graph, text);
  place->index = atoi(index);
  if (place->oper == NULL) {
    fprintf(stderr, "no operation %s\n", text);
    exit(1);
  }
  return file;
}

static TF_Tensor *read_tensor(const char *path) {
  FILE *file = fopen(path, "rb");
  int64_t dtype, rank, sizes[8], count = 1;
  fread(&dtype, 8, 1, file);
  fread(&rank, 8, 1, file);
  fread(sizes, 8, rank, file);
  for (int i = 0; i < rank; i++) count *= sizes[i];
  size_t bytes = count * TF_DataTypeSize(dtype);
  if (dtype == TF_STRING) bytes = count * sizeof(TF_TString);
  void *data = malloc(bytes ? bytes : 1);
  if (dtype == TF_STRING) {
    for (int64_t i = 0; i < count; i++) {
      int64_t length;
      fread(&length, 8, 1, file);
      char *text = malloc(length ? length : 1);
      fread(text, 1, length, file);
      TF_StringInit((TF_TString *)data + i);
      TF_StringCopy((TF_TString *)data + i, text, length);
      free(text);
    }
  } else {
    fread(data, 1, bytes, file);
  }
  fclose(file);
  return TF_NewTensor(dtype, sizes, rank, data, bytes, no_free, NULL);
}

static void write_tensor(const char *path, TF_Tensor *tensor) {
  FILE *file = fopen(path, "wb");
  int64_t dtype = TF_TensorType(tensor), rank = TF_NumDims(tensor);
  fwrite(&dtype, 8, 1, file);
  fwrite(&rank, 8, 1, file);
  for (int i = 0; i < rank; i++) {
    int64_t size = TF_Dim(tensor, i);
    fwrite(&size, 8, 1, file);
  }
  if (dtype == TF_STRING) {
    TF_TString *strings = TF_TensorData(tensor);
    for (int64_t i = 0; i < TF_TensorElementCount(tensor); i++) {
      int64_t length = TF_StringGetSize(strings + i);
      fwrite(&length, 8, 1, file);
      fwrite(TF_StringGetDataPointer(strings + i), 1, length, file);
    }
  } else {
    fwrite(TF_TensorData(tensor), 1, TF_TensorByteSize(tensor), file);
  }
  fclose(file);
}

typedef struct {
  TF_Output inputs[8], outputs[8];
  TF_Tensor *in[8];
  char *files[8];
  int given, count;
  double weight;
  uint64_t answer; /* a hash of the first one */
} Request;

/* Reads one from the words of the command line; returns the next word's place. */
static int read_request(char **argv, int i, TF_Graph *graph, Request *request) {
  memset(request, 0, sizeof *request);
  for (; strcmp(argv[i], "/"); i++, request->given++)
    request->in[request->given] =
        read_tensor(split(argv[i], graph, request->inputs + request->given));
  for (i++; strcmp(argv[i], "--"); i++, request->count++)
    request->files[request->count] =
        split(argv[i], graph, request->outputs + request->count);
  return i + 1;
}

static void run(TF_Session *session, Request *request, TF_Tensor **out,
                TF_Status *status) {
  TF_SessionRun(session, NULL, request->inputs, request->in, request->given,
                request->outputs, out, request->count, NULL, 0, NULL, status);
}

/* FNV-1a. */
static uint64_t hashed(uint64_t hash, const void *data, size_t length) {
  for (size_t i = 0; i < length; i++)
    hash = (hash ^ ((const unsigned char *)data)[i]) * 1099511628211u;
  return hash;
}

/* Runs a request and returns a hash of its answer; writes it if `is_first`. */
static uint64_t answer(TF_Session *session, Request *request, TF_Status *status,
                       int is_first) {
  TF_Tensor *out[8];
  uint64_t hash = 14695981039346656037u;
  run(session, request, out, status);
  if (TF_GetCode(status) != TF_OK)
    return hashed(hash, TF_Message(status), first_line(status));
  for (int j = 0; j < request->count; j++) {
    if (is_first) write_tensor(request->files[j], out[j]);
    TF_TString *strings = TF_TensorData(out[j]);
    if (TF_TensorType(out[j]) != TF_STRING)
      hash = hashed(hash, strings, TF_TensorByteSize(out[j]));
    else
      for (int64_t i = 0; i < TF_TensorElementCount(out[j]); i++)
        hash = hashed(hash, TF_StringGetDataPointer(strings + i),
                      TF_StringGetSize(strings + i));
    TF_DeleteTensor(out[j]);
  }
  return hash;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + 1e-9 * time.tv_nsec;
}

static long resident(void) {
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  fscanf(file, "%*d %ld", &pages);
  fclose(file);
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static struct {
  TF_Session *session;
  Request *requests;
  int count;
  double end;
  pthread_rwlock_t quiet; /* read while a request is answered */
} load;

static void *client(void *seed) {
  unsigned int state = (uintptr_t)seed;
  TF_Status *status = TF_NewStatus();
  double total = 0;
  for (int i = 0; i < load.count; i++) total += load.requests[i].weight;
  for (int is_first = 1; now() < load.end; is_first = 0) {
    double drawn = is_first ? 0 : total * rand_r(&state) / (RAND_MAX + 1.0);
    int i = 0;
    while (i < load.count - 1 && (drawn -= load.requests[i].weight) >= 0) i++;
    pthread_rwlock_rdlock(&load.quiet);
    double begun = now();
    uint64_t hash = answer(load.session, load.requests + i, status, 0);
    double took = now() - begun;
    pthread_rwlock_unlock(&load.quiet);
    printf("run %d %.0f %d\n", i, 1e6 * took, hash == load.requests[i].answer);
  }
  return NULL;
}

static void run_load(TF_Graph *graph, char **argv, int argc, int i) {
  int threads = atoi(argv[i]);
  double seconds = atof(argv[i + 1]), period = atof(argv[i + 2]);
  char *weights = argv[i + 4];
  load.requests = calloc(argc, sizeof(Request));
  TF_Status *status = TF_NewStatus();
  for (i += 5; i < argc; load.count++) {
    Request *request = load.requests + load.count;
    i = read_request(argv, i, graph, request);
    request->weight = strtod(weights, &weights);
    weights++;
    request->answer = answer(load.session, request, status, 1);
    printf("first %d %d %.*s\n", load.count, TF_GetCode(status), first_line(status),
           TF_Message(status));
  }
  pthread_rwlockattr_t attributes;
  pthread_rwlockattr_init(&attributes);
  pthread_rwlockattr_setkind_np(&attributes,
                                PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
  pthread_rwlock_init(&load.quiet, &attributes);
  pthread_t started[64];
  double begun = now();
  clock_t used = clock();
  load.end = begun + seconds;
  for (intptr_t j = 0; j < threads; j++)
    pthread_create(started + j, NULL, client, (void *)(j + 1));
  for (double next = begun + period; next <= load.end; next = now() + period) {
    long peak = 0;
    for (; now() < next; usleep(20000))
      if (resident() > peak) peak = resident();
    pthread_rwlock_wrlock(&load.quiet);
    long quiet = resident();
    printf("memory %.0f %ld %ld\n", now() - begun, quiet, peak > quiet ? peak : quiet);
    fflush(stdout);
    pthread_rwlock_unlock(&load.quiet);
  }
  for (int j = 0; j < threads; j++) pthread_join(started[j], NULL);
  printf("cpu %f 0 0\n", (double)(clock() - used) / CLOCKS_PER_SEC);
}

int main(int argc, char **argv) {
  _ZN10tensorflow21DisableXlaCompilationEv();
  TF_Status *status = TF_NewStatus();
  TF_Graph *graph = TF_NewGraph();
  const char *tags[] = {"serve"};
  TF_SessionOptions *options = TF_NewSessionOptions();
  int under_load = argc > 6 && !strcmp(argv[2], "--load");
  if (under_load) { /* ConfigProto.inter_op_parallelism_threads, field 5 */
    char config[2] = {5 << 3, atoi(argv[6])};
    TF_SetConfig(options, config, 2, status);
  }
  TF_Session *session = TF_LoadSessionFromSavedModel(
      options, NULL, argv[1], tags, 1, graph, NULL, status);
  check(status);
  load.session = session;
  if (under_load) {
    run_load(graph, argv, argc, 3);
    return 0;
  }
  for (int i = 2; i < argc;) {
    Request request;
    TF_Tensor *out[8];
    i = read_request(argv, i, graph, &request);
    run(session, &request, out, status);
    check(status);
    for (int j = 0; j < request.count; j++) write_tensor(request.files[j], out[j]);
  }
  return 0;
}
