/*
 * key_stores.c - maps from numbers to newest samples: under a mutex, in shards, behind queues.
 *
 *   worker:  caller --message--> [queue: mutex, condition] --> worker's own map
 *                    <--answer, condition of the message--
 */
#include "key_stores.h"

#include <pthread.h>
#include <stdlib.h>

#include "harness.h"

/* ------------------------------------------------------------------------------ the map */

struct node {
    struct node *next;
    uint64_t key;
    int64_t timestamp;
    double value;
};

struct map {
    struct node **buckets;
    size_t bucket_count; /* a power of two */
    size_t count;
};

/* The finaliser of MurmurHash3, by Appleby. */
static uint64_t hash_key(uint64_t key)
{
    key = (key ^ (key >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    key = (key ^ (key >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
    return key ^ (key >> 33);
}

static void map_init(struct map *map)
{
    map->bucket_count = 64;
    map->count = 0;
    map->buckets = bench_allocate_zeroed(map->bucket_count * sizeof *map->buckets);
}

static void map_fini(struct map *map)
{
    for (size_t i = 0; i < map->bucket_count; i++) {
        for (struct node *node = map->buckets[i], *next; node != NULL; node = next) {
            next = node->next;
            free(node);
        }
    }
    free(map->buckets);
}

static struct node *map_find(const struct map *map, uint64_t key, uint64_t hash)
{
    struct node *node = map->buckets[hash & (map->bucket_count - 1)];
    while (node != NULL && node->key != key) {
        node = node->next;
    }
    return node;
}

static void map_grow(struct map *map)
{
    size_t count = map->bucket_count * 2;
    struct node **buckets = bench_allocate_zeroed(count * sizeof *buckets);
    for (size_t i = 0; i < map->bucket_count; i++) {
        for (struct node *node = map->buckets[i], *next; node != NULL; node = next) {
            struct node **bucket = &buckets[hash_key(node->key) & (count - 1)];
            next = node->next;
            node->next = *bucket;
            *bucket = node;
        }
    }
    free(map->buckets);
    map->buckets = buckets;
    map->bucket_count = count;
}

static void map_put(struct map *map, uint64_t key, uint64_t hash, int64_t timestamp, double value)
{
    struct node *node = map_find(map, key, hash);
    if (node == NULL) {
        if (map->count == map->bucket_count) {
            map_grow(map);
        }
        struct node **bucket = &map->buckets[hash & (map->bucket_count - 1)];
        node = bench_allocate_zeroed(sizeof *node);
        node->key = key;
        node->next = *bucket;
        *bucket = node;
        map->count++;
    }
    node->timestamp = timestamp;
    node->value = value;
}

static bool map_get(const struct map *map, uint64_t key, uint64_t hash, int64_t *timestamp,
                    double *value)
{
    const struct node *node = map_find(map, key, hash);
    if (node != NULL) {
        *timestamp = node->timestamp;
        *value = node->value;
    }
    return node != NULL;
}

/* ---------------------------------------------------------------------------- one mutex */

struct mutex_store {
    pthread_mutex_t mutex;
    struct map map;
};

static void *mutex_create(void)
{
    struct mutex_store *store = bench_allocate_zeroed(sizeof *store);
    (void)pthread_mutex_init(&store->mutex, NULL);
    map_init(&store->map);
    return store;
}

static void mutex_put(void *context, uint64_t key, int64_t timestamp, double value)
{
    struct mutex_store *store = context;
    uint64_t hash = hash_key(key);
    (void)pthread_mutex_lock(&store->mutex);
    map_put(&store->map, key, hash, timestamp, value);
    (void)pthread_mutex_unlock(&store->mutex);
}

static bool mutex_get(void *context, uint64_t key, int64_t *timestamp, double *value)
{
    struct mutex_store *store = context;
    uint64_t hash = hash_key(key);
    (void)pthread_mutex_lock(&store->mutex);
    bool found = map_get(&store->map, key, hash, timestamp, value);
    (void)pthread_mutex_unlock(&store->mutex);
    return found;
}

static void mutex_destroy(void *context)
{
    struct mutex_store *store = context;
    map_fini(&store->map);
    (void)pthread_mutex_destroy(&store->mutex);
    free(store);
}

const struct key_store_kind key_store_mutex = {"mutex", mutex_create, mutex_put, mutex_get,
                                               mutex_destroy};

/* ------------------------------------------------------------------------------- shards */

struct shard {
    _Alignas(64) pthread_rwlock_t lock;
    struct map map;
};

struct shard_store {
    size_t count; /* a power of two */
    struct shard *shards;
};

static void *shards_create(size_t count)
{
    struct shard_store *store = bench_allocate_zeroed(sizeof *store);
    store->count = count;
    store->shards = aligned_alloc(64, count * sizeof *store->shards);
    if (store->shards == NULL) {
        bench_stop("out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        (void)pthread_rwlock_init(&store->shards[i].lock, NULL);
        map_init(&store->shards[i].map);
    }
    return store;
}

static void *shards_create_32(void)
{
    return shards_create(32);
}

static void *shards_create_256(void)
{
    return shards_create(256);
}

/* The upper bits choose the shard, the lower ones the bucket. */
static struct shard *shard_of(const struct shard_store *store, uint64_t hash)
{
    return &store->shards[(hash >> 48) & (store->count - 1)];
}

static void shards_put(void *context, uint64_t key, int64_t timestamp, double value)
{
    uint64_t hash = hash_key(key);
    struct shard *shard = shard_of(context, hash);
    (void)pthread_rwlock_wrlock(&shard->lock);
    map_put(&shard->map, key, hash, timestamp, value);
    (void)pthread_rwlock_unlock(&shard->lock);
}

static bool shards_get(void *context, uint64_t key, int64_t *timestamp, double *value)
{
    uint64_t hash = hash_key(key);
    struct shard *shard = shard_of(context, hash);
    (void)pthread_rwlock_rdlock(&shard->lock);
    bool found = map_get(&shard->map, key, hash, timestamp, value);
    (void)pthread_rwlock_unlock(&shard->lock);
    return found;
}

static void shards_destroy(void *context)
{
    struct shard_store *store = context;
    for (size_t i = 0; i < store->count; i++) {
        map_fini(&store->shards[i].map);
        (void)pthread_rwlock_destroy(&store->shards[i].lock);
    }
    free(store->shards);
    free(store);
}

const struct key_store_kind key_store_shards_32 = {"32 shards", shards_create_32, shards_put,
                                                   shards_get, shards_destroy};
const struct key_store_kind key_store_shards_256 = {"256 shards", shards_create_256, shards_put,
                                                    shards_get, shards_destroy};

/* ------------------------------------------------------------------------------ workers */

enum { WORKERS = 2, QUEUE_MESSAGES = 1024 };

/* A call on its way; in the caller's stack until it is answered. */
struct message {
    uint64_t key;
    uint64_t hash;
    int64_t timestamp;
    double value;
    bool is_put;
    bool found;
    bool done;
    pthread_cond_t answered;
};

struct worker {
    _Alignas(64) pthread_mutex_t mutex;
    pthread_cond_t posted;
    pthread_cond_t taken;
    struct message *queue[QUEUE_MESSAGES];
    size_t first;
    size_t count;
    bool ends;
    struct map map;
    pthread_t thread;
};

struct worker_store {
    struct worker workers[WORKERS];
};

static void *run_worker(void *context)
{
    struct worker *worker = context;
    (void)pthread_mutex_lock(&worker->mutex);
    while (true) {
        while (worker->count == 0 && !worker->ends) {
            (void)pthread_cond_wait(&worker->posted, &worker->mutex);
        }
        if (worker->count == 0) {
            break;
        }
        struct message *message = worker->queue[worker->first];
        worker->first = (worker->first + 1) % QUEUE_MESSAGES;
        worker->count--;
        (void)pthread_cond_signal(&worker->taken);
        (void)pthread_mutex_unlock(&worker->mutex);
        if (message->is_put) {
            map_put(&worker->map, message->key, message->hash, message->timestamp, message->value);
        } else {
            message->found = map_get(&worker->map, message->key, message->hash, &message->timestamp,
                                     &message->value);
        }
        (void)pthread_mutex_lock(&worker->mutex);
        message->done = true;
        (void)pthread_cond_signal(&message->answered);
    }
    (void)pthread_mutex_unlock(&worker->mutex);
    return NULL;
}

static void *workers_create(void)
{
    struct worker_store *store = aligned_alloc(64, sizeof *store);
    if (store == NULL) {
        bench_stop("out of memory");
    }
    for (size_t i = 0; i < WORKERS; i++) {
        struct worker *worker = &store->workers[i];
        worker->first = worker->count = 0;
        worker->ends = false;
        map_init(&worker->map);
        (void)pthread_mutex_init(&worker->mutex, NULL);
        (void)pthread_cond_init(&worker->posted, NULL);
        (void)pthread_cond_init(&worker->taken, NULL);
        if (pthread_create(&worker->thread, NULL, run_worker, worker) != 0) {
            bench_stop("cannot start a worker");
        }
    }
    return store;
}

static void post(struct worker_store *store, struct message *message)
{
    struct worker *worker = &store->workers[(message->hash >> 48) % WORKERS];
    (void)pthread_cond_init(&message->answered, NULL);
    (void)pthread_mutex_lock(&worker->mutex);
    while (worker->count == QUEUE_MESSAGES) {
        (void)pthread_cond_wait(&worker->taken, &worker->mutex);
    }
    worker->queue[(worker->first + worker->count++) % QUEUE_MESSAGES] = message;
    (void)pthread_cond_signal(&worker->posted);
    while (!message->done) {
        (void)pthread_cond_wait(&message->answered, &worker->mutex);
    }
    (void)pthread_mutex_unlock(&worker->mutex);
    (void)pthread_cond_destroy(&message->answered);
}

static void workers_put(void *context, uint64_t key, int64_t timestamp, double value)
{
    struct message message = {
        .key = key, .hash = hash_key(key), .timestamp = timestamp, .value = value, .is_put = true};
    post(context, &message);
}

static bool workers_get(void *context, uint64_t key, int64_t *timestamp, double *value)
{
    struct message message = {.key = key, .hash = hash_key(key)};
    post(context, &message);
    if (message.found) {
        *timestamp = message.timestamp;
        *value = message.value;
    }
    return message.found;
}

static void workers_destroy(void *context)
{
    struct worker_store *store = context;
    for (size_t i = 0; i < WORKERS; i++) {
        struct worker *worker = &store->workers[i];
        (void)pthread_mutex_lock(&worker->mutex);
        worker->ends = true;
        (void)pthread_cond_signal(&worker->posted);
        (void)pthread_mutex_unlock(&worker->mutex);
        (void)pthread_join(worker->thread, NULL);
        map_fini(&worker->map);
        (void)pthread_mutex_destroy(&worker->mutex);
        (void)pthread_cond_destroy(&worker->posted);
        (void)pthread_cond_destroy(&worker->taken);
    }
    free(store);
}

const struct key_store_kind key_store_workers = {"workers", workers_create, workers_put,
                                                 workers_get, workers_destroy};
