#include "testdata/slides.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "testdata/random.h"
#include "testdata/slide_art.h"
#include "testdata/slide_tiff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TILE = 256, LABEL_SIDE = 300 };

void slide_case_invent(const lethe_testdata_options *options, uint32_t index, slide_case *c) {
    lethe_person p;
    lethe_random random;
    lethe_person_invent(options->seed, 700 + index, &p);
    lethe_random_seed(&random, options->seed, 9000 + index);
    *c = (slide_case){.phase = (uint32_t)options->seed * 31 + index, .width = options->small ? 1024 : 2048, .height = options->small ? 512 : 1536};
    (void)snprintf(c->name, sizeof c->name, "%s %s", p.family, p.given);
    (void)snprintf(c->patient_id, sizeof c->patient_id, "%s", p.patient_id);
    (void)snprintf(c->accession, sizeof c->accession, "S%02u-%05u", lethe_random_below(&random, 25) + 1, lethe_random_below(&random, 90000) + 10000);
    (void)snprintf(c->birth, sizeof c->birth, "%02d/%02d/%04d", p.birth_day, p.birth_month, p.birth_year);
    (void)snprintf(c->user, sizeof c->user, "op-%s", p.operator_family);
    (void)snprintf(c->serial, sizeof c->serial, "SS%07u", lethe_random_below(&random, 9000000) + 1000000);
    (void)snprintf(c->barcode, sizeof c->barcode, "BC%u-%u", lethe_random_below(&random, 90000) + 10000, lethe_random_below(&random, 9000) + 1000);
    (void)snprintf(c->date, sizeof c->date, "%02u/%02u/%02u", lethe_random_below(&random, 12) + 1, lethe_random_below(&random, 28) + 1,
                   lethe_random_below(&random, 14) + 9);
    (void)snprintf(c->time, sizeof c->time, "%02u:%02u:%02u", lethe_random_below(&random, 24), lethe_random_below(&random, 60),
                   lethe_random_below(&random, 60));
    (void)snprintf(c->hospital, sizeof c->hospital, "%s", p.hospital);
    (void)snprintf(c->label, sizeof c->label, "%s\n%s\n%s\n%s\nHE", c->name, c->birth, c->accession, c->hospital);
}

lethe_status slide_case_answers(lethe_answer_key *key, const slide_case *c, const char *file, lethe_error *error) {
    const lethe_answer_subject subject = {.file = file, .patient_id = c->patient_id, .modality = "SM"};
    const char *const values[] = {c->name, c->patient_id, c->accession, c->birth, c->user, c->serial, c->barcode, c->date, c->time, c->hospital};
    lethe_status status = lethe_answer_subject_set(key, &subject, error);
    for (size_t i = 0; status == LETHE_OK && i < sizeof values / sizeof *values; i++)
        status = lethe_answer_add(key, "file", LETHE_ANSWER_BYTES_ABSENT, values[i], NULL, error);
    return status;
}

/* --- parts of a slide --- */

typedef struct builder {
    slide_tiff tiff;
    slide_directory d;
    const slide_case *c;
    lethe_buffer tables;
    lethe_status status;
    lethe_error *error;
} builder;

static void put_size(builder *b, uint32_t width, uint32_t height, uint16_t compression, uint16_t photometric) {
    const uint64_t bits[3] = {8, 8, 8};
    slide_tag_number(&b->tiff, &b->d, 256, 4, width);
    slide_tag_number(&b->tiff, &b->d, 257, 4, height);
    slide_tag_numbers(&b->tiff, &b->d, 258, 3, bits, 3);
    slide_tag_number(&b->tiff, &b->d, 259, 3, compression);
    slide_tag_number(&b->tiff, &b->d, 262, 3, photometric);
    slide_tag_number(&b->tiff, &b->d, 277, 3, 3);
    slide_tag_number(&b->tiff, &b->d, 284, 3, 1);
}

/* Tiles of one level and the tags that describe them; width and height are the level's. */
static void put_level(builder *b, uint32_t width, uint32_t height, int64_t factor, const slide_jpeg *how) {
    uint32_t across = (width + TILE - 1) / TILE, down = (height + TILE - 1) / TILE;
    uint64_t *offsets = lethe_alloc_array((size_t)across * down, 8), *counts = lethe_alloc_array((size_t)across * down, 8);
    uint8_t *rgb = lethe_alloc_array((size_t)TILE * TILE, 3);
    lethe_buffer jpeg;
    lethe_buffer_init(&jpeg, 1 << 22);
    for (uint32_t i = 0; offsets && counts && rgb && b->status == LETHE_OK && i < across * down; i++) {
        slide_tissue_tile(b->c->phase, (int64_t)(i % across) * TILE, (int64_t)(i / across) * TILE, factor, TILE, TILE, rgb);
        lethe_buffer_clear(&jpeg);
        b->status = slide_jpeg_encode(rgb, TILE, TILE, how, &jpeg, &b->tables, b->error);
        offsets[i] = slide_tiff_put(&b->tiff, jpeg.bytes, jpeg.size);
        counts[i] = jpeg.size;
    }
    put_size(b, width, height, 7, how->rgb ? 2 : 6);
    slide_tag_number(&b->tiff, &b->d, 322, 3, TILE);
    slide_tag_number(&b->tiff, &b->d, 323, 3, TILE);
    if (offsets && counts) {
        uint16_t type = b->tiff.big ? 16 : 4;
        slide_tag_numbers(&b->tiff, &b->d, 324, type, offsets, (size_t)across * down);
        slide_tag_numbers(&b->tiff, &b->d, 325, type, counts, (size_t)across * down);
    } else b->tiff.failed = true;
    if (how->split_tables) slide_tag_bytes(&b->tiff, &b->d, 347, 7, b->tables.bytes, b->tables.size);
    const uint64_t sampling[2] = {2, how->half_width ? 1 : 2};
    if (!how->rgb) slide_tag_numbers(&b->tiff, &b->d, 530, 3, sampling, 2);
    lethe_buffer_release(&jpeg);
    lethe_free(rgb);
    lethe_free(offsets);
    lethe_free(counts);
}

/* A picture in one strip: compression 1, 5 or 7. */
static void put_picture(builder *b, const uint8_t *rgb, uint32_t width, uint32_t height, uint16_t compression) {
    lethe_buffer bytes;
    lethe_buffer_init(&bytes, 1 << 24);
    const slide_jpeg how = {.quality = 85};
    if (b->status == LETHE_OK && compression == 7) b->status = slide_jpeg_encode(rgb, width, height, &how, &bytes, NULL, b->error);
    else if (b->status == LETHE_OK && compression == 5) b->status = slide_lzw_encode(rgb, (size_t)width * height * 3, &bytes, b->error);
    else if (b->status == LETHE_OK) b->status = lethe_buffer_append(&bytes, rgb, (size_t)width * height * 3, b->error);
    uint64_t offset = slide_tiff_put(&b->tiff, bytes.bytes, bytes.size);
    put_size(b, width, height, compression, compression == 7 ? 6 : 2);
    slide_tag_number(&b->tiff, &b->d, 278, 4, height);
    slide_tag_number(&b->tiff, &b->d, 273, b->tiff.big ? 16 : 4, offset);
    slide_tag_number(&b->tiff, &b->d, 279, b->tiff.big ? 16 : 4, bytes.size);
    lethe_buffer_release(&bytes);
}

static void put_label(builder *b, uint16_t compression) {
    uint8_t *rgb = lethe_alloc_array((size_t)LABEL_SIDE * LABEL_SIDE, 3);
    if (rgb) {
        slide_label(b->c->label, LABEL_SIDE, LABEL_SIDE, rgb);
        put_picture(b, rgb, LABEL_SIDE, LABEL_SIDE, compression);
    } else b->tiff.failed = true;
    lethe_free(rgb);
}

/* The whole glass: label at the left, tissue at the right. */
static void put_macro(builder *b, uint16_t compression) {
    enum { WIDTH = 800, HEIGHT = LABEL_SIDE };
    uint8_t *rgb = lethe_alloc_array((size_t)WIDTH * HEIGHT, 3), *label = lethe_alloc_array((size_t)LABEL_SIDE * LABEL_SIDE, 3);
    if (rgb && label) {
        slide_tissue_tile(b->c->phase, 0, 0, 4, WIDTH, HEIGHT, rgb);
        slide_label(b->c->label, LABEL_SIDE, LABEL_SIDE, label);
        for (uint32_t y = 0; y < LABEL_SIDE; y++) memcpy(rgb + (size_t)y * WIDTH * 3, label + (size_t)y * LABEL_SIDE * 3, (size_t)LABEL_SIDE * 3);
        put_picture(b, rgb, WIDTH, HEIGHT, compression);
    } else b->tiff.failed = true;
    lethe_free(rgb);
    lethe_free(label);
}

static void put_thumbnail(builder *b) {
    uint32_t width = b->c->width / 4, height = b->c->height / 4;
    uint8_t *rgb = lethe_alloc_array((size_t)width * height, 3);
    if (rgb) {
        slide_tissue_tile(b->c->phase, 0, 0, 4, width, height, rgb);
        put_picture(b, rgb, width, height, 7);
    } else b->tiff.failed = true;
    lethe_free(rgb);
}

static void start(builder *b, const slide_case *c, bool big, bool big_endian, lethe_error *error) {
    *b = (builder){.c = c, .error = error};
    slide_tiff_start(&b->tiff, big, big_endian, false);
    lethe_buffer_init(&b->tables, 1 << 16);
}

static lethe_status finish(builder *b, const char *folder, const char *name) {
    char *path = lethe_path_join(folder, name);
    if (b->status == LETHE_OK && !path) b->status = lethe_fail(b->error, LETHE_NO_MEMORY, "out of memory");
    if (b->status == LETHE_OK) b->status = slide_tiff_save(&b->tiff, path, b->error);
    else lethe_buffer_release(&b->tiff.file);
    lethe_buffer_release(&b->tables);
    lethe_free(path);
    return b->status;
}

/* --- Aperio --- */

static void aperio_text(const slide_case *c, const char *second_line, char *out, size_t size) {
    (void)snprintf(
        out, size,
        "Aperio Image Library v12.0.15 \r\n%ux%u [0,0 %ux%u] (256x256) %s|AppMag = 20|StripeWidth = 992|ScanScope ID = %s|Filename = %s|Title = %s "
        "%s|"
        "Date = %s|Time = %s|Time Zone = GMT+01:00|User = %s|Slide = 2|Rack = 1|Left = 23.7|Top = 18.75|MPP = 0.2525|LineCameraSkew = -0.000424|"
        "LineAreaXOffset = 0.019265|LineAreaYOffset = -0.000313|Focus Offset = 0.000000|DSR ID = %s|ImageID = 1004486|OriginalWidth = %u|"
        "OriginalHeight = %u|ICC Profile = ScanScope v1|Barcode = %s|CustomField.PatientID = %s|CustomField.Date_of_Birth_mmddyyyy = %s|"
        "Accession = %s|Parmset = %s",
        c->width, c->height, c->width, c->height, second_line, c->serial, c->accession, c->name, c->accession, c->date, c->time, c->user, c->hospital,
        c->width, c->height, c->barcode, c->patient_id, c->birth, c->accession, c->hospital);
}

static lethe_status make_aperio(const slide_case *c, const char *folder, const char *name, bool gt450, lethe_error *error) {
    static const char xmp[] = "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:Description dc:creator=\"%s\">%s</rdf:Description></x:xmpmeta>";
    builder b;
    char text[2048], packet[512];
    const slide_jpeg how = {.quality = 80, .rgb = !gt450, .split_tables = true};
    start(&b, c, gt450, false, error);
    for (unsigned level = 0; level < 3; level++) {
        int64_t factor = 1 << 2 * level;
        aperio_text(c, gt450 ? "JPEG/YCC Q=91" : "JPEG/RGB Q=70", text, sizeof text);
        put_level(&b, (uint32_t)(c->width / factor), (uint32_t)(c->height / factor), factor, &how);
        slide_tag_text(&b.tiff, &b.d, 270, text);
        if (level == 0) {
            slide_tag_text(&b.tiff, &b.d, 306, "2012:07:15 09:14:33");
            slide_tag_text(&b.tiff, &b.d, 315, c->user);
            (void)snprintf(packet, sizeof packet, xmp, c->name, c->accession);
            slide_tag_bytes(&b.tiff, &b.d, 700, 1, packet, strlen(packet));
        }
        slide_tag_number(&b.tiff, &b.d, 32997, 4, 1);
        (void)slide_tiff_end(&b.tiff, &b.d, true);
        if (level) continue;
        put_thumbnail(&b);
        slide_tag_text(&b.tiff, &b.d, 270, text);
        (void)slide_tiff_end(&b.tiff, &b.d, true);
    }
    put_label(&b, 5);
    slide_tag_number(&b.tiff, &b.d, 254, 4, 1);
    slide_tag_number(&b.tiff, &b.d, 317, 3, 1);
    if (!gt450) {
        (void)snprintf(text, sizeof text, "Aperio Image Library v12.0.15 \nlabel %dx%d|Barcode = %s", LABEL_SIDE, LABEL_SIDE, c->barcode);
        slide_tag_text(&b.tiff, &b.d, 270, text);
    }
    (void)slide_tiff_end(&b.tiff, &b.d, true);
    put_macro(&b, 7);
    slide_tag_number(&b.tiff, &b.d, 254, 4, 9);
    if (!gt450) slide_tag_text(&b.tiff, &b.d, 270, "Aperio Image Library v12.0.15 \nmacro 800x300");
    (void)slide_tiff_end(&b.tiff, &b.d, true);
    return finish(&b, folder, name);
}

/* --- generic, big-endian, with EXIF and GPS directories --- */

static lethe_status make_generic(const slide_case *c, const char *folder, const char *name, lethe_error *error) {
    builder b;
    const slide_jpeg how = {.quality = 80};
    start(&b, c, false, true, error);
    slide_tag_text(&b.tiff, &b.d, 36867, "2012:07:15 09:14:33");
    slide_tag_text(&b.tiff, &b.d, 42032, c->name);
    uint64_t exif = slide_tiff_end(&b.tiff, &b.d, false);
    slide_tag_text(&b.tiff, &b.d, 29, c->date);
    uint64_t gps = slide_tiff_end(&b.tiff, &b.d, false);
    for (unsigned level = 0; level < 3; level++) {
        int64_t factor = 1 << level;
        put_level(&b, (uint32_t)(c->width / factor), (uint32_t)(c->height / factor), factor, &how);
        slide_tag_rational(&b.tiff, &b.d, 282, 40000, 1);
        slide_tag_rational(&b.tiff, &b.d, 283, 40000, 1);
        slide_tag_number(&b.tiff, &b.d, 296, 3, 3);
        slide_tag_number(&b.tiff, &b.d, 254, 4, level ? 1 : 0);
        if (!level) {
            slide_tag_text(&b.tiff, &b.d, 269, c->accession);
            slide_tag_text(&b.tiff, &b.d, 270, c->label);
            slide_tag_text(&b.tiff, &b.d, 316, c->hospital);
            slide_tag_bytes(&b.tiff, &b.d, 33723, 7, c->name, strlen(c->name));
            slide_tag_number(&b.tiff, &b.d, 34665, 4, exif);
            slide_tag_number(&b.tiff, &b.d, 34853, 4, gps);
        }
        (void)slide_tiff_end(&b.tiff, &b.d, true);
    }
    return finish(&b, folder, name);
}

/* --- OME --- */

static lethe_status make_ome(const slide_case *c, const char *folder, const char *name, lethe_error *error) {
    builder b;
    char text[3000];
    const slide_jpeg how = {.quality = 80};
    start(&b, c, true, false, error);
    uint64_t children[2];
    for (unsigned level = 1; level < 3; level++) {
        int64_t factor = 1 << 2 * level;
        put_level(&b, (uint32_t)(c->width / factor), (uint32_t)(c->height / factor), factor, &how);
        slide_tag_number(&b.tiff, &b.d, 254, 4, 1);
        children[level - 1] = slide_tiff_end(&b.tiff, &b.d, false);
    }
    (void)snprintf(
        text, sizeof text,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><!-- %s --><OME xmlns=\"http://www.openmicroscopy.org/Schemas/OME/2016-06\" "
        "UUID=\"urn:uuid:2b44c7f2-8d94-4c6d-9e52-0a5d3f6c1b7e\" Creator=\"%s\"><Experimenter ID=\"Experimenter:0\" LastName=\"%s\"/>"
        "<Instrument ID=\"Instrument:0\"><Objective ID=\"Objective:0:0\" NominalMagnification=\"40.0\"/></Instrument>"
        "<Image ID=\"Image:0\" Name=\"%s\"><AcquisitionDate>%s</AcquisitionDate><Description>%s</Description><InstrumentRef ID=\"Instrument:0\"/>"
        "<Pixels ID=\"Pixels:0\" DimensionOrder=\"XYCZT\" Type=\"uint8\" SizeX=\"%u\" SizeY=\"%u\" SizeZ=\"1\" SizeC=\"3\" SizeT=\"1\" "
        "PhysicalSizeX=\"0.25\" PhysicalSizeXUnit=\"\xC2\xB5m\" PhysicalSizeY=\"0.25\"><Channel ID=\"Channel:0:0\" SamplesPerPixel=\"3\" "
        "Name=\"%s\"/>"
        "<TiffData IFD=\"0\" PlaneCount=\"1\"/></Pixels></Image>"
        "<Image ID=\"Image:1\" Name=\"label image\"><Pixels ID=\"Pixels:1\" DimensionOrder=\"XYCZT\" Type=\"uint8\" SizeX=\"300\" SizeY=\"300\" "
        "SizeZ=\"1\" "
        "SizeC=\"3\" SizeT=\"1\"><TiffData IFD=\"1\" PlaneCount=\"1\"/></Pixels></Image>"
        "<Image ID=\"Image:2\" Name=\"macro image\"><Pixels ID=\"Pixels:2\" DimensionOrder=\"XYCZT\" Type=\"uint8\" SizeX=\"800\" SizeY=\"300\" "
        "SizeZ=\"1\" "
        "SizeC=\"3\" SizeT=\"1\"><TiffData IFD=\"2\" PlaneCount=\"1\"/></Pixels></Image>"
        "<StructuredAnnotations><XMLAnnotation ID=\"Annotation:0\"><Value><OriginalMetadata><Key>Series 0 User</Key><Value>%s</Value>"
        "</OriginalMetadata></Value></XMLAnnotation></StructuredAnnotations></OME>",
        c->accession, c->user, c->name, c->accession, c->date, c->label, c->width, c->height, c->barcode, c->serial);
    put_level(&b, c->width, c->height, 1, &how);
    slide_tag_text(&b.tiff, &b.d, 270, text);
    slide_tag_text(&b.tiff, &b.d, 305, c->hospital);
    slide_tag_numbers(&b.tiff, &b.d, 330, 18, children, 2);
    (void)slide_tiff_end(&b.tiff, &b.d, true);
    put_label(&b, 7);
    slide_tag_number(&b.tiff, &b.d, 254, 4, 1);
    (void)slide_tiff_end(&b.tiff, &b.d, true);
    put_macro(&b, 7);
    slide_tag_number(&b.tiff, &b.d, 254, 4, 9);
    (void)slide_tiff_end(&b.tiff, &b.d, true);
    return finish(&b, folder, name);
}

/* --- Leica SCN --- */

static lethe_status make_leica(const slide_case *c, const char *folder, const char *name, lethe_error *error) {
    builder b;
    char text[3000];
    const slide_jpeg how = {.quality = 80};
    start(&b, c, true, false, error);
    (void)snprintf(
        text, sizeof text,
        "<?xml version=\"1.0\"?><scn xmlns=\"http://www.leica-microsystems.com/scn/2010/10/01\" "
        "uuid=\"urn:uuid:5e3c1f8a-3d5f-4b8e-9c0b-7f5a2e1d4c6b\">"
        "<collection name=\"%s\" uuid=\"urn:uuid:8c0b7f5a-2e1d-4c6b-9e3c-1f8a3d5f4b8e\" sizeX=\"26564529\" sizeY=\"76734823\"><barcode>%s</barcode>"
        "<image name=\"%s\" uuid=\"urn:uuid:1\"><creationDate>2012-07-15T09:14:33.3Z</creationDate><device model=\"Leica SCN400;%s\" "
        "version=\"1.5.1.10804\"/>"
        "<scanSettings><objectiveSettings><objective>0.60833</objective></objectiveSettings><illuminationSettings><illuminationSource>brightfield</"
        "illuminationSource></illuminationSettings></scanSettings><pixels sizeX=\"800\" sizeY=\"300\"><dimension sizeX=\"800\" sizeY=\"300\" r=\"0\" "
        "ifd=\"0\"/></pixels>"
        "<view sizeX=\"26564529\" sizeY=\"76734823\" offsetX=\"0\" offsetY=\"0\"/></image>"
        "<image name=\"image_0000000591\" uuid=\"urn:uuid:2\"><creationDate>%s</creationDate><device model=\"Leica SCN400\" version=\"1.5.1.10804\"/>"
        "<scanSettings><objectiveSettings><objective>20</objective></objectiveSettings><illuminationSettings><numericalAperture>0.4</"
        "numericalAperture>"
        "<illuminationSource>brightfield</illuminationSource></illuminationSettings></scanSettings><pixels sizeX=\"%u\" sizeY=\"%u\">"
        "<dimension sizeX=\"%u\" sizeY=\"%u\" r=\"0\" ifd=\"1\"/><dimension sizeX=\"%u\" sizeY=\"%u\" r=\"1\" ifd=\"2\"/></pixels>"
        "<view sizeX=\"%u\" sizeY=\"%u\" offsetX=\"16607240\" offsetY=\"25045120\"/></image>"
        "<supplementalImage type=\"label\" ifd=\"3\"/></collection></scn>",
        c->accession, c->barcode, c->name, c->serial, c->date, c->width, c->height, c->width, c->height, c->width / 4, c->height / 4, c->width * 500,
        c->height * 500);
    slide_case photograph = *c; /* of the whole glass: another picture than any level */
    photograph.phase += 500;
    for (unsigned level = 0; level < 3; level++) {
        int64_t factor = level < 2 ? 1 : 4;
        uint32_t width = level ? (uint32_t)(c->width / factor) : 800, height = level ? (uint32_t)(c->height / factor) : 300;
        b.c = level ? c : &photograph;
        put_level(&b, width, height, factor, &how);
        if (!level) slide_tag_text(&b.tiff, &b.d, 270, text);
        slide_tag_rational(&b.tiff, &b.d, 282, (uint32_t)(20000 / factor), 1);
        slide_tag_rational(&b.tiff, &b.d, 283, (uint32_t)(20000 / factor), 1);
        slide_tag_number(&b.tiff, &b.d, 296, 3, 3);
        slide_tag_text(&b.tiff, &b.d, 306, "2012:07:15 09:14:33");
        slide_tag_text(&b.tiff, &b.d, 305, c->user);
        (void)slide_tiff_end(&b.tiff, &b.d, true);
    }
    put_label(&b, 7);
    (void)slide_tiff_end(&b.tiff, &b.d, true);
    return finish(&b, folder, name);
}

/* --- Ventana BIF --- */

static void ventana_stitching(const slide_case *c, char *out, size_t size) {
    uint32_t across = (c->width + TILE - 1) / TILE, down = (c->height + TILE - 1) / TILE;
    size_t used = (size_t)snprintf(
        out, size,
        "<EncodeInfo Ver=\"2\"><SlideInfo><iScan UserName=\"%s\" Barcode1D=\"%s\"/></SlideInfo><SlideStitchInfo><ImageInfo "
        "AOIScanned=\"1\" AOIIndex=\"0\" NumRows=\"%u\" NumCols=\"%u\" Width=\"%d\" Height=\"%d\" Pos-X=\"0\" Pos-Y=\"0\" Operator=\"%s\">",
        c->user, c->barcode, down, across, TILE, TILE, c->name);
    /* The rows wind like a snake from the lower left corner. */
    for (uint32_t row = 0; row < down; row++)
        for (uint32_t column = 0; column + 1 < across; column++) {
            uint32_t left = row % 2 ? row * across + across - column : row * across + column + 1, right = row % 2 ? left - 1 : left + 1;
            used += (size_t)snprintf(
                out + used, size - used,
                "<TileJointInfo FlagJoined=\"1\" Confidence=\"%u\" Direction=\"RIGHT\" Tile1=\"%u\" Tile2=\"%u\" OverlapX=\"%u\" OverlapY=\"0\"/>",
                90 + column % 9, left, right, 10 + column % 4);
        }
    for (uint32_t row = 0; row + 1 < down; row++)
        for (uint32_t column = 0; column < across; column++) {
            uint32_t below = row % 2 ? (row + 1) * across - column : row * across + column + 1;
            uint32_t above = (row + 1) % 2 ? (row + 2) * across - column : (row + 1) * across + column + 1;
            used += (size_t)snprintf(
                out + used, size - used,
                "<TileJointInfo FlagJoined=\"1\" Confidence=\"99\" Direction=\"UP\" Tile1=\"%u\" Tile2=\"%u\" OverlapX=\"0\" OverlapY=\"%u\"/>",
                below, above, 6 + column % 3);
        }
    (void)snprintf(out + used, size - used, "</ImageInfo></SlideStitchInfo><AoiOrigin><AOI0 OriginX=\"0\" OriginY=\"0\"/></AoiOrigin></EncodeInfo>");
}

static lethe_status make_ventana(const slide_case *c, const char *folder, const char *name, lethe_error *error) {
    enum { XML_BYTES = 256 << 10 };
    builder b;
    char iscan[1024], text[64], *stitching = lethe_alloc(XML_BYTES);
    const slide_jpeg how = {.quality = 80};
    if (!stitching) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    start(&b, c, true, false, error);
    (void)snprintf(iscan, sizeof iscan,
                   "<iScan UnitNumber='%s' UserName=\"%s\" Magnification=\"20\" ScanRes=\"0.465\" Z-layers=\"1\" Barcode1D='%s' Barcode2D=\"%s\" "
                   "JP2FileName=\"\\\\srv\\%s.jp2\" BuildDate=\"%s\"><AOI0 Left=\"0\" Top=\"0\" Right=\"100\" Bottom=\"100\"/></iScan>",
                   c->serial, c->user, c->barcode, c->accession, c->name, c->date);
    put_macro(&b, 7);
    slide_tag_text(&b.tiff, &b.d, 270, "Label Image");
    slide_tag_bytes(&b.tiff, &b.d, 700, 1, iscan, strlen(iscan));
    slide_tag_text(&b.tiff, &b.d, 306, "2012:07:15 09:14:33");
    (void)slide_tiff_end(&b.tiff, &b.d, true);
    put_thumbnail(&b);
    slide_tag_text(&b.tiff, &b.d, 270, "Thumbnail");
    (void)slide_tiff_end(&b.tiff, &b.d, true);
    ventana_stitching(c, stitching, XML_BYTES);
    for (unsigned level = 0; level < 3; level++) {
        int64_t factor = 1 << level;
        put_level(&b, (uint32_t)(c->width / factor), (uint32_t)(c->height / factor), factor, &how);
        (void)snprintf(text, sizeof text, "level=%u mag=%g quality=90", level, 20.0 / (double)factor);
        slide_tag_text(&b.tiff, &b.d, 270, text);
        if (!level) slide_tag_bytes(&b.tiff, &b.d, 700, 1, stitching, strlen(stitching));
        (void)slide_tiff_end(&b.tiff, &b.d, true);
    }
    lethe_free(stitching);
    return finish(&b, folder, name);
}

/* --- Philips --- */

static void append_base64_jpeg(builder *b, const uint8_t *rgb, uint32_t width, uint32_t height, lethe_buffer *out) {
    lethe_buffer jpeg;
    lethe_buffer_init(&jpeg, 1 << 22);
    const slide_jpeg how = {.quality = 80};
    if (b->status == LETHE_OK) b->status = slide_jpeg_encode(rgb, width, height, &how, &jpeg, NULL, b->error);
    if (b->status == LETHE_OK) b->status = lethe_base64(jpeg.bytes, jpeg.size, out, b->error);
    lethe_buffer_release(&jpeg);
}

#define PHILIPS(name, group, element, vr, value)                                                                                                     \
    "<Attribute Name=\"" name "\" Group=\"" group "\" Element=\"" element "\" PMSVR=\"" vr "\">" value "</Attribute>"

static void philips_text(builder *b, lethe_buffer *out) {
    const slide_case *c = b->c;
    uint8_t *rgb = lethe_alloc_array((size_t)LABEL_SIDE * LABEL_SIDE, 3);
    lethe_status status = lethe_buffer_printf(out, b->error,
                                              "<?xml version=\"1.0\" encoding=\"UTF-8\" ?><DataObject ObjectType=\"DPUfsImport\">" PHILIPS(
                                                  "DICOM_ACQUISITION_DATETIME", "0x0008", "0x002A", "IString",
                                                  "%s %s") PHILIPS("DICOM_DEVICE_SERIAL_NUMBER", "0x0018", "0x1000", "IString", "%s")
                                                  PHILIPS("DICOM_MANUFACTURER", "0x0008", "0x0070", "IString", "PHILIPS")
                                                      PHILIPS("PIM_DP_UFS_BARCODE", "0x301D", "0x1002", "IString", "%s")
                                                          PHILIPS("PIIM_DP_SCANNER_OPERATOR_ID", "0x101D", "0x1001", "IString", "%s")
                                                              PHILIPS("PIM_DP_SOURCE_FILE", "0x301D", "0x1000", "IString",
                                                                      "%%FILENAME%%_%s") "<Attribute Name=\"PIM_DP_SCANNED_IMAGES\" Group=\"0x301D\" "
                                                                                         "Element=\"0x1003\" PMSVR=\"IDataObjectArray\"><Array>",
                                              c->date, c->time, c->serial, c->barcode, c->user, c->accession);
    if (status == LETHE_OK)
        status = lethe_buffer_printf(
            out, b->error,
            "<DataObject ObjectType=\"DPScannedImage\">" PHILIPS("PIM_DP_IMAGE_TYPE", "0x301D", "0x1004", "IString", "WSI")
                PHILIPS("DICOM_DERIVATION_DESCRIPTION", "0x0008", "0x2111", "IString", "tiff-useBigTIFF=1 %s")
                    PHILIPS("DICOM_PIXEL_SPACING", "0x0028", "0x0030", "IDoubleArray",
                            "&quot;0.000226891&quot; &quot;0.000226907&quot;") "<Attribute Name=\"PIIM_PIXEL_DATA_REPRESENTATION_SEQUENCE\" "
                                                                               "Group=\"0x1001\" Element=\"0x8B01\" "
                                                                               "PMSVR=\"IDataObjectArray\"><Array>",
            c->name);
    for (unsigned level = 0; status == LETHE_OK && level < 3; level++)
        status = lethe_buffer_printf(out, b->error,
                                     "<DataObject ObjectType=\"PixelDataRepresentation\">" PHILIPS(
                                         "DICOM_PIXEL_SPACING", "0x0028", "0x0030", "IDoubleArray", "&quot;%.9f&quot; &quot;%.9f&quot;")
                                         PHILIPS("PIIM_PIXEL_DATA_REPRESENTATION_NUMBER", "0x1001", "0x8B02", "IUInt16", "%u")
                                             PHILIPS("PIIM_PIXEL_DATA_REPRESENTATION_COLUMNS", "0x2001", "0x115E", "IUInt32", "%u") "</DataObject>",
                                     0.000226891 * (1 << level), 0.000226907 * (1 << level), level, c->width >> level);
    if (status == LETHE_OK) status = lethe_buffer_append_text(out, "</Array></Attribute></DataObject>", b->error);
    static const char *const kinds[] = {"LABELIMAGE", "MACROIMAGE"};
    if (rgb) slide_label(c->label, LABEL_SIDE, LABEL_SIDE, rgb);
    for (unsigned i = 0; rgb && status == LETHE_OK && i < 2; i++) {
        status = lethe_buffer_printf(out, b->error,
                                     "<DataObject ObjectType=\"DPScannedImage\">" PHILIPS(
                                         "PIM_DP_IMAGE_TYPE", "0x301D", "0x1004", "IString",
                                         "%s") "<Attribute Name=\"PIM_DP_IMAGE_DATA\" Group=\"0x301D\" Element=\"0x1005\" PMSVR=\"IString\">",
                                     kinds[i]);
        append_base64_jpeg(b, rgb, LABEL_SIDE, LABEL_SIDE, out);
        if (status == LETHE_OK) status = lethe_buffer_append_text(out, "</Attribute></DataObject>", b->error);
    }
    if (status == LETHE_OK) status = lethe_buffer_append_text(out, "</Array></Attribute></DataObject>", b->error);
    if (b->status == LETHE_OK) b->status = status;
    lethe_free(rgb);
}

static lethe_status make_philips(const slide_case *c, const char *folder, const char *name, lethe_error *error) {
    builder b;
    lethe_buffer text;
    const slide_jpeg how = {.quality = 80, .split_tables = true};
    lethe_buffer_init(&text, 1 << 22);
    start(&b, c, true, false, error);
    philips_text(&b, &text);
    for (unsigned level = 0; level < 3; level++) {
        int64_t factor = 1 << level;
        put_level(&b, (uint32_t)(c->width / factor), (uint32_t)(c->height / factor), factor, &how);
        if (!level) slide_tag_text(&b.tiff, &b.d, 270, lethe_buffer_text(&text));
        if (!level) slide_tag_text(&b.tiff, &b.d, 305, "Philips DP v1.0");
        if (level) slide_tag_number(&b.tiff, &b.d, 254, 4, 1);
        (void)slide_tiff_end(&b.tiff, &b.d, true);
    }
    put_macro(&b, 7);
    slide_tag_text(&b.tiff, &b.d, 270, "Macro -offset=(0,0)-pixelsize=(0.0315,0.0315)-rois=((1.0,2.0,3.0,4.0))");
    (void)slide_tiff_end(&b.tiff, &b.d, true);
    put_label(&b, 7);
    slide_tag_text(&b.tiff, &b.d, 270, "Label");
    (void)slide_tiff_end(&b.tiff, &b.d, true);
    lethe_buffer_release(&text);
    return finish(&b, folder, name);
}

/* --- Hamamatsu NDPI --- */

/* The whole glass: the label at the left of what stands in `rgb` already. */
static void put_label_beside(const slide_case *c, uint32_t side, uint32_t width, uint8_t *rgb) {
    uint8_t *label = lethe_alloc_array((size_t)side * side, 3);
    if (!label) return;
    slide_label(c->label, side, side, label);
    for (uint32_t y = 0; y < side; y++) memcpy(rgb + (size_t)y * width * 3, label + (size_t)y * side * 3, (size_t)side * 3);
    lethe_free(label);
}

/* One JPEG stream in one strip, restart intervals of 256 pixels, their starts in a tag. */
static void put_ndpi_level(builder *b, uint32_t width, uint32_t height, int64_t factor, float lens) {
    uint8_t *rgb = lethe_alloc_array((size_t)width * height, 3);
    uint64_t *starts = lethe_alloc_array((size_t)(width / 256 + 1) * (height / 8 + 1), 8);
    lethe_buffer jpeg;
    lethe_buffer_init(&jpeg, 1 << 26);
    const slide_jpeg how = {.quality = 80, .half_width = true, .restart_blocks = 16, .comment = factor == 1 ? b->c->name : NULL};
    if (rgb && starts) {
        slide_tissue_tile(b->c->phase, 0, 0, lens < 0 ? 4 : factor, width, height, rgb);
        if (lens < 0) put_label_beside(b->c, height, width, rgb);
        if (b->status == LETHE_OK) b->status = slide_jpeg_encode(rgb, width, height, &how, &jpeg, NULL, b->error);
        size_t count = 0;
        const uint8_t *scan = jpeg.size ? memmem(jpeg.bytes, jpeg.size, "\xFF\xDA", 2) : NULL;
        if (scan) starts[count++] = (uint64_t)(scan - jpeg.bytes) + 2 + (uint64_t)(scan[2] << 8 | scan[3]);
        for (size_t i = count ? (size_t)starts[0] : 0; count && i + 1 < jpeg.size; i++)
            if (jpeg.bytes[i] == 0xFF && jpeg.bytes[i + 1] >= 0xD0 && jpeg.bytes[i + 1] <= 0xD7) starts[count++] = i + 2;
        uint64_t offset = slide_tiff_put(&b->tiff, jpeg.bytes, jpeg.size);
        put_size(b, width, height, 7, 6);
        slide_tag_number(&b->tiff, &b->d, 273, 4, offset);
        slide_tag_number(&b->tiff, &b->d, 278, 4, height);
        slide_tag_number(&b->tiff, &b->d, 279, 4, jpeg.size);
        slide_tag_numbers(&b->tiff, &b->d, 65426, 4, starts, count);
    } else b->tiff.failed = true;
    slide_tag_text(&b->tiff, &b->d, 271, "Hamamatsu");
    slide_tag_text(&b->tiff, &b->d, 272, "C10730-12");
    slide_tag_rational(&b->tiff, &b->d, 282, (uint32_t)(22000 / factor), 1);
    slide_tag_rational(&b->tiff, &b->d, 283, (uint32_t)(22000 / factor), 1);
    slide_tag_number(&b->tiff, &b->d, 296, 3, 3);
    slide_tag_text(&b->tiff, &b->d, 305, "NDP.scan");
    slide_tag_text(&b->tiff, &b->d, 306, "2012:07:15 09:14:33");
    slide_tag_number(&b->tiff, &b->d, 65420, 4, 1);
    slide_tag_float(&b->tiff, &b->d, 65421, lens);
    slide_tag_number(&b->tiff, &b->d, 65422, 9, 1000);
    slide_tag_number(&b->tiff, &b->d, 65423, 9, 2000);
    slide_tag_number(&b->tiff, &b->d, 65424, 9, 0);
    slide_tag_text(&b->tiff, &b->d, 65427, b->c->accession);
    slide_tag_text(&b->tiff, &b->d, 65442, b->c->serial);
    lethe_buffer_release(&jpeg);
    lethe_free(starts);
    lethe_free(rgb);
}

static lethe_status make_ndpi(const slide_case *c, const char *folder, const char *name, lethe_error *error) {
    builder b = {.c = c, .error = error};
    char map[512];
    slide_tiff_start(&b.tiff, false, false, true);
    lethe_buffer_init(&b.tables, 1 << 16);
    (void)snprintf(map, sizeof map, "Created=%s\nUpdated=%s\nOperator=%s\nSlideName=%s\n", c->date, c->time, c->user, c->name);
    for (unsigned level = 0; level < 3; level++) {
        int64_t factor = level < 2 ? 1 << 2 * level : 8;
        float lens = level < 2 ? 20.0F / (float)factor : -1.0F;
        if (level == 2) put_ndpi_level(&b, 768, 256, factor, lens);
        else put_ndpi_level(&b, c->width / 256 * 256 / (uint32_t)factor / 256 * 256, c->height / (uint32_t)factor / 8 * 8, factor, lens);
        slide_tag_text(&b.tiff, &b.d, 65449, map);
        (void)slide_tiff_end(&b.tiff, &b.d, true);
    }
    return finish(&b, folder, name);
}

/* --- all of them --- */

lethe_status lethe_testdata_slides(const lethe_testdata_options *options, const char *folder, lethe_answer_key *key, lethe_error *error) {
    static const struct {
        const char *extension;
        unsigned kind;
    } slides[] = {{"svs", 0}, {"svs", 1}, {"tif", 2}, {"ome.tiff", 3}, {"scn", 4}, {"bif", 5}, {"tiff", 6}, {"ndpi", 7}, {"mrxs", 8}};
    char *inside = lethe_path_join(folder, "slides");
    lethe_status status = inside ? lethe_folder_create(inside, 0755, error) : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    for (uint32_t i = 0; status == LETHE_OK && i < sizeof slides / sizeof *slides; i++) {
        slide_case c;
        char stem[64], name[96], file[128];
        slide_case_invent(options, i, &c);
        (void)snprintf(stem, sizeof stem, "%s_%u", c.accession, i);
        (void)snprintf(name, sizeof name, "%s.%s", stem, slides[i].extension);
        (void)snprintf(file, sizeof file, "slides/%s", name);
        switch (slides[i].kind) {
        case 0:
        case 1: status = make_aperio(&c, inside, name, slides[i].kind == 1, error); break;
        case 2: status = make_generic(&c, inside, name, error); break;
        case 3: status = make_ome(&c, inside, name, error); break;
        case 4: status = make_leica(&c, inside, name, error); break;
        case 5: status = make_ventana(&c, inside, name, error); break;
        case 6: status = make_philips(&c, inside, name, error); break;
        case 7: status = make_ndpi(&c, inside, name, error); break;
        default: status = slide_make_mirax(&c, inside, stem, error); break;
        }
        if (status == LETHE_OK) status = slide_case_answers(key, &c, file, error);
    }
    lethe_free(inside);
    return status;
}

/* A level of repeated distinct tiles until the size is reached, and a low one. */
lethe_status lethe_testdata_slide_big(const lethe_testdata_options *options, const char *folder, lethe_answer_key *key, lethe_error *error) {
    uint64_t wanted = options->big_bytes ? options->big_bytes : 256u << 20;
    slide_case c;
    builder b;
    char text[2048];
    const slide_jpeg how = {.quality = 88, .rgb = true, .split_tables = true};
    enum { VARIANTS = 64 };
    uint8_t *rgb = lethe_alloc_array((size_t)TILE * TILE, 3);
    lethe_buffer tiles[VARIANTS];
    slide_case_invent(options, 50, &c);
    start(&b, &c, true, false, error);
    b.tiff.file.cap_bytes = SIZE_MAX / 2;
    uint64_t total = 0;
    for (unsigned i = 0; i < VARIANTS; i++) {
        lethe_buffer_init(&tiles[i], 1 << 22);
        if (rgb) slide_tissue_tile(c.phase, i * TILE, 0, 1, TILE, TILE, rgb);
        if (rgb && b.status == LETHE_OK) b.status = slide_jpeg_encode(rgb, TILE, TILE, &how, &tiles[i], &b.tables, error);
        total += tiles[i].size;
    }
    uint64_t count = total ? wanted / (total / VARIANTS) : 0, across = 1;
    while (across * across < count) across++;
    count = across * across;
    uint64_t *offsets = lethe_alloc_array((size_t)count + 1, 8), *counts = lethe_alloc_array((size_t)count + 1, 8);
    for (uint64_t i = 0; offsets && counts && b.status == LETHE_OK && i < count; i++) {
        const lethe_buffer *tile = &tiles[i % VARIANTS];
        offsets[i] = slide_tiff_put(&b.tiff, tile->bytes, tile->size);
        counts[i] = tile->size;
    }
    aperio_text(&c, "JPEG/RGB Q=88", text, sizeof text);
    put_size(&b, (uint32_t)across * TILE, (uint32_t)across * TILE, 7, 2);
    slide_tag_number(&b.tiff, &b.d, 322, 3, TILE);
    slide_tag_number(&b.tiff, &b.d, 323, 3, TILE);
    if (offsets && counts) {
        slide_tag_numbers(&b.tiff, &b.d, 324, 16, offsets, (size_t)count);
        slide_tag_numbers(&b.tiff, &b.d, 325, 16, counts, (size_t)count);
    }
    slide_tag_bytes(&b.tiff, &b.d, 347, 7, b.tables.bytes, b.tables.size);
    slide_tag_text(&b.tiff, &b.d, 270, text);
    (void)slide_tiff_end(&b.tiff, &b.d, true);
    /* Slides of this size have a low level; the search for ink looks at it. */
    put_level(&b, (uint32_t)across * TILE / 32, (uint32_t)across * TILE / 32, 32, &how);
    slide_tag_text(&b.tiff, &b.d, 270, text);
    (void)slide_tiff_end(&b.tiff, &b.d, true);
    put_label(&b, 5);
    slide_tag_text(&b.tiff, &b.d, 270, "Aperio Image Library v12.0.15\r\nlabel 300x300");
    (void)slide_tiff_end(&b.tiff, &b.d, true);
    for (unsigned i = 0; i < VARIANTS; i++) lethe_buffer_release(&tiles[i]);
    lethe_free(rgb);
    lethe_free(offsets);
    lethe_free(counts);
    char *inside = lethe_path_join(folder, "bench");
    if (b.status == LETHE_OK) b.status = inside ? lethe_folder_create(inside, 0755, error) : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    lethe_status status = finish(&b, inside ? inside : folder, "slide.svs");
    lethe_free(inside);
    return status == LETHE_OK ? slide_case_answers(key, &c, "bench/slide.svs", error) : status;
}
