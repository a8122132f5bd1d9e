/* A referral letter put on the scanner: a secondary capture whose pixels are one page of identifying text. */
#include "testdata/modalities.h"

#include "core/memory.h"

#include <stdio.h>
#include <string.h>

lethe_status lethe_make_scanned_form(lethe_visit *v) {
    const lethe_person *p = &v->person;
    bool small = v->options->small;
    v->protocol = "DOCUMENT";
    lethe_series s;
    lethe_series_begin(v, &s, 9, "OT", "1.2.840.10008.5.1.4.1.1.7", "ORDONNANCE", NULL);
    lethe_pixel_format f = {
        .rows = small ? 320 : 1100, .columns = small ? 420 : 850, .samples = 1, .bits_allocated = 8, .bits_stored = 8, .photometric = "MONOCHROME2"};
    size_t size = (size_t)f.rows * f.columns;
    uint8_t *pixels = lethe_alloc_array(size, 1);
    lethe_draft *draft = pixels == NULL ? NULL : lethe_instance_begin(&s, 1, true);
    if (draft == NULL) {
        lethe_free(pixels);
        return lethe_fail(v->error, LETHE_NO_MEMORY, "no memory for an instance");
    }
    lethe_draft_item *d = lethe_draft_root(draft);
    lethe_draft_text(d, 0x00080008, "CS", "ORIGINAL\\SECONDARY", EXPECT_NOTHING);
    lethe_draft_text(d, 0x00080064, "CS", "SD", EXPECT_NOTHING);
    lethe_draft_text(d, 0x00200020, "CS", "", EXPECT_NOTHING);
    lethe_draft_text(d, 0x00200060, "CS", "", EXPECT_NOTHING);
    lethe_put_pixel_format(draft, &f);
    lethe_draft_text(d, 0x00280301, "CS", "YES", EXPECT_NOTHING);
    memset(pixels, 245, size);
    bool latin = p->charset != CHARSET_GREEK && p->charset != CHARSET_CYRILLIC;
    char lines[6][160];
    (void)snprintf(lines[0], sizeof lines[0], "%.40s", latin ? p->hospital : "HOPITAL");
    (void)snprintf(lines[1], sizeof lines[1], "%s %.24s %.14s", v->title, latin ? p->family : "PAPADOPOULOS", latin ? p->given : "E");
    (void)snprintf(lines[2], sizeof lines[2], "%s le %s", p->sex == 'M' ? "Ne" : "Nee", v->birth_french);
    (void)snprintf(lines[3], sizeof lines[3], "NIR %s", p->nir);
    (void)snprintf(lines[4], sizeof lines[4], "%s, %s %s", p->street, p->postcode, p->town);
    (void)snprintf(lines[5], sizeof lines[5], "Dr %s", p->referring_family);
    unsigned scale = small ? 1 : 2;
    lethe_status status = LETHE_OK;
    for (unsigned i = 0; i < 6 && status == LETHE_OK; i++) status = lethe_burn_text(v, pixels, &f, lines[i], 20, 20 + i * 22 * scale, scale, 20);
    if (status == LETHE_OK) {
        lethe_draft_pixels(draft, pixels, size, 8, 1, false);
        status = lethe_instance_end(&s, draft, NULL);
    } else {
        lethe_draft_destroy(draft);
    }
    lethe_free(pixels);
    return status;
}
