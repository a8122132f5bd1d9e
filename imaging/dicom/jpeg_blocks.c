#include "imaging/dicom/jpeg_blocks.h"

#include "core/limits.h"
#include "core/memory.h"
#include "imaging/dicom/codec.h"
#include "imaging/dicom/jpeg_entropy.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

/* libjpeg leaves errors by longjmp: everything that is owned lives here, none of it in locals of the jumping function. */
typedef struct job {
    struct jpeg_error_mgr errors; /* first member: reached from cinfo->err */
    jmp_buf jump;
    bool corrupt;
    struct jpeg_decompress_struct in;
    struct jpeg_compress_struct out;
    struct jpeg_decompress_struct again; /* reads the result back */
    unsigned char *encoded;              /* malloc by libjpeg */
    unsigned long encoded_size;
    uint8_t *patched; /* 12-bit streams: a copy that says 8 bits, which coefficient reading does not care about */
    unsigned precision;
} job;

static void on_error(j_common_ptr common) { longjmp(((job *)common->err)->jump, 1); }
static void on_message(j_common_ptr common, int level) {
    if (level < 0) ((job *)common->err)->corrupt = true;
}
static void on_output(j_common_ptr common) { (void)common; }

static bool find_sof(const uint8_t *bytes, size_t size, size_t *at) {
    size_t i = 2;
    while (i + 10 < size) {
        if (bytes[i] != 0xFF) return false;
        uint8_t marker = bytes[i + 1];
        if (marker == 0xFF) {
            i++;
            continue;
        }
        if (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC) {
            *at = i;
            return true;
        }
        if (marker == 0xDA || marker == 0xD9) return false;
        i += 2 + ((size_t)bytes[i + 2] << 8 | bytes[i + 3]);
    }
    return false;
}

bool lethe_jpeg_block_size(const uint8_t *bytes, size_t size, uint32_t *width, uint32_t *height) {
    size_t at;
    if (size < 4 || bytes[0] != 0xFF || bytes[1] != 0xD8 || !find_sof(bytes, size, &at)) return false;
    uint8_t sof = bytes[at + 1], precision = bytes[at + 4], components = bytes[at + 9];
    if (sof > 0xC2 || components == 0 || components > 4 || at + 10 + 3u * components > size) return false;
    if (precision != 8 && !(precision == 12 && sof != 0xC2)) return false;
    unsigned h = 1, v = 1;
    for (unsigned c = 0; c < components && components > 1; c++) {
        uint8_t sampling = bytes[at + 11 + 3u * c];
        if (sampling >> 4 > h) h = sampling >> 4;
        if ((sampling & 15) > v) v = sampling & 15;
    }
    *width = 8 * h;
    *height = 8 * v;
    return true;
}

/* Does the mask touch the picture area of a block? Chroma blocks reach as far as their samples are spread. */
static bool touched(const lethe_jpeg_redaction *r, const jpeg_component_info *component, const struct jpeg_decompress_struct *in, JDIMENSION bx,
                    JDIMENSION by) {
    uint64_t x_scale = (uint64_t)in->max_h_samp_factor * 8, y_scale = (uint64_t)in->max_v_samp_factor * 8;
    uint64_t x0 = bx * x_scale / (uint64_t)component->h_samp_factor, x1 = ((uint64_t)bx + 1) * x_scale / (uint64_t)component->h_samp_factor;
    uint64_t y0 = by * y_scale / (uint64_t)component->v_samp_factor, y1 = ((uint64_t)by + 1) * y_scale / (uint64_t)component->v_samp_factor;
    if (x1 > r->columns) x1 = r->columns;
    if (y1 > r->rows) y1 = r->rows;
    if (x0 >= x1) return false;
    for (uint64_t y = y0; y < y1; y++)
        if (memchr(r->mask + y * r->columns + x0, 1, (size_t)(x1 - x0)) != NULL) return true;
    return false;
}

/* The DC coefficient of a flat block of the fill value in this component. */
static JCOEF fill_coefficient(const job *j, const lethe_jpeg_redaction *r, int component) {
    const struct jpeg_decompress_struct *in = &j->in;
    bool told = in->saw_JFIF_marker || in->saw_Adobe_marker;
    bool ycc = in->num_components == 3 && (told ? in->jpeg_color_space == JCS_YCbCr : !r->is_rgb);
    if (ycc && component > 0) return 0;
    int middle = 1 << (j->precision - 1), value = r->white ? middle - 1 : -middle;
    int divisor = in->comp_info[component].quant_table == NULL ? 1 : in->comp_info[component].quant_table->quantval[0];
    if (divisor < 1) divisor = 1;
    return (JCOEF)((value * 8) / divisor);
}

static void flatten(job *j, const lethe_jpeg_redaction *r, jvirt_barray_ptr *arrays) {
    struct jpeg_decompress_struct *in = &j->in;
    for (int c = 0; c < in->num_components; c++) {
        jpeg_component_info *component = &in->comp_info[c];
        JCOEF dc = fill_coefficient(j, r, c);
        for (JDIMENSION by = 0; by < component->height_in_blocks; by++) {
            JBLOCKARRAY row = in->mem->access_virt_barray((j_common_ptr)in, arrays[c], by, 1, TRUE);
            for (JDIMENSION bx = 0; bx < component->width_in_blocks; bx++)
                if (touched(r, component, in, bx, by)) {
                    memset(row[0][bx], 0, sizeof(JBLOCK));
                    row[0][bx][0] = dc;
                }
        }
    }
}

static bool read_coefficients(job *j, const uint8_t *bytes, size_t size, jvirt_barray_ptr **arrays) {
    if (setjmp(j->jump) != 0) return false;
    jpeg_create_decompress(&j->in);
    j->in.mem->max_memory_to_use = (long)LETHE_LIMIT_FRAME_BYTES;
    jpeg_mem_src(&j->in, bytes, (unsigned long)size);
    if (jpeg_read_header(&j->in, TRUE) != JPEG_HEADER_OK) return false;
    *arrays = jpeg_read_coefficients(&j->in);
    return *arrays != NULL;
}

/* The tables of the input, by the numbers that its scan gave to the components. */
static bool take_tables(job *j) {
    for (int i = 0; i < NUM_HUFF_TBLS; i++) {
        for (int k = 0; k < 2; k++) {
            const JHUFF_TBL *from = k ? j->in.ac_huff_tbl_ptrs[i] : j->in.dc_huff_tbl_ptrs[i];
            JHUFF_TBL **to = k ? &j->out.ac_huff_tbl_ptrs[i] : &j->out.dc_huff_tbl_ptrs[i];
            if (from == NULL) continue;
            if (*to == NULL) *to = jpeg_alloc_huff_table((j_common_ptr)&j->out);
            memcpy((*to)->bits, from->bits, sizeof from->bits);
            memcpy((*to)->huffval, from->huffval, sizeof from->huffval);
            (*to)->sent_table = FALSE;
        }
    }
    for (int c = 0; c < j->in.num_components; c++) {
        j->out.comp_info[c].dc_tbl_no = j->in.comp_info[c].dc_tbl_no;
        j->out.comp_info[c].ac_tbl_no = j->in.comp_info[c].ac_tbl_no;
    }
    j->out.optimize_coding = FALSE;
    return !j->in.progressive_mode && !j->in.arith_code && j->in.comps_in_scan == j->in.num_components;
}

static bool write_coefficients(job *j, const lethe_jpeg_redaction *r, jvirt_barray_ptr *arrays) {
    if (setjmp(j->jump) != 0) return false;
    flatten(j, r, arrays);
    jpeg_create_compress(&j->out);
    jpeg_mem_dest(&j->out, &j->encoded, &j->encoded_size);
    jpeg_copy_critical_parameters(&j->in, &j->out);
    /* The stream must tell as much about its colours as before, not more. */
    j->out.write_JFIF_header = j->in.saw_JFIF_marker;
    j->out.write_Adobe_marker = j->in.saw_Adobe_marker;
    j->out.restart_interval = j->in.restart_interval;
    j->out.arith_code = j->in.arith_code;
    j->out.optimize_coding = TRUE;
    if (r->keep_tables && !take_tables(j)) return false;
    if (j->in.progressive_mode) jpeg_simple_progression(&j->out);
    jpeg_write_coefficients(&j->out, arrays);
    jpeg_finish_compress(&j->out);
    return true;
}

/* A code that the tables lack is written as something else: only reading back tells. */
static bool reads_back(job *j, jvirt_barray_ptr *arrays) {
    if (setjmp(j->jump) != 0) return false;
    jpeg_create_decompress(&j->again);
    jpeg_mem_src(&j->again, j->encoded, j->encoded_size);
    if (jpeg_read_header(&j->again, TRUE) != JPEG_HEADER_OK) return false;
    jvirt_barray_ptr *again = jpeg_read_coefficients(&j->again);
    if (again == NULL) return false;
    for (int c = 0; c < j->in.num_components; c++) {
        const jpeg_component_info *component = &j->in.comp_info[c];
        for (JDIMENSION by = 0; by < component->height_in_blocks; by++) {
            JBLOCKARRAY left = j->in.mem->access_virt_barray((j_common_ptr)&j->in, arrays[c], by, 1, FALSE);
            JBLOCKARRAY right = j->again.mem->access_virt_barray((j_common_ptr)&j->again, again[c], by, 1, FALSE);
            if (memcmp(left[0], right[0], component->width_in_blocks * sizeof(JBLOCK)) != 0) return false;
        }
    }
    return true;
}

static bool finish_read(job *j) {
    if (setjmp(j->jump) != 0) return false;
    return jpeg_finish_decompress(&j->in) != FALSE;
}

/* 12 bits: libjpeg-turbo reads such coefficients but does not write them. */
static lethe_status write_wide(job *j, const lethe_jpeg_redaction *r, jvirt_barray_ptr *arrays, lethe_buffer *out, lethe_error *error) {
    if (setjmp(j->jump) != 0) return lethe_fail(error, LETHE_MALFORMED, "damaged JPEG frame");
    flatten(j, r, arrays);
    return lethe_jpeg_entropy_write(&j->in, arrays, j->precision, out, error);
}

lethe_status lethe_jpeg_redact(const uint8_t *bytes, size_t size, const lethe_jpeg_redaction *r, lethe_buffer *out, lethe_error *error) {
    uint8_t sof, precision, components;
    uint32_t columns, rows, mcu_w, mcu_h;
    if (!lethe_jpeg_probe(bytes, size, &sof, &precision, &columns, &rows, &components))
        return lethe_fail(error, LETHE_MALFORMED, "frame is no JPEG stream");
    if (!lethe_jpeg_block_size(bytes, size, &mcu_w, &mcu_h))
        return lethe_fail(error, LETHE_UNSUPPORTED, "JPEG process of marker FF%02X, %u bits", sof, precision);
    if (columns != r->columns || rows != r->rows)
        return lethe_fail(error, LETHE_MALFORMED, "JPEG frame of %u x %u where %u x %u are due", columns, rows, r->columns, r->rows);
    lethe_status status = LETHE_OK;
    jvirt_barray_ptr *arrays = NULL;
    job *j = lethe_alloc_array(1, sizeof *j);
    if (j == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a JPEG frame");
    j->in.err = j->out.err = j->again.err = jpeg_std_error(&j->errors);
    j->errors.error_exit = on_error;
    j->errors.emit_message = on_message;
    j->errors.output_message = on_output;
    j->precision = precision;
    if (precision == 12) {
        size_t at;
        j->patched = lethe_alloc(size);
        if (j->patched == NULL || !find_sof(bytes, size, &at)) {
            status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a JPEG frame");
            goto out;
        }
        memcpy(j->patched, bytes, size);
        j->patched[at + 4] = 8;
        bytes = j->patched;
    }
    bool done = read_coefficients(j, bytes, size, &arrays);
    /* Some writers of 12-bit streams end them early; the full decoder accepts that, and redaction is compared with it afterwards. */
    if (precision == 12) j->corrupt = false;
    if (done && !j->corrupt) {
        if (precision == 12) status = write_wide(j, r, arrays, out, error);
        else done = write_coefficients(j, r, arrays);
    }
    if (done && !j->corrupt && r->keep_tables && (precision != 8 || !reads_back(j, arrays) || j->corrupt)) {
        status = lethe_fail(error, LETHE_UNSUPPORTED, "the JPEG stream's own code tables cannot write a black block");
        goto out;
    }
    if (done && status == LETHE_OK) done = finish_read(j) || precision == 12;
    if (precision == 12) j->corrupt = false;
    if (status == LETHE_OK && (!done || j->corrupt)) status = lethe_fail(error, LETHE_MALFORMED, "damaged JPEG frame");
    if (status == LETHE_OK && precision == 8) status = lethe_buffer_append(out, j->encoded, j->encoded_size, error);
out:
    jpeg_destroy_decompress(&j->again);
    jpeg_destroy_compress(&j->out);
    jpeg_destroy_decompress(&j->in);
    free(j->encoded);
    lethe_free(j->patched);
    lethe_free(j);
    return status;
}
