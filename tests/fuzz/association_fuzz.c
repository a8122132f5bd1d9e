/* room: ingest. What a peer may send to the receiver: an association request, then requests and data sets, cut off at any place. The first byte says
 * whether a good association request goes before the input, so that the fuzzer need not find one to reach what lies behind. */
#include "ingest/dimse.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_BYTES = 32 << 10 }; /* fits into the socket's buffer: nobody reads while we write */

typedef struct tally {
    bool in_instance;
} tally;

/* What DCMTK loses when an association ends badly goes with the association's process in the receiver. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    /* The receiver limits its memory: a length of 4 GB that three bytes claim is refused there too. */
    return "detect_leaks=0:max_allocation_size_mb=1024:allocator_may_return_null=1";
}

static lethe_dimse_verdict associate(void *context, const char *calling, const char *called, const char *certificate) {
    (void)context;
    (void)certificate;
    if (strlen(calling) > 16 || strlen(called) > 16) abort();
    return LETHE_DIMSE_ACCEPT;
}

static bool accepts_class(void *context, const char *abstract_syntax) {
    (void)context;
    return strlen(abstract_syntax) == 20;
}

static uint16_t store_begin(void *context, const lethe_dimse_store *store) {
    tally *self = context;
    if (self->in_instance || strlen(store->sop_class) > 64 || strlen(store->sop_instance) > 64) abort();
    self->in_instance = true;
    return LETHE_DIMSE_SUCCESS;
}

static void store_data(void *context, const void *bytes, size_t size) {
    const tally *self = context;
    if (!self->in_instance || size == 0) abort();
    volatile uint8_t last = ((const uint8_t *)bytes)[size - 1];
    (void)last;
}

static uint16_t store_end(void *context, bool complete) {
    tally *self = context;
    (void)complete;
    if (!self->in_instance) abort();
    self->in_instance = false;
    return LETHE_DIMSE_SUCCESS;
}

static void commitment(void *context, lethe_dimse_reference *references, size_t count) {
    (void)context;
    for (size_t i = 0; i < count; i++) {
        if (strlen(references[i].sop_class) > 64 || strlen(references[i].sop_instance) > 64) abort();
        references[i].committed = i % 2 == 0;
    }
}

static bool report(void *context, const char *transaction, const lethe_dimse_reference *references, size_t count) {
    (void)context;
    (void)references;
    return count % 2 == 0 && transaction[0] != '\0';
}

static bool stopping(void *context) {
    (void)context;
    return false;
}

static void deadline(void *context, unsigned seconds) {
    (void)context;
    (void)seconds;
}

static size_t put_item(uint8_t *at, uint8_t kind, const void *value, size_t size) {
    const uint8_t head[4] = {kind, 0, (uint8_t)(size >> 8), (uint8_t)size};
    memcpy(at, head, sizeof head);
    memcpy(at + 4, value, size);
    return 4 + size;
}

/* Contexts 1: CT Image Storage, 3: Verification, 5: Storage Commitment; explicit little endian (PS3.8 9.3.2). */
static size_t good_request(uint8_t *out) {
    static const char *const classes[] = {"1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.1", "1.2.840.10008.1.20.1"};
    static const char syntax[] = "1.2.840.10008.1.2.1", application[] = "1.2.840.10008.3.1.1.1", ours[] = "1.2.3";
    uint8_t *at = out + 6, piece[256];
    const uint8_t maximum[4] = {0, 0, 64, 0};
    memset(at, 0, 68);
    at[1] = 1;
    memcpy(at + 4, "LETHE           FUZZER          ", 32);
    at += 68;
    at += put_item(at, 0x10, application, sizeof application - 1);
    for (size_t i = 0; i < 3; i++) {
        size_t used = 4;
        memset(piece, 0, 4);
        piece[0] = (uint8_t)(2 * i + 1);
        used += put_item(piece + used, 0x30, classes[i], strlen(classes[i]));
        used += put_item(piece + used, 0x40, syntax, sizeof syntax - 1);
        at += put_item(at, 0x20, piece, used);
    }
    size_t used = put_item(piece, 0x51, maximum, sizeof maximum);
    used += put_item(piece + used, 0x52, ours, sizeof ours - 1);
    at += put_item(at, 0x50, piece, used);
    size_t size = (size_t)(at - out) - 6;
    const uint8_t head[6] = {1, 0, 0, 0, (uint8_t)(size >> 8), (uint8_t)size};
    memcpy(out, head, sizeof head);
    return size + 6;
}

/* DCMTK asks for the peer's address: TCP, on loopback. */
static bool connect_pair(int ends[2]) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), big = 1 << 18;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ends[0] = ends[1] = -1;
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0)
        abort();
    ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &big, sizeof big);
    const struct linger gone = {.l_onoff = 1}; /* no TIME_WAIT: ports would run out */
    (void)setsockopt(ends[0], SOL_SOCKET, SO_LINGER, &gone, sizeof gone);
    if (ends[0] >= 0 && connect(ends[0], (struct sockaddr *)&address, sizeof address) == 0) ends[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    (void)close(listener);
    if (ends[1] < 0 && ends[0] >= 0) (void)close(ends[0]);
    return ends[1] >= 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int ends[2];
    uint8_t request[1024];
    if (size < 2 || size > MOST_BYTES || !connect_pair(ends)) return 0;
    size_t head = (data[0] & 1) != 0 ? good_request(request) : 0;
    bool sent = send(ends[0], request, head, MSG_NOSIGNAL) == (ssize_t)head &&
                send(ends[0], data + 1, size - 1, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)(size - 1) && shutdown(ends[0], SHUT_WR) == 0;
    if (sent) {
        tally self = {.in_instance = false};
        const lethe_dimse_handler handler = {&self,     associate,  accepts_class, store_begin, store_data,
                                             store_end, commitment, report,        stopping,    deadline};
        const lethe_dimse_options options = {.idle_seconds = 1, .stall_seconds = 1};
        lethe_dimse_summary summary;
        lethe_error error = {0};
        (void)!lethe_dimse_serve(ends[1], &options, &handler, &summary, &error);
        if (self.in_instance) abort(); /* every instance that begins ends */
    } else {
        (void)close(ends[1]);
    }
    (void)close(ends[0]);
    return 0;
}
