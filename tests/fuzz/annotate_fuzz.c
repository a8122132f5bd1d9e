/* room: annotate
 * Untrusted bytes that labels come in: stored shapes, NIfTI, CSV. The first byte picks which. */
#include "annotate/formats/nifti_file.h"
#include "annotate/shape.h"
#include "annotate/text_out.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (size == 0) return 0;
    if (bytes[0] % 3 == 0) {
        lethe_shape shape;
        if (lethe_shape_decode(bytes + 1, size - 1, NULL, &shape, NULL) == LETHE_OK) {
            lethe_box box;
            (void)lethe_shape_bounds(&shape, &box);
            (void)lethe_shape_area_px(&shape);
            lethe_shape_release(&shape);
        }
    } else if (bytes[0] % 3 == 1) {
        lethe_nifti nifti;
        if (lethe_nifti_parse(bytes + 1, size - 1, &nifti, NULL) == LETHE_OK) lethe_nifti_release(&nifti);
    } else {
        lethe_csv *csv = NULL;
        if (lethe_csv_parse((const char *)bytes + 1, size - 1, "input", &csv, NULL) == LETHE_OK) {
            for (size_t row = 0; row < lethe_csv_rows(csv); row++)
                for (size_t column = 0; column < lethe_csv_columns(csv); column++) (void)lethe_csv_get(csv, row, column);
            lethe_csv_destroy(csv);
        }
    }
    return 0;
}
