#include "ingest/web.h"

#include "core/buffer.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "ingest/multipart.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PAGE = 500, /* answers asked for at a time */
    MAX_PAGES = 20000,
    ANSWER_BYTES = 64 << 20,
    TOKEN_BYTES = 8192,
    CONNECT_SECONDS = 30,
    STALL_SECONDS = 300 /* of less than STALL_BYTES a second: a peer may have to fetch from tape first */
};
#define STALL_BYTES 1024L

struct lethe_web {
    CURL *curl;
    char *root; /* without a slash at its end */
    char *authorization;
    uint64_t parts; /* names of files */
};

/* --- one request --- */

typedef struct request {
    lethe_web *web;
    char *url;
    struct curl_slist *headers;
    long code;
    lethe_buffer *text; /* an answer that is read as a whole */
    /* An answer of many parts. */
    const char *folder;
    lethe_multipart multipart;
    bool started, is_multipart, is_single;
    lethe_output *part;
    unsigned completed;
    /* What is sent. */
    const char *head, *tail;
    int body_fd;
    uint64_t head_left, body_left, tail_left;
    lethe_error error;
} request;

static lethe_status add_header(request *self, const char *header, lethe_error *error) {
    struct curl_slist *longer = curl_slist_append(self->headers, header);
    if (longer == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a request");
    self->headers = longer;
    return LETHE_OK;
}

static void end_request(request *self) {
    curl_slist_free_all(self->headers);
    lethe_output_discard(self->part);
    if (self->is_multipart) lethe_multipart_release(&self->multipart);
    lethe_free(self->url);
}

/* Failures of ours within a callback are told first; then the transport's, in libcurl's words, which name no URL. */
static lethe_status perform(request *self, lethe_error *error) {
    CURL *curl = self->web->curl;
    CURLcode code = CURLE_OK;
    if (self->web->authorization != NULL && add_header(self, self->web->authorization, error) != LETHE_OK) return LETHE_NO_MEMORY;
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, self->headers);
    code = curl_easy_perform(curl);
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &self->code);
    if (self->error.status != LETHE_OK) return lethe_fail(error, self->error.status, "%s", self->error.message);
    if (code != CURLE_OK) return lethe_fail(error, LETHE_NETWORK, "DICOMweb: %s", curl_easy_strerror(code));
    return LETHE_OK;
}

static lethe_status fail_code(const request *self, lethe_error *error) {
    if (self->code == 413) return lethe_fail(error, LETHE_LIMIT, "the peer has too many answers");
    return lethe_fail(error, LETHE_NETWORK, "DICOMweb: the peer answered with HTTP status %ld", self->code);
}

static size_t take_text(char *bytes, size_t one, size_t size, void *context) {
    request *self = context;
    (void)one;
    return lethe_buffer_append(self->text, bytes, size, &self->error) == LETHE_OK ? size : 0;
}

/* What every request has in common; nothing stays of the one before but the connection. */
static lethe_status begin_request(lethe_web *web, request *self, char *url, lethe_error *error) {
    memset(self, 0, sizeof *self);
    self->web = web;
    self->url = url;
    self->body_fd = -1;
    if (url == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a request");
    (void)curl_easy_setopt(web->curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(web->curl, CURLOPT_HTTPGET, 1L);
    (void)curl_easy_setopt(web->curl, CURLOPT_WRITEFUNCTION, take_text);
    (void)curl_easy_setopt(web->curl, CURLOPT_WRITEDATA, self);
    return LETHE_OK;
}

/* --- QIDO-RS --- */

static bool is_uid(const char *text) {
    size_t length = strlen(text);
    return length != 0 && length <= 64 && strspn(text, "0123456789.") == length;
}

static lethe_status put_parameter(lethe_web *web, lethe_buffer *url, const lethe_scu_key *key, lethe_error *error) {
    char name[9];
    (void)snprintf(name, sizeof name, "%08" PRIX32, key->tag);
    if (key->value[0] == '\0') return lethe_buffer_printf(url, error, "&includefield=%s", name);
    char *value = curl_easy_escape(web->curl, key->value, 0);
    if (value == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a request");
    lethe_status status = lethe_buffer_printf(url, error, "&%s=%s", name, value);
    curl_free(value);
    return status;
}

/* The resource (PS3.18 10.6.1): study and series of lower levels stand in its path, all else in its query. */
static lethe_status put_query(lethe_web *web, const char *level, const lethe_scu_key *keys, size_t count, size_t offset, lethe_buffer *url,
                              lethe_error *error) {
    const char *study = "", *series = "";
    bool below_study = strcmp(level, "STUDY") != 0, below_series = strcmp(level, "IMAGE") == 0;
    for (size_t i = 0; i < count; i++) {
        if (keys[i].tag == 0x0020000d) study = keys[i].value;
        if (keys[i].tag == 0x0020000e) series = keys[i].value;
    }
    if ((below_study && !is_uid(study)) || (below_series && !is_uid(series))) return lethe_fail(error, LETHE_MALFORMED, "DICOMweb: no usable UID");
    lethe_status status = lethe_buffer_printf(url, error, "%s/studies", web->root);
    if (status == LETHE_OK && below_study) status = lethe_buffer_printf(url, error, "/%s/series", study);
    if (status == LETHE_OK && below_series) status = lethe_buffer_printf(url, error, "/%s/instances", series);
    if (status == LETHE_OK) status = lethe_buffer_printf(url, error, "?limit=%d&offset=%zu", PAGE, offset);
    for (size_t i = 0; status == LETHE_OK && i < count; i++) {
        bool in_path = (below_study && keys[i].tag == 0x0020000d) || (below_series && keys[i].tag == 0x0020000e);
        if (!in_path) status = put_parameter(web, url, &keys[i], error);
    }
    return status;
}

/* One attribute of DICOM JSON (PS3.18 F) as DICOM text: values with backslashes between. */
static lethe_status attribute_text(const json_t *data_set, uint32_t tag, lethe_buffer *out, lethe_error *error) {
    char name[9];
    (void)snprintf(name, sizeof name, "%08" PRIX32, tag);
    const json_t *values = json_object_get(json_object_get(data_set, name), "Value"), *value;
    size_t i;
    lethe_status status = LETHE_OK;
    json_array_foreach(values, i, value) {
        if (status == LETHE_OK && i != 0) status = lethe_buffer_append(out, "\\", 1, error);
        const json_t *text = json_is_object(value) ? json_object_get(value, "Alphabetic") : value;
        if (status == LETHE_OK && json_is_string(text)) status = lethe_buffer_append_text(out, json_string_value(text), error);
        if (status == LETHE_OK && json_is_integer(text)) status = lethe_buffer_printf(out, error, "%lld", (long long)json_integer_value(text));
    }
    return status == LETHE_OK ? lethe_buffer_append(out, "\0", 1, error) : status;
}

static lethe_status tell_answer(const json_t *entry, const lethe_scu_key *keys, size_t count, lethe_scu_answer_fn answer, void *context,
                                lethe_error *error) {
    lethe_buffer texts;
    size_t starts[LETHE_SCU_MAX_KEYS] = {0};
    const char *values[LETHE_SCU_MAX_KEYS] = {0};
    lethe_buffer_init(&texts, ANSWER_BYTES);
    lethe_status status = LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < count; i++) {
        starts[i] = texts.size;
        status = attribute_text(entry, keys[i].tag, &texts, error);
    }
    for (size_t i = 0; status == LETHE_OK && i < count; i++) {
        values[i] = (const char *)texts.bytes + starts[i];
        /* Peers leave out what they were told. */
        if (values[i][0] == '\0' && (keys[i].tag == 0x0020000d || keys[i].tag == 0x0020000e)) values[i] = keys[i].value;
    }
    if (status == LETHE_OK) status = answer(context, values, error);
    lethe_buffer_release(&texts);
    return status;
}

/* One page. `first` holds the page's first entry as text: a peer that ignores `offset` would give the same page for ever. */
static lethe_status find_page(lethe_web *web, const char *url, json_t **page, lethe_error *error) {
    request self;
    lethe_buffer text;
    lethe_buffer_init(&text, ANSWER_BYTES);
    *page = NULL;
    lethe_status status = begin_request(web, &self, lethe_strdup(url), error);
    self.text = &text;
    if (status == LETHE_OK) status = add_header(&self, "Accept: application/dicom+json", error);
    if (status == LETHE_OK) status = perform(&self, error);
    if (status == LETHE_OK && self.code == 204) {
        *page = json_array();
    } else if (status == LETHE_OK && self.code != 200) {
        status = fail_code(&self, error);
    } else if (status == LETHE_OK) {
        *page = json_loadb((const char *)text.bytes, text.size, 0, NULL);
        if (!json_is_array(*page)) {
            json_decref(*page);
            *page = NULL;
            status = lethe_fail(error, LETHE_MALFORMED, "DICOMweb: the answer is no list in DICOM JSON");
        }
    }
    end_request(&self);
    lethe_buffer_release(&text);
    return status;
}

lethe_status lethe_web_find(lethe_web *web, const char *level, const lethe_scu_key *keys, size_t count, lethe_scu_answer_fn answer, void *context,
                            size_t *answers, lethe_error *error) {
    size_t told = 0;
    json_t *page = NULL, *before = NULL;
    lethe_status status = LETHE_OK;
    if (answers != NULL) *answers = 0;
    if (count > LETHE_SCU_MAX_KEYS) return lethe_fail(error, LETHE_INTERNAL, "too many keys in a query");
    for (unsigned pages = 0; status == LETHE_OK; pages++) {
        lethe_buffer url;
        lethe_buffer_init(&url, 1 << 20);
        status = put_query(web, level, keys, count, told, &url, error);
        if (status == LETHE_OK) status = find_page(web, lethe_buffer_text(&url), &page, error);
        lethe_buffer_release(&url);
        if (status != LETHE_OK || json_array_size(page) == 0) break;
        if (pages == MAX_PAGES || (before != NULL && json_equal(json_array_get(page, 0), json_array_get(before, 0)))) {
            status = lethe_fail(error, LETHE_LIMIT, "the peer cannot give its answers in pages");
            break;
        }
        for (size_t i = 0; status == LETHE_OK && i < json_array_size(page); i++)
            status = tell_answer(json_array_get(page, i), keys, count, answer, context, error);
        told += json_array_size(page);
        json_decref(before);
        before = page;
        page = NULL;
    }
    json_decref(page);
    json_decref(before);
    if (status == LETHE_OK && answers != NULL) *answers = told;
    return status;
}

/* --- WADO-RS --- */

static lethe_status begin_part(void *context, const char *content_type, lethe_error *error) {
    request *self = context;
    (void)content_type;
    char name[32];
    (void)snprintf(name, sizeof name, "%" PRIu64, self->web->parts++);
    char *path = lethe_path_join(self->folder, name);
    lethe_status status = path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_output_create(path, &self->part, error);
    lethe_free(path);
    return status;
}

static lethe_status part_data(void *context, const void *bytes, size_t size, lethe_error *error) {
    request *self = context;
    return lethe_output_write(self->part, bytes, size, error);
}

static lethe_status end_part(void *context, lethe_error *error) {
    request *self = context;
    lethe_output *part = self->part;
    self->part = NULL;
    lethe_status status = lethe_output_commit(part, 0600, LETHE_SYNC_NONE, error);
    if (status == LETHE_OK) self->completed++;
    return status;
}

/* The first bytes: what kind of answer is it? */
static lethe_status start_answer(request *self, lethe_error *error) {
    const lethe_multipart_handler handler = {self, begin_part, part_data, end_part};
    const char *type = NULL;
    self->started = true;
    (void)curl_easy_getinfo(self->web->curl, CURLINFO_RESPONSE_CODE, &self->code);
    (void)curl_easy_getinfo(self->web->curl, CURLINFO_CONTENT_TYPE, &type);
    if (self->code != 200 && self->code != 206) return LETHE_OK; /* an error's page: read away */
    if (type != NULL && strncasecmp(type, "application/dicom", 17) == 0 && (type[17] == '\0' || type[17] == ';' || type[17] == ' ')) {
        self->is_single = true;
        return begin_part(self, type, error);
    }
    self->is_multipart = true;
    return lethe_multipart_init(&self->multipart, type, &handler, error);
}

static size_t take_parts(char *bytes, size_t one, size_t size, void *context) {
    request *self = context;
    (void)one;
    lethe_status status = self->started ? LETHE_OK : start_answer(self, &self->error);
    if (status == LETHE_OK && self->is_multipart) status = lethe_multipart_feed(&self->multipart, bytes, size, &self->error);
    if (status == LETHE_OK && self->is_single) status = part_data(self, bytes, size, &self->error);
    return status == LETHE_OK ? size : 0;
}

lethe_status lethe_web_get(lethe_web *web, const char *study, const char *series, const char *instance, const char *folder,
                           lethe_scu_retrieved *result, lethe_error *error) {
    memset(result, 0, sizeof *result);
    if (!is_uid(study) || !is_uid(series) || (instance != NULL && !is_uid(instance)))
        return lethe_fail(error, LETHE_MALFORMED, "DICOMweb: no usable UID");
    request self;
    lethe_status status = begin_request(web, &self,
                                        lethe_asprintf("%s/studies/%s/series/%s%s%s", web->root, study, series, instance == NULL ? "" : "/instances/",
                                                       instance == NULL ? "" : instance),
                                        error);
    self.folder = folder;
    (void)curl_easy_setopt(web->curl, CURLOPT_WRITEFUNCTION, take_parts);
    /* As stored, whatever the transfer syntax (PS3.18 8.7.3.5.2). */
    if (status == LETHE_OK) status = add_header(&self, "Accept: multipart/related; type=\"application/dicom\"; transfer-syntax=*", error);
    if (status == LETHE_OK) status = perform(&self, error);
    if (status == LETHE_OK && self.code != 200 && self.code != 206) status = fail_code(&self, error);
    if (status == LETHE_OK && self.is_multipart) status = lethe_multipart_finish(&self.multipart, error);
    if (status == LETHE_OK && self.is_single) status = end_part(&self, error);
    result->completed = self.completed;
    /* A body that breaks off within the multipart frame is a broken link, to be tried again. */
    if (status == LETHE_MALFORMED) status = LETHE_NETWORK;
    end_request(&self);
    return status;
}

/* --- STOW-RS --- */

static size_t give_piece(const char *text, uint64_t *left, char *to, size_t room) {
    size_t size = strlen(text), take = *left < room ? (size_t)*left : room;
    memcpy(to, text + (size - (size_t)*left), take);
    *left -= take;
    return take;
}

static size_t give_body(char *to, size_t one, size_t size, void *context) {
    request *self = context;
    size_t room = one * size;
    if (self->head_left != 0) return give_piece(self->head, &self->head_left, to, room);
    if (self->body_left != 0) {
        ssize_t got = read(self->body_fd, to, self->body_left < room ? (size_t)self->body_left : room);
        if (got <= 0) {
            (void)lethe_fail(&self->error, LETHE_IO, "cannot read the file to send");
            return CURL_READFUNC_ABORT;
        }
        self->body_left -= (uint64_t)got;
        return (size_t)got;
    }
    return give_piece(self->tail, &self->tail_left, to, room);
}

/* A connection that the peer closed meanwhile is opened again, and the body starts anew. */
static int rewind_body(void *context, curl_off_t offset, int origin) {
    request *self = context;
    struct stat info;
    if (origin != SEEK_SET || offset != 0 || fstat(self->body_fd, &info) != 0 || lseek(self->body_fd, 0, SEEK_SET) != 0) return CURL_SEEKFUNC_FAIL;
    self->head_left = strlen(self->head);
    self->body_left = (uint64_t)info.st_size;
    self->tail_left = strlen(self->tail);
    return CURL_SEEKFUNC_OK;
}

static uint16_t reason_of(const json_t *list, const char *tag) {
    const json_t *entry = json_array_get(json_object_get(list, "Value"), 0);
    return (uint16_t)json_integer_value(json_array_get(json_object_get(json_object_get(entry, tag), "Value"), 0));
}

/* 200: stored. 202: stored with a remark, or not. 409: not (PS3.18 10.5.3). */
static lethe_status read_verdict(const request *self, const lethe_buffer *text, uint16_t *status, lethe_error *error) {
    if (self->code != 200 && self->code != 202 && self->code != 409) return fail_code(self, error);
    json_t *answer = text->size == 0 ? NULL : json_loadb((const char *)text->bytes, text->size, 0, NULL);
    const json_t *failed = json_object_get(answer, "00081198"), *stored = json_object_get(answer, "00081199");
    if (json_array_size(json_object_get(failed, "Value")) != 0) {
        uint16_t reason = reason_of(failed, "00081197");
        *status = reason != 0 ? reason : 0x0110;
    } else if (self->code == 200) {
        *status = 0;
    } else if (self->code == 202 && json_array_size(json_object_get(stored, "Value")) != 0) {
        uint16_t remark = reason_of(stored, "00081196");
        *status = (remark & 0xf000) == 0xb000 ? remark : 0xb000;
    } else {
        *status = 0x0110;
    }
    json_decref(answer);
    return LETHE_OK;
}

lethe_status lethe_web_store(lethe_web *web, const char *path, uint16_t *status_out, lethe_error *error) {
    uint8_t random[16];
    char boundary[33], type[160], *head = NULL, *tail = NULL;
    request self;
    lethe_buffer text;
    struct stat info;
    lethe_buffer_init(&text, ANSWER_BYTES);
    *status_out = 0xffff;
    lethe_status status = begin_request(web, &self, lethe_asprintf("%s/studies", web->root), error);
    if (status == LETHE_OK && getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) status = lethe_fail(error, LETHE_IO, "no random bytes");
    if (status == LETHE_OK) {
        lethe_hex(random, sizeof random, boundary); /* 128 bits: not within the file */
        head = lethe_asprintf("--%s\r\nContent-Type: application/dicom\r\n\r\n", boundary);
        tail = lethe_asprintf("\r\n--%s--\r\n", boundary);
        if (head == NULL || tail == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a request");
    }
    self.head = head;
    self.tail = tail;
    self.text = &text;
    self.body_fd = status == LETHE_OK ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (status == LETHE_OK && (self.body_fd < 0 || fstat(self.body_fd, &info) != 0))
        status = lethe_fail(error, LETHE_IO, "cannot read the file to send");
    if (status == LETHE_OK) {
        (void)rewind_body(&self, 0, SEEK_SET);
        (void)snprintf(type, sizeof type, "Content-Type: multipart/related; type=\"application/dicom\"; boundary=%s", boundary);
        (void)curl_easy_setopt(web->curl, CURLOPT_POST, 1L);
        (void)curl_easy_setopt(web->curl, CURLOPT_READFUNCTION, give_body);
        (void)curl_easy_setopt(web->curl, CURLOPT_READDATA, &self);
        (void)curl_easy_setopt(web->curl, CURLOPT_SEEKFUNCTION, rewind_body);
        (void)curl_easy_setopt(web->curl, CURLOPT_SEEKDATA, &self);
        (void)curl_easy_setopt(web->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(self.head_left + (uint64_t)info.st_size + self.tail_left));
        status = add_header(&self, type, error);
    }
    if (status == LETHE_OK) status = add_header(&self, "Accept: application/dicom+json", error);
    if (status == LETHE_OK) status = add_header(&self, "Expect:", error); /* no waiting for 100 Continue */
    if (status == LETHE_OK) status = perform(&self, error);
    if (status == LETHE_OK) status = read_verdict(&self, &text, status_out, error);
    if (self.body_fd >= 0) (void)close(self.body_fd);
    end_request(&self);
    lethe_buffer_release(&text);
    lethe_free(head);
    lethe_free(tail);
    return status;
}

/* --- opening --- */

static bool is_loopback(const char *root) {
    static const char *const hosts[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        size_t length = strlen(hosts[i]);
        if (strncasecmp(root, hosts[i], length) == 0 && (root[length] == ':' || root[length] == '/' || root[length] == '\0')) return true;
    }
    return false;
}

static lethe_status read_token(lethe_web *web, const char *path, lethe_error *error) {
    lethe_buffer text;
    lethe_buffer_init(&text, TOKEN_BYTES);
    lethe_status status = lethe_file_read(path, &text, NULL);
    while (text.size != 0 && text.bytes[text.size - 1] <= ' ') text.bytes[--text.size] = '\0';
    bool usable = status == LETHE_OK && text.size != 0;
    for (size_t i = 0; usable && i < text.size; i++) usable = text.bytes[i] > ' ' && text.bytes[i] < 0x7f;
    if (!usable) {
        status = lethe_fail(error, LETHE_CONFIG, "project.yaml: ingest.peers: token_file holds no token");
    } else {
        web->authorization = lethe_asprintf("Authorization: Bearer %s", lethe_buffer_text(&text));
        if (web->authorization == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a token");
    }
    if (text.bytes != NULL) lethe_wipe(text.bytes, text.size);
    lethe_buffer_release(&text);
    return status;
}

static void set_options(lethe_web *web, const lethe_peer *peer) {
    CURL *curl = web->curl;
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L); /* a token does not travel on */
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    (void)curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES);
    (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)STALL_SECONDS);
    (void)curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 256L << 10);
    (void)curl_easy_setopt(curl, CURLOPT_USERAGENT, "lethe/" LETHE_VERSION);
    if (peer->authorities[0] != '\0') (void)curl_easy_setopt(curl, CURLOPT_CAINFO, peer->authorities);
    if (peer->certificate[0] != '\0') {
        (void)curl_easy_setopt(curl, CURLOPT_SSLCERT, peer->certificate);
        (void)curl_easy_setopt(curl, CURLOPT_SSLKEY, peer->private_key);
    }
}

lethe_status lethe_web_open(const lethe_peer *peer, lethe_web **out, lethe_error *error) {
    *out = NULL;
    bool secure = strncasecmp(peer->url, "https://", 8) == 0;
    if (!secure && strncasecmp(peer->url, "http://", 7) != 0)
        return lethe_fail(error, LETHE_CONFIG, "project.yaml: ingest.peers: url is http:// or https://");
    if (!secure && peer->token_file[0] != '\0' && !is_loopback(peer->url))
        return lethe_fail(error, LETHE_CONFIG, "project.yaml: ingest.peers: a token needs https, or a peer on this machine");
    lethe_web *web = lethe_alloc_array(1, sizeof *web);
    if (web == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        lethe_free(web);
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for DICOMweb");
    }
    web->curl = curl_easy_init();
    web->root = lethe_strdup(peer->url);
    lethe_status status = web->curl == NULL || web->root == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for DICOMweb") : LETHE_OK;
    if (status == LETHE_OK) {
        for (size_t length = strlen(web->root); length != 0 && web->root[length - 1] == '/';) web->root[--length] = '\0';
        set_options(web, peer);
    }
    if (status == LETHE_OK && peer->token_file[0] != '\0') status = read_token(web, peer->token_file, error);
    if (status != LETHE_OK) lethe_web_close(web);
    else *out = web;
    return status;
}

void lethe_web_close(lethe_web *web) {
    if (web == NULL) return;
    if (web->curl != NULL) curl_easy_cleanup(web->curl);
    curl_global_cleanup();
    if (web->authorization != NULL) lethe_wipe(web->authorization, strlen(web->authorization));
    lethe_free(web->authorization);
    lethe_free(web->root);
    lethe_free(web);
}
