/* Loads a SavedModel as TensorFlow Serving does, without Python, and answers
 * requests: serve MODEL (INPUT... / OUTPUT... --)...
 *
 * INPUT and OUTPUT are NAME:INDEX=FILE. A file holds the dtype, the rank and
 * the sizes as int64 and then the values; of strings each its length as int64
 * and its bytes. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensorflow/c/c_api.h"

/* Serving turns XLA off at its start; tensorflow/compiler/jit/flags.h. */
void _ZN10tensorflow21DisableXlaCompilationEv(void);

static void check(TF_Status *status) {
  if (TF_GetCode(status) != TF_OK) {
    fprintf(stderr, "%s\n", TF_Message(status));
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

int main(int argc, char **argv) {
  _ZN10tensorflow21DisableXlaCompilationEv();
  TF_Status *status = TF_NewStatus();
  TF_Graph *graph = TF_NewGraph();
  const char *tags[] = {"serve"};
  TF_Session *session = TF_LoadSessionFromSavedModel(
      TF_NewSessionOptions(), NULL, argv[1], tags, 1, graph, NULL, status);
  check(status);
  for (int i = 2; i < argc; i++) {
    TF_Output inputs[8], outputs[8];
    TF_Tensor *in[8], *out[8];
    char *files[8];
    int given = 0, count = 0;
    for (; strcmp(argv[i], "/"); i++, given++)
      in[given] = read_tensor(split(argv[i], graph, inputs + given));
    i++;
    for (; strcmp(argv[i], "--"); i++, count++)
      files[count] = split(argv[i], graph, outputs + count);
    TF_SessionRun(session, NULL, inputs, in, given, outputs, out, count, NULL, 0, NULL,
                  status);
    check(status);
    for (int j = 0; j < count; j++) write_tensor(files[j], out[j]);
  }
  return 0;
}
