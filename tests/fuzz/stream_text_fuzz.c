/* room: imaging
 * A compressed frame behind one byte that names its codec: what is stripped holds no more text, and stripping it again changes nothing. */
#include "imaging/dicom/stream_text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const lethe_codec codecs[] = {LETHE_CODEC_JPEG_BASELINE, LETHE_CODEC_JPEG_LS, LETHE_CODEC_JPEG_2000, LETHE_CODEC_RLE};
    if (size < 2) return 0;
    lethe_codec codec = codecs[bytes[0] % 4];
    lethe_buffer once, twice;
    lethe_buffer_init(&once, 8u << 20);
    lethe_buffer_init(&twice, 8u << 20);
    bool text = lethe_stream_has_text(codec, bytes + 1, size - 1);
    if (lethe_stream_strip(codec, bytes + 1, size - 1, &once, NULL) == LETHE_OK) {
        if (!text && (once.size != size - 1 || memcmp(once.bytes, bytes + 1, once.size) != 0)) abort();
        if (once.size > 0 && lethe_stream_strip(codec, once.bytes, once.size, &twice, NULL) == LETHE_OK &&
            (twice.size != once.size || memcmp(twice.bytes, once.bytes, once.size) != 0))
            abort();
    }
    lethe_buffer_release(&once);
    lethe_buffer_release(&twice);
    return 0;
}
