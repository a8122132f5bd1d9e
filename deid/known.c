#include "deid/known.h"

#include "core/memory.h"
#include "deid/documents.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FIRST_BYTES = 1 << 20, FIRST_SLOTS = 1024, OWN_VALUES = 512, VALUE_HEAD = 3 };

/* --- digests: equal values, equal numbers; nothing more is asked of them --- */

static uint64_t mix(uint64_t hash, const void *bytes, size_t size) {
    const uint8_t *at = bytes;
    for (size_t i = 0; i < size; i++) hash = (hash ^ at[i]) * 1099511628211ull;
    hash ^= hash >> 31;
    hash *= 0x9E3779B97F4A7C15ull;
    return hash ^ hash >> 29;
}

static const uint64_t start = 1469598103934665603ull;

static uint64_t value_digest(uint8_t kind, const void *bytes, size_t size) { return mix(mix(start, &kind, 1), bytes, size); }

static uint64_t group_of(char letter, const char *a, const char *b) {
    uint64_t hash = mix(start, &letter, 1);
    hash = mix(hash, a, strlen(a) + 1);
    hash = mix(hash, b, strlen(b));
    return hash | 1; /* 0 = none */
}

/* --- learning from one object --- */

typedef struct learning {
    lethe_learned *learned;
    lethe_buffer *values;
    uint64_t seen[OWN_VALUES];
    unsigned seen_count;
} learning;

static lethe_status put_value(lethe_buffer *out, uint8_t kind, const void *bytes, size_t size, lethe_error *error) {
    uint8_t head[VALUE_HEAD] = {kind, (uint8_t)size, (uint8_t)(size >> 8)};
    lethe_status status = lethe_buffer_append(out, head, sizeof head, error);
    return status == LETHE_OK ? lethe_buffer_append(out, bytes, size, error) : status;
}

static lethe_status learn_value(void *context, lethe_identifier_kind kind, const char *utf8, size_t size, lethe_error *error) {
    learning *l = context;
    while (size != 0 && (utf8[0] == ' ' || utf8[0] == '^')) utf8++, size--;
    while (size != 0 && (utf8[size - 1] == ' ' || utf8[size - 1] == '^')) size--;
    if (size < 2) return LETHE_OK;
    if (size > LETHE_KNOWN_VALUE_BYTES) size = LETHE_KNOWN_VALUE_BYTES;
    uint64_t digest = value_digest((uint8_t)kind, utf8, size);
    for (unsigned i = 0; i < l->seen_count; i++)
        if (l->seen[i] == digest) return LETHE_OK;
    if (l->seen_count < OWN_VALUES) l->seen[l->seen_count++] = digest; /* beyond: told twice, which costs a look at the others */
    l->learned->digest += digest;
    l->learned->count++;
    l->learned->told++;
    return put_value(l->values, (uint8_t)kind, utf8, size, error);
}

lethe_status lethe_known_learn(const lethe_dicom_dataset *dataset, lethe_learned *learned, lethe_buffer *values, lethe_error *error) {
    char id[256] = "", issuer[256] = "", study[129] = "", instance[129] = "";
    *learned = (lethe_learned){.is_directory = lethe_documents_is_directory(dataset)};
    (void)lethe_dicom_text(dataset->root, LETHE_TAG(0x0010, 0x0020), 0, id, sizeof id);
    (void)lethe_dicom_text(dataset->root, LETHE_TAG(0x0010, 0x0021), 0, issuer, sizeof issuer);
    (void)lethe_dicom_text(dataset->root, LETHE_TAG(0x0020, 0x000D), 0, study, sizeof study);
    (void)lethe_dicom_text(dataset->root, LETHE_TAG(0x0008, 0x0018), 0, instance, sizeof instance);
    if (id[0] != '\0') learned->patient = group_of('P', issuer, id);
    if (study[0] != '\0') learned->study = group_of('S', study, "");
    if (instance[0] != '\0') learned->instance = group_of('I', instance, "");
    learning l = {.learned = learned, .values = values};
    return lethe_identifiers_list(dataset, learn_value, &l, error);
}

/* --- the store --- */

typedef struct record {
    uint64_t previous; /* offset of the record before it in its group; 0 = none */
    uint64_t digest;
    uint32_t size;
    uint8_t kind;
    char bytes[];
} record;

typedef struct slot {
    uint64_t group; /* 0 = free */
    uint64_t last;  /* offset of the latest record */
    uint64_t digest;
    uint32_t count, bytes;
    bool full, is_study;
} slot;

struct lethe_known {
    int fd; /* -1: memory of the process */
    uint8_t *bytes;
    size_t used, capacity;
    slot *slots;
    size_t slot_count, group_count;
};

lethe_status lethe_known_create(const char *scratch_folder, lethe_known **out, lethe_error *error) {
    *out = NULL;
    lethe_known *known = lethe_alloc_array(1, sizeof *known);
    if (known == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for identifiers of a run");
    known->fd = scratch_folder == NULL ? -1 : open(scratch_folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (known->fd >= 0 && posix_fallocate(known->fd, 0, FIRST_BYTES) != 0) { /* no room there: in memory */
        (void)close(known->fd);
        known->fd = -1;
    }
    known->capacity = FIRST_BYTES;
    known->used = 8; /* offset 0 means none */
    known->slot_count = FIRST_SLOTS;
    known->slots = lethe_alloc_array(FIRST_SLOTS, sizeof *known->slots);
    bool good = known->slots != NULL;
    if (good) known->bytes = mmap(NULL, FIRST_BYTES, PROT_READ | PROT_WRITE, known->fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, known->fd, 0);
    if (!good || known->bytes == MAP_FAILED) {
        known->bytes = NULL;
        lethe_known_destroy(known);
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for identifiers of a run");
    }
    *out = known;
    return LETHE_OK;
}

void lethe_known_destroy(lethe_known *known) {
    if (known == NULL) return;
    if (known->bytes != NULL) {
        lethe_wipe(known->bytes, known->used);
        (void)munmap(known->bytes, known->capacity);
    }
    if (known->fd >= 0) (void)close(known->fd);
    lethe_free(known->slots);
    lethe_free(known);
}

static slot *find_slot(slot *slots, size_t count, uint64_t group) {
    size_t at = (size_t)(group ^ group >> 32) & (count - 1);
    while (slots[at].group != 0 && slots[at].group != group) at = (at + 1) & (count - 1);
    return &slots[at];
}

static lethe_status grow_slots(lethe_known *known, lethe_error *error) {
    size_t count = 2 * known->slot_count;
    slot *grown = lethe_alloc_array(count, sizeof *grown);
    if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for identifiers of a run");
    for (size_t i = 0; i < known->slot_count; i++)
        if (known->slots[i].group != 0) *find_slot(grown, count, known->slots[i].group) = known->slots[i];
    lethe_free(known->slots);
    known->slots = grown;
    known->slot_count = count;
    return LETHE_OK;
}

/* Disk blocks are asked for before they are touched: a full disk is an error here, not a signal later. */
static lethe_status grow_bytes(lethe_known *known, lethe_error *error) {
    size_t capacity = 2 * known->capacity;
    if (known->fd >= 0) {
        int reason = posix_fallocate(known->fd, 0, (off_t)capacity);
        if (reason != 0) return lethe_fail_errno(error, reason, "no room for identifiers of a run");
    }
    void *grown = mremap(known->bytes, known->capacity, capacity, MREMAP_MAYMOVE);
    if (grown == MAP_FAILED) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for identifiers of a run");
    known->bytes = grown;
    known->capacity = capacity;
    return LETHE_OK;
}

static const record *record_at(const lethe_known *known, uint64_t offset) { return (const record *)(const void *)(known->bytes + offset); }

static bool stands_in(const lethe_known *known, const slot *s, uint64_t digest) {
    for (uint64_t at = s->last; at != 0; at = record_at(known, at)->previous)
        if (record_at(known, at)->digest == digest) return true;
    return false;
}

static lethe_status add_value(lethe_known *known, uint64_t group, bool is_study, uint8_t kind, const char *bytes, size_t size, lethe_error *error) {
    lethe_status status = LETHE_OK;
    if (2 * (known->group_count + 1) > known->slot_count) status = grow_slots(known, error);
    if (status != LETHE_OK) return status;
    slot *s = find_slot(known->slots, known->slot_count, group);
    if (s->group == 0) {
        known->group_count++;
        *s = (slot){.group = group, .is_study = is_study};
    }
    uint64_t digest = value_digest(kind, bytes, size);
    if (s->full || stands_in(known, s, digest)) return LETHE_OK;
    if (s->count == (is_study ? LETHE_KNOWN_PER_STUDY : LETHE_KNOWN_PER_PATIENT) || s->bytes + size > LETHE_KNOWN_GROUP_BYTES) {
        s->full = true;
        return LETHE_OK;
    }
    size_t need = (sizeof(record) + size + 7) / 8 * 8;
    while (status == LETHE_OK && known->capacity - known->used < need) status = grow_bytes(known, error);
    if (status != LETHE_OK) return status;
    record *fresh = (record *)(void *)(known->bytes + known->used);
    *fresh = (record){.previous = s->last, .digest = digest, .size = (uint32_t)size, .kind = kind};
    memcpy(fresh->bytes, bytes, size);
    s->last = known->used;
    s->digest += digest;
    s->count++;
    s->bytes += (uint32_t)size;
    known->used += need;
    return LETHE_OK;
}

typedef struct adding {
    lethe_known *known;
    const lethe_learned *learned;
} adding;

static lethe_status add_both(void *context, lethe_identifier_kind kind, const char *utf8, size_t size, lethe_error *error) {
    adding *a = context;
    lethe_status status = LETHE_OK;
    if (size > LETHE_KNOWN_VALUE_BYTES) return LETHE_OK; /* no worker in its right mind tells such a thing */
    if (a->learned->patient != 0) status = add_value(a->known, a->learned->patient, false, (uint8_t)kind, utf8, size, error);
    if (status == LETHE_OK && a->learned->study != 0) status = add_value(a->known, a->learned->study, true, (uint8_t)kind, utf8, size, error);
    return status;
}

lethe_status lethe_known_add(lethe_known *known, const lethe_learned *learned, const void *values, size_t size, lethe_error *error) {
    adding a = {.known = known, .learned = learned};
    return lethe_known_visit(values, size, add_both, &a, error);
}

lethe_status lethe_known_visit(const void *values, size_t size, lethe_identifier_fn tell, void *context, lethe_error *error) {
    if (size == 0) return LETHE_OK; /* of an empty buffer there is no address */
    const uint8_t *at = values, *end = at + size;
    lethe_status status = LETHE_OK;
    while (status == LETHE_OK && end - at >= VALUE_HEAD) {
        size_t length = (size_t)at[1] | (size_t)at[2] << 8;
        if (length > (size_t)(end - at - VALUE_HEAD) || at[0] > LETHE_ID_UID) break;
        status = tell(context, (lethe_identifier_kind)at[0], (const char *)at + VALUE_HEAD, length, error);
        at += VALUE_HEAD + length;
    }
    return status;
}

/* --- telling the others --- */

static int by_value(const void *a, const void *b) {
    const record *x = *(const record *const *)a, *y = *(const record *const *)b;
    if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
    size_t common = x->size < y->size ? x->size : y->size;
    int order = memcmp(x->bytes, y->bytes, common);
    return order != 0 ? order : x->size < y->size ? -1 : x->size > y->size;
}

static unsigned collect(const lethe_known *known, const slot *s, const record **out) {
    unsigned count = 0;
    for (uint64_t at = s->last; at != 0; at = record_at(known, at)->previous) out[count++] = record_at(known, at);
    return count;
}

lethe_status lethe_known_others(const lethe_known *known, const lethe_learned *learned, lethe_buffer *values, lethe_error *error) {
    static const slot none = {0};
    const slot *groups[2] = {learned->patient == 0 ? &none : find_slot(known->slots, known->slot_count, learned->patient),
                             learned->study == 0 ? &none : find_slot(known->slots, known->slot_count, learned->study)};
    if (groups[1]->full) return lethe_fail(error, LETHE_LIMIT, "the study has more identifiers than can be looked for");
    if (groups[0]->full) groups[0] = &none;
    size_t count = 0;
    for (int i = 0; i < 2; i++)
        if (groups[i]->count != learned->count || groups[i]->digest != learned->digest) count += groups[i]->count;
    if (count == 0) return LETHE_OK;
    count = groups[0]->count + groups[1]->count;
    const record **all = lethe_alloc_array(count, sizeof *all);
    if (all == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for identifiers of a study");
    unsigned filled = collect(known, groups[0], all);
    filled += collect(known, groups[1], all + filled);
    qsort(all, filled, sizeof *all, by_value);
    lethe_status status = LETHE_OK;
    for (unsigned i = 0; i < filled && status == LETHE_OK; i++)
        if (i == 0 || by_value(&all[i - 1], &all[i]) != 0) status = put_value(values, all[i]->kind, all[i]->bytes, all[i]->size, error);
    lethe_free(all);
    return status;
}
