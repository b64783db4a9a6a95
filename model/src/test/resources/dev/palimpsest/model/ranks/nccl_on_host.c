// NCCL's and CUDA's functions for ranks of one machine without GPUs: addresses are those of the
// computer's memory, and ranks exchange data through memory that they share. As in the originals,
// operations are put on a stream (they are all carried out by one thread, whatever their stream),
// return at once, and are done later.
//
// cc -shared -fPIC -O2 -pthread -o libnccl_on_host.so nccl_on_host.c -lrt
//
// HOST_NCCL_STALL=N   this rank's Nth batch of operations never ends
// HOST_NCCL_BREAK=N   this rank's connection breaks in its Nth batch of operations
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SUCCESS, SYSTEM_ERROR = 2, INVALID_ARGUMENT = 4, INVALID_USAGE = 5, REMOTE_ERROR = 6 };
enum { BYTES = 0, LONGS = 4, FLOATS = 7, SUM = 0, MAX = 2, NOT_READY = 600 };
enum { MAX_RANKS = 8, SLOT = 1 << 16, BATCH = 4096 };

typedef struct { char name[128]; } Id;

typedef struct { atomic_int full; char data[SLOT]; } Box;

typedef struct {
  atomic_int here;
  atomic_int round;
  Box boxes[MAX_RANKS][MAX_RANKS];  // from, to
  char slots[MAX_RANKS][SLOT];
} Shared;

typedef enum { ALL_REDUCE, REDUCE, BROADCAST, ALL_GATHER, SEND, RECEIVE } Kind;

typedef struct {
  Kind kind;
  const char *from;
  char *to;
  size_t count;
  int type, op, peer;
} Operation;

typedef struct {
  int rank, size;
  Shared *shared;
} Comm;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static Operation waiting[BATCH];
static int queued, grouped, batches, depth;
static int running;  // 1 while a batch is being carried out
static atomic_int aborted, broken;
static Comm *current;
static char last[256];

static size_t width(int type) { return type == LONGS ? 8 : type == FLOATS ? 4 : 1; }

static int says(const char *name, int batch) {
  const char *value = getenv(name);
  return value && atoi(value) == batch;
}

static void pause_briefly(void) { usleep(20); }

// ---- what ranks do together

static int meet(Comm *c) {
  Shared *s = c->shared;
  int round = atomic_load(&s->round);
  if (atomic_fetch_add(&s->here, 1) + 1 == c->size) {
    atomic_store(&s->here, 0);
    atomic_fetch_add(&s->round, 1);
    return 1;
  }
  while (atomic_load(&s->round) == round) {
    if (atomic_load(&aborted)) return 0;
    pause_briefly();
  }
  return 1;
}

static void combine(char *to, const char *from, size_t n, int type, int op) {
  for (size_t i = 0; i < n; i++) {
    if (type == FLOATS) {
      float *a = (float *)to + i;
      float b = ((const float *)from)[i];
      *a = op == SUM ? *a + b : *a > b ? *a : b;
    } else if (type == LONGS) {
      int64_t *a = (int64_t *)to + i;
      int64_t b = ((const int64_t *)from)[i];
      *a = op == SUM ? *a + b : *a > b ? *a : b;
    }
  }
}

static int together(Comm *c, const Operation *o) {
  size_t w = width(o->type), step = SLOT / w;
  for (size_t at = 0; at < o->count; at += step) {
    size_t n = o->count - at < step ? o->count - at : step;
    if (o->kind != BROADCAST || c->rank == o->peer) {
      memcpy(c->shared->slots[c->rank], o->from + at * w, n * w);
    }
    if (!meet(c)) return 0;
    if (o->kind == BROADCAST) {
      memcpy(o->to + at * w, c->shared->slots[o->peer], n * w);
    } else if (o->kind == ALL_GATHER) {
      for (int r = 0; r < c->size; r++) {
        memcpy(o->to + (r * o->count + at) * w, c->shared->slots[r], n * w);
      }
    } else if (o->kind == ALL_REDUCE || c->rank == o->peer) {
      char *to = o->to + at * w;
      memcpy(to, c->shared->slots[0], n * w);
      for (int r = 1; r < c->size; r++) combine(to, c->shared->slots[r], n, o->type, o->op);
    }
    if (!meet(c)) return 0;
  }
  return 1;
}

// ---- what two ranks do; a batch's sends and receives go on side by side

static int between(Comm *c, Operation *operations, int n) {
  size_t done[BATCH] = {0};
  for (int left = n; left > 0;) {
    if (atomic_load(&aborted)) return 0;
    left = 0;
    for (int i = 0; i < n; i++) {
      Operation *o = &operations[i];
      size_t bytes = o->count * width(o->type);
      if (o->kind < SEND || done[i] >= bytes) continue;
      left++;
      int sends = o->kind == SEND;
      Box *box = sends ? &c->shared->boxes[c->rank][o->peer] : &c->shared->boxes[o->peer][c->rank];
      if (atomic_load(&box->full) == sends) continue;
      size_t part = bytes - done[i] < SLOT ? bytes - done[i] : SLOT;
      if (sends) memcpy(box->data, o->from + done[i], part);
      else memcpy(o->to + done[i], box->data, part);
      atomic_store(&box->full, sends);
      done[i] += part;
    }
    if (left > 0) pause_briefly();
  }
  return 1;
}

static void carry_out(Comm *c, Operation *operations, int n, int batch) {
  if (says("HOST_NCCL_STALL", batch)) {
    while (!atomic_load(&aborted)) pause_briefly();
    return;
  }
  if (says("HOST_NCCL_BREAK", batch)) {
    snprintf(last, sizeof last, "connection closed by rank %d", (c->rank + 1) % c->size);
    atomic_store(&broken, REMOTE_ERROR);
    while (!atomic_load(&aborted)) pause_briefly();
    return;
  }
  for (int i = 0; i < n; i++) {
    if (operations[i].kind < SEND && !together(c, &operations[i])) return;
  }
  between(c, operations, n);
}

static void *work(void *unused) {
  static Operation batch[BATCH];
  for (;;) {
    pthread_mutex_lock(&lock);
    while (!running) pthread_cond_wait(&changed, &lock);
    int n = queued, number = ++batches;
    memcpy(batch, waiting, n * sizeof *batch);
    pthread_mutex_unlock(&lock);
    carry_out(current, batch, n, number);
    pthread_mutex_lock(&lock);
    running = 0;
    queued = 0;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
  }
  return unused;
}

static void await_stream(void) {
  while (running) pthread_cond_wait(&changed, &lock);
}

static int put(Operation o, Comm *c) {
  int rooted = o.kind == REDUCE || o.kind == BROADCAST || o.kind >= SEND;
  if (!c || (rooted && (o.peer < 0 || o.peer >= c->size))) {
    snprintf(last, sizeof last, "rank %d is not in the group", o.peer);
    return INVALID_ARGUMENT;
  }
  if (depth == 0) return INVALID_USAGE;
  if (grouped == 0) {
    pthread_mutex_lock(&lock);
    await_stream();
    pthread_mutex_unlock(&lock);
    current = c;  // of all of a batch
  }
  if (grouped == BATCH) return INVALID_USAGE;
  waiting[grouped++] = o;
  return SUCCESS;
}

// ---- nccl.h

int ncclGroupStart(void) {
  depth++;
  return SUCCESS;
}

int ncclGroupEnd(void) {
  if (--depth > 0 || grouped == 0) return SUCCESS;
  pthread_mutex_lock(&lock);
  queued = grouped;
  grouped = 0;
  running = 1;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
  return SUCCESS;
}

static int alone(Operation o, Comm *c) {
  ncclGroupStart();
  int code = put(o, c);
  ncclGroupEnd();
  return code;
}

int ncclGetVersion(int *version) {
  *version = 22304;
  return SUCCESS;
}

int ncclGetUniqueId(Id *id) {
  memset(id, 0, sizeof *id);
  static int made;
  snprintf(id->name, sizeof id->name, "/nccl-on-host-%d-%d", (int)getpid(), made++);
  return SUCCESS;
}

int ncclCommInitRank(Comm **out, int size, Id id, int rank) {
  if (size > MAX_RANKS || rank < 0 || rank >= size) return INVALID_ARGUMENT;
  int file = shm_open(id.name, O_CREAT | O_RDWR, 0600);
  if (file < 0 || ftruncate(file, sizeof(Shared)) != 0) return SYSTEM_ERROR;
  Comm *c = calloc(1, sizeof *c);
  c->rank = rank;
  c->size = size;
  c->shared = mmap(NULL, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (c->shared == MAP_FAILED || !meet(c)) return SYSTEM_ERROR;
  if (rank == 0) shm_unlink(id.name);
  static int works;
  if (!works) {
    pthread_t thread;
    pthread_create(&thread, NULL, work, NULL);
    works = 1;
  }
  *out = c;
  return SUCCESS;
}

int ncclCommGetAsyncError(Comm *c, int *error) {
  (void)c;
  *error = atomic_load(&broken);
  return SUCCESS;
}

int ncclCommAbort(Comm *c) {
  (void)c;
  atomic_store(&aborted, 1);
  pthread_mutex_lock(&lock);
  await_stream();
  pthread_mutex_unlock(&lock);
  return SUCCESS;
}

int ncclCommDestroy(Comm *c) {
  (void)c;
  return SUCCESS;
}

const char *ncclGetErrorString(int code) {
  switch (code) {
    case SUCCESS: return "no error";
    case INVALID_ARGUMENT: return "invalid argument";
    case INVALID_USAGE: return "invalid usage";
    case REMOTE_ERROR: return "remote process exited or there was a network error";
    default: return "unhandled system error";
  }
}

const char *ncclGetLastError(Comm *c) {
  (void)c;
  return last;
}

int ncclAllReduce(const void *from, void *to, size_t n, int type, int op, Comm *c, void *stream) {
  (void)stream;
  return alone((Operation){ALL_REDUCE, from, to, n, type, op, 0}, c);
}

int ncclReduce(
    const void *from, void *to, size_t n, int type, int op, int root, Comm *c, void *stream) {
  (void)stream;
  return alone((Operation){REDUCE, from, to, n, type, op, root}, c);
}

int ncclBroadcast(
    const void *from, void *to, size_t n, int type, int root, Comm *c, void *stream) {
  (void)stream;
  return alone((Operation){BROADCAST, from, to, n, type, 0, root}, c);
}

int ncclAllGather(const void *from, void *to, size_t n, int type, Comm *c, void *stream) {
  (void)stream;
  return alone((Operation){ALL_GATHER, from, to, n, type, 0, 0}, c);
}

int ncclSend(const void *from, size_t n, int type, int peer, Comm *c, void *stream) {
  (void)stream;
  return alone((Operation){SEND, from, NULL, n, type, 0, peer}, c);
}

int ncclRecv(void *to, size_t n, int type, int peer, Comm *c, void *stream) {
  (void)stream;
  return alone((Operation){RECEIVE, NULL, to, n, type, 0, peer}, c);
}

// ---- cuda_runtime_api.h

int cudaSetDevice(int device) { return device == 0 ? 0 : 101; }

int cudaStreamQuery(void *stream) {
  (void)stream;
  pthread_mutex_lock(&lock);
  int code = running ? NOT_READY : 0;
  pthread_mutex_unlock(&lock);
  return code;
}

int cudaStreamSynchronize(void *stream) {
  (void)stream;
  pthread_mutex_lock(&lock);
  await_stream();
  pthread_mutex_unlock(&lock);
  return 0;
}

int cudaStreamCreateWithFlags(void **stream, unsigned flags) {
  static int made;
  *stream = (void *)(intptr_t)(0x1000 + made++);
  return flags == 1 ? 0 : 1;
}

// Computing is done when it returns, so that a mark on its stream has always been passed.
int cudaEventCreateWithFlags(void **event, unsigned flags) {
  *event = calloc(1, sizeof(void *));
  return flags == 2 ? 0 : 1;
}

int cudaEventRecord(void **event, void *stream) {
  *event = stream;
  return 0;
}

int cudaStreamWaitEvent(void *stream, void **event, unsigned flags) {
  return stream == *event || flags != 0;
}

int cudaEventDestroy(void *event) {
  free(event);
  return 0;
}

const char *cudaGetErrorString(int code) { return code == 101 ? "invalid device ordinal" : "unknown error"; }
