/* room: deid. The verifier of slides reads any bytes as an output, alone and beside an input; with itself as its input whatever passes alone passes.
 */
#include "deid/slides/search.h"
#include "deid/slides/verify.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte picks the format, the second how much of the rest is the input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const formats[] = {"aperio", "generic", "ome", "philips", "leica", "ventana", "hamamatsu"};
    if (size < 4) return 0;
    lethe_verify_report report;
    lethe_search *search = NULL;
    lethe_verify_options options = {.format = formats[data[0] % 7]};
    size_t split = (size - 2) * data[1] / 256;
    const uint8_t *out = data + 2 + split;
    size_t out_size = size - 2 - split;
    if (lethe_search_create(&search, NULL) != LETHE_OK) return 0;
    if (lethe_search_add(search, "Maria Musterfrau", 16, NULL) != LETHE_OK) abort();
    if (out_size >= 512 && lethe_search_add_sample(search, data, size, size / 2, NULL) != LETHE_OK) abort();
    options.source = data + 2;
    options.source_size = split;
    options.search = search;
    (void)!lethe_verify_tiff(out, out_size, &options, &report, NULL);
    options.source = NULL;
    options.search = NULL;
    if (lethe_verify_tiff(out, out_size, &options, &report, NULL) == LETHE_OK) {
        options.source = out;
        options.source_size = out_size;
        if (lethe_verify_tiff(out, out_size, &options, &report, NULL) != LETHE_OK) abort();
    }
    lethe_search_destroy(search);
    return 0;
}
