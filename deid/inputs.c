#include "deid/inputs.h"

#include "core/memory.h"

#include <stdlib.h>
#include <string.h>

typedef struct input {
    uint64_t path; /* digest: by which it is found again */
    uint64_t patient, study, instance, digest;
    uint32_t count;
    bool contested;
} input;

typedef struct claim {
    uint64_t instance, path;
    uint64_t output; /* digest of what it would become; 0 = not released */
    uint64_t content;
    bool conflict, copy;
} claim;

struct lethe_inputs {
    lethe_known *known;
    input *at; /* by path once settled */
    size_t count, capacity;
    claim *claims; /* of contested inputs, by instance and path */
    size_t claim_count;
};

static uint64_t digest_of(const char *text) {
    uint64_t hash = 1469598103934665603ull;
    for (; *text != '\0'; text++) hash = (hash ^ (uint8_t)*text) * 1099511628211ull;
    return (hash ^ hash >> 31) | 1;
}

lethe_status lethe_inputs_create(const char *scratch_folder, lethe_inputs **out, lethe_error *error) {
    *out = NULL;
    lethe_inputs *inputs = lethe_alloc_array(1, sizeof *inputs);
    if (inputs == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a list of inputs");
    lethe_status status = lethe_known_create(scratch_folder, &inputs->known, error);
    if (status != LETHE_OK) lethe_inputs_destroy(inputs);
    else *out = inputs;
    return status;
}

void lethe_inputs_destroy(lethe_inputs *inputs) {
    if (inputs == NULL) return;
    lethe_known_destroy(inputs->known);
    lethe_free(inputs->at);
    lethe_free(inputs->claims);
    lethe_free(inputs);
}

lethe_status lethe_inputs_add(lethe_inputs *inputs, const char *path, const lethe_learned *learned, const void *values, size_t size,
                              lethe_error *error) {
    if (inputs->count == inputs->capacity) {
        size_t capacity = inputs->capacity == 0 ? 1024 : 2 * inputs->capacity;
        input *grown = lethe_realloc_array(inputs->at, capacity, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a list of inputs");
        inputs->at = grown;
        inputs->capacity = capacity;
    }
    inputs->at[inputs->count++] = (input){.path = digest_of(path),
                                          .patient = learned->patient,
                                          .study = learned->study,
                                          .instance = learned->instance,
                                          .digest = learned->digest,
                                          .count = learned->count};
    return lethe_known_add(inputs->known, learned, values, size, error);
}

static int by_path(const void *a, const void *b) {
    const input *x = a, *y = b;
    return x->path < y->path ? -1 : x->path > y->path;
}

static int by_instance(const void *a, const void *b) {
    const claim *x = a, *y = b;
    if (x->instance != y->instance) return x->instance < y->instance ? -1 : 1;
    return x->path < y->path ? -1 : x->path > y->path;
}

static input *find(const lethe_inputs *inputs, const char *path) {
    input key = {.path = digest_of(path)};
    return inputs->count == 0 ? NULL : bsearch(&key, inputs->at, inputs->count, sizeof key, by_path);
}

lethe_status lethe_inputs_settle(lethe_inputs *inputs, lethe_error *error) {
    if (inputs->count == 0) return LETHE_OK;
    qsort(inputs->at, inputs->count, sizeof *inputs->at, by_path);
    claim *claims = lethe_alloc_array(inputs->count, sizeof *claims);
    if (claims == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a list of inputs");
    size_t count = 0, kept = 0;
    for (size_t i = 0; i < inputs->count; i++) /* an input that was named twice is one */
        if (inputs->at[i].instance != 0 && (i == 0 || inputs->at[i].path != inputs->at[i - 1].path))
            claims[count++] = (claim){.instance = inputs->at[i].instance, .path = inputs->at[i].path};
    if (count != 0) qsort(claims, count, sizeof *claims, by_instance);
    for (size_t i = 0; i < count; i++) {
        bool same_before = i > 0 && claims[i].instance == claims[i - 1].instance,
             same_after = i + 1 < count && claims[i].instance == claims[i + 1].instance;
        if (!same_before && !same_after) continue;
        input key = {.path = claims[i].path};
        input *one = bsearch(&key, inputs->at, inputs->count, sizeof key, by_path);
        if (one != NULL) one->contested = true;
    }
    for (size_t i = 0; i < count; i++) {
        input key = {.path = claims[i].path};
        const input *one = bsearch(&key, inputs->at, inputs->count, sizeof key, by_path);
        if (one != NULL && one->contested) claims[kept++] = claims[i];
    }
    inputs->claim_count = kept;
    if (kept == 0) {
        lethe_free(claims);
        return LETHE_OK;
    }
    claim *fewer = lethe_realloc_array(claims, kept, sizeof *fewer);
    inputs->claims = fewer != NULL ? fewer : claims;
    return LETHE_OK;
}

size_t lethe_inputs_contested_count(const lethe_inputs *inputs) { return inputs->claim_count; }

bool lethe_inputs_is_contested(const lethe_inputs *inputs, const char *path) {
    const input *one = find(inputs, path);
    return one != NULL && one->contested;
}

static claim *find_claim(const lethe_inputs *inputs, const char *path) {
    const input *one = find(inputs, path);
    if (one == NULL || !one->contested) return NULL;
    claim key = {.instance = one->instance, .path = one->path};
    return bsearch(&key, inputs->claims, inputs->claim_count, sizeof key, by_instance);
}

/* A conflict is one of all that share the instance: each probe is compared with those that are known already. */
void lethe_inputs_probed(lethe_inputs *inputs, const char *path, const char *sha256, const char *content) {
    claim *own = find_claim(inputs, path), *end = inputs->claims + inputs->claim_count;
    if (own == NULL || sha256[0] == '\0') return;
    own->output = digest_of(sha256);
    own->content = content[0] != '\0' ? digest_of(content) : own->output;
    claim *first = own;
    while (first > inputs->claims && first[-1].instance == own->instance) first--;
    bool conflict = false;
    uint64_t least = own->output;
    for (const claim *c = first; c < end && c->instance == own->instance; c++) {
        conflict |= c->conflict || (c->output != 0 && c->content != own->content);
        if (c->output != 0 && c->output < least) least = c->output;
    }
    for (claim *c = first; c < end && c->instance == own->instance; c++) {
        c->conflict = conflict;
        c->copy = !conflict && c->output != 0 && c->output != least;
    }
}

lethe_claim lethe_inputs_claim(const lethe_inputs *inputs, const char *path) {
    const claim *own = find_claim(inputs, path);
    return own == NULL ? LETHE_CLAIM_GOOD : own->conflict ? LETHE_CLAIM_CONFLICT : own->copy ? LETHE_CLAIM_COPY : LETHE_CLAIM_GOOD;
}

lethe_status lethe_inputs_others(const lethe_inputs *inputs, const char *path, lethe_buffer *values, lethe_error *error) {
    const input *one = find(inputs, path);
    if (one == NULL) return lethe_fail(error, LETHE_NOT_FOUND, "it came while the others were being read: run again");
    lethe_learned learned = {.patient = one->patient, .study = one->study, .digest = one->digest, .count = one->count};
    return lethe_known_others(inputs->known, &learned, values, error);
}
