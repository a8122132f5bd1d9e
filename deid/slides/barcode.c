/* Bar codes of a label, on the private side: 1-D and QR by zbar, Data Matrix by libdmtx. */
#include "core/memory.h"
#include "deid/slides/slide_job.h"

#include <dmtx.h>
#include <string.h>
#include <zbar.h>

enum { DMTX_MILLISECONDS = 1000, MAX_DATA_MATRIX = 4 };

static void read_lines(const uint8_t *grey, const lethe_image *rgba, void (*found)(void *, const char *), void *context) {
    zbar_image_scanner_t *scanner = zbar_image_scanner_create();
    zbar_image_t *image = zbar_image_create();
    if (scanner && image) {
        (void)zbar_image_scanner_set_config(scanner, ZBAR_NONE, ZBAR_CFG_ENABLE, 1);
        zbar_image_set_format(image, zbar_fourcc('Y', '8', '0', '0'));
        zbar_image_set_size(image, rgba->columns, rgba->rows);
        zbar_image_set_data(image, grey, (unsigned long)rgba->columns * rgba->rows, NULL);
        if (zbar_scan_image(scanner, image) > 0)
            for (const zbar_symbol_t *symbol = zbar_image_first_symbol(image); symbol; symbol = zbar_symbol_next(symbol))
                found(context, zbar_symbol_get_data(symbol));
    }
    if (image) zbar_image_destroy(image);
    if (scanner) zbar_image_scanner_destroy(scanner);
}

static void read_matrices(uint8_t *grey, const lethe_image *rgba, void (*found)(void *, const char *), void *context) {
    DmtxImage *image = dmtxImageCreate(grey, (int)rgba->columns, (int)rgba->rows, DmtxPack8bppK);
    DmtxDecode *decode = image ? dmtxDecodeCreate(image, 1) : NULL;
    DmtxTime stop = dmtxTimeAdd(dmtxTimeNow(), DMTX_MILLISECONDS);
    for (unsigned i = 0; decode && i < MAX_DATA_MATRIX; i++) {
        DmtxRegion *region = dmtxRegionFindNext(decode, &stop);
        if (!region) break;
        DmtxMessage *message = dmtxDecodeMatrixRegion(decode, region, DmtxUndefined);
        if (message) {
            char *text = lethe_strndup((const char *)message->output, (size_t)message->outputIdx);
            if (text) found(context, text);
            lethe_free(text);
            (void)dmtxMessageDestroy(&message);
        }
        (void)dmtxRegionDestroy(&region);
    }
    if (decode) (void)dmtxDecodeDestroy(&decode);
    if (image) (void)dmtxImageDestroy(&image);
}

lethe_status lethe_barcode_read(const lethe_image *rgba, void (*found)(void *context, const char *text), void *context, lethe_error *error) {
    size_t pixels = (size_t)rgba->columns * rgba->rows;
    uint8_t *grey = lethe_alloc(pixels);
    if (!grey) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < pixels; i++) {
        const uint8_t *p = rgba->pixels + 4 * i;
        grey[i] = (uint8_t)((p[0] * 77 + p[1] * 150 + p[2] * 29) >> 8);
    }
    read_lines(grey, rgba, found, context);
    read_matrices(grey, rgba, found, context);
    lethe_free(grey);
    return LETHE_OK;
}
