/* room: deid. Any bytes as an encapsulated PDF that a profile keeps. Nothing may crash; and a name that is shown in plain in the last stream is never
 * let through, whatever stands in front of it. */
#include "core/limits.h"
#include "deid/audit.h"
#include "deid/documents.h"
#include "imaging/dicom/edit.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static lethe_status search(lethe_audit *audit, const lethe_buffer *pdf) {
    static const lethe_dicom_encoding explicit_little = {.explicit_vr = true};
    lethe_buffer file;
    lethe_buffer_init(&file, 16u << 20);
    lethe_arena *arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    lethe_dicom_dataset *dataset = NULL;
    lethe_status status = lethe_dicom_encode_file_head(&file, "1.2.840.10008.5.1.4.1.1.104.1", "2.25.1", "1.2.840.10008.1.2.1", NULL);
    if (status == LETHE_OK)
        status = lethe_dicom_encode_text(&file, explicit_little, LETHE_TAG(0x0008, 0x0016), LETHE_VR_UI, "1.2.840.10008.5.1.4.1.1.104.1", NULL);
    if (status == LETHE_OK) status = lethe_dicom_encode(&file, explicit_little, LETHE_TAG(0x0042, 0x0011), LETHE_VR_OB, pdf->bytes, pdf->size, NULL);
    if (status == LETHE_OK) status = lethe_dicom_dataset_parse(file.bytes, file.size, arena, &dataset, NULL);
    if (status != LETHE_OK) abort();
    status = lethe_documents_search(dataset, audit, NULL);
    lethe_dicom_dataset_release(dataset);
    lethe_arena_destroy(arena);
    lethe_buffer_release(&file);
    return status;
}

static void put(lethe_buffer *out, const void *bytes, size_t size) {
    if (lethe_buffer_append(out, bytes, size, NULL) != LETHE_OK) abort();
}

/* The input's bytes and a shown name as one deflated stream. */
static void put_stream(lethe_buffer *out, const uint8_t *data, size_t size) {
    static const char shown[] = "\nBT (Monsieur Quillerou) Tj ET\n", head[] = "%PDF-1.4\n1 0 obj\n<</Filter /FlateDecode>>\nstream\n",
                      tail[] = "\nendstream\nendobj\n";
    lethe_buffer plain;
    lethe_buffer_init(&plain, 1u << 20);
    put(&plain, data, size);
    put(&plain, shown, sizeof shown - 1);
    uLongf packed_size = compressBound((uLong)plain.size);
    uint8_t *packed = malloc(packed_size);
    if (packed == NULL || compress2(packed, &packed_size, plain.bytes, (uLong)plain.size, 1) != Z_OK) abort();
    put(out, head, sizeof head - 1);
    put(out, packed, packed_size);
    put(out, tail, sizeof tail - 1);
    free(packed);
    lethe_buffer_release(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static lethe_audit *audit;
    if (size > 1u << 16) return 0;
    if (audit == NULL && lethe_audit_create(&audit, NULL) != LETHE_OK) abort();
    lethe_audit_reset(audit);
    if (lethe_audit_add(audit, LETHE_AUDIT_WORD, "QUILLEROU", 9, NULL) != LETHE_OK) abort();
    lethe_buffer pdf;
    lethe_buffer_init(&pdf, 8u << 20);
    put(&pdf, data, size);
    (void)search(audit, &pdf);
    lethe_buffer_clear(&pdf);
    put_stream(&pdf, data, size);
    if (search(audit, &pdf) == LETHE_OK) abort();
    lethe_buffer_release(&pdf);
    return 0;
}
