/* JPEG 2000 codestreams as other encoders write them, and their samples: for pixels_odd.py. Straight through OpenJPEG, with nothing of Lethe.
 *
 * usage: lethe-pixels-j2k encode OUT COLUMNS ROWS SAMPLES BITS SIGNED [OPTION=A[,B]]...   planes of 32-bit samples from the standard input
 *        lethe-pixels-j2k decode FILE                                                     the same to the standard output
 * options: tile, tile_offset, offset, precinct, block, parts (0 to 2: by resolution, layer, component), roi (component, shift), irreversible,
 * transform, layers, rate, order (progression, 0 to 4), style (of code blocks), markers (SOP and EPH), resolutions, jp2, second_bits, half */
#include <openjpeg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct plan {
    opj_cparameters_t parameters;
    unsigned columns, rows, samples, bits, step, second_bits, x0, y0;
    int is_signed, boxed;
} plan;

static int take_option(plan *p, const char *text) {
    opj_cparameters_t *o = &p->parameters;
    char name[24];
    int a = 0, b = 0, count = sscanf(text, "%23[a-z_0-9]=%d,%d", name, &a, &b);
    if (count < 2) return 0;
    if (count == 2) b = a;
    if (strcmp(name, "tile") == 0) o->tile_size_on = OPJ_TRUE, o->cp_tdx = a, o->cp_tdy = b;
    else if (strcmp(name, "tile_offset") == 0) o->cp_tx0 = a, o->cp_ty0 = b;
    else if (strcmp(name, "offset") == 0) o->image_offset_x0 = a, o->image_offset_y0 = b, p->x0 = (unsigned)a, p->y0 = (unsigned)b;
    else if (strcmp(name, "precinct") == 0) o->csty |= 1, o->res_spec = 1, o->prcw_init[0] = a, o->prch_init[0] = b;
    else if (strcmp(name, "block") == 0) o->cblockw_init = a, o->cblockh_init = b;
    else if (strcmp(name, "parts") == 0) o->tp_on = 1, o->tp_flag = "RLC"[a % 3];
    else if (strcmp(name, "roi") == 0) o->roi_compno = a, o->roi_shift = b;
    else if (strcmp(name, "irreversible") == 0) o->irreversible = a;
    else if (strcmp(name, "transform") == 0) o->tcp_mct = (char)a;
    else if (strcmp(name, "layers") == 0)
        for (o->tcp_numlayers = a; a-- > 0;) o->tcp_rates[a] = a == o->tcp_numlayers - 1 ? 0 : (float)((o->tcp_numlayers - a) * 4);
    else if (strcmp(name, "rate") == 0) o->tcp_rates[0] = (float)a;
    else if (strcmp(name, "order") == 0) o->prog_order = (OPJ_PROG_ORDER)a;
    else if (strcmp(name, "style") == 0) o->mode = a;
    else if (strcmp(name, "markers") == 0) o->csty |= 6;
    else if (strcmp(name, "resolutions") == 0) o->numresolution = a;
    else if (strcmp(name, "jp2") == 0) p->boxed = a;
    else if (strcmp(name, "second_bits") == 0) p->second_bits = (unsigned)a;
    else if (strcmp(name, "half") == 0) p->step = 2; /* all components but the first at half the size */
    else return 0;
    return 1;
}

static int fill(const plan *p, opj_image_t *image) {
    size_t count = (size_t)p->columns * p->rows;
    OPJ_INT32 *plane = malloc(count * sizeof *plane);
    int good = plane != NULL;
    for (unsigned c = 0; c < p->samples && good; c++) {
        opj_image_comp_t *to = &image->comps[c];
        good = fread(plane, sizeof *plane, count, stdin) == count;
        for (size_t y = 0; y < to->h && good; y++)
            for (size_t x = 0; x < to->w; x++) to->data[y * to->w + x] = plane[y * to->dy * p->columns + x * to->dx] >> (p->bits - to->prec);
    }
    free(plane);
    return good;
}

static int encode(plan *p, const char *path) {
    opj_image_cmptparm_t components[4];
    memset(components, 0, sizeof components);
    for (unsigned c = 0; c < p->samples; c++) {
        unsigned step = c == 0 ? 1 : p->step, bits = c > 0 && p->second_bits != 0 ? p->second_bits : p->bits;
        components[c] = (opj_image_cmptparm_t){.dx = step,
                                               .dy = step,
                                               .w = (p->columns + step - 1) / step,
                                               .h = (p->rows + step - 1) / step,
                                               .x0 = p->x0,
                                               .y0 = p->y0,
                                               .prec = bits,
                                               .bpp = bits,
                                               .sgnd = (OPJ_UINT32)p->is_signed};
    }
    opj_image_t *image = opj_image_create(p->samples, components, p->samples >= 3 ? OPJ_CLRSPC_SRGB : OPJ_CLRSPC_GRAY);
    opj_codec_t *codec = opj_create_compress(p->boxed ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K);
    opj_stream_t *stream = opj_stream_create_default_file_stream(path, OPJ_FALSE);
    int good = image != NULL && codec != NULL && stream != NULL;
    if (good) {
        image->x0 = p->x0;
        image->y0 = p->y0;
        image->x1 = p->x0 + p->columns;
        image->y1 = p->y0 + p->rows;
        good = fill(p, image) && opj_setup_encoder(codec, &p->parameters, image) && opj_start_compress(codec, image, stream) &&
               opj_encode(codec, stream) && opj_end_compress(codec, stream);
    }
    opj_stream_destroy(stream);
    opj_destroy_codec(codec);
    opj_image_destroy(image);
    return good ? 0 : 1;
}

static int decode(const char *path, int boxed) {
    opj_dparameters_t parameters;
    opj_image_t *image = NULL;
    opj_set_default_decoder_parameters(&parameters);
    opj_codec_t *codec = opj_create_decompress(boxed ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K);
    opj_stream_t *stream = opj_stream_create_default_file_stream(path, OPJ_TRUE);
    int good = codec != NULL && stream != NULL && opj_setup_decoder(codec, &parameters) && opj_read_header(stream, codec, &image) &&
               opj_decode(codec, stream, image);
    for (unsigned c = 0; good && c < image->numcomps; c++) {
        const opj_image_comp_t *from = &image->comps[c];
        for (OPJ_UINT32 y = 0; y < image->y1 - image->y0; y++)
            for (OPJ_UINT32 x = 0; x < image->x1 - image->x0; x++) (void)fwrite(&from->data[y / from->dy * from->w + x / from->dx], 4, 1, stdout);
    }
    opj_stream_destroy(stream);
    opj_destroy_codec(codec);
    opj_image_destroy(image);
    return good ? 0 : 1;
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "decode") == 0) {
        unsigned char first = 0;
        FILE *file = fopen(argv[2], "rb");
        if (file == NULL || fread(&first, 1, 1, file) != 1) return 1;
        (void)fclose(file);
        return decode(argv[2], first == 0);
    }
    if (argc < 8 || strcmp(argv[1], "encode") != 0) return 2;
    plan p = {.columns = (unsigned)strtoul(argv[3], NULL, 10),
              .rows = (unsigned)strtoul(argv[4], NULL, 10),
              .samples = (unsigned)strtoul(argv[5], NULL, 10),
              .bits = (unsigned)strtoul(argv[6], NULL, 10),
              .is_signed = argv[7][0] == '1',
              .step = 1};
    if (p.samples == 0 || p.samples > 4) return 2;
    opj_set_default_encoder_parameters(&p.parameters);
    p.parameters.tcp_numlayers = 1;
    p.parameters.cp_disto_alloc = 1;
    for (int i = 8; i < argc; i++)
        if (!take_option(&p, argv[i])) return 2;
    return encode(&p, argv[2]);
}
